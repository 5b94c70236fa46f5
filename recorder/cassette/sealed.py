"""The sealed form: facts, the triples derived from them, an index, a checksum over all. Written once, then only read.

    header | facts | triples | other exchanges | unsolicited events | summary | index pages | contents | end

Facts stand as in the journal, but a body that was there before is named instead of repeated. In the archive form facts
and triples stand in compressed blocks. Small cassettes have no index: it is built when they are opened, and a change of
one record then changes that record and the end only, which is what git wants.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from ..errors import CaptureError, UsageError
from ..model import Header, Record, Row
from . import blocks, codec
from .bodies import Repeated
from .frames import unframe
from .index import INNER_BITS, PAGE, Addresses, Keys
from .journal import unless_written

INDEX_FROM = 4096  # records: fewer are indexed in memory in no time


class SealedWriter:
    """Writes one sealed file; memory does not grow with it, what grows is kept in temporary files."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._out = _Hashing(file)
        self._compressed = header.profile == codec.ARCHIVE
        self._bodies = Repeated()
        self._records, self._triples, self._keys = Addresses(), Addresses(), Keys()
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close()
        self._plain = tempfile.TemporaryFile()  # noqa: SIM115  # likewise
        self._unsolicited = tempfile.TemporaryFile()  # noqa: SIM115  # likewise
        self._block: list[tuple[bytes, Addresses | None]] = []
        self._block_size = 0
        self._out.write(codec.encode_header(header))

    def fact(self, record: Record) -> None:
        """Write the next record, in order."""
        frame = codec.encode(record, same_body_as=self._bodies.earlier(record))
        self._put(frame, self._records)

    def row(self, row: Row) -> None:
        """Write the next triple, in order; or, anywhere between, an exchange that is no operation."""
        if not row.n:
            self._plain.write(codec.encode_row(row))
            return
        self._rows.write(codec.encode_row(row))
        for name, value in row.index_keys():
            self._keys.add(name, value, row.n)

    def unsolicited(self, row: list[Any]) -> None:
        """Write the next unsolicited event, in order, anywhere between triples."""
        self._unsolicited.write(codec.encode_value(codec.UNSOLICITED, row))

    def finish(self, unsolicited: Iterable[list[Any]], summary: dict[str, Any]) -> None:
        """Write all that comes after the facts; `unsolicited` are the last of these events."""
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
        """Drop the temporary files."""
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
            # a list of a million pages would be over the limits: cut it like the pages themselves
            tables[name] = [pages[at : at + PAGE] for at in range(0, len(pages), PAGE)]
        contents = self._out.size
        self._out.write(codec.encode_value(codec.CONTENTS, tables))
        return contents


class _Hashing:
    """A file that knows how much was written to it, and the hash of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def digest(self) -> bytes:
        return self._hash.digest()


def write_atomically(target: Path, write: Callable[[IO[bytes]], None], check: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `target`, put it on the disk, `check` it, and rename it.

    Raises:
        UsageError: If `target` is being written by a recorder, or its folder cannot be written.
        CaptureError: If the disk is full.
    """
    try:
        with suppress(FileNotFoundError):
            target.stat()
        target = target.resolve()  # a link stays one
    except OSError as exc:  # such as links that lead to each other
        raise UsageError(f"{target}: cannot be written: {exc.strerror}") from exc
    name = target.with_name(f".{target.name}.{os.getpid()}")
    with unless_written(target):
        try:
            with name.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            check(name)
            if target.exists():  # who may not read the old one may not read the new one
                name.chmod(stat.S_IMODE(target.stat().st_mode))
            name.replace(target)
            _sync_folder(target.parent)
        except OSError as exc:
            raise CaptureError(f"{target}: cannot be written: {exc.strerror}") from exc
        finally:
            name.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
