"""The plan for many agents: its arithmetic, with costs that are easy to reckon with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.fleet_plan import Costs, Fleet, Prices, cataloguing, measured, placed, recording, table, tables

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"

COSTS = Costs(
    exchange=1000.0, empty=100.0, poll=102.4, idle=1000.0, idle_archived=100.0, journal=3000.0, sealed=3500.0,
    archive=300.0, seal=1000.0, archiving=500.0, catalogue=1000.0, parquet=50.0, puts=2.0, gets=10.0,
    show_requests=20.0, show_bytes=500_000.0, sessions=4.0,
)  # fmt: skip
FLEET = Fleet(agents=3600, peak=2.0, cassettes=36_000, prices=Prices(1.0, 2.0, 3.0))


def recorded(costs: Costs = COSTS, fleet: Fleet = FLEET) -> dict[str, str]:
    return {line.what: line.value for line in recording(costs, fleet)}


def catalogued(costs: Costs = COSTS, fleet: Fleet = FLEET) -> dict[str, str]:
    return {line.what: line.value for line in cataloguing(costs, fleet)}


def test_a_floor_of_eight_hours_is_what_is_assumed() -> None:
    fleet = Fleet(agents=400)

    assert fleet.agents * fleet.operations * fleet.hours == 160_000


def test_recorders_take_busy_seconds() -> None:
    found = recorded()

    assert found["exchanges a second, on average"] == "220"  # 100 and 120 idle polls an hour
    assert found["exchanges a second, in a busy one"] == "320"  # polls without events have no peak
    assert found["cores that recording takes then"] == "0.3"
    assert found["recorders"] == "1"


@pytest.mark.parametrize(("agents", "count"), [(5625, "1"), (5626, "2"), (11_251, "3")])
def test_a_recorder_is_busy_half_of_its_core_at_most(agents: int, count: str) -> None:
    assert recorded(fleet=replace(FLEET, agents=agents))["recorders"] == count


def test_polls_that_are_held_longer_cost_less() -> None:
    assert recorded(fleet=replace(FLEET, held=3600.0))["exchanges a second, on average"] == "101"


def test_memory_is_that_of_an_empty_recorder_and_of_its_polls() -> None:
    assert recorded()["memory of each recorder"] == "460 MiB"


def test_a_day_is_triples_and_polls_without_events() -> None:
    found = recorded()

    assert found["triples a day"] == "1,440,000"
    assert found["journals a day, all recorders"] == "8 GB"  # 4.3 of triples, 3.5 of polls
    assert found["archives a day, all recorders"] == "0.8 GB"
    assert found["CPU time to archive a day"] == "0.8 h"


def test_cores_share_a_build() -> None:
    found = catalogued()

    assert found["triples"] == "3,600,000"
    assert found["cassettes a second and core"] == "10.0"
    assert found["CPU time of a first build"] == "1 h"
    assert found["time on 16 cores"] == "0.1 h"
    assert found["CPU time after 10,000 changes"] == "17 min"


def test_a_store_costs_storage_and_requests() -> None:
    found = catalogued()

    assert (found["archives in the store"], found["catalogue in the store"]) == ("1 GB", "0.2 GB")
    assert (found["puts"], found["gets of a first build"]) == ("0.1 million", "0.4 million")
    assert found["example: a month of storage"] == "$1.26"
    assert found["example: all puts, once"] == "$144.00"
    assert found["example: a first build"] == "$1,080.00"
    assert found["example: a million triples shown"] == "$60,000.00"


def test_the_plan_is_tables_for_the_page() -> None:
    lines = table(recording(COSTS, FLEET), "10,000 agents").splitlines()

    assert lines[:2] == ["| 10,000 agents | computed | |", "|---|---|---|"]
    assert {line.count("|") for line in [*lines, *table(cataloguing(COSTS, FLEET), "x").splitlines()]} == {4}
    assert {line.count("|") for line in measured(COSTS).splitlines()} == {3}


def test_the_page_takes_the_tables_and_keeps_all_else() -> None:
    page = PAGE.read_text(encoding="utf-8")

    once = placed(page, tables(COSTS, FLEET))

    assert all(f"\n\n{text}\n\n" in once for text in tables(COSTS, FLEET).values())
    assert placed(once, tables(COSTS, FLEET)) == once
    assert [line for line in once.splitlines() if not line.startswith("|")] == [
        line for line in page.splitlines() if not line.startswith("|")
    ]


def test_a_page_without_a_place_for_a_table_is_told() -> None:
    with pytest.raises(ValueError, match="0 places for the table of costs"):
        placed("# A page\n", {"costs": "| a |"})


def test_the_page_assumes_what_the_plan_does() -> None:
    page, usual = " ".join(PAGE.read_text(encoding="utf-8").split()), Fleet()

    assert f"{usual.operations:g} operations an hour" in page
    assert f"{usual.held:g} s" in page
    assert f"{usual.peak:g} times as many operations" in page
    assert f"at most {usual.busy:.0%} of its core" in page
    assert f"{usual.triples} triples each" in page
    assert f"${usual.prices.month:g} for a GB in a month" in page
    assert f"${usual.prices.puts:g} for 1,000 puts" in page
    assert f"${usual.prices.gets:g} for 1,000 gets" in page
