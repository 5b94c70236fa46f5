"""Cassettes and catalogues may be in a store: S3 here, of a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import fsspec
import pytest

from recorder.cli.jobs import mapped
from recorder.errors import InputError, UsageError
from recorder.fleet.catalogue.dataset import Dataset, Folder
from recorder.fleet.catalogue.listing import listed
from recorder.fleet.store.filesystem import filesystem_of
from tests.fleet.catalogue.tables import asked, catalogue, in_turn, made
from tests.lab.s3 import BUCKET, s3

HERE = f"s3://{BUCKET}"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3():
        yield HERE


def put(path: Path, url: str) -> str:
    store, there = filesystem_of(url)
    store.pipe_file(there, path.read_bytes())
    return url


def count(url: str, table: str) -> int:
    """Count the rows of a table as somebody else does: each file that counts is fetched and read."""
    total = 0
    for file in Dataset.open(url).files(table):
        store, path = filesystem_of(file)
        content = Path(f"{table}.parquet").absolute()
        store.get_file(path, str(content))
        total += asked(f"select count(*) from read_parquet('{content}')")[0][0]
    return total


def test_cassettes_of_a_store_are_catalogued_in_a_store(bucket: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = put(made(tmp_path / "a.cassette"), f"{bucket}/in/one/a.cassette")
    second = put(made(tmp_path / "b.cassette", 8, is_sealed=True), f"{bucket}/in/b.cassette")

    built = catalogue(f"{bucket}/out", f"{bucket}/in/**/*.cassette", spread=partial(mapped, jobs=2, afresh=True))

    assert (built.read, built.unreadable, built.rows["triples"]) == (2, {}, 12)
    assert list(listed([f"{bucket}/in"])) == list(listed([f"{bucket}/in/**"])) == [second, first]
    assert (count(f"{bucket}/out", "triples"), count(f"{bucket}/out", "cassettes")) == (12, 2)
    put(tmp_path / "a.cassette", second)
    again = catalogue(f"{bucket}/out", f"{bucket}/in")
    assert (again.read, again.unchanged, again.rows["triples"]) == (1, 1, 8)
    store, there = filesystem_of(f"{bucket}/out")
    live = {path for name in built.rows for path in Dataset.open(f"{bucket}/out").files(name)}
    assert {f"s3://{name}" for name in store.find(there) if name.endswith(".parquet")} == live


def test_of_two_builds_in_a_store_both_end_right(bucket: str, tmp_path: Path) -> None:
    url, out = put(made(tmp_path / "a.cassette"), f"{bucket}/two/a.cassette"), f"{bucket}/two/out"

    def meanwhile(make, args, items):
        catalogue(out, made(tmp_path / "b.cassette"))
        return in_turn(make, args, items)

    built = catalogue(out, url, spread=meanwhile, adds=True)

    assert (built.rows["cassettes"], built.generation) == (2, 2)
    assert Folder(out).generations() == [2]


def test_what_is_not_there_is_told(bucket: str) -> None:
    with pytest.raises(UsageError, match=r"missing\.cassette: there is no such file or bucket"):
        listed([f"{bucket}/missing.cassette"])
    with pytest.raises(UsageError, match="holds no catalogue"):
        Dataset.open(f"{bucket}/missing")


def test_a_cassette_that_vanishes_is_read_again_next_time(tmp_path: Path) -> None:
    url = put(made(tmp_path / "a.cassette"), "memory://gone/a.cassette")
    store, path = filesystem_of(url)

    def meanwhile(make, args, items):
        store.rm_file(path)
        return in_turn(make, args, items)

    built = catalogue(tmp_path / "out", url, spread=meanwhile)
    put(tmp_path / "a.cassette", url)
    again = catalogue(tmp_path / "out", url)

    assert built.unreadable == {url: "does not exist"}
    assert (again.read, again.unreadable, again.rows["triples"]) == (1, {}, 4)


def test_the_web_is_read_by_name_alone() -> None:
    with pytest.raises(UsageError, match="the web has no listings"):
        listed(["https://example.invalid/*.cassette"])


def test_a_list_that_is_damaged_or_newer_is_told(tmp_path: Path) -> None:
    catalogue(tmp_path / "out", made(tmp_path / "a.cassette"))
    (there,) = (tmp_path / "out/generations").iterdir()
    told = json.loads(there.read_bytes())

    there.write_text(json.dumps(told | {"schema": 2}))
    with pytest.raises(InputError, match=r"holds tables of version 2, this is version 1; upgrade"):
        Dataset.open(str(tmp_path / "out"))
    there.write_text("{}")
    with pytest.raises(InputError, match="is damaged; build the catalogue anew"):
        Dataset.open(str(tmp_path / "out"))


def test_a_list_that_is_replaced_while_it_is_looked_for_is_found(tmp_path: Path, monkeypatch) -> None:
    catalogue(tmp_path / "out", made(tmp_path / "a.cassette"))
    numbers = iter([[7], [1]])
    monkeypatch.setattr(Folder, "generations", lambda _: next(numbers))

    assert Dataset.open(str(tmp_path / "out")).generation == 1


def test_a_key_that_looks_like_a_pattern_is_itself_and_no_other_that_fits() -> None:
    there = fsspec.filesystem("memory")
    there.pipe_file("/odd/day[1].cassette", b"one")
    there.pipe_file("/odd/day1.cassette", b"other")

    found = [list(listed([f"memory://odd/day{end}.cassette"])) for end in ("[1]", "[12]")]

    there.rm("/odd", recursive=True)
    assert found == [["memory://odd/day[1].cassette"], ["memory://odd/day1.cassette"]]
