"""Choose which bytes of a far file to fetch, and hold those that were.

A look-up here and there fetches some ten KB at a time; a reader that goes on where the bytes before end gets twice as
many each time, up to some MB. What was fetched once is read from a temporary file from then on: many commands open a
cassette several times, or read it twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from threading import Lock
from typing import IO

from ...temporary import temporary

LEAST = 1 << 15  # bytes that are fetched at once for a look-up
MOST = 1 << 22
KEPT = 1 << 30  # bytes on the disk
_TAIL = 2 * LEAST  # the end of a cassette, where its contents are, comes as one


class Held:
    """The bytes of one content of a file that were fetched, in a temporary file; several readers may share it."""

    def __init__(self, most: int = KEPT) -> None:
        """Begin with nothing.

        Args:
            most: Bytes that are held; the next ones take the place of all before.
        """
        self._most, self._lock = most, Lock()
        self._file: IO[bytes] | None = None
        self._spans: list[tuple[int, int]] = []  # sorted; none touches another

    def get(self, offset: int, wanted: int) -> bytes:
        """Return bytes from a place on, as many as are wanted or fewer; none if the first of them is not held."""
        with self._lock:
            place = bisect_right(self._spans, (offset, 1 << 63)) - 1
            if place < 0 or self._spans[place][1] <= offset or self._file is None:
                return b""
            self._file.seek(offset)
            return self._file.read(min(wanted, self._spans[place][1] - offset))

    def put(self, begin: int, content: bytes) -> None:
        """Hold bytes.

        Raises:
            OutputError: If the temporary file cannot be written.
        """
        with self._lock:
            if self._file is None:
                self._file = temporary()
            if sum(end - start for start, end in self._spans) + len(content) > self._most:
                self._spans = []
            self._file.seek(begin)
            self._file.write(content)
            apart, start, end = [], begin, begin + len(content)
            for span in self._spans:
                if span[1] < start or end < span[0]:
                    apart.append(span)
                else:
                    start, end = min(start, span[0]), max(end, span[1])
            self._spans = sorted([*apart, (start, end)])

    def free(self, offset: int, end: int) -> tuple[int, int]:
        """Return the bytes around a place that are not held: back to the end of a span, on to the next begin."""
        with self._lock:
            place = bisect_right(self._spans, (offset, 1 << 63))
            begin = self._spans[place - 1][1] if place else 0
            return begin, min(end, self._spans[place][0]) if place < len(self._spans) else end


class ReadAhead:
    """A reader of one content of a file."""

    def __init__(self, size: int, fetch: Callable[[int, int], bytes], held: Held | None = None) -> None:
        """Begin with what others fetched.

        Args:
            size: Size of the file in bytes.
            fetch: Returns the bytes between two places, the first of them at least.
            held: What was fetched of this content.
        """
        self._size, self._fetch, self.held = size, fetch, held or Held()
        self._end, self._ahead = 0, 0  # where the last fetch ended, and its length

    def read(self, offset: int, wanted: int) -> bytes:
        """Return bytes from a place on, as many as are wanted or fewer; none only at the end of the file."""
        if offset >= self._size or wanted <= 0:
            return b""
        found = self.held.get(offset, wanted)
        while not found:
            begin, end = self._span(offset, wanted)
            content = self._fetch(begin, end)
            self.held.put(begin, content)
            self._end, self._ahead = begin + len(content), len(content)
            found = self.held.get(offset, wanted)
        return found

    def _span(self, offset: int, wanted: int) -> tuple[int, int]:
        goes_on = 0 < self._end == offset
        tail = max(self._size - _TAIL, 0)
        begin, end = self.held.free(offset, self._size)
        if offset >= tail and not goes_on:
            return max(tail, begin), end
        ahead = 2 * self._ahead if goes_on else LEAST
        return offset, min(offset + min(max(wanted, ahead), MOST), end)
