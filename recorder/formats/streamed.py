"""Split the body of a streamed response into units: server-sent events, or lines. Sans-IO.

A unit is what a client can use before the rest has come. So it is also what is stored and redacted alone: a value never
begins in one unit and ends in another.
"""

from __future__ import annotations

import json
import re

from ..model import Headers
from .charsets import media_of

EVENTS = "text/event-stream"
_SEQUENCE = "application/json-seq"
_STREAMED = frozenset((
    EVENTS, _SEQUENCE, "application/jsonl", "application/ndjson", "application/stream+json", "application/x-ndjson",
))  # fmt: skip
SEPARATOR = b"\x1e"  # stands before each text of a JSON text sequence (RFC 7464)
MOST = 16 << 20  # bytes of one unit, because a body from outside may have none that ends

# Two line ends, each CR, LF or CRLF. Atomic: CRLF alone must not be read as two.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
# A comment before an event is a unit of its own; servers send one as a heartbeat, often with a single line end.
_BLANK = re.compile(rb"(?>\xef\xbb\xbf)?(?>\r\n|\n|\r)*+")
_COMMENT = re.compile(rb"(?>\xef\xbb\xbf)?(?>\r\n|\n|\r)*+:[^\r\n]*+(?>\r\n|\n|\r)++")


def streamed_media(headers: Headers) -> str | None:
    """Return the media type of a response that is stored in chunks; None for any other response."""
    media = media_of(headers).partition(";")[0].strip().lower()
    return media if media in _STREAMED else None


def is_event_stream(headers: Headers) -> bool:
    """Return whether a response is a stream of server-sent events, which has no end of its own."""
    return streamed_media(headers) == EVENTS


class Units:
    """The units of one body that arrives in pieces; what is unfinished waits for the next piece.

    Attributes:
        cut: Number of units that were too long to be kept.
        lost: Bytes of these units so far.
    """

    def __init__(self, media: str, most: int = MOST) -> None:
        """Take the media type of the body, and the most bytes of a unit."""
        self._media, self._most = media, most
        self._held = bytearray()
        self._seen = 0  # bytes of `_held` in which no end is to be found any more
        self._blank = 0  # bytes of line ends at the start of `_held` that no comment follows
        self._is_skipping = False  # the rest of a unit that was too long
        self.cut = self.lost = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next piece; return the units that it finishes."""
        self._held += piece
        self._blank = 0
        units: list[bytes] = []
        while end := self._end():
            units.append(bytes(self._held[:end]))
            del self._held[:end]
            self._seen, self._blank = 0, max(0, self._blank - end)
        if self._is_skipping and units:
            self.lost += len(units.pop(0))
            self._is_skipping = False
        if len(self._held) > self._most or (self._is_skipping and self._held):
            self.cut += not self._is_skipping
            self.lost += max(0, len(self._held) - 3)
            del self._held[:-3]  # the last bytes may be the first half of an end
            self._seen, self._is_skipping = 0, True
        return units

    def rest(self) -> bytes:
        """Return what is unfinished at the end of the body, which finishes it."""
        rest, self._held = bytes(self._held), bytearray()
        if self._is_skipping:
            self.lost += len(rest)
            return b""
        return rest

    def _end(self) -> int:
        """Return where the first unit ends in what is held; 0 if none does."""
        held, start = self._held, max(0, self._seen - 3)
        self._seen = len(held)
        if self._media == EVENTS:
            found = (None if self._is_skipping or self._blank else self._comment(start)) or _END.search(held, start)
            return found.end() if found else 0
        if self._media == _SEQUENCE:
            return _end_of_text(held, start)
        return held.find(b"\n", start) + 1

    def _comment(self, start: int) -> re.Match[bytes] | None:
        """Return the comment at the beginning; None without one, or if no line has ended behind `start`."""
        if not _LINE_END.search(self._held, start):
            return None
        found, blank = _COMMENT.match(self._held), _BLANK.match(self._held)
        # many line ends are many units, and must not be passed over for each of them
        self._blank = blank.end() if found is None and blank is not None else 0
        return found


def _end_of_text(held: bytearray, start: int) -> int:
    """Return where the first text of a JSON text sequence ends: before the next one, or at its line feed."""
    following = held.find(SEPARATOR, max(1, start))
    if following > 0:
        return following
    if not held.endswith(b"\n"):
        return 0
    try:
        json.loads(held[1:] if held.startswith(SEPARATOR) else held)
    except ValueError:
        return 0
    return len(held)


def units_of(body: bytes, media: str) -> list[bytes]:
    """Return the units of a body that is whole, the unfinished rest of it as the last one."""
    units = Units(media, len(body))
    found = units.feed(body)
    rest = units.rest()
    return [*found, rest] if rest else found
