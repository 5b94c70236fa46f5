"""Cassettes that were damaged: whoever reads them says so, and never takes a wrong record for a right one.

Every byte of the smallest cassette is damaged, and every so many bytes of the others. With EVERY_BYTE=1 in the
environment it is every byte of all of them, in all three ways; that takes half an hour.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from recorder.cassette import codec
from recorder.cassette.blocks import inside
from recorder.cassette.bodies import Remembered
from recorder.cassette.check import Level
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.frames import OVERHEAD, unframe
from recorder.cassette.lookup import Sealed
from recorder.cassette.recover import LOST, recover
from recorder.cassette.store import parse
from recorder.correlate.doctor import examine
from recorder.correlate.recording import derive
from recorder.correlate.sealing import seal
from recorder.correlate.select import slice_records
from recorder.errors import CassetteError
from recorder.model import Note, Record, Row
from tests.cassette.records import HEADER, ONE_OF_EACH

CASSETTES = Path(__file__).parents[2] / "cassettes"
EVERY_BYTE = bool(os.environ.get("EVERY_BYTE"))


@dataclass(frozen=True)
class Truth:
    """A sound cassette.

    Attributes:
        spans: Of each frame in the file: where it begins and ends, and the records in it.
        owners: By record: the record its body stands in.
    """

    data: bytes
    records: tuple[Record, ...]
    rows: tuple[Row, ...]
    spans: tuple[tuple[int, int, tuple[int, ...]], ...]
    owners: dict[int, int]

    def intact(self, begin: int, end: int) -> set[int]:
        """The records that must survive when the bytes from `begin` to `end` are damaged or gone."""
        whole = {seq for first, last, seqs in self.spans for seq in seqs if last <= begin or first >= end}
        return {seq for seq in whole if self.owners[seq] in whole}


@cache
def truth(name: str) -> Truth:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.cassette"
        source = CASSETTES / "get-chained-record.cassette"
        if name == "smallest":
            path.write_bytes(encode_header(HEADER) + b"".join(map(encode, ONE_OF_EACH)))
        elif name == "slice":
            whole = parse((CASSETTES / "preview-session.cassette").read_bytes())
            recording = derive(whole)
            records = slice_records(whole, recording, recording.triples[2:4])
            path.write_bytes(encode_header(whole.header) + b"".join(map(encode, records)))
        elif name == "journal":
            path.write_bytes(source.read_bytes())
        else:
            seal(source, path, archive=name == "archive")
        rows: tuple[Row, ...] = ()
        if name in ("sealed", "archive"):
            with Sealed(path) as sealed:
                rows = tuple(sealed.row(n) for n in range(1, sealed.triples + 1))
        data = path.read_bytes()
    spans, owners = anatomy(data)
    return Truth(data, parse(data).records, rows, tuple(spans), owners)


def anatomy(data: bytes) -> tuple[list[tuple[int, int, tuple[int, ...]]], dict[int, int]]:
    spans: list[tuple[int, int, tuple[int, ...]]] = []
    owners: dict[int, int] = {}
    bodies = Remembered("truth")

    def body(seq: int) -> bytes:
        named.append(seq)
        return bodies.body(seq)

    for outer in unframe(data):
        seqs: list[int] = []
        for found in inside(outer, path="truth") if outer.kind == codec.BLOCK else [outer]:
            named: list[int] = []
            record = codec.decode(found, path="truth", body_of=body) if found.kind in codec.FACTS else None
            if record is not None:
                seqs.append(record.seq)
                owners[record.seq] = named[0] if named else record.seq
                bodies.feed(record)
        spans.append((outer.offset, outer.offset + OVERHEAD + len(outer.body), tuple(seqs)))
    return spans, owners


def wrong(original: Truth, data: bytes, begin: int, end: int, path: Path) -> Iterator[str]:
    """What readers, doctor and recovery make wrong of a damaged file."""
    path.write_bytes(data)
    unseen = data != original.data and begin < len(data)  # a cut between two frames cannot be seen in a journal
    try:
        cassette = parse(data)
        if cassette.records != original.records[: len(cassette.records)]:
            yield "reading gives a wrong record"
        if unseen and cassette.torn is None:
            yield "reading does not see the damage"
    except CassetteError:
        pass
    yield from _wrong_look_ups(original, path)
    try:
        if unseen and not any(finding.level is Level.DAMAGE for finding in examine(path)):
            yield "the doctor does not see the damage"
    except CassetteError:
        pass
    yield from _wrong_recovery(original, path, original.intact(begin, end))


def _wrong_look_ups(original: Truth, path: Path) -> Iterator[str]:
    try:
        sealed = Sealed(path)
    except CassetteError:
        return
    with sealed:
        for record in original.records:
            try:
                if sealed.record(record.seq) != record:
                    yield f"looking up gives a wrong record {record.seq}"
            except CassetteError:
                pass
        for row in original.rows:
            try:
                if sealed.row(row.n) != row:
                    yield f"looking up gives a wrong triple {row.n}"
            except CassetteError:
                pass


def _wrong_recovery(original: Truth, path: Path, intact: set[int]) -> Iterator[str]:
    target = path.with_name("recovered")
    try:
        recover(path, target, force=True)
    except CassetteError as exc:
        if intact:
            yield f"not recovered: {exc}"
        return
    records = parse(target.read_bytes()).records
    kept = {record.seq for record in records if not (isinstance(record, Note) and record.kind == LOST)}
    if any(record != original.records[record.seq] for record in records if record.seq in kept):
        yield "a wrong record was recovered"
    if not intact <= kept:
        yield f"not recovered: {sorted(intact - kept)}"
    bad = [finding for finding in examine(target) if finding.level is not Level.REMARK]
    if bad:
        yield f"what was recovered is not sound: {bad}"


def outcomes(name: str, way: str, stride: int, path: Path) -> dict[int, list[str]]:
    """All that is wrong, by the place of the damage."""
    original = truth(name)
    found: dict[int, list[str]] = {}
    for place in range(0, len(original.data), 1 if EVERY_BYTE else stride):
        if way == "cut":
            data, end = original.data[:place], len(original.data)
        else:
            flip = 0xFF if way == "all bits" else 1 << place % 8
            data, end = (
                original.data[:place] + bytes([original.data[place] ^ flip]) + original.data[place + 1 :],
                place + 1,
            )
        problems = list(wrong(original, data, place, end, path)) if data else []
        if problems:
            found[place] = problems
    return found


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that syncs in no time, where there is one."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.timeout(0 if EVERY_BYTE else 120)
@pytest.mark.parametrize("way", ["cut", "one bit", "all bits"])
@pytest.mark.parametrize(
    ("name", "stride"), [("smallest", 1), ("archive", 29), ("journal", 97), ("sealed", 97), ("slice", 211)]
)
def test_damage_is_seen_and_costs_no_more_than_the_frame_it_is_in(
    name: str, stride: int, way: str, memory: Path
) -> None:
    assert outcomes(name, way, stride, memory / "damaged") == {}
