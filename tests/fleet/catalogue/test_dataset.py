"""The paths of a catalogue are those by which other tools know the columns, whatever a cassette calls its dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.synthetic import records
from recorder.dialect.definition import load, parse
from recorder.errors import InputError
from recorder.fleet.catalogue.dataset import Dataset, Folder, folder_of, path_of
from recorder.fleet.catalogue.pieces import Partition
from recorder.redaction.carried import carrying
from tests.fleet.catalogue.tables import REDACTED, asked, catalogue, made, rows, written


def test_a_file_stands_by_dialect_and_day() -> None:
    path = path_of(Partition("triples", "gws-outbound", 20_000), "00000001-ab-0001")

    assert path == "triples/dialect=gws-outbound/day=2024-10-04/00000001-ab-0001.parquet"
    assert path_of(Partition("cassettes"), "00000001-ab-0001") == "cassettes/00000001-ab-0001.parquet"


@pytest.mark.parametrize("name", ["a b", "ü/ö", "../../x", "a=b", "100%", "x\ny", "'; drop table triples"])
def test_a_dialect_may_have_any_name(name: str, tmp_path: Path) -> None:
    text = load("gws-outbound").text.replace('name = "gws-outbound"', f"name = {quoted(name)}")
    header = carrying(replace(REDACTED, dialect=name), parse(text, path="x.toml", is_checked=False))
    written(tmp_path / "a.cassette", records(2, agents=1), header)

    built = catalogue(tmp_path / "out", tmp_path / "a.cassette")

    assert built.unreadable == {}
    assert {row["dialect"] for row in rows(tmp_path / "out", "triples")} == {name}
    assert asked(
        f"select distinct dialect from read_parquet('{tmp_path}/out/triples/**/*.parquet', hive_partitioning = true)"
    ) == [(name,)]
    assert {path.relative_to(tmp_path / "out").parts[0] for path in (tmp_path / "out").rglob("*.parquet")} == {
        "triples", "events", "sessions", "cassettes",
    }  # fmt: skip


def test_a_name_that_no_folder_can_have_is_cut() -> None:
    long, other = folder_of(Partition("triples", "ü" * 500)), folder_of(Partition("triples", "ü" * 501))

    assert max(map(len, long.split("/"))) < 255
    assert long != other
    assert folder_of(Partition("triples", "\ud800")) == "dialect=%3F/day=1970-01-01"
    assert folder_of(Partition("triples")) == "dialect=__HIVE_DEFAULT_PARTITION__/day=1970-01-01"


def quoted(text: str) -> str:
    return '"' + text.replace("\n", "\\n") + '"'


@pytest.mark.parametrize(
    "named",
    [
        {"path": 5, "rows": 1, "size": 1},
        {"path": "triples/a.parquet", "rows": "1", "size": 1},
        {"path": "triples/a.parquet", "rows": 1, "size": None},
        {"path": "triples/../../a.parquet", "rows": 1, "size": 1},
        {"path": "/triples/a.parquet", "rows": 1, "size": 1},
        {"path": "events/a.parquet", "rows": 1, "size": 1},
    ],
)
def test_a_list_that_names_a_file_elsewhere_or_in_another_form_is_damaged(
    named: dict[str, object], tmp_path: Path
) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path)
    listed = next((tmp_path / "out/generations").iterdir())
    about = json.loads(listed.read_text())
    about["files"]["triples"] = [named]
    listed.write_text(json.dumps(about))

    with pytest.raises(InputError, match="is damaged"):
        Dataset.open(str(tmp_path / "out"))


def test_a_list_of_endless_depth_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "generations").mkdir()
    (tmp_path / "generations/00000001.json").write_text("[" * 100_000)

    with pytest.raises(InputError, match="is damaged"):
        Dataset.open(str(tmp_path))


def test_a_file_that_is_named_as_no_build_names_lists_is_none(tmp_path: Path) -> None:
    (tmp_path / "generations").mkdir()
    for name in ("7.json", "000000007.json", "\u0667.json"):
        (tmp_path / "generations" / name).write_text("{}")

    assert Dataset.find(Folder(str(tmp_path))) is None
