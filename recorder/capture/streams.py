"""Choose the responses to stream to the client while they arrive, and keep a copy of limited size."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model import Headers

EVENTS = "text/event-stream"
_WAITED_FOR = 1 << 20  # bytes; a response up to this size is buffered, not streamed
KEPT = 16 << 20  # bytes kept of one stream; a limit, because a stream may last for days


def is_small(headers: Headers) -> bool:
    """Return whether a response declares a body of at most 1 MiB by its Content-Length.

    Such a response arrives so quickly that the client need not get its beginning before its end.
    """
    length = length_of(headers)
    return length is not None and length <= _WAITED_FOR


def length_of(headers: Headers) -> int | None:
    """Return the length that a response declares by its Content-Length; None where it declares none, or a wrong one."""
    length = next((value.strip() for name, value in reversed(headers) if name.lower() == "content-length"), "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None


def is_event_stream(headers: Headers) -> bool:
    """Return whether a response is a stream of server-sent events, which has no end of its own."""
    types = (value.partition(";")[0].strip().lower() for name, value in headers if name.lower() == "content-type")
    return EVENTS in types


@dataclass(slots=True)
class Kept:
    """The beginning of a streamed body.

    Attributes:
        limit: Most bytes to keep.
        lost: Bytes that passed beyond the limit and were not kept.

    """

    limit: int = KEPT
    lost: int = 0
    _body: bytearray = field(default_factory=bytearray)

    def passes(self, piece: bytes) -> bytes:
        """Keep the next piece of the stream, as far as there is room; return the piece unchanged."""
        room = self.limit - len(self._body)
        self._body += piece[:room]
        self.lost += max(0, len(piece) - room)
        return piece

    def take(self) -> bytes:
        """Return what is kept, and keep nothing from now on: mitmproxy's objects live on until they are collected."""
        body, self._body, self.limit = bytes(self._body), bytearray(), 0
        return body
