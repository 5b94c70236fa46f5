"""Write an answer whose body comes in pieces: in chunks, or to an old client until the connection ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from ...requests.index.streams import CUT_OFF
from ..engine.http import Piece
from .writing import chunk


class StreamedBody:
    """The body of one answer, and the pieces of it that its client does not read yet."""

    def __init__(
        self, transport: asyncio.Transport, sent: Callable[[], None], *, is_chunked: bool, is_head: bool
    ) -> None:
        """Begin a body after its head, which is written now, or in the write buffer.

        Args:
            transport: Where the head was written.
            sent: Called for the head and for each piece when it has left, in their order.
            is_chunked: Write chunks (RFC 9112, section 7.1); else the end of the connection ends the body.
            is_head: The request was a HEAD: leave all pieces out.

        """
        self._transport, self._sent = transport, sent
        self._is_chunked, self._is_head = is_chunked, is_head
        self._waiting: deque[Piece] = deque()
        self._unread = 0  # pieces in the write buffer
        self._is_full = self._is_doubted = False
        self._has_all = False

    def add(self, piece: Piece) -> None:
        """Write a piece, or keep it while the write buffer is full."""
        self._has_all = not piece.more
        self._waiting.append(piece)
        self._write()

    def begun(self, *, is_full: bool) -> None:
        """Note that the head was written; `is_full`: it is in the write buffer, because the client does not read."""
        self._is_full = is_full
        self._note()

    def pause(self) -> None:
        """Stop writing: the client does not read, and the write buffer is full."""
        self._is_full = True

    def resume(self) -> None:
        """Write on: the write buffer has drained."""
        self._is_full = False
        if not self._is_doubted:
            self.confirm(self._unread)
        self._write()

    def doubt(self) -> None:
        """Count nothing as sent from now on before `confirm`: the client may be gone.

        In chunks a zero is written, with which the size of the next chunk may begin (RFC 9112, section 7.1). It changes
        nothing for a client that reads, and provokes a reset from one that is gone.
        """
        self._is_doubted = True
        if self._is_chunked and not (self._is_head or self._has_all):
            self._transport.write(b"0")

    @property
    def unread(self) -> int:
        """Number of pieces that were written and do not count as sent."""
        return self._unread

    def confirm(self, count: int) -> None:
        """Count the first pieces of `unread` as sent."""
        self._unread -= count
        for _ in range(count):
            self._sent()

    def _write(self) -> None:
        while self._waiting and not self._is_full:
            piece = self._waiting.popleft()
            if self._transport.is_closing():
                return  # what was not written counts as not sent: the connection gives the request up
            is_last = not piece.more
            if not self._is_head:
                is_end = is_last and piece.code != CUT_OFF
                content = chunk(piece.body, is_last=is_end) if self._is_chunked else piece.body
                if content:
                    self._transport.write(content)
            self._note()
            if piece.code == CUT_OFF:
                self._transport.close()

    @property
    def is_over(self) -> bool:
        """Whether all pieces have left."""
        return self._has_all and not self._waiting and not self._unread

    def _note(self) -> None:
        """Note that what was just written has left, or will have when the write buffer has drained."""
        if self._is_full or self._is_doubted:
            self._unread += 1
        else:
            self._sent()
