from __future__ import annotations

import pytest

pytest.importorskip("mitmproxy")  # an extra: the suite runs without it too

from benchmarks import recording
from benchmarks.rows import Row, Scale

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return recording.rows(Scale.SMOKE)


def test_what_recording_costs_is_held_against_the_targets_of_the_design(rows: list[Row]) -> None:
    assert [row.target for row in rows] == ["≥ 0.95", "≤ 1.1", "≥ 1.5", "≥ 0.85"]
    assert all(float(row.measured) > 0 for row in rows)


def test_a_short_run_gives_no_verdict(rows: list[Row]) -> None:
    assert {row.holds for row in rows} == {None}


def test_no_exchange_is_lost(rows: list[Row]) -> None:
    assert {fact for row in rows for fact in row.facts if "lost" in fact} == {
        "Of the 1280 exchanges that were recorded in all, 0 were lost."
    }


def test_the_profile_names_where_the_time_goes(rows: list[Row]) -> None:
    assert all("mitmproxy" in row.profile and "%" in row.profile for row in rows)
