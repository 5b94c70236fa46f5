"""Write sealed cassettes: facts, the triples derived from the facts, an index, and a checksum over the file.

    header | facts | triples | other exchanges | unsolicited events | summary | index pages | contents | end

A sealed cassette is written once and then only read. Facts are encoded as in the journal, but a repeated body is
replaced by the number of the record that has it. In an archive, facts and triples stand in compressed blocks. Small
cassettes store no index; the reader builds it. Without an index, a change of one record changes only that record and
the end frame, which keeps diffs in git small.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from ..model import Header, Record, Row
from . import blocks, codec
from .bodies import Repeated
from .frames import unframe
from .index import INNER_BITS, PAGE, Addresses, Keys

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
        self._records, self._triples, self._keys = Addresses(folder), Addresses(folder), Keys(folder)
        self._rows = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by close()
        self._plain = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by close()
        self._unsolicited = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by close()
        self._block: list[tuple[bytes, Addresses | None]] = []
        self._block_size = 0
        self._out.write(codec.encode_header(header))

    def fact(self, record: Record) -> None:
        """Write the next record; records must come in order."""
        frame = codec.encode(record, same_body_as=self._bodies.earlier(record))
        self._put(frame, self._records)

    def row(self, row: Row) -> None:
        """Add the next triple, or an exchange that is no operation (`n` is 0).

        Triples must come in order; other exchanges may come between them.
        """
        if not row.n:
            self._plain.write(codec.encode_row(row))
            return
        self._rows.write(codec.encode_row(row))
        for name, value in row.index_keys():
            self._keys.add(name, value, row.n)

    def unsolicited(self, row: list[Any]) -> None:
        """Add the next unsolicited event; these events must come in order, and may come between triples."""
        self._unsolicited.write(codec.encode_value(codec.UNSOLICITED, row))

    def finish(self, unsolicited: Iterable[list[Any]], summary: dict[str, Any]) -> None:
        """Write all parts after the facts: triples, exchanges, events, summary, index and end.

        Args:
            unsolicited: Unsolicited events that follow those given to `unsolicited()`.
            summary: Value of the summary frame.
        """
        for frame in unframe(self._rows, path="<triples>"):
            self._put(codec.reframe(frame), self._triples)
        for frame in unframe(self._plain, path="<exchanges>"):
            self._put(codec.reframe(frame), None)
        for row in unsolicited:
            self.unsolicited(row)
        for frame in unframe(self._unsolicited, path="<unsolicited>"):
            self._put(codec.reframe(frame), None)
        self._end_block()
        self._out.write(codec.encode_value(codec.SUMMARY, summary))
        contents = self._write_index() if self._records.count > INDEX_FROM or self._compressed else 0
        tail = contents.to_bytes(8, "big") + self._out.digest()
        self._out.write(codec.encode_value(codec.END, tail))

    def close(self) -> None:
        """Delete the temporary files; the sealed file itself stays open."""
        for part in (self._records, self._triples, self._keys, self._rows, self._plain, self._unsolicited):
            part.close()

    def _put(self, frame: bytes, addresses: Addresses | None) -> None:
        if not self._compressed:
            if addresses is not None:
                addresses.append(self._out.size << INNER_BITS)
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
                addresses.append(place << INNER_BITS | inner if block else place + inner << INNER_BITS)
            inner += len(frame)
        self._out.write(block or b"".join(frame for frame, _ in self._block))
        self._block, self._block_size = [], 0

    def _write_index(self) -> int:
        tables = {}
        for name, part in (("keys", self._keys), ("records", self._records), ("triples", self._triples)):
            pages = []
            for first, content in part.pages():
                pages.append([first, self._out.size])
                page = codec.encode_value(codec.PAGE, content)
                self._out.write((self._compressed and blocks.compress(page)) or page)
            # a list of all pages may exceed the array limit of the reader (65 536), so it is split into groups
            tables[name] = [pages[at : at + PAGE] for at in range(0, len(pages), PAGE)]
        contents = self._out.size
        self._out.write(codec.encode_value(codec.CONTENTS, tables))
        return contents


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
