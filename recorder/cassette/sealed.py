"""Write sealed cassettes: facts, the triples derived from the facts, an index, and a checksum over the file.

    header | facts | triples | other exchanges | unsolicited events | summary | index pages | contents | end

A sealed cassette is written once and then only read. Facts are encoded as in the journal, but a repeated body is
replaced by the number of the record that has it. In an archive, facts and triples stand in compressed blocks. Small
cassettes store no index; the reader builds it. Without an index, a change of one record changes only that record and
the end frame, which keeps diffs in git small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from ..model import Header, Record, Row
from ..temporary import temporary
from . import blocks, codec
from .bodies import Repeated
from .frames import encoded
from .index import DIGEST, KEY, encoded_digest, key_entries
from .tables import ADDRESS, INNER_BITS, PAGE, Pages, Rows

INDEX_FROM = 4096  # records; up to this number the reader builds the index in memory


class SealedWriter:
    """Writes one sealed cassette. Memory stays bounded: growing data is kept in temporary files until `finish`."""

    def __init__(self, file: IO[bytes], header: Header, folder: Path | None = None) -> None:
        """Begin a sealed cassette.

        Args:
            file: The file to write to.
            header: The first frame.
            folder: Folder of the temporary files; None takes the system's. In the folder of the output they can only
                fill the disk that the output is on, and an error names the right one.
        """
        self._out = _Hashing(file)
        self._compressed = header.profile == codec.ARCHIVE
        self._bodies = Repeated()
        self._folder = folder
        self._tables: dict[str, Rows] = {}
        self._keys = self.table_of("keys", KEY.size, is_sorted=True)
        self._records, self._triples, self._plain_at, self._unsolicited_at, self._details_at = (
            self.table_of(name, ADDRESS.size) for name in ("records", "triples", "exchanges", "unsolicited", "details")
        )
        self._digests = self.table_of("digests", DIGEST)
        self._rows = temporary(folder)
        self._plain = temporary(folder)
        self._unsolicited = temporary(folder)
        self._block: list[tuple[bytes, Rows | None]] = []
        self._block_size = 0
        self.pages: dict[str, Pages] = {}
        self._out.write(codec.encode_header(header))
        self._path = header.file or "cassette"  # for errors: what is sealed

    def table_of(self, name: str, width: int, *, is_sorted: bool = False) -> Rows:
        """Begin a table of the index, which is written where the file gets one; tables stand in the order they began.

        Args:
            name: Name of the table.
            width: Bytes of each of its entries.
            is_sorted: Whether the entries are sorted; else they stay in order.
        """
        rows = self._tables[name] = Rows(width, is_sorted=is_sorted, folder=self._folder)
        return rows

    @property
    def has_index(self) -> bool:
        """True if the file gets an index: an archive, and one of many records."""
        return self._records.count > INDEX_FROM or self._compressed

    def fact(self, record: Record) -> None:
        """Write the next record; records must come in order."""
        frame = codec.encode(record, same_body_as=self._bodies.earlier(record))
        self._put(frame, self._records)

    def row(self, row: Row) -> None:
        """Add the next triple, or an exchange that is no operation (`n` is 0).

        Triples must come in order; other exchanges may come between them.
        """
        frame = codec.encode_row(row, path=self._path)
        if not row.n:
            self._plain.write(frame)
            return
        self._rows.write(frame)
        self._keys.extend(key_entries(row.index_keys(), row.n))

    def unsolicited(self, row: list[Any]) -> None:
        """Add the next unsolicited event; these events must come in order, and may come between triples."""
        self._unsolicited.write(codec.encode_value(codec.UNSOLICITED, row))

    def finish(self, unsolicited: Iterable[list[Any]], summary: dict[str, Any]) -> None:
        """Write all parts after the facts, of a file without details.

        Args:
            unsolicited: Unsolicited events that follow those given to `unsolicited()`.
            summary: Value of the summary frame.
        """
        for row in unsolicited:
            self.unsolicited(row)
        self.derived(summary)
        self.index("keys", "records", "triples")
        self.end()

    def derived(self, summary: dict[str, Any]) -> None:
        """Write triples, exchanges, events and the summary."""
        for spool, addresses in (
            (self._rows, self._triples), (self._plain, self._plain_at), (self._unsolicited, self._unsolicited_at)
        ):  # fmt: skip
            for frame in encoded(spool):
                self._digests.add(encoded_digest(frame))
                self._put(frame, addresses)
        self._end_block()
        if self.has_index:
            self._details_at.add(ADDRESS.pack(self._out.size << INNER_BITS))
        self._out.write(codec.encode_value(codec.SUMMARY, summary))

    def detail(self, value: list[Any]) -> None:
        """Write a detail of what was derived; only a file with an index has some."""
        self._put(codec.encode_value(codec.DETAIL, value), self._details_at)

    def index(self, *names: str) -> None:
        """Write the pages of these tables, of all that were not written by default; nothing where there is no index."""
        self._end_block()
        for name in names or [name for name in self._tables if name not in self.pages]:
            rows = self._tables[name]
            self.pages[name] = []
            for first, content in rows.pages() if self.has_index else ():
                self.pages[name].append((first, self._out.size))
                page = codec.encode_value(codec.PAGE, content)
                self._out.write((self._compressed and blocks.compress(page)) or page)

    def end(self) -> None:
        """Write the contents of the index, if there is one, and the end."""
        contents = self._out.size if self.has_index else 0
        if contents:
            # a list of all pages may exceed the array limit of the reader (65 536), so it is split into groups
            tables = {
                name: [pages[at : at + PAGE] for at in range(0, len(pages), PAGE)] for name, pages in self.pages.items()
            }
            self._out.write(codec.encode_value(codec.CONTENTS, tables))
        tail = contents.to_bytes(8, "big") + self._out.digest()
        self._out.write(codec.encode_value(codec.END, tail))

    def close(self) -> None:
        """Delete the temporary files; the sealed file itself stays open."""
        for rows in self._tables.values():
            rows.close()
        for spool in (self._rows, self._plain, self._unsolicited):
            spool.close()

    def _put(self, frame: bytes, addresses: Rows | None) -> None:
        if not self._compressed:
            if addresses is not None:
                addresses.add(ADDRESS.pack(self._out.size << INNER_BITS))
            self._out.write(frame)
            return
        if self._block and self._block_size + len(frame) > blocks.RAW:
            self._end_block()
        self._block.append((frame, addresses))
        self._block_size += len(frame)

    def _end_block(self) -> None:
        if not self._block:
            return
        block, place, inner = blocks.compress(b"".join(frame for frame, _ in self._block)), self._out.size, 0
        for frame, addresses in self._block:
            if addresses is not None:
                address = place << INNER_BITS | inner if block else place + inner << INNER_BITS
                addresses.add(ADDRESS.pack(address))
            inner += len(frame)
        self._out.write(block or b"".join(frame for frame, _ in self._block))
        self._block, self._block_size = [], 0


class _Hashing:
    """A file that counts the written bytes and hashes them (SHA-256)."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def digest(self) -> bytes:
        return self._hash.digest()
