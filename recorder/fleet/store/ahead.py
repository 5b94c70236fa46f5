"""Choose which bytes of a far file to fetch, and keep the latest.

A look-up here and there fetches some ten KB at a time; a reader that goes on where the bytes before end gets twice as
many each time, up to some MB.
"""

from __future__ import annotations

from collections.abc import Callable

LEAST = 1 << 15  # bytes that are fetched at once for a look-up
MOST = 1 << 22
_TAIL = 2 * LEAST  # the end of a cassette, where its contents are, comes as one
_KEPT = 1 << 23  # bytes in memory, of all pieces


class ReadAhead:
    """The bytes of one file, fetched piece by piece."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes]) -> None:
        """Begin with nothing.

        Args:
            size: Size of the file in bytes.
            fetch: Returns the bytes between two places, the first of them at least.
        """
        self._size, self._fetch = size, fetch
        self._pieces: list[tuple[int, bytes]] = []  # where each begins; the latest is the last

    def read(self, offset: int, wanted: int) -> bytes:
        """Return bytes from a place on, as many as are wanted or fewer; none only at the end of the file."""
        if offset >= self._size or wanted <= 0:
            return b""
        for place in range(len(self._pieces) - 1, -1, -1):
            begin, piece = self._pieces[place]
            if begin <= offset < begin + len(piece):
                self._pieces.append(self._pieces.pop(place))
                return piece[offset - begin : offset - begin + wanted]
        begin, end = self._span(offset, wanted)
        piece = self._fetch(begin, end)
        self.keep(begin, piece)
        return piece[offset - begin : offset - begin + wanted] or self.read(offset, wanted)

    def keep(self, begin: int, piece: bytes) -> None:
        """Keep bytes that were fetched."""
        self._pieces.append((begin, piece))
        held = sum(len(one) for _, one in self._pieces)
        while held > _KEPT and len(self._pieces) > 1:
            held -= len(self._pieces.pop(0)[1])

    def _span(self, offset: int, wanted: int) -> tuple[int, int]:
        before = next((len(piece) for begin, piece in self._pieces if begin + len(piece) == offset), 0)
        tail = max(self._size - _TAIL, 0)
        if not before and offset >= tail:
            behind = [begin + len(piece) for begin, piece in self._pieces if begin < offset]
            return max(tail, *behind) if behind else tail, self._size
        end = min(offset + min(max(wanted, 2 * before, LEAST), MOST), self._size)
        return offset, min([end, *(begin for begin, _ in self._pieces if offset < begin < end)])
