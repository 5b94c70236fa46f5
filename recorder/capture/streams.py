"""Choose the responses to stream to the client while they arrive, and keep a copy of limited size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from ..formats.compression import TooLarge
from ..formats.streamed import EVENTS, MOST, Units
from ..model import Headers
from ..printable import counted
from ..redaction.bodies.encodings import NotUndone, Undoing, encodings
from .large.gathered import Gathered

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


def has_body(method: str, status: int) -> bool:
    """Return whether a response may have a body (RFC 9112, section 6.3)."""
    return method != "HEAD" and status >= 200 and status not in (204, 304)


@dataclass(slots=True)
class Kept:
    """The beginning of a streamed body.

    Attributes:
        limit: Most bytes to keep.
        lost: Bytes that passed beyond the limit and were not kept.

    """

    limit: int = KEPT
    lost: int = 0
    _body: Gathered = field(default_factory=Gathered)

    def __len__(self) -> int:
        return len(self._body)

    def __bytes__(self) -> bytes:
        return bytes(self._body)

    def passes(self, piece: bytes) -> bytes:
        """Keep the next piece of the stream, as far as there is room; return the piece unchanged."""
        room = self.limit - len(self._body)
        if room > 0:
            self._body += piece[:room]
        self.lost += max(0, len(piece) - room)
        return piece

    def take(self) -> bytes:
        """Return what is kept, and keep nothing from now on: mitmproxy's objects live on until they are collected."""
        body, self._body, self.limit = self._body, Gathered(), 0
        return bytes(body)


Waiting: TypeAlias = tuple[bytes, bool, str | None]  # body, is_last, lacks: the arguments of `Write`


class Write(Protocol):
    """A function that writes a chunk of a streamed response."""

    def __call__(self, body: bytes, *, is_last: bool = False, lacks: str | None = None) -> None:
        """Write whole events or lines; `lacks` says what is missing before them."""


class Chunks:
    """A streamed response that is written chunk by chunk, while its bytes pass unchanged.

    What is written are whole events or lines, decoded. An unfinished one waits in memory: redaction would not find a
    value of which only the beginning has come.

    Attributes:
        waiting: The arguments of calls that are still to be made, because a chunk before them is not written yet.

    """

    def __init__(self, media: str, headers: Headers, write: Write, waiting: list[Waiting] | None = None) -> None:
        """Take the media type and the headers of the response, and the function that writes its chunks."""
        self.waiting = [] if waiting is None else waiting
        self._units, self._write = Units(media), write
        self._is_events = media == EVENTS
        self._room = None if self._is_events else KEPT  # bytes; other bodies are joined again, in memory
        self._over = 0  # bytes that passed beyond that
        self._told = 0  # units that were too long and are told
        self._undoing: Undoing | None = None
        try:
            self._undoing = Undoing(encodings(headers), KEPT)
        except NotUndone as exc:
            write(b"", lacks=str(exc))

    def passes(self, piece: bytes) -> bytes:
        """Write what this piece finishes; return the piece unchanged."""
        if piece and self._undoing is not None:
            try:
                units = self._units.feed(self._undoing.feed(piece))
            except (NotUndone, TooLarge) as exc:
                self._undoing = None
                self._write(b"", lacks=str(exc))
            else:
                self._put(units)
        return piece

    def end(self) -> None:
        """Write the last chunk: the end of the body finishes its last line, but no event (HTML, section 9.2.6)."""
        rest = self._units.rest() if self._undoing is not None else b""
        is_dropped = self._is_events and rest.strip()
        self._put([] if is_dropped else [rest])
        self._tell(rest if is_dropped else b"")
        self._write(b"", is_last=True)

    def cut(self) -> None:
        """Tell what is not kept of a body that broke off."""
        self._tell(self._units.rest())

    def _tell(self, unfinished: bytes) -> None:
        more = f"{counted(self._over, 'byte')} more went to the client" if self._over else ""
        held = (
            f"{counted(len(unfinished), 'byte')} of an event or a line that did not end" if unfinished.strip() else ""
        )
        if more or held:
            self._write(b"", lacks=" and ".join(filter(None, (more, held))))

    def _put(self, units: list[bytes]) -> None:
        body = b"".join(units if self._room is None else self._within(units, self._room))
        if body:
            self._write(body)
        if self._units.cut > self._told:
            self._told = self._units.cut
            self._write(b"", lacks=f"an event or a line has more than {MOST >> 20} MiB")

    def _within(self, units: list[bytes], room: int) -> list[bytes]:
        kept: list[bytes] = []
        for unit in units:
            if self._over or len(unit) > room:
                self._over += len(unit)
            else:
                room -= len(unit)
                kept.append(unit)
        self._room = room
        return kept
