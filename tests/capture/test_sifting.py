"""Hosts without an API are taken out of the files of a capture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.capture.hosts import host_of
from recorder.capture.sifting import sift
from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.dialect.definition import load
from recorder.errors import OutputError
from recorder.model import Note, Part, Record, Request
from tests.capture.test_hosts import Capture
from tests.cassette.records import HEADER

DIALECT = load()
GWS = replace(HEADER, dialect="gws-outbound", redaction="gws")


def written(path: Path, *records: Record) -> Path:
    numbered = [replace(record, seq=seq) for seq, record in enumerate((*records, Note(0, 99, "close", "the end")))]
    path.write_bytes(encode_header(GWS) + b"".join(map(encode, numbered)))
    return path


def hosts(path: Path) -> list[str]:
    return [host_of(r.headers) for r in read(path).records if isinstance(r, Request)]


def test_what_belongs_to_no_api_is_removed_and_told(tmp_path: Path) -> None:
    path = written(tmp_path / "s", *Capture().get("cdn").bayeux("api").get("ads").get("ads").records)
    path.chmod(0o640)

    sifted = sift([path], DIALECT)

    (told,) = sifted.lines()
    assert (
        told == "3 exchanges with 2 other hosts, which belong to no API, removed: ads (2), cdn (1); --host keeps a host"
    )
    assert hosts(path) == ["api"]
    note, end = read(path).records[-2:]
    assert (note.kind, note.text) == ("not-recorded", told.partition(":")[0])
    assert end.kind == "close"
    assert path.stat().st_mode & 0o777 == 0o640


def test_parts_are_judged_together(tmp_path: Path) -> None:
    one = written(tmp_path / "s", *Capture().get("cdn").get("api").records)
    more = Capture()
    more.records += Capture().get("none").get("none").get("none").records  # numbers of exchanges go on
    two = written(tmp_path / "s-2", *more.bayeux("api").get("cdn").records[6:])

    sift([one, two], DIALECT)

    assert (hosts(one), hosts(two)) == (["api"], ["api"])
    assert [r.kind for r in read(one).records if isinstance(r, Note)] == ["close"]
    assert [r.kind for r in read(two).records if isinstance(r, Note)] == ["not-recorded", "close"]


def test_a_part_says_what_it_repeats_when_some_of_it_is_removed(tmp_path: Path) -> None:
    path = written(tmp_path / "s", *Capture().get("cdn").bayeux("api").get("ads").records)
    records = read(path).records
    count = next(n for n, record in enumerate(records) if isinstance(record, Request) and "ads" in str(record.headers))
    header = encode_header(replace(GWS, part=Part("5d41", 2, 7, count)))
    path.write_bytes(header + b"".join(map(encode, records)))

    sift([path], DIALECT)

    assert read(path).header.part == Part("5d41", 2, 7, count - 2)  # without the exchange with cdn


def test_notes_about_other_hosts_go_with_them(tmp_path: Path) -> None:
    records = Capture().get("cdn").bayeux("api:8443").records
    notes = [Note(0, 0, "gap", text) for text in ("ssh is down", "api is down", "cdn is down", "nobody knows what")]
    path = written(tmp_path / "s", *notes, *records)

    sifted = sift([path], DIALECT, about={(0, 0): "ssh", (0, 1): "api", (0, 2): "cdn:443", (1, 3): "ads"})

    (told,) = sifted.lines()
    assert "1 exchange with 3 other hosts" in told
    assert [r.text for r in read(path).records if isinstance(r, Note)] == [
        "api is down",
        "nobody knows what",
        told.partition(":")[0],
        "the end",
    ]


def test_without_an_api_notes_stay(tmp_path: Path) -> None:
    path = written(tmp_path / "s", Note(0, 0, "gap", "ssh is down"), *Capture().get("a").records)

    assert list(sift([path], DIALECT, about={(0, 0): "ssh"}).lines()) == []
    assert len(read(path).records) == 4


def test_an_earlier_capture_in_the_file_is_left_alone(tmp_path: Path) -> None:
    capture = Capture().get("old").bayeux("api").get("new")
    path = written(tmp_path / "s", *capture.records)

    sift([path], DIALECT, begun=2)

    assert hosts(path) == ["old", "api"]


def test_without_an_api_all_is_kept_and_that_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "s", *Capture().get("a").get("b").records)
    before = path.read_bytes()

    lines = list(sift([path], DIALECT).lines())

    assert lines == ["no host has an API (Bayeux, push, operations), so all 2 are kept; --host names yours"]
    assert path.read_bytes() == before


def test_of_one_host_nothing_is_told(tmp_path: Path) -> None:
    assert list(sift([written(tmp_path / "s", *Capture().get("a").records)], DIALECT).lines()) == []


def test_many_hosts_are_not_all_named(tmp_path: Path) -> None:
    capture = Capture().bayeux("api")
    for number in range(13):
        capture.get(f"cdn{number}")

    (told,) = sift([written(tmp_path / "s", *capture.records)], DIALECT).lines()

    assert told.endswith("cdn9 (1) and 3 more; --host keeps a host")


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "s", *Capture().bayeux("api").get("cdn").records)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        sift([path], DIALECT)

    assert path.read_bytes() == before
