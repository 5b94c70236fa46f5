"""The bench of driven sessions, small: all is sent, and all comes."""

from __future__ import annotations

import sys

import pytest

from benchmarks.driven import bare, fronted, measured, planned, simulated
from recorder.drive.engine.plan import Act
from tests.lab.processes import serving

pytestmark = pytest.mark.once


def test_each_run_plays_the_whole_plan() -> None:
    plan = planned(2, 3)
    chained = [step for step in plan.steps if any(hole.name == "handle" and hole.sources for hole in step.holes)]

    with serving([sys.executable, "-m", "benchmarks.driven", "serve"], ready="listening ") as server:
        drivers = [simulated(plan), fronted(plan, server.url)]
        events = bare(plan, server.url)
        spent = measured(plan, server.url, 6)

    assert [step.act for step in plan.steps].count(Act.CALL) == events == 6
    assert len(chained) == 4
    assert [driver.findings for driver in drivers] == [[], []]
    assert [driver.state(0).sent for driver in drivers] == [len(plan.steps)] * 2
    assert min(spent.engine, spent.front, spent.bare) > 0
