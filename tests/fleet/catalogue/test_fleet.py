"""Many cassettes give the same tables however the work is spread, and the numbers of `recorder stats`.

RECORDER_CATALOGUE=2000x100 takes so many cassettes, with so many triples each; `make catalogue` does.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.catalogue_files import DAYS, make, one
from recorder.cli import main
from recorder.cli.jobs import mapped
from recorder.errors import UpstreamError, WorkerError
from recorder.fleet.catalogue.building import Built
from recorder.fleet.catalogue.cluster import spread_over
from tests.fleet.catalogue.tables import catalogue, differing, everything, older, rows
from tests.lab.cluster import cluster

CASSETTES, TRIPLES = map(int, os.environ.get("RECORDER_CATALOGUE", "60x8").split("x"))
pytestmark = [
    pytest.mark.once,
    pytest.mark.xdist_group("catalogue"),
    pytest.mark.timeout(3600 if CASSETTES > 60 else 120),
]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    make(folder, CASSETTES, TRIPLES)
    for path in folder.rglob("*.cassette"):
        older(path)
    return folder


@pytest.fixture(scope="module")
def alone(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue that one process built."""
    output = tmp_path_factory.mktemp("alone") / "catalogue"
    timed("one process", output, fleet)
    return output


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with cluster(tmp_path_factory.mktemp("dask")) as address:
        yield address


def test_four_processes_make_the_same_tables(fleet: Path, alone: Path, tmp_path: Path) -> None:
    timed("four processes", tmp_path / "four", fleet, spread=partial(mapped, jobs=4, afresh=True))

    assert differing(tmp_path / "four", alone) == {}


def test_two_workers_of_dask_make_the_same_tables(fleet: Path, alone: Path, tmp_path: Path, dask: str) -> None:
    timed("two workers of Dask", tmp_path / "dask", fleet, spread=partial(spread_over, dask))

    assert differing(tmp_path / "dask", alone) == {}


def test_a_worker_that_fails_ends_the_build(dask: str) -> None:
    with pytest.raises(ZeroDivisionError):
        list(spread_over(dask, divider, (0,), range(3)))


def test_a_cluster_works_at_a_few_items_at_a_time(dask: str) -> None:
    asked = []

    results = spread_over(dask, divider, (1,), (asked.append(n) or n for n in range(100)))

    next(iter(results))
    assert len(asked) <= 6


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder.fleet.catalogue.cluster._PATIENCE", 0.2)

    with pytest.raises(UpstreamError, match="no Dask scheduler answers"):
        list(spread_over("tcp://127.0.0.1:9", divider, (1,), [1]))


def test_a_process_that_is_killed_ends_the_build_and_the_catalogue_stays(tmp_path: Path) -> None:
    make(tmp_path / "files", 2, 2)
    catalogue(tmp_path / "out", tmp_path / "files")
    before = everything(tmp_path / "out")
    one(tmp_path / "files/new.cassette", 2, 7)

    def killed(*_: object) -> Iterable[Any]:
        raise WorkerError("a process was killed")

    with pytest.raises(WorkerError):
        catalogue(tmp_path / "out", tmp_path / "files", spread=killed)
    assert everything(tmp_path / "out") == before


def test_a_second_build_after_ten_changes_reads_ten(fleet: Path, alone: Path, tmp_path: Path) -> None:
    shutil.copytree(alone, tmp_path / "out")
    every = sorted(fleet.rglob("*.cassette"))
    changed, gone, copied = every[:4], every[4:7], every[7:9]
    kept = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in every[:9]}
    try:
        for place, path in enumerate(changed):
            path.unlink()
            one(path, TRIPLES, 10_000 + place)
        for path in gone:
            path.unlink()
        for path in copied:
            path.with_name(f"copy-{path.name}").write_bytes(path.read_bytes())
        one(fleet / "new" / "new.cassette", TRIPLES, 20_000)

        again = timed("ten changes", tmp_path / "out", fleet)

        assert (again.read, again.gone, again.unchanged) == (7, 3, CASSETTES - 7)
        catalogue(tmp_path / "fresh", fleet)
        assert differing(tmp_path / "out", tmp_path / "fresh") == {}
    finally:
        for path in (*(path.with_name(f"copy-{path.name}") for path in copied), fleet / "new" / "new.cassette"):
            path.unlink(missing_ok=True)
        for path, (content, changed_at) in kept.items():  # other tests compare with what was catalogued before
            path.write_bytes(content)
            os.utime(path, ns=(changed_at, changed_at))


def test_there_are_few_files(alone: Path) -> None:
    days = len({row["day"] for row in rows(alone, "events")})

    assert len(list((alone / "events").rglob("*.parquet"))) == days <= DAYS + 1
    assert len(list((alone / "cassettes").rglob("*.parquet"))) == 1


def test_the_numbers_are_those_of_stats(fleet: Path, alone: Path) -> None:
    files = sorted(map(str, fleet.rglob("*.cassette")))
    told = CliRunner().invoke(main, ["stats", *files, "--json", "--jobs", "1"]).stdout
    stats, triples, events = json.loads(told), rows(alone, "triples"), rows(alone, "events")

    assert (stats["files"], stats["size"], stats["sessions"]) == (
        len(files), sum(row["size"] for row in rows(alone, "cassettes")), len(rows(alone, "sessions")),
    )  # fmt: skip
    assert {row["operation"]: (row["count"], row["states"]) for row in stats["operations"]} == {
        name: (len(some), dict(Counter(row["state"] for row in some)))
        for name, some in by(triples, "operation").items()
    }
    for row in stats["operations"]:
        some = [one for one in triples if one["operation"] == row["operation"]]
        assert row["ack_ms"] == spread(one["ack_ms"] for one in some)
        assert row["last_ms"] == spread(one["terminal_ms"] for one in some)
        assert row["events"] == sum(one["events"] for one in some)
    assert stats["unsolicited"] == sum(row["n"] is None for row in events)
    assert stats["total"]["unsure"] == sum(row["n"] is not None and row["confidence"] < 1 for row in events)
    assert stats["rules"] == dict(sorted(Counter(row["rule"] for row in events if row["rule"]).items()))
    assert {row["channel"]: row["events"] + row["unsolicited"] for row in stats["channels"]} == Counter(
        row["channel"] for row in events
    )


def timed(what: str, output: Path, *patterns: Path, **more: Any) -> Built:
    """Build, and print what that took: `-s` shows it."""
    began, before = time.monotonic(), sum(os.times()[:4])
    built = catalogue(output, *patterns, **more)
    took, cpu = time.monotonic() - began, sum(os.times()[:4]) - before
    print(f"{what}: {built.read} read in {took:.1f} s, {cpu:.1f} s of CPU; {built.size:,} bytes in {built.files}")
    return built


def divider(by: int) -> Any:
    return lambda number: number // by


def by(some: list[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in some:
        found.setdefault(row[name], []).append(row)
    return found


def spread(values: Iterable[float | None]) -> dict[str, float] | None:
    """The figures of `recorder stats`: each is a value that was measured."""
    ordered = sorted(value for value in values if value is not None)
    ranks = {"min": 0, "median": 50, "p95": 95, "max": 100}
    return {name: ordered[max(-(-rank * len(ordered) // 100) - 1, 0)] for name, rank in ranks.items()} or None
