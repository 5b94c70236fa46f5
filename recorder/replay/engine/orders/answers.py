"""Know which exchanges that are no operations have an answer that tells of a state, so that a schedule may move it.

The answer to `GET /calls` is as old as the moment in which the server wrote it; an event may overtake it on its way.
Of a page, a script or an image no event says anything new. The answer that opens a stream comes before its events.
"""

from __future__ import annotations

from collections.abc import Container

from ....formats.charsets import media_of
from ....model import Recording, Triple
from ....printable import counted, shortened

_FURNITURE = ("image/", "font/", "audio/", "video/")
_OF_PAGES = frozenset({"text/html", "text/css", "application/wasm", "application/manifest+json"})
_REDIRECTS = range(300, 400)
_MOST_NAME = 60  # characters of what came from the wire


class Answers:
    """The answers of one recording to requests that are no operations."""

    def __init__(self, recording: Recording) -> None:
        """Take a recording."""
        self._plain = recording.plain
        self._opening: Container[int] = frozenset(stream.exchange for stream in recording.streams)
        self._known: dict[int, str] = {}

    def has(self, number: int) -> bool:
        """Return whether the exchange with a number, from 1, has an answer that a schedule may move."""
        return 0 < number <= len(self._plain) and not self._problem(number)

    def why_not(self, number: int) -> str:
        """Return why no schedule may move the answer to an exchange, as a sentence for people; "" if one may."""
        count = len(self._plain)
        if not count:
            return f"the recording has no answer p{number}: each of its requests starts an operation"
        if not 0 < number <= count:
            there = f"{counted(count, 'exchange')} without an operation, {'p1' if count == 1 else f'p1 to p{count}'}"
            return f"the recording has no answer p{number}; it has {there} (`recorder ls --all` shows their numbers)"
        problem = self._problem(number)
        named = shortened(name_of(self._plain[number - 1]), _MOST_NAME)
        return problem and f"answer p{number} is no answer that may be moved: {named} {problem} (docs/races.md)"

    def _problem(self, number: int) -> str:
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._against(self._plain[number - 1])
        return found

    def _against(self, exchange: Triple) -> str:
        answer = exchange.ack
        if answer is None:
            return "got no answer"
        if answer.status in _REDIRECTS:
            return f"is a redirect or not modified, status {answer.status}"
        if exchange.request.exchange in self._opening:
            return "opens a stream"
        media = media_of(answer.headers).partition(";")[0].strip().lower()
        if media.startswith(_FURNITURE) or media in _OF_PAGES or media.endswith("javascript"):
            return f"belongs to a page ({shortened(media, _MOST_NAME)})"
        return ""


def name_of(exchange: Triple) -> str:
    """Return what an exchange that is no operation is called: its method and path."""
    path = exchange.request.target.partition("?")[0]
    return f"{exchange.request.method} {path}"
