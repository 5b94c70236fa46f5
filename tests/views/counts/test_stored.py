"""Counts from what a sealed file stores are those of a derivation, and need no bodies."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from recorder.cassette import blocks, sealed
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import OpenCassette, open_cassette
from recorder.cli.jobs import mapped
from recorder.dialect.definition import load
from recorder.errors import CassetteError
from recorder.library.lazy import open_recording
from recorder.library.sealing import seal
from recorder.model import CUT, Note, Record
from recorder.views.counts import counting, stored
from recorder.views.counts.stats import as_json
from tests.cli.test_cassettes import run
from tests.library.index.mutations import changed, pages
from tests.wire import HEADER, Wire, body, chained, complete, done, get_me, preview, state_event

GWS = load()


def wire() -> Wire:
    """Polls that are empty, lost, refused, open, or bring events; triples of several states."""
    wire = Wire()
    desk = wire.desk("c1")
    wire.respond(desk.post(get_me()), {})
    wire.respond(desk.polls(), [{"channel": "/meta/connect", "successful": True}])
    desk.polls()
    desk.loses_poll()
    wire.respond(desk.polls(), b"<html>", 503)
    wire.respond(desk.polls(), b"")
    desk.asks(chained(7, "r1"), done(7, "r1"), state_event())
    wire.respond(desk.post(preview("r2")), body({"statusCode": 2}))
    wire.fail(desk.post(complete(7, "r3")))
    desk.polls()
    return wire


def write(records: list[Record], folder: Path, *, archive: bool = False) -> Path:
    """A sealed file with an index."""
    journal = folder / "journal"
    journal.write_bytes(encode_header(replace(HEADER, redaction="gws")) + b"".join(map(encode, records)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed, "INDEX_FROM", 0)
        seal(journal, folder / "sealed", archive=archive)
    return folder / "sealed"


def test_both_ways_count_the_same(tmp_path: Path) -> None:
    path = write(list(wire().records), tmp_path)

    with open_recording(path) as found, open_cassette(path) as cassette:
        by_rows = stored.counted(path, found, GWS, 1, partial(mapped, jobs=1))
        derived, _ = counting.counted(cassette, GWS, 1)

    assert by_rows is not None
    assert as_json(by_rows) == as_json(derived)
    assert as_json(by_rows)["polls"] == {"count": 8, "empty": 2, "failed": 3, "open": 1}


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("most", [1, 2, 3, 7])
def test_spans_of_any_size_count_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, archive: bool
) -> None:
    monkeypatch.setattr(blocks, "RAW", 500)
    path, one = write(list(wire().records), tmp_path, archive=archive), partial(mapped, jobs=1)

    with open_recording(path) as found:
        together = stored.counted(path, found, GWS, 1, one)
        monkeypatch.setattr(stored, "_RECORDS", most)
        monkeypatch.setattr(stored, "_TRIPLES", most)
        assert len(list(found.cassette.spans("records", most))) > 1
        apart = stored.counted(path, found, GWS, 1, one)

    assert apart == together is not None


@pytest.mark.parametrize("size", [300, 900, 2_000, blocks.RAW])
def test_an_archive_is_counted_by_what_it_stores(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last records may stand in one block with its first triples."""
    monkeypatch.setattr(blocks, "RAW", size)
    sides = []
    for archive in (False, True):
        path = write(list(wire().records), tmp_path, archive=archive)
        with open_recording(path) as found:
            sides.append(stored.counted(path, found, GWS, 1, partial(mapped, jobs=1)))

    assert sides[0] == sides[1] is not None


def test_several_processes_count_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_RECORDS", 5)
    monkeypatch.setattr(stored, "_TRIPLES", 1)
    monkeypatch.delattr(counting, "counted")  # nobody derives
    path = write(list(wire().records), tmp_path)

    alone, together = (run("stats", path, "--json", "--jobs", jobs) for jobs in ("1", "2"))

    assert alone.exit_code == 0
    assert alone.stdout == together.stdout


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_wrong_checksum_is_told_before_other_damage(tmp_path: Path, jobs: str) -> None:
    """A byte of a record is another one, so that its frame is damaged, too."""
    path = write(list(wire().records), tmp_path)
    data = path.read_bytes()
    at = data.index(b"meta/connect")
    path.write_bytes(data[:at] + b"X" + data[at + 1 :])

    told = run("stats", path, "--jobs", jobs)

    assert told.exit_code != 0
    assert "the checksum of the file is wrong" in told.stderr


@pytest.mark.parametrize("table", ["records", "triples", "unsolicited"])
def test_counts_do_not_depend_on_where_the_index_leads(tmp_path: Path, table: str) -> None:
    """A table in which the first address is another one, with all checksums right."""
    path = write(list(wire().records), tmp_path)
    data = path.read_bytes()
    with open_recording(path) as found:
        right = stored.counted(path, found, GWS, 1, partial(mapped, jobs=1))
    assert right is not None
    at, end = pages(data, table)[0]
    for other in range(at + 8, end, 8):
        path.write_bytes(changed(data, at, data[other : other + 8]))
        with open_recording(path) as found, suppress(CassetteError):
            assert stored.counted(path, found, GWS, 1, partial(mapped, jobs=1)) in (right, None)


def test_only_polls_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(list(wire().records), tmp_path)
    decoded: list[int] = []
    find = OpenCassette.record
    monkeypatch.setattr(OpenCassette, "record", lambda self, seq: decoded.append(seq) or find(self, seq))

    with open_recording(path) as found:
        stored.counted(path, found, GWS, 1, partial(mapped, jobs=1))
        bodies = [found.cassette.record(seq) for seq in set(decoded)]

    assert {getattr(record, "target", "answer") for record in bodies} <= {"answer", *_polled(wire().records)}


def _polled(records: list[Record]) -> set[str]:
    return {
        target
        for record in records
        if b"/meta/" in getattr(record, "body", b"") and (target := getattr(record, "target", ""))
    }


def test_a_body_that_was_cut_short_leaves_the_counts_to_the_derivation(tmp_path: Path) -> None:
    records = list(wire().records)
    path = write([*records, Note(len(records), records[-1].t, CUT, "record 9 is kept in part")], tmp_path)

    with open_recording(path) as found:
        assert stored.counted(path, found, GWS, 1, partial(mapped, jobs=1)) is None
