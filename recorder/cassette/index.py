"""The index of a sealed cassette: where each record and triple is, and which triples have a key.

Built in bounded memory (runs are sorted on disk and merged), read a page at a time. A page is a frame whose body is
a `bin` of up to 8192 entries of fixed width, big-endian, so that byte order is number order.
"""

from __future__ import annotations

import hashlib
import heapq
import struct
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import IO

PAGE = 8192  # entries
INNER_BITS = 24  # of an address: place inside a block; the rest: place of the block in the file
_RUN = 65_536  # entries sorted in memory at a time
_KEY = struct.Struct(">QI")  # hash of a key, number of a triple
_ADDRESS = struct.Struct(">Q")

KEY_WIDTH, ADDRESS_WIDTH = _KEY.size, _ADDRESS.size


def key_hash(name: str, value: str) -> int:
    """Return the 64-bit hash of a key; two keys may share a hash, so compare the triple found by it."""
    digest = hashlib.sha256(f"{name}\0{value}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


class Addresses:
    """A growing list of addresses, kept on disk."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by whoever made us
        self.count = 0

    def append(self, address: int) -> None:
        self._file.write(_ADDRESS.pack(address))
        self.count += 1

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Pages in order, each with the number of its first entry."""
        self._file.seek(0)
        first = 0
        while content := self._file.read(PAGE * ADDRESS_WIDTH):
            yield first, content
            first += len(content) // ADDRESS_WIDTH

    def close(self) -> None:
        self._file.close()


class Keys:
    """A growing set of (key, triple), sorted outside of memory."""

    def __init__(self) -> None:
        self._run: list[bytes] = []
        self._runs: list[IO[bytes]] = []

    def add(self, name: str, value: str, triple: int) -> None:
        self._run.append(_KEY.pack(key_hash(name, value), triple))
        if len(self._run) >= _RUN:
            self._spill()

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Pages in order of the hashes, each with its first hash."""
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
        run = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        run.write(b"".join(sorted(set(self._run))))
        self._runs.append(run)
        self._run = []


def address_at(page: bytes, place: int) -> int:
    """Return the address at a place of a page."""
    return int(_ADDRESS.unpack_from(page, place * ADDRESS_WIDTH)[0])


def triples_in(page: bytes, wanted: int) -> Iterable[int]:
    """Return the numbers of the triples that a page of keys lists under a hash."""
    count = len(page) // KEY_WIDTH
    hashes = _Column(page, count)
    low, high = bisect_left(hashes, wanted), bisect_right(hashes, wanted)
    return [_KEY.unpack_from(page, place * KEY_WIDTH)[1] for place in range(low, high)]


class _Column:
    """The hashes of a page, as a sequence to bisect without unpacking it all."""

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
