"""Reads a sealed cassette: any record or triple by itself, at the cost of the index and not of the file."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from contextlib import closing
from functools import lru_cache
from io import SEEK_END, BytesIO
from itertools import chain
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeAlias

from ..errors import CassetteError
from ..files import open_regular
from ..model import Header, Record, Row
from . import blocks, codec
from .frames import OVERHEAD, Frame, read_frame
from .index import ADDRESS_WIDTH, PAGE, Addresses, Keys, address_at, key_hash, triples_in
from .sealed import ARCHIVE, END_SIZE, INNER_BITS

_INNER = (1 << INNER_BITS) - 1
_CACHED = 16  # blocks and pages kept in memory

Pages: TypeAlias = list[tuple[int, int]]  # first entry (a number or a hash) and offset of each page


class Sealed:
    """An open sealed cassette. Close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Open a file and read its header and its contents.

        Raises:
            CassetteError: If it cannot be opened or is no sealed cassette.

        """
        self.path = str(path)
        try:
            self._file: IO[bytes] = open_regular(path)
        except OSError as exc:
            raise CassetteError(self.path, exc.strerror or str(exc)) from exc
        self._size = self._file.seek(0, SEEK_END)
        self._block = lru_cache(_CACHED)(self._read_block)
        self._page = lru_cache(_CACHED)(self._read_page)
        self._built: list[bytes] = []  # pages of an index that is not in the file
        try:
            first = self._frame(0)
            self.header: Header = codec.decode_header(first, path=self.path)
            contents, self.checksum = self._end()
            self._tables = self._contents(contents) if contents else self._scan(first)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def triples(self) -> int:
        """How many triples there are; they are numbered from 1."""
        return self._count("triples")

    @property
    def records(self) -> int:
        """How many records there are; they are numbered from 0."""
        return self._count("records")

    def record(self, seq: int) -> Record:
        """One fact."""
        found = codec.decode(self._at(self._address("records", seq)), path=self.path, body_of=self._body)
        if found is None or found.seq != seq:
            raise self._misplaced(f"record {seq}")
        return found

    def row(self, n: int) -> Row:
        """One triple, by number."""
        row = codec.decode_row(self._at(self._address("triples", n - 1)), path=self.path)
        if row.n != n:
            raise self._misplaced(f"triple {n}")
        return row

    def find(self, name: str, value: str) -> list[int]:
        """The triples that may have a key (two keys may share a hash), in order; compare them."""
        wanted, pages = key_hash(name, value), self._tables["keys"]
        found: list[int] = []
        # the last page that begins below the hash, for its end may hold it already
        at = max(bisect_left(pages, wanted, key=itemgetter(0)) - 1, 0)
        while at < len(pages) and pages[at][0] <= wanted:
            found += triples_in(self._page(pages[at][1]), wanted)
            at += 1
        return sorted(found)

    def verify(self) -> None:
        """Read the file through and compare its checksum.

        Raises:
            CassetteError: If it does not fit.

        """
        self._file.seek(0)
        digest, left = hashlib.sha256(), self._size - END_SIZE
        while left > 0:
            chunk = self._file.read(min(left, 1 << 20))
            digest.update(chunk)
            left -= len(chunk)
        if digest.digest() != self.checksum:
            raise CassetteError(self.path, "the checksum over the file does not fit", hint="recorder doctor tells more")

    def _misplaced(self, what: str) -> CassetteError:
        return CassetteError(self.path, f"{what} is not where the index says", hint="recorder doctor tells more")

    def _body(self, seq: int) -> bytes:
        """The body of an earlier record; it stands there itself, so that this ends."""
        found = codec.decode(self._at(self._address("records", seq)), path=self.path)
        return bytes(getattr(found, "body", b""))

    def _count(self, table: str) -> int:
        pages = self._tables[table]
        return pages[-1][0] + len(self._page(pages[-1][1])) // ADDRESS_WIDTH if pages else 0

    def _address(self, table: str, place: int) -> int:
        pages = self._tables[table]
        at, inner = divmod(place, PAGE)
        if place < 0 or at >= len(pages) or (inner + 1) * ADDRESS_WIDTH > len(self._page(pages[at][1])):
            raise CassetteError(self.path, f"holds no entry {place} of its {table}")
        return address_at(self._page(pages[at][1]), inner)

    def _at(self, address: int) -> Frame:
        offset, inner = address >> INNER_BITS, address & _INNER
        found = self._frame(offset)
        if found.kind != codec.BLOCK:
            return found
        raw = self._block(offset)
        file = BytesIO(raw)
        file.seek(inner)
        return read_frame(file, inner, len(raw), path=self.path)

    def _frame(self, offset: int) -> Frame:
        if offset >= self._size:
            raise CassetteError(self.path, f"names byte {offset}, behind its end", hint="recorder doctor tells more")
        self._file.seek(offset)
        return read_frame(self._file, offset, self._size, path=self.path)

    def _read_block(self, offset: int) -> bytes:
        return blocks.decompress(self._frame(offset), path=self.path)

    def _read_page(self, offset: int) -> bytes:
        if offset < 0:
            return self._built[-offset - 1]
        content = codec.decode_value(self._at(offset << INNER_BITS), path=self.path)
        if not isinstance(content, bytes):
            raise CassetteError(self.path, "a page of the index is damaged", offset=offset)
        return content

    def _end(self) -> tuple[int, bytes]:
        """Where the contents are (0: nowhere), and the checksum."""
        offset = self._size - END_SIZE
        found = self._frame(offset) if offset > 0 else None
        value = codec.decode_value(found, path=self.path) if found and found.kind == codec.END else None
        if not isinstance(value, bytes) or len(value) != 40:
            raise CassetteError(self.path, "does not end as a sealed cassette", hint="cut off?")
        return int.from_bytes(value[:8], "big"), value[8:]

    def _contents(self, offset: int) -> dict[str, Pages]:
        value = codec.decode_value(self._frame(offset), path=self.path)
        if not isinstance(value, dict) or not {"keys", "records", "triples"} <= value.keys():
            raise CassetteError(self.path, "the contents are damaged", offset=offset)
        return {name: _pairs(groups, self.path, offset) for name, groups in value.items()}

    def _scan(self, first: Frame) -> dict[str, Pages]:
        """Build the index of a small file that has none."""
        if self.header.profile == ARCHIVE:
            raise CassetteError(self.path, "is an archive without an index", hint="recorder doctor tells more")
        with closing(Addresses()) as records, closing(Addresses()) as triples, closing(Keys()) as keys:
            self._index(OVERHEAD + len(first.body), records, triples, keys)
            return {"keys": self._keep(keys), "records": self._keep(records), "triples": self._keep(triples)}

    def _index(self, offset: int, records: Addresses, triples: Addresses, keys: Keys) -> None:
        while offset < self._size:
            found = self._frame(offset)
            if found.kind in codec.FACTS:
                records.append(offset << INNER_BITS)
            elif found.kind == codec.TRIPLE:
                triples.append(offset << INNER_BITS)
                row = codec.decode_row(found, path=self.path)
                for name, value in row.index_keys():
                    keys.add(name, value, row.n)
            offset += OVERHEAD + len(found.body)

    def _keep(self, part: Addresses | Keys) -> Pages:
        pages = []
        for first, content in part.pages():
            self._built.append(content)
            pages.append((first, -len(self._built)))
        return pages


def _pairs(groups: Any, path: str, offset: int) -> Pages:
    """The pages of a table; checked in bulk, for there are thousands and each look-up opens the file anew."""
    lists = [group for group in groups if isinstance(group, list)] if isinstance(groups, list) else []
    pairs = list(chain.from_iterable(lists))
    if all(type(pair) is list and len(pair) == 2 for pair in pairs):
        numbers = list(chain.from_iterable(pairs))
        # below 0 are the pages of an index that is not there
        if set(map(type, numbers)) <= {int} and min(numbers, default=0) >= 0:
            return list(zip(numbers[::2], numbers[1::2], strict=True))
    raise CassetteError(path, "the contents are damaged", offset=offset)
