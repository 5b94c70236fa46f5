from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from benchmarks import shift
from benchmarks.floor import HOURS
from benchmarks.rows import Row, Scale
from recorder.cassette.store import read

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return shift.rows(Scale.SMOKE)


def test_a_shift_lasts_eight_hours_though_it_takes_seconds(tmp_path: Path) -> None:
    worked = asyncio.run(shift.work(tmp_path / "s.cassette", 50))

    last = read(tmp_path / "s.cassette").records[-1]
    assert round(last.t / 3.6e12) == HOURS
    assert len(worked.memory) == HOURS + 1


def test_the_same_floor_is_recorded_whatever_the_queue_holds(tmp_path: Path) -> None:
    worked = asyncio.run(shift.work(tmp_path / "s.cassette", 50, queue_limit=1))

    assert worked.recorded == worked.seen > 200


def test_nothing_is_lost_and_the_queue_stays_below_its_bound(rows: list[Row]) -> None:
    memory, queue, *_ = rows

    assert memory.facts[0].endswith("requests and answers 0 were lost.")
    assert float(queue.measured) <= 1


def test_bytes_of_a_triple_are_told(rows: list[Row]) -> None:
    found = re.search(r"takes (\d+) bytes a triple", " ".join(rows[0].facts))

    assert found is not None
    assert 1_000 < int(found[1]) < 10_000


def test_mitmproxy_keeps_nothing_of_what_is_over(rows: list[Row]) -> None:
    flows, messages = rows[2:]

    assert [flows.measured, messages.measured] == ["0", "1"]  # the last message is the one that was just handed on
    assert flows.facts[0].endswith(" 320 exchanges, 320 of them recorded.")
    assert messages.facts[0].endswith(" 320 messages, 320 of them recorded.")


def test_a_short_run_gives_no_verdict(rows: list[Row]) -> None:
    assert {row.holds for row in rows} == {None}
    assert all(row.profile for row in rows)
