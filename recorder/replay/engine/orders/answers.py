"""Know which exchanges that are no operations have an answer that tells of a state, so that a schedule may move it.

The answer to `GET /calls` is as old as the moment in which the server wrote it; an event may overtake it on its way.
Of a page, a script or an image no event says anything new. The answer that opens a stream comes before its events.
"""

from __future__ import annotations

from collections.abc import Container

from ....formats.charsets import media_of
from ....model import Recording, Triple

_FURNITURE = ("image/", "font/", "audio/", "video/")
_OF_PAGES = frozenset({"text/html", "text/css", "application/wasm", "application/manifest+json"})
_REDIRECTS = range(300, 400)


class Answers:
    """The answers of one recording to requests that are no operations."""

    def __init__(self, recording: Recording) -> None:
        """Take a recording."""
        self._plain = recording.plain
        self._opening: Container[int] = frozenset(stream.exchange for stream in recording.streams)
        self._known: dict[int, bool] = {}

    def has(self, number: int) -> bool:
        """Return whether the exchange with a number, from 1, has an answer that a schedule may move."""
        if not 0 < number <= len(self._plain):
            return False
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._tells(self._plain[number - 1])
        return found

    def _tells(self, exchange: Triple) -> bool:
        answer = exchange.ack
        if answer is None or answer.status in _REDIRECTS or exchange.request.exchange in self._opening:
            return False
        media = media_of(answer.headers).partition(";")[0].strip().lower()
        return not (media.startswith(_FURNITURE) or media in _OF_PAGES or media.endswith("javascript"))


def name_of(exchange: Triple) -> str:
    """Return what an exchange that is no operation is called: its method and path."""
    path = exchange.request.target.partition("?")[0]
    return f"{exchange.request.method} {path}"
