"""The parts of a triple leave in their recorded order, at their recorded offsets from the request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.dialect.definition import load
from recorder.model import Recording
from recorder.replay.engine.rewriting.rewriter import Rewriter
from recorder.replay.engine.timeline import ACK_PATIENCE, INSTANT, Run, Step, steps
from recorder.requests.bindings import Bindings
from tests.wire import Message, Wire, chained, done, record_event

REWRITER = Rewriter(load(), Bindings())


def names(of: tuple[Step, ...]) -> list[tuple[float, str]]:
    """Offset and name of each step."""
    return [(s.offset, s.event.data.get("notificationType", "state") if s.event else "ack") for s in of]


def recorded(*events: Message, early: int = 0) -> Recording:
    wire = Wire()
    wire.wait(5)
    wire.desk().asks(chained(7, "r1"), *events, early=early)
    return wire.recording()


def run(*offsets: tuple[float, bool], rate: float = 1.0, started: float = 10.0) -> Run:
    """A run of steps, each with its offset and whether it is an event."""
    event = recorded(done(7, "r1")).triples[0].events[0].event
    return Run(
        tuple(Step((n, 0), at, event if pushed else None) for n, (at, pushed) in enumerate(offsets)),
        started,
        rate,
        REWRITER,
    )


# Steps of a triple


def test_a_triple_is_played_in_its_recorded_order_with_the_ack_as_one_step() -> None:
    triple = recorded(record_event("ChainedRecord", 7, "r1"), done(7, "r1"), early=1).triples[0]

    assert names(steps(triple)) == [(0.1, "ChainedRecord"), (0.2, "ack"), (0.3, "ChainedRecordsDataEnd")]


def test_events_of_one_poll_keep_their_order() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(chained(7, "r1")))
    desk.hears(*(record_event(name, 7, "r1") for name in ("B", "A", "C")))

    assert names(steps(wire.recording().triples[0])) == [(0, "ack"), (0, "B"), (0, "A"), (0, "C")]


def test_a_triple_that_ended_with_a_failure_has_its_ack_there() -> None:
    wire = Wire()
    desk = wire.desk()
    post = desk.post(chained(7, "r1"))
    wire.wait(0.5)
    wire.fail(post)
    wire.wait(0.5)
    desk.hears(done(7, "r1"))

    assert names(steps(wire.recording().triples[0])) == [(0.5, "ack"), (1.0, "ChainedRecordsDataEnd")]


def test_a_triple_that_never_ended_has_its_ack_after_its_events() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.post(chained(7, "r1"))
    wire.wait(0.5)
    desk.hears(done(7, "r1"))

    assert names(steps(wire.recording().triples[0])) == [(0.5, "ChainedRecordsDataEnd"), (0.5, "ack")]


def test_a_triple_with_nothing_at_all_still_has_an_ack() -> None:
    wire = Wire()
    wire.desk().post(chained(7, "r1"))

    assert names(steps(wire.recording().triples[0])) == [(0.0, "ack")]


def test_a_clock_that_went_back_does_not_play_before_the_request() -> None:
    triple = recorded(done(7, "r1")).triples[0]
    early = replace(triple, request=replace(triple.request, t=10**12))

    assert names(steps(early)) == [(0.0, "ack"), (0.0, "ChainedRecordsDataEnd")]


# Runs


@pytest.mark.parametrize(("rate", "due"), [(1.0, 10.5), (0.5, 11.0), (10.0, 10.05), (INSTANT, 10.0)])
def test_a_step_is_due_at_its_offset_divided_by_the_rate(rate: float, due: float) -> None:
    assert run((0.5, True), rate=rate).due() == due


def test_a_run_that_is_through_is_never_due() -> None:
    playing = run((0.5, False))
    playing.advance(10.5)

    assert playing.step is None
    assert playing.due() is None


def test_the_ack_waits_until_the_events_before_it_were_fetched() -> None:
    playing = run((0.0, True), (0.1, False))
    playing.advance(10.0)
    waiting = playing.due()
    playing.taken(out=True)

    assert waiting == 10.0 + ACK_PATIENCE
    assert playing.due() == 10.1


def test_the_ack_does_not_wait_for_ever_and_never_comes_before_its_time() -> None:
    playing = run((0.0, True), (3.0, False))
    playing.advance(10.0)

    assert playing.due() == 13.0


def test_the_ack_waits_again_when_an_event_comes_back() -> None:
    playing = run((0.0, True), (0.1, False))
    playing.advance(10.0)
    playing.taken(out=True)
    playing.taken(out=False)
    lost = playing.due()
    playing.taken(out=True)

    assert lost == 10.0 + ACK_PATIENCE
    assert playing.due() == 10.1


def test_an_event_waits_for_no_poll() -> None:
    playing = run((0.0, True), (0.1, True))
    playing.advance(10.0)

    assert playing.due() == 10.1
