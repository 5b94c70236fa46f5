"""Gather a body that arrives in pieces, so that it can be joined in a thread.

A `bytearray` of 16 MiB holds the interpreter's lock for 10 ms when it is turned into bytes, and so stalls all clients;
`bytes.join` lets other threads run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

_PIECE = 64 << 10  # bytes; smaller pieces are put together, because each object takes memory of its own


class Gathered:
    """Pieces of a body; has the methods of h11's buffer that mitmproxy calls on the body of a message."""

    def __init__(self) -> None:
        """Begin without any."""
        self._pieces: list[bytes] = []
        self._last = bytearray()
        self._size = 0

    def __iadd__(self, piece: bytes) -> Self:
        self._size += len(piece)
        self._last += piece
        if len(self._last) >= _PIECE:
            self._pieces.append(bytes(self._last))
            self._last = bytearray()
        return self

    def __len__(self) -> int:
        return self._size

    def __bytes__(self) -> bytes:
        self.join()
        return self._pieces[0] if self._pieces else b""

    def join(self) -> None:
        """Join the pieces; `bytes` is quick then. May be called in a thread while no other piece comes."""
        if self._last:
            self._pieces.append(bytes(self._last))
            self._last = bytearray()
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]

    def clear(self) -> None:
        """Forget all of them."""
        self._pieces, self._last, self._size = [], bytearray(), 0

    def taken(self) -> Iterator[bytes]:
        """Yield the pieces in their order, and keep none of them."""
        pieces = [*reversed(self._pieces)]
        if self._last:
            pieces.insert(0, bytes(self._last))
        self.clear()
        while pieces:
            yield pieces.pop()
