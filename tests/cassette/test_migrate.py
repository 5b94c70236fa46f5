from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.codec import encode_header
from recorder.cassette.migrate import STEPS, migrate
from recorder.cassette.reader import OpenCassette, open_cassette
from recorder.diagnose.check import Checked, Finding
from recorder.dialect.definition import source
from recorder.errors import CassetteError
from recorder.model import FORMAT, Row
from tests.cassette.records import HEADER

VECTORS = Path(__file__).parents[1] / "vectors" / "v1"


def test_there_is_a_step_from_every_older_format() -> None:
    assert sorted(STEPS) == list(range(1, FORMAT))


def test_a_current_cassette_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(encode_header(HEADER))

    assert migrate(tmp_path / "s", tmp_path / "new") == FORMAT
    assert not (tmp_path / "new").exists()


def test_a_newer_cassette_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(encode_header(replace(HEADER, format=FORMAT + 1)))

    with pytest.raises(CassetteError, match=rf"written in format {FORMAT + 1}.*upgrade"):
        migrate(tmp_path / "s", tmp_path / "new")


@pytest.mark.parametrize("name", ["records", "bytes", "empty", "sealed", "sealed-bytes", "indexed", "repeated"])
def test_a_cassette_of_format_1_keeps_its_records_and_its_triples(name: str, tmp_path: Path) -> None:
    old, new = VECTORS / f"{name}.cassette", tmp_path / "new"

    assert migrate(old, new) == 1

    with open_cassette(old) as before, open_cassette(new) as after:
        assert after.header == replace(before.header, format=2, dialect_text=source("gws-outbound"))
        assert list(after.records()) == list(before.records())
        assert _rows(after) == _rows(before)
        after.verify() if after.is_sealed else None
    assert [finding.kind for finding in _findings(new)] == []


@pytest.mark.parametrize("name", ["archive", "archive-large", "archive-indexed"])
def test_an_archive_stays_an_archive_that_is_searched(name: str, tmp_path: Path) -> None:
    migrate(VECTORS / f"{name}.cassette", tmp_path / "new")

    with open_cassette(VECTORS / f"{name}.cassette") as before, open_cassette(tmp_path / "new") as after:
        after.verify()
        assert after.header.profile == "archive"
        assert after.find("handle", "42") == before.find("handle", "42")
        assert list(after.records()) == list(before.records())


def test_a_dialect_that_is_not_shipped_is_named_and_no_more(tmp_path: Path) -> None:
    migrate(VECTORS / "publishes.cassette", tmp_path / "new")

    with open_cassette(tmp_path / "new") as after:
        assert (after.header.dialect, after.header.dialect_text) == ("answers", "")


def test_a_torn_tail_is_to_be_recovered_first(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match=r"torn tail.*recover it first"):
        migrate(VECTORS / "torn-body.cassette", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def _rows(cassette: OpenCassette) -> list[Row]:
    return [cassette.row(n) for n in range(1, cassette.stored + 1)]


def _findings(path: Path) -> list[Finding]:
    checked = Checked(path)
    list(checked.records())
    return checked.findings


def test_what_is_no_cassette_is_not_migrated(tmp_path: Path) -> None:
    (tmp_path / "s").write_bytes(b"text")

    with pytest.raises(CassetteError, match="not a cassette"):
        migrate(tmp_path / "s", tmp_path / "new")
