"""Build and read the index of a sealed cassette: the address of each record and triple, and the triples of each key.

The index is built in bounded memory: sorted runs are kept on disk and merged. The index is read one page at a time. A
page is a frame whose body is a `bin` of up to 8192 entries of fixed width. Entries are big-endian, so sorting them as
bytes sorts them as numbers.
"""

from __future__ import annotations

import hashlib
import heapq
import struct
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

PAGE = 8192  # entries of one page
INNER_BITS = 24  # low bits of an address: byte inside a block; the high bits: byte of the block in the file
_RUN = 65_536  # entries that are sorted in memory and then spilled to disk
_KEY = struct.Struct(">QI")  # hash of a key, number of a triple
_ADDRESS = struct.Struct(">Q")

KEY_WIDTH, ADDRESS_WIDTH = _KEY.size, _ADDRESS.size


def key_hash(name: str, value: str) -> int:
    """Return the 64-bit hash under which the index lists a key.

    Two keys may share a hash, so a caller must compare the keys of each triple found.
    """
    digest = hashlib.sha256(f"{name}\0{value}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


class Addresses:
    """A growing list of addresses in a temporary file, so that memory does not grow with the cassette."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin an empty list; `folder` is that of the temporary file, None takes the system's."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by close()
        self.count = 0

    def append(self, address: int) -> None:
        self._file.write(_ADDRESS.pack(address))
        self.count += 1

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield encoded pages in order, each with the number of its first entry."""
        self._file.seek(0)
        first = 0
        while content := self._file.read(PAGE * ADDRESS_WIDTH):
            yield first, content
            first += len(content) // ADDRESS_WIDTH

    def close(self) -> None:
        self._file.close()


class Keys:
    """A growing set of (key, triple) pairs, sorted by an external merge sort so that memory stays bounded."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begin an empty set; `folder` is that of the temporary files, None takes the system's."""
        self._folder = folder
        self._run: list[bytes] = []
        self._runs: list[IO[bytes]] = []

    def add(self, name: str, value: str, triple: int) -> None:
        self._run.append(_KEY.pack(key_hash(name, value), triple))
        if len(self._run) >= _RUN:
            self._spill()

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Yield encoded pages in order of the key hashes, each with its first hash."""
        self._spill()
        entries: list[bytes] = []
        for entry in heapq.merge(*map(_entries, self._runs)):
            entries.append(entry)
            if len(entries) == PAGE:
                yield _KEY.unpack(entries[0])[0], b"".join(entries)
                entries = []
        if entries:
            yield _KEY.unpack(entries[0])[0], b"".join(entries)

    def close(self) -> None:
        for run in self._runs:
            run.close()

    def _spill(self) -> None:
        run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # closed by close()
        run.write(b"".join(sorted(set(self._run))))
        self._runs.append(run)
        self._run = []


def address_at(page: bytes, place: int) -> int:
    """Return entry number `place` of a page of addresses, counted from 0."""
    return int(_ADDRESS.unpack_from(page, place * ADDRESS_WIDTH)[0])


def triples_in(page: bytes, wanted: int) -> Iterable[int]:
    """Return the numbers of the triples that a page of keys lists under the hash `wanted`."""
    count = len(page) // KEY_WIDTH
    hashes = _Column(page, count)
    low, high = bisect_left(hashes, wanted), bisect_right(hashes, wanted)
    return [_KEY.unpack_from(page, place * KEY_WIDTH)[1] for place in range(low, high)]


class _Column:
    """The hashes of a page as a sequence, so that `bisect` unpacks only the entries it compares."""

    def __init__(self, page: bytes, count: int) -> None:
        self._page, self._count = page, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, place: int) -> int:
        return int(_KEY.unpack_from(self._page, place * KEY_WIDTH)[0])


def _entries(run: IO[bytes]) -> Iterator[bytes]:
    run.seek(0)
    while content := run.read(KEY_WIDTH * 4096):
        for place in range(0, len(content), KEY_WIDTH):
            yield content[place : place + KEY_WIDTH]
