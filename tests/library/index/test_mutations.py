"""A sealed cassette whose index or stored part was changed, with all checksums made right again, is found out.

`recorder doctor` finds each such change. A look-up takes what it finds for what it looked for only if it has the
number that was wanted; so a changed address gives the right item, or an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder.cassette import codec
from recorder.cassette.frames import unframe
from recorder.cassette.reader import open_cassette
from recorder.cassette.sealed import SealedWriter
from recorder.diagnose.doctor import examine
from recorder.dialect.definition import load
from recorder.errors import CassetteError
from recorder.library.lazy import open_recording
from recorder.library.slicing import is_indexed, sliced
from recorder.model import Triple, Unsolicited
from recorder.redaction.joins import of_cassette
from recorder.requests.index.making import index_of
from tests.cli.test_cassettes import run
from tests.library.index.mutations import changed, frames, make, mutated, pages, tables

pytestmark = pytest.mark.once  # bytes of a file, which no Python reads otherwise

SEEDS = range(12)
STORED = (codec.TRIPLE, codec.PLAIN, codec.UNSOLICITED, codec.SUMMARY, codec.DETAIL, codec.CONTENTS)
LEADING = ("keys", "records", "triples", "exchanges", "unsolicited", "members")  # tables that lead to an item


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("whole"))


def findings(path: Path) -> set[str]:
    try:
        return {f"{found.kind} {found.where} {found.text}" for found in examine(path)}
    except CassetteError as exc:
        return {str(exc)}


def test_the_checksums_are_right_again_after_a_change(whole: Path) -> None:
    data = whole.read_bytes()
    _, begin, _ = frames(data)[5]

    assert changed(data, begin, data[begin : begin + 1]) == data
    assert len(list(unframe(changed(data, begin, bytes([data[begin] ^ 1]))))) == len(frames(data))
    assert not any("index" in found or "stored" in found for found in findings(whole))


@pytest.mark.parametrize("kind", STORED)
def test_doctor_finds_each_change_of_what_is_stored(kind: int, whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    spans = [(begin, end) for found, begin, end in frames(data) if found == kind]
    path, right = tmp_path / "s.cassette", findings(whole)
    missed = []

    for seed in SEEDS:
        path.write_bytes(mutated(data, spans, seed))
        if findings(path) <= right:
            missed.append(seed)

    assert missed == []


def test_doctor_finds_each_change_of_a_table(whole: Path, tmp_path: Path) -> None:
    data, path, right = whole.read_bytes(), tmp_path / "s.cassette", findings(whole)
    missed = []

    for table in tables(data):
        for seed in SEEDS[:6]:
            path.write_bytes(mutated(data, pages(data, table), seed))
            if findings(path) <= right:
                missed.append((table, seed))

    assert missed == []


def items(path: Path) -> Iterator[Triple | Unsolicited | None]:
    """What each look-up gives; None where it is an error."""
    with open_recording(path) as opened:
        recording = opened.recording
        for sequence in (recording.triples, recording.plain, recording.unsolicited):
            for place in range(len(sequence)):
                try:
                    yield sequence[place]
                except CassetteError:
                    yield None


@pytest.mark.parametrize("table", LEADING)
def test_a_look_up_gives_the_right_item_or_an_error(table: str, whole: Path, tmp_path: Path) -> None:
    data, path, right = whole.read_bytes(), tmp_path / "s.cassette", list(items(whole))
    wrong = []

    for seed in SEEDS:
        path.write_bytes(mutated(data, pages(data, table), seed))
        found = list(items(path))
        wrong += [(seed, place) for place, (a, b) in enumerate(zip(found, right, strict=True)) if a not in (None, b)]

    assert wrong == []
    assert None not in right


def swapped(data: bytes, table: str) -> bytes:
    """The file with the first two addresses of a table in each other's place."""
    at, _ = pages(data, table)[0]
    return changed(data, at, data[at + 8 : at + 16] + data[at : at + 8])


@pytest.mark.parametrize("table", ["records", "triples", "exchanges", "unsolicited"])
def test_two_entries_in_each_others_place_are_found_out(table: str, whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    path.write_bytes(swapped(whole.read_bytes(), table))

    assert findings(path) - findings(whole)
    assert all(a in (None, b) for a, b in zip(items(path), items(whole), strict=True))


@pytest.mark.parametrize("kind", [codec.TRIPLE, codec.PLAIN, codec.UNSOLICITED])
def test_a_changed_row_is_an_error_of_its_look_up(kind: int, whole: Path, tmp_path: Path) -> None:
    data, path, right = whole.read_bytes(), tmp_path / "s.cassette", list(items(whole))
    spans = [(begin, end) for found, begin, end in frames(data) if found == kind]

    for seed in SEEDS:
        path.write_bytes(mutated(data, spans, seed))

        assert [a for a, b in zip(items(path), right, strict=True) if a != b] == [None]


def test_a_changed_row_is_an_error_of_the_look_ups_of_an_open_cassette(whole: Path, tmp_path: Path) -> None:
    data, path = whole.read_bytes(), tmp_path / "s.cassette"
    begin, end = next((begin, end) for kind, begin, end in frames(data) if kind == codec.TRIPLE)
    path.write_bytes(changed(data, data.index(b"GetPreviewRecord", begin, end), b"X"))

    with open_cassette(path) as cassette, pytest.raises(CassetteError, match="checksum of triple 1"):
        cassette.row(1)


def test_triples_without_their_digests_are_derived_anew(whole: Path, tmp_path: Path) -> None:
    data, path = whole.read_bytes(), tmp_path / "s.cassette"
    path.write_bytes(changed(data, data.rindex(b"digests"), b"D"))

    with open_recording(path) as opened:
        assert not opened.is_stored
        assert opened.stale == "its index is damaged"


def test_each_number_of_processes_tells_damage_alone(whole: Path, tmp_path: Path) -> None:
    """A lost record changes the triples, but a damaged file is not compared."""
    data, path = whole.read_bytes(), tmp_path / "s.cassette"
    _, begin, _ = next(frame for frame in frames(data) if frame[0] == codec.REQUEST)
    path.write_bytes(data[:begin] + b"\xff" + data[begin + 1 :])

    told = [run("doctor", path, "--jobs", jobs) for jobs in ("1", "2", "3")]

    assert told[0].stdout.startswith("damage: damaged at byte ")
    assert "stale" not in told[0].stdout
    assert {(one.stdout, one.exit_code) for one in told} == {(told[0].stdout, 4)}


def test_each_number_of_processes_tells_rules_that_are_not_those_of_the_file(whole: Path, tmp_path: Path) -> None:
    data, other = whole.read_bytes(), tmp_path / "other.toml"
    path = tmp_path / "s.cassette"
    path.write_bytes(mutated(data, pages(data, "requests"), 0))  # not told: nobody uses the tables
    other.write_text(load().text + "\n# other\n")

    told = [run("doctor", path, "--dialect", str(other), "--jobs", jobs) for jobs in ("1", "2", "3")]

    assert "other-rules" in told[0].stdout
    assert "table requests" not in told[0].stdout
    assert len({(one.stdout, one.exit_code) for one in told}) == 1


@pytest.mark.parametrize(("name", "told"), [("row", "exchanges"), ("unsolicited", "unsolicited events")])
def test_doctor_finds_what_a_file_lacks_whose_index_fits_it(
    name: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = getattr(SealedWriter, name)
    left_out: list[Any] = []

    def but_the_first(writer: SealedWriter, row: Any) -> None:
        if getattr(row, "n", 0) or left_out:
            write(writer, row)
        else:
            left_out.append(row)

    monkeypatch.setattr(SealedWriter, name, but_the_first)
    path = make(tmp_path)

    assert any(f"{told} are stored, but" in found for found in findings(path))


def test_each_number_of_processes_tells_the_same(whole: Path, tmp_path: Path) -> None:
    data, path = whole.read_bytes(), tmp_path / "s.cassette"

    for table in ("triples", "members", "requests", "matching"):
        path.write_bytes(mutated(data, pages(data, table), 0))
        alone, together = (run("doctor", path, "--jobs", jobs) for jobs in ("1", "2"))

        assert alone.stdout == together.stdout
        assert "index" in alone.stdout
        assert alone.exit_code == together.exit_code == 1


def damaged(data: bytes) -> bytes:
    """The file whose summary of the tables of a replay is no JSON any more."""
    at, _ = pages(data, "matching")[0]
    return changed(data, at, b"\xff")


def test_a_damaged_summary_of_the_tables_of_a_replay_is_made_anew(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    path.write_bytes(damaged(whole.read_bytes()))
    with open_recording(whole) as opened, open_recording(path) as again:
        sides = [index_of(one.recording, load(), of_cassette(one.recording.header)) for one in (opened, again)]

        assert sides[0].summary == sides[1].summary
        stored, made = (one.requests.read(0, len(one.requests)) for one in sides)
        assert stored == made


def test_a_cassette_with_such_a_summary_is_sliced_without_these_tables(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    path.write_bytes(damaged(whole.read_bytes()))

    with open_recording(whole) as opened, open_recording(path) as again:
        assert (is_indexed(opened), is_indexed(again)) == (True, False)
        assert list(sliced(again, [1, 30])) == list(sliced(opened, [1, 30]))


@pytest.mark.parametrize("table", ["requests", "anchors", "matching", "members"])
def test_a_slice_by_a_changed_table_gives_records_or_our_error(table: str, whole: Path, tmp_path: Path) -> None:
    data, path, refused = whole.read_bytes(), tmp_path / "s.cassette", 0

    for seed in range(30):
        path.write_bytes(mutated(data, pages(data, table), seed))
        try:
            with open_recording(path) as found:
                assert list(sliced(found, [1, 30]))
        except CassetteError:
            refused += 1

    assert (refused > 0) == (table == "requests")
