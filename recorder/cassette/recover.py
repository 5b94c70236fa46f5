"""Makes a clean journal of what a crash or a bad disk left: every intact record is kept, every lost one is noted."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import CaptureError, CassetteError, UsageError
from ..model import Header, Note, Record
from . import blocks, codec
from .codec import decode, encode
from .frames import Frame
from .journal import create
from .salvage import Damage, salvage
from .store import read

LOST = "lost"  # kind of the note that stands in the place of a record that is gone
_MOST_LOST = 1_000_000  # a gap that says more is a damaged number and no gap


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was kept, what was lost in between (records), and what was cut or skipped (bytes)."""

    kept: int
    lost: int
    skipped: int
    header_lost: bool


def recover(source: Path, target: Path, *, force: bool = False) -> Recovered:
    """Copy every intact record of `source` to `target`, and re-read it before saying yes.

    Raises:
        CassetteError: If `source` cannot be read, holds no intact frame, or is too damaged to be searched.
        UsageError: If `target` exists and `force` is not given, or is `source` itself.
        CaptureError: If the disk is full.
    """
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target}: is the file to be recovered; choose another name for what comes out of it")
    found = _Found(str(source))
    try:
        with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for piece in salvage(data, path=str(source)):
                found.take(piece)
    except ValueError as exc:
        raise CassetteError(str(source), "is empty, not a cassette") from exc
    except OSError as exc:
        raise CassetteError(str(source), exc.strerror or str(exc)) from exc
    if found.header is None and not found.records:
        raise CassetteError(str(source), "holds no intact frame of a cassette", hint="is it one?")
    records = list(_filled(found.records))
    journal = create(target, found.header or _unknown_header(), force=force)
    try:
        journal.append([encode(record) for record in records])
        journal.sync()
    except OSError as exc:
        raise CaptureError(f"{target}: cannot be written: {exc.strerror}") from exc
    finally:
        journal.close()
    if list(read(target).records) != records:
        raise CassetteError(str(target), "was written but reads back differently", hint="is the disk in order?")
    return Recovered(len(found.records), len(records) - len(found.records), found.skipped, found.header is None)


class _Found:
    """Collects the pieces of a damaged file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.header: Header | None = None
        self.records: list[Record] = []
        self.skipped = 0
        self._bodies: dict[int, bytes] = {}

    def take(self, piece: Frame | Damage) -> None:
        """Take the next piece; what cannot be understood counts as skipped."""
        if isinstance(piece, Damage):
            self.skipped += piece.size
            return
        try:
            if piece.kind == codec.BLOCK:
                for inner in blocks.inside(piece, path=self._path):
                    self._take(inner)
            else:
                self._take(piece)
        except (CassetteError, KeyError):
            self.skipped += len(piece.body)

    def _take(self, frame: Frame) -> None:
        if frame.kind == codec.HEADER:
            self.header = self.header or codec.decode_header(frame, path=self._path)
            return
        record = decode(frame, path=self._path, body_of=self._bodies.__getitem__)
        # records are in order; one that is not is part of something else
        if record is None or (self.records and record.seq <= self.records[-1].seq):
            return
        self.records.append(record)
        self._bodies[record.seq] = getattr(record, "body", b"")


def _filled(records: list[Record]) -> Iterator[Record]:
    """Records with a note in each place where one is missing."""
    expected, t = 0, 0
    for record in records:
        if record.seq - expected > _MOST_LOST:
            raise CassetteError("<records>", f"{record.seq - expected} records are missing in one place")
        for seq in range(expected, record.seq):
            yield Note(seq, t, LOST, "this record was damaged and is gone")
        yield record
        expected, t = record.seq + 1, record.t


def _unknown_header() -> Header:
    return Header(started=0, upstream="", dialect="gws-outbound", redaction="unknown")
