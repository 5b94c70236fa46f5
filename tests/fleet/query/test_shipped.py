from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from recorder.errors import UsageError
from recorder.fleet.query.database import opened
from recorder.fleet.query.shipped import Parameter, Shipped, load, names
from recorder.fleet.query.source import Source
from tests.fleet.query.made import made

GIVEN = {"holding": ["ref-234"]}
SECONDS = 1.5  # of CPU for 200,000 triples in 401 files; measured were 0.1 to 0.6


def rows(found: Source, name: str, *given: str) -> list[dict[str, Any]]:
    query = load(name)
    with opened(found) as database:
        answer = database.answer(query.sql, query.values(given))
        return [dict(zip((one.name for one in answer.columns), row, strict=True)) for row in answer.rows]


def test_there_are_these() -> None:
    assert names() == [
        "contents",
        "coverage",
        "drift",
        "findings",
        "holding",
        "missing",
        "refused",
        "slowest",
        "unread",
    ]


@pytest.mark.parametrize("name", names())
def test_each_has_a_sentence_and_its_parameters(name: str) -> None:
    query = load(name)

    assert re.fullmatch(r"[A-Z][^;]{20,110}\.", query.about)
    assert {one.name for one in query.parameters} == set(re.findall(r"\$(\w+)", query.sql))
    assert all(one.about.endswith(".") for one in query.parameters)


@pytest.mark.parametrize("name", names())
def test_each_has_rows(small: Source, name: str) -> None:
    assert rows(small, name, *GIVEN.get(name, [])) != []


@pytest.mark.parametrize("name", [name for name in names() if name != "unread"])
def test_each_answers_nothing_of_an_empty_catalogue(tmp_path: Path, small: Source, name: str) -> None:
    empty = Source("none", small.store, str(tmp_path), {})

    assert rows(empty, name, *GIVEN.get(name, [])) == []


@pytest.mark.parametrize("name", ["coverage", "drift", "missing", "refused", "slowest"])
def test_a_pattern_takes_some_operations(small: Source, name: str) -> None:
    found = rows(small, name, "*ion1[0-3]")

    assert found != []
    assert {row["operation"] for row in found} <= {f"Operation1{n}" for n in range(4)}


def test_slowest_takes_measured_values(small: Source) -> None:
    with opened(small) as database:
        answer = database.answer("SELECT ack_ms FROM triples WHERE operation = 'Operation7' ORDER BY ack_ms")
        acks = [ack for (ack,) in answer.rows if ack is not None]
    (found,) = rows(small, "slowest", "Operation7")

    assert found["ack_median"] == acks[-(-50 * len(acks) // 100) - 1]
    assert found["ack_p95"] == acks[-(-95 * len(acks) // 100) - 1]
    assert found["ack_max"] == acks[-1]


def test_missing_counts_what_was_acked_only_and_names_what_should_have_come(small: Source) -> None:
    with opened(small) as database:
        answer = database.answer("SELECT cassette, n FROM triples WHERE state = 'acked' AND dialect = 'mcp'")
        acked = set(answer.rows)
    found = [row for row in rows(small, "missing") if row["dialect"] == "mcp"]

    assert sum(row["missing"] for row in found) == len(acked)
    assert {row["expected"] for row in found} == {f"Event2{row['operation']}" for row in found}
    assert {(row["cassette"], row["n"]) for row in found} <= acked


def test_drift_compares_with_the_week_before(small: Source) -> None:
    found = rows(made_of_weeks(small), "drift")

    assert [(row["operation"], str(row["week"]), row["ack_p95"], row["ack_change_percent"]) for row in found] == [
        ("Slower", "2024-10-07", 30.0, 200.0),
        ("Faster", "2024-10-07", 5.0, -50.0),
        ("Faster", "2024-09-30", 10.0, None),
        ("Slower", "2024-09-30", 10.0, None),
    ]


def made_of_weeks(small: Source) -> Source:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(small.root).parent / "weeks"
    for day, slower, faster in (("2024-10-02", 10.0, 10.0), ("2024-10-09", 30.0, 5.0)):
        place = folder / f"triples/dialect=d/day={day}"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"operation": ["Slower", "Faster"], "ack_ms": [slower, faster]}), place / "x.parquet")
    files = {one.relative_to(folder).as_posix(): one.stat().st_size for one in folder.rglob("*.parquet")}
    return Source(str(folder), small.store, str(folder), files)


def test_holding_finds_an_id_of_a_triple(small: Source) -> None:
    (found,) = rows(small, "holding", "ref-234")

    assert (found["cassette"], found["triples"], found["others"], found["n"]) == ("far/2.cassette", 1, 0, 35)


def test_holding_finds_whole_ids_only(small: Source) -> None:
    assert rows(small, "holding", "ref-23") != []
    assert rows(small, "holding", "ref-") == []


def test_findings_begin_with_the_gravest(small: Source) -> None:
    assert [row["severity"] for row in rows(small, "findings")] == ["damage", "problem", "remark"]


def test_unread_tells_why(small: Source) -> None:
    assert rows(small, "unread") == [{"cassette": "far/torn.cassette", "size": 3, "problem": "is torn"}]


def test_values_stand_in_order_and_have_defaults() -> None:
    both = Shipped("x", "", (Parameter("a", "", None), Parameter("b", "", "*")), "")

    assert both.usage == "x A [B]"
    assert both.values(["1"]) == {"a": "1", "b": "*"}
    assert both.values(["1", "2"]) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("given", [[], ["1", "2", "3"]])
def test_too_few_or_too_many_values_are_told(given: list[str]) -> None:
    both = Shipped("x", "", (Parameter("a", "", None), Parameter("b", "", "*")), "")

    with pytest.raises(UsageError, match=r"write recorder query x A \[B\]; recorder query --show x"):
        both.values(given)


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """200,000 triples of 2,000 cassettes, in 401 files."""
    return made(tmp_path_factory.mktemp("big") / "catalogue", 200_000)


@pytest.mark.once
@pytest.mark.xdist_group("query-big")
@pytest.mark.parametrize("name", names())
def test_each_is_quick_over_200_000_triples(big: Source, name: str) -> None:
    assert any(cpu(big, name) < SECONDS for _ in range(3))


def cpu(found: Source, name: str) -> float:
    """Return the seconds that all threads of this process computed."""
    began = time.process_time()
    rows(found, name, *GIVEN.get(name, []))
    return time.process_time() - began
