"""Schedules as input of property tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from recorder import StandIn
from recorder.api.threads import LoopThread
from recorder.cassette.codec import encode, encode_header
from recorder.dialect.carried import dialect_of
from recorder.errors import UsageError
from recorder.explore.space import Space
from recorder.hypothesis import schedules
from recorder.library.recording import load_recording
from recorder.replay.engine.orders.deviations import Kind
from recorder.replay.engine.orders.schedule import Schedule
from tests.plugin.desktop import CASSETTES
from tests.plugin.schedules.racing import assumes_the_ack_first, waits_for_all
from tests.wire import HEADER, Wire

SMALL, PREVIEW = CASSETTES / "get-chained-record.cassette", CASSETTES / "preview-session.cassette"
RECORDING = load_recording(PREVIEW)
LAW = Space.of(RECORDING, dialect_of(RECORDING.header)).law


@given(schedules(PREVIEW))
def test_each_schedule_is_allowed_and_has_few_deviations(schedule: Schedule) -> None:
    assert LAW.allows(schedule.deviations)
    assert len(schedule.deviations) <= 5
    assert {one.disturbance for one in schedule.deviations} <= {None}


@given(schedules(RECORDING, disturb=["poll", "handshake"], delay=0, most=2))
def test_trouble_comes_where_it_is_asked_for(schedule: Schedule) -> None:
    kinds = {one.kind for one in schedule.deviations}

    assert kinds.isdisjoint({Kind.LATE, Kind.TWICE, Kind.CUT})
    assert len(schedule.deviations) <= 2


@pytest.mark.parametrize("kind", [Kind.LOST_POLL, Kind.LOST_SESSION])
def test_each_trouble_is_drawn(kind: Kind) -> None:
    strategy = schedules(RECORDING, disturb=["poll", "handshake"])

    found = find(strategy, lambda drawn: any(one.kind is kind for one in drawn.deviations))

    assert [one.kind for one in found.deviations] == [kind]  # shrunk: nothing else is in it


def test_a_failing_schedule_is_shrunk_to_what_breaks_the_client() -> None:
    thread = LoopThread()

    def fails(schedule: Schedule) -> bool:
        with StandIn(SMALL, clock="virtual", schedule=schedule, thread=thread) as standin:
            try:
                assumes_the_ack_first(standin.url)
            except AssertionError:
                return True
        return False

    try:
        found = find(schedules(SMALL, delay=0), fails, settings=settings(max_examples=50, deadline=None))
    finally:
        thread.stop()

    assert str(found) == "event 1.1 before ack 1"


@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(schedules(SMALL, delay=0), st.integers(0, 1))
def test_a_right_client_bears_each_with_other_input(schedule: Schedule, seed: int) -> None:
    with StandIn(SMALL, clock="virtual", seed=seed, schedule=schedule) as standin:
        waits_for_all(standin.url)

    assert standin.order.unmet <= frozenset(schedule.deviations)


def test_a_recording_without_events_has_its_one_order(tmp_path: Path) -> None:
    path = tmp_path / "s.cassette"
    path.write_bytes(encode_header(HEADER) + b"".join(map(encode, Wire().records)))

    assert find(schedules(path), lambda _: True) == Schedule()


def test_what_cannot_be_drawn_is_told() -> None:
    with pytest.raises(UsageError, match="there is no trouble 'pol'; there are poll, handshake, duplicate, fallback"):
        schedules(SMALL, disturb="pol")
    with pytest.raises(UsageError, match="give the path of one"):
        schedules()
