"""Write and read tables: many entries of one width, in pages of up to 8192, in a sealed cassette or in temporary files.

A table is written in bounded memory: entries in order wait in a temporary file, and those that must be sorted are
sorted in runs on disk that are merged. A table is read one page at a time. Entries begin with big-endian integers, so
that sorting them as bytes sorts them as numbers.
"""

from __future__ import annotations

import heapq
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import IO, TypeAlias, overload
from weakref import finalize

from ..errors import CassetteError
from ..temporary import Spooled, temporary

ADDRESS = struct.Struct(">Q")
INNER_BITS = 24  # low bits of an address: byte inside a block; the high bits: byte of the block in the file
PAGE = 8192  # entries of one page at most
_WIDEST = 12  # bytes of an entry; a page of wider ones has fewer
_RUN = 65_536  # entries that are sorted in memory and then spilled to disk
_WAITING = 4096  # entries in order that wait to be written
_HINT = "run recorder doctor for details"
_FIRST = 8  # bytes at the start of an entry by which the pages of a sorted table are found

Pages: TypeAlias = list[tuple[int, int]]  # first entry (a number, or the start of an entry) and offset of each page


def in_page(width: int) -> int:
    """Return how many entries of a width a page has: no page has more than 98,304 bytes."""
    return min(PAGE, PAGE * _WIDEST // width)


class Rows:
    """A growing table in temporary files, so that memory does not grow with the cassette."""

    def __init__(self, width: int, *, is_sorted: bool = False, folder: Path | None = None) -> None:
        """Begin an empty table.

        Args:
            width: Bytes of each entry.
            is_sorted: Sort the entries, and keep equal ones once; else they stay in the order of `add`.
            folder: Folder of the temporary files, None takes the system's.
        """
        self.width, self.is_sorted, self._in_page = width, is_sorted, in_page(width)
        self._folder = folder
        self._most = _RUN if is_sorted else _WAITING
        self._run: list[bytes] = []
        self._runs: list[IO[bytes]] = []
        self.count = 0  # entries added

    def add(self, entry: bytes) -> None:
        """Add an entry."""
        self._run.append(entry)
        self.count += 1
        if len(self._run) >= self._most:
            self._spill()

    def extend(self, entries: list[bytes]) -> None:
        """Add entries."""
        self._run += entries
        self.count += len(entries)
        if len(self._run) >= self._most:
            self._spill()

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield encoded pages in order, each with the number of its first entry; if sorted, with the start of it."""
        if not self.is_sorted:
            yield from self._in_order()
            return
        for entries in self._sorted():
            yield int.from_bytes(entries[0][:_FIRST], "big"), b"".join(entries)

    def close(self) -> None:
        """Delete the temporary files."""
        for run in self._runs:
            run.close()

    def _in_order(self) -> Iterator[tuple[int, bytes]]:
        first, left = 0, b""
        for content in (*self._spilled(), b"".join(self._run)):
            left += content
            while len(left) >= self._in_page * self.width:
                yield first, left[: self._in_page * self.width]
                first, left = first + self._in_page, left[self._in_page * self.width :]
        if left:
            yield first, left

    def _spilled(self) -> Iterator[bytes]:
        for run in self._runs:
            run.seek(0)
            while content := run.read(self._in_page * self.width):
                yield content

    def _sorted(self) -> Iterator[list[bytes]]:
        entries: list[bytes] = []
        last = None
        rest = sorted(set(self._run))
        for entry in heapq.merge(*map(self._entries, self._runs), rest) if self._runs else rest:
            if entry != last:
                entries.append(entry)
            last = entry
            if len(entries) == self._in_page:
                yield entries
                entries = []
        if entries:
            yield entries

    def _entries(self, run: IO[bytes]) -> Iterator[bytes]:
        run.seek(0)
        width = self.width
        while content := run.read(width * 4096):
            for place in range(0, len(content), width):
                yield content[place : place + width]

    def _spill(self) -> None:
        """Write the entries that wait: sorted ones to a file of their own, those in order behind the ones before."""
        if self.is_sorted or not self._runs:
            self._runs.append(temporary(self._folder))
        self._runs[-1].write(b"".join(sorted(set(self._run)) if self.is_sorted else self._run))
        self._run = []


class Table(Sequence[bytes]):
    """A table that is read one page at a time."""

    def __init__(self, width: int, pages: Pages, load: Callable[[int], bytes], *, path: str, name: str) -> None:
        """Take the pages of a table.

        Args:
            width: Bytes of each entry.
            pages: First entry and place of each page.
            load: Returns the page at a place; it keeps the last ones.
            path: Name of the file, for errors.
            name: Name of the table, for errors.

        Raises:
            CassetteError: If its last page is damaged.
        """
        self.width, self._pages, self._load = width, pages, load
        self._path, self._name, self._in_page = path, name, in_page(width)
        self._count = (len(pages) - 1) * self._in_page + len(load(pages[-1][1])) // width if pages else 0
        self._first, self._kept = 0, b""  # the page that was used last, and the place of its first entry

    def __len__(self) -> int:
        return self._count

    @property
    def firsts(self) -> list[int]:
        """The first entry of each page, as the contents of the index tell it."""
        return [first for first, _ in self._pages]

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(self._count))]
        start = (place - self._first) * self.width
        if not 0 <= start < len(self._kept):
            if not 0 <= place < self._count:
                raise IndexError(place)
            page, inner = divmod(place, self._in_page)
            start = inner * self.width
            self._first, self._kept = place - inner, self._load(self._pages[page][1])
        entry = self._kept[start : start + self.width]
        if len(entry) != self.width:  # a page that is not full, and not the last
            raise CassetteError(self._path, f"holds no entry {place} of its {self._name}", hint=_HINT)
        return entry

    def read(self, start: int, end: int) -> bytes:
        """Return the entries from `start` up to `end`, which is left out, joined."""
        parts, width = [], self.width
        start, end = max(start, 0), min(end, self._count)
        while start < end:
            page, inner = divmod(start, self._in_page)
            until = min(self._in_page, inner + end - start)
            part = self._load(self._pages[page][1])[inner * width : until * width]
            if len(part) != (until - inner) * width:
                raise CassetteError(self._path, f"holds no entry {start} of its {self._name}", hint=_HINT)
            parts.append(part)
            start += until - inner
        return b"".join(parts)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, self._count, self._in_page):
            content = self.read(start, start + self._in_page)
            for at in range(0, len(content), self.width):
                yield content[at : at + self.width]

    def first(self, wanted: bytes) -> int:
        """Return the place of the first entry of a sorted table that is not below `wanted`, or begins with it."""
        start = int.from_bytes(wanted[:_FIRST].ljust(_FIRST, b"\0"), "big")
        pages, width = self._pages, self.width
        # the page before the first one that begins at or above: its end may hold the entry
        page = max(bisect_left(pages, start, key=itemgetter(0)) - 1, 0)
        while page < len(pages):
            content = self._load(pages[page][1])
            low, high = 0, len(content) // width
            while low < high:  # bisect_left, without a call for each step
                middle = (low + high) >> 1
                if content[middle * width : middle * width + width] < wanted:
                    low = middle + 1
                else:
                    high = middle
            if low * width < len(content):
                return page * self._in_page + low
            page += 1
        return self._count

    def starting(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the entries of a sorted table that begin with `prefix`, in order."""
        for place in range(self.first(prefix), self._count):
            entry = self[place]
            if not entry.startswith(prefix):
                return
            yield entry


class Spool:
    """A growing file for what was derived, or a part of memory while it is small; deleted by `close`."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin empty; `folder` is that of the temporary file, None takes the system's."""
        self._file = Spooled(1 << 20, folder)
        finalize(self, self._file.close)  # if nobody calls close()
        self._size = 0
        self._is_at_end = True

    def add(self, content: bytes) -> int:
        """Add bytes; return their address."""
        at = self._size
        if not self._is_at_end:
            self._file.seek(at)
            self._is_at_end = True
        self._file.write(len(content).to_bytes(4, "big") + content)
        self._size = at + 4 + len(content)
        return at

    def at(self, address: int) -> bytes:
        """Return the bytes at an address."""
        self._is_at_end = False
        self._file.seek(address)
        return self._file.read(int.from_bytes(self._file.read(4), "big"))

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
