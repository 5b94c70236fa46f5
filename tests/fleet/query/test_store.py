"""Queries of a catalogue in S3, with a server of S3 on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from click.testing import CliRunner

from recorder.cli import main
from recorder.errors import InputError
from recorder.fleet.catalogue.dataset import Dataset, Folder
from recorder.fleet.catalogue.reading import Settings
from recorder.fleet.query import asking
from recorder.fleet.query.database import opened
from recorder.fleet.query.source import Source, source_of
from tests.fleet.catalogue.tables import catalogue, made
from tests.lab.s3 import s3

URL = "s3://team/catalogue"


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A catalogue of three days in S3."""
    folder = tmp_path_factory.mktemp("cassettes")
    for day in range(3):
        made(folder / f"{day}.cassette", 30, day, day)
    with s3():
        catalogue(URL, folder, settings=Settings())
        yield URL


class Counted:
    """A file system that keeps what was read of which file."""

    def __init__(self, store: Any) -> None:
        self._store, self.reads = store, list[tuple[str, int]]()

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        content: bytes = self._store.cat_file(path, start=start, end=end)
        self.reads.append((path, len(content)))
        return content


def test_a_query_of_one_day_reads_the_file_of_that_day_once(far: str) -> None:
    found = source_of(far)
    store = Counted(found.store)
    (day,) = sorted({path.split("/")[2] for path in found.files if path.startswith("triples/")})[1:2]

    with opened(replace(found, store=store)) as database:
        rows = list(database.answer(f"SELECT count(*) FROM triples WHERE day = '{day.partition('=')[2]}'").rows)

    assert rows == [(30,)]
    assert [path.rpartition("day=")[2].partition("/")[0] for path, _ in store.reads] == [day.partition("=")[2]]


def test_the_command_reads_and_writes_in_s3(far: str) -> None:
    words = ["query", "--catalogue", far, "SELECT count(*) AS n FROM triples"]

    assert json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout) == [{"n": 90}]
    for option, name in (("-o", "out.txt"), ("--parquet", "out.parquet")):
        done = CliRunner().invoke(main, [*words, option, f"s3://team/{name}"])
        assert (done.exit_code, done.stderr) == (0, f"recorder: s3://team/{name}: 1 row\n")
        assert fsspec.filesystem("s3").size(f"team/{name}") > 0


def test_no_catalogue_there_is_told(far: str) -> None:
    done = CliRunner().invoke(main, ["query", "--catalogue", "s3://team/nothing", "slowest"])

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("recorder: s3://team/nothing: holds no catalogue; recorder catalogue build ")


def test_a_query_is_run_again_if_a_build_replaces_what_it_reads(
    far: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [old_of(far), source_of(far)]
    monkeypatch.setattr(asking, "source_of", lambda _: found.pop(0))

    with asking.asked(far, lambda database: (None, database.answer("SELECT count(*) FROM triples").rows)) as (_, rows):
        assert list(rows) == [(90,)]

    assert found == []


def test_a_query_that_meets_builds_all_the_time_is_told(far: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "source_of", old_of)

    with (
        pytest.raises(InputError, match="a build has replaced it meanwhile; run the query again"),
        asking.asked(far, lambda database: (None, database.answer("SELECT count(*) FROM triples").rows)),
    ):
        pass


def old_of(url: str) -> Source:
    """Return the source of a catalogue whose files are gone."""
    found = source_of(url)
    return replace(found, files={path.replace("parquet", "old.parquet"): size for path, size in found.files.items()})


def test_the_files_are_those_of_the_newest_list(far: str) -> None:
    found = Dataset.find(Folder(far))

    assert found is not None
    assert set(source_of(far).files) == {one.path for files in found.tables.values() for one in files}
