"""Answers that are handed on as they come, and kept on the way: which ones, and how much of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model import Headers

EVENTS = "text/event-stream"
_WAITED_FOR = 1 << 20  # bytes
KEPT = 16 << 20  # bytes of one stream; it may go on for days


def is_small(headers: Headers) -> bool:
    """Whether an answer says that it is over before anybody misses its beginning."""
    length = next((value.strip() for name, value in reversed(headers) if name.lower() == "content-length"), "")
    return length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= _WAITED_FOR


def is_event_stream(headers: Headers) -> bool:
    """Whether an answer is a stream of server-sent events, which has no end of its own."""
    types = (value.partition(";")[0].strip().lower() for name, value in headers if name.lower() == "content-type")
    return EVENTS in types


@dataclass(slots=True)
class Kept:
    """What passed of one stream, up to a limit."""

    limit: int = KEPT
    lost: int = 0  # bytes beyond it
    _body: bytearray = field(default_factory=bytearray)

    def passes(self, piece: bytes) -> bytes:
        """Take the next piece of the stream, and hand it on as it is."""
        room = self.limit - len(self._body)
        self._body += piece[:room]
        self.lost += max(0, len(piece) - room)
        return piece

    @property
    def body(self) -> bytes:
        return bytes(self._body)
