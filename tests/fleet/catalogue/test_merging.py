"""Files are written anew only where rows come or go, and a partition keeps few of them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recorder.errors import InputError
from recorder.fleet.catalogue import merging
from recorder.fleet.catalogue.dataset import Dataset
from tests.fleet.catalogue.tables import catalogue, everything, made, older, rows

_STREAM = pa.BufferOutputStream()
pq.write_table(pa.table({"x": [1]}), _STREAM)
OTHER = _STREAM.getvalue().to_pybytes()


def files(output: Path, table: str = "triples") -> list[str]:
    return Dataset.open(str(output)).files(table)


def test_files_of_other_days_stay(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette", day=0), made(tmp_path / "b.cassette", day=1)
    catalogue(tmp_path / "out", tmp_path)
    before = files(tmp_path / "out")

    made(tmp_path / "c.cassette", day=2)
    catalogue(tmp_path / "out", tmp_path)

    after = files(tmp_path / "out")
    assert set(before) < set(after)
    assert len(after) == 3


def test_small_files_of_a_day_become_one(tmp_path: Path) -> None:
    for name in "abc":
        made(tmp_path / f"{name}.cassette")
        catalogue(tmp_path / "out", tmp_path)

    assert len(files(tmp_path / "out")) == len(files(tmp_path / "out", "cassettes")) == 1
    assert len(rows(tmp_path / "out", "triples")) == 12


def test_large_files_stay_unless_they_lose_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_SMALL", 1)
    first, _ = older(made(tmp_path / "a.cassette")), catalogue(tmp_path / "out", tmp_path)
    (kept,) = files(tmp_path / "out")
    made(tmp_path / "b.cassette")
    catalogue(tmp_path / "out", tmp_path)
    assert kept in files(tmp_path / "out")

    first.unlink()
    made(first, 6, seed=3)
    catalogue(tmp_path / "out", tmp_path)

    assert kept not in files(tmp_path / "out")
    assert len(rows(tmp_path / "out", "triples")) == 10


def test_a_file_has_a_bounded_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_MOST", 30)
    monkeypatch.setattr(merging, "_GROUP", 4)
    for name in "abc":
        made(tmp_path / f"{name}.cassette", 8)

    catalogue(tmp_path / "out", tmp_path)

    sizes = [pq.ParquetFile(file).metadata.num_rows for file in files(tmp_path / "out", "events")]
    assert len(sizes) == 3
    assert max(sizes) <= 30
    assert sum(sizes) == len(rows(tmp_path / "out", "events"))


def test_a_partition_without_rows_has_no_files(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette", day=0)
    gone = made(tmp_path / "b.cassette", day=1)
    catalogue(tmp_path / "out", tmp_path)

    gone.unlink()
    catalogue(tmp_path / "out", tmp_path)

    assert len(files(tmp_path / "out")) == 1
    assert len(list((tmp_path / "out/triples").rglob("*.parquet"))) == 1


def test_files_without_a_column_that_may_be_null_are_filled(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path)
    before = everything(tmp_path / "out")
    for file in files(tmp_path / "out"):
        pq.write_table(pq.ParquetFile(file).read().drop_columns(["error", "client"]), file)

    made(tmp_path / "b.cassette", seed=2)
    catalogue(tmp_path / "out", tmp_path)

    old = [row for row in rows(tmp_path / "out", "triples") if row["cassette"].endswith("a.cassette")]
    assert old == [row | {"client": None} for row in before["triples"]]


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path)
    for file in files(tmp_path / "out", "cassettes"):
        Path(file).unlink()

    with pytest.raises(InputError, match="is gone, as after another build; try again"):
        catalogue(tmp_path / "out", tmp_path)


@pytest.mark.parametrize(
    "damaged", [b"", b"none", b"PAR1 and then something else PAR1", OTHER], ids=["empty", "short", "bad", "other"]
)
def test_a_file_that_is_damaged_is_told(damaged: bytes, tmp_path: Path) -> None:
    made(tmp_path / "a.cassette")
    catalogue(tmp_path / "out", tmp_path)
    for file in files(tmp_path / "out", "cassettes"):
        Path(file).write_bytes(damaged)

    with pytest.raises(InputError, match=r"\.parquet: is damaged; build the catalogue anew in another place$"):
        catalogue(tmp_path / "out", tmp_path)
