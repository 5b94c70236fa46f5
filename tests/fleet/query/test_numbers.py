"""The numbers of queries are those of `recorder stats` over the same cassettes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.cli import main
from recorder.fleet.catalogue.reading import Settings
from recorder.fleet.query.asking import asked
from recorder.fleet.query.database import Database
from recorder.fleet.query.shipped import load
from recorder.views.counts.stats import Stats, as_json
from tests.fleet.catalogue.tables import catalogue, made

ROOT = Path(__file__).parents[3]
FOLDERS = ("cassettes", "tests/cassettes/labs", "tests/vectors/v2")
MICROSECONDS = st.integers(0, 10**9)


def printed(*words: str) -> Any:
    done = CliRunner().invoke(main, list(words))
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def slowest(place: Path) -> dict[str, dict[str, Any]]:
    query = load("slowest")

    def ask(database: Database) -> tuple[list[str], Any]:
        answer = database.answer(query.sql, query.values([]))
        return [one.name for one in answer.columns], answer.rows

    with asked(str(place), ask) as (names, rows):
        return {row[0]: dict(zip(names, row, strict=True)) for row in rows}


def told(place: Path) -> list[str]:
    """Return the cassettes of a catalogue that could be read."""
    with asked(
        str(place), lambda one: (0, one.answer("SELECT url FROM cassettes WHERE problem IS NULL").rows)
    ) as found:
        return sorted(url for (url,) in found[1])


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_operation_has_the_numbers_of_stats(tmp_path: Path, folder: str) -> None:
    catalogue(tmp_path / "catalogue", ROOT / folder, settings=Settings(takes_clear=True))
    paths = told(tmp_path / "catalogue")

    expected = printed("stats", *paths, "--json")["operations"]

    assert len(paths) > 1
    assert len(expected) >= 1
    assert_equal(slowest(tmp_path / "catalogue"), expected)


def test_many_synthetic_cassettes_have_the_numbers_of_stats(tmp_path: Path) -> None:
    paths = [made(tmp_path / f"{seed}.cassette", 30, seed, seed * 5, is_sealed=seed % 2 == 0) for seed in range(1, 8)]
    catalogue(tmp_path / "catalogue", tmp_path)

    assert_equal(slowest(tmp_path / "catalogue"), printed("stats", *map(str, paths), "--json")["operations"])


def assert_equal(found: dict[str, dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert {name: row["count"] for name, row in found.items()} == {one["operation"]: one["count"] for one in expected}
    for operation in expected:
        row = found[operation["operation"]]
        assert spread(row, "ack") == spread(operation["ack_ms"], "")
        assert spread(row, "last") == spread(operation["last_ms"], "")


def spread(row: dict[str, Any] | None, prefix: str) -> list[float | None]:
    names = [f"{prefix}_{name}".lstrip("_") for name in ("median", "p95", "max")]
    return [(row or {}).get(name) for name in names]


@settings(max_examples=200, deadline=None)
@given(st.lists(MICROSECONDS, min_size=1, max_size=120))
def test_quantile_disc_takes_the_value_that_stats_takes(
    connection: duckdb.DuckDBPyConnection, times: list[int]
) -> None:
    stats = Stats()
    for time in times:
        stats.add_operation("x", "acked", 0, time * 1000, None)
    expected = as_json(stats)["total"]["ack_ms"]

    found = connection.execute(
        "SELECT quantile_disc(x, 0.5), quantile_disc(x, 0.95) FROM unnest($1) AS t(x)",
        [[time / 1000 for time in times]],
    ).fetchone()

    assert found == (expected["median"], expected["p95"])


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()
