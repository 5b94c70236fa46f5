"""Recover a damaged cassette into a clean journal: keep every intact record, and write a note for every lost one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import CassetteError, UsageError
from ...model import IN_CLEAR, Header, Note, Record
from ...output import replacing
from ...printable import counted
from .. import blocks, codec
from ..bodies import Remembered
from ..codec import JOURNAL, encode, encode_header
from ..frames import Frame
from ..packing import Foreign
from ..reader import open_cassette
from .salvage import Damage, FileBytes, salvage

LOST = "lost"  # kind of the note that replaces a lost record
# smallest size of a record in bytes: a file cannot have lost more records than its size has room for, so larger gaps in
# the numbering mean that the numbers are wrong
_LEAST = 16


@dataclass(frozen=True, slots=True)
class Recovered:
    """The result of a recovery.

    Attributes:
        kept: Number of intact records, which were copied.
        lost: Number of missing records, each replaced by a note.
        skipped: Bytes of damage and of frames that could not be decoded.
        header_lost: Whether no header was found, so that a default one was written.
    """

    kept: int
    lost: int
    skipped: int
    header_lost: bool


def recover(source: Path, target: Path, *, force: bool = False) -> Recovered:
    """Copy every intact record of `source` to the new journal `target`, then read `target` back and compare.

    Args:
        source: A cassette of any form, in any state.
        target: The journal to write.
        force: Overwrite `target` if it exists.

    Raises:
        CassetteError: If `source` cannot be read, holds no intact frame, or is too damaged to be searched; or if
            `target` reads back differently.
        UsageError: If `target` exists and `force` is not given, or is `source` itself.
        OutputError: If `target` cannot be written, e.g. because the disk is full; an old file is unchanged.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target}: is the damaged file itself; choose another name for the recovered cassette")
    with FileBytes(source) as data:
        found = _Found(str(source))
        total = sum(1 for _ in _filled(found, data))  # first pass: find errors before anything is written
        if found.header is None and not found.kept:
            raise CassetteError(str(source), "holds no intact frame of a cassette", hint="is it a cassette?")
        header = replace(found.header or _unknown_header(), profile=JOURNAL)
        _write(source, target, header, _filled(_Found(str(source)), data), force=force)
    return Recovered(found.kept, total - found.kept, found.skipped, found.header is None)


def _write(source: Path, target: Path, header: Header, records: Iterator[Record], *, force: bool) -> None:
    written, again = hashlib.sha256(), hashlib.sha256()
    with replacing(target, force=force, like=[source], private=header.redaction in IN_CLEAR) as file:
        file.write(encode_header(header))
        for record in records:
            frame = encode(record)
            file.write(frame)
            written.update(frame)
        file.flush()
        with open_cassette(Path(file.name)) as cassette:
            for record in cassette.records():
                again.update(encode(record))
        if again.digest() != written.digest():
            raise CassetteError(str(target), "was written but reads back differently", hint="check the disk")


class _Found:
    """Walks through a damaged file and counts the kept records and skipped bytes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.header: Header | None = None
        self._is_ruled = False  # whether the file says its dialect after the header; the first counts
        self.kept = 0
        self.skipped = 0
        self._last = -1
        self._bodies = Remembered(path)
        self._foreign = Foreign(path)

    def records(self, data: FileBytes) -> Iterator[Record]:
        """Yield the intact records, in order; frames that cannot be decoded are counted in `skipped`."""
        for piece in salvage(data, path=self.path):
            if isinstance(piece, Damage):
                self.skipped += piece.size
                continue
            try:
                for frame in blocks.inside(piece, path=self.path):
                    yield from self._record(frame)
            except CassetteError as exc:
                self.skipped += len(piece.body)
                self._foreign.count(piece, exc)

    def _record(self, frame: Frame) -> Iterator[Record]:
        try:
            if frame.kind == codec.HEADER:
                self.header = self.header or codec.decode_header(frame, path=self.path)
                return
            if frame.kind == codec.RULES and self.header is not None and not self._is_ruled:
                self.header, self._is_ruled = codec.decode_rules(frame, self.header, path=self.path), True
                return
            record = codec.decode(frame, path=self.path, body_of=self._bodies.body)
        except CassetteError as exc:  # skip this frame only, not the rest of its block
            self.skipped += len(frame.body)
            self._foreign.count(frame, exc)
            return
        # a cassette stores records in order; a record out of order belongs to other data, such as a recorded cassette
        if record is not None and record.seq > self._last:
            self._bodies.feed(record)
            self.kept, self._last = self.kept + 1, record.seq
            yield record


def _filled(found: _Found, data: FileBytes) -> Iterator[Record]:
    """Yield the records, with a note in the place of each missing one.

    Raises:
        CassetteError: If more records seem to be missing than the file has room for.
    """
    expected, t, lost = 0, 0, 0
    for record in found.records(data):
        lost += record.seq - expected
        if lost > 1000 + len(data) // _LEAST:
            raise CassetteError(
                found.path, f"{counted(lost, 'record seems', 'records seem')} to be missing", hint="is it a cassette?"
            )
        for seq in range(expected, record.seq):
            yield Note(seq, t, LOST, "this record was damaged and is gone")
        yield record
        expected, t = record.seq + 1, record.t


def _unknown_header() -> Header:
    return Header(started=0, upstream="", dialect="gws-outbound", redaction="unknown")
