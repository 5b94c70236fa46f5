"""Is the correlator right where it says so? Sessions with overlapping operations, made up with their truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import product

import pytest

from benchmarks.accuracy import SURE, SURE_PRECISION, Outcome, tally, varied, with_reference, wrong_links
from benchmarks.sessions import TOKENS, Kind, Shape, Step, sessions
from recorder.model import Event, Failure, Request, Response
from recorder.push.decoders import Decoders

SESSIONS = 5  # of each shape: one for each way to show whose a request is
MISSING = (0.0, 0.25, 0.5, 1.0)
BUSY = Shape(agents=3, in_flight=5, missing=0.5)


@cache
def outcomes(agents: int, in_flight: int, missing: float) -> tuple[Outcome, ...]:
    shape = Shape(agents=agents, in_flight=in_flight, missing=missing, operations=60 // agents)
    return tuple(varied(shape, SESSIONS, seed=1))


def steps(shape: Shape = BUSY, seed: int = 1) -> list[Step]:
    return list(sessions(shape, random.Random(seed)))


def events(found: Iterable[Step]) -> Iterator[Event]:
    decoder = Decoders()
    for step in found:
        yield from (seen for seen in decoder.feed(step.record) if isinstance(seen, Event))


# The sessions


def test_the_same_seed_gives_the_same_sessions() -> None:
    assert steps(seed=3) == steps(seed=3)
    assert steps(seed=3) != steps(seed=4)


@pytest.mark.parametrize("tokens", TOKENS)
def test_the_truth_names_every_event_and_nothing_else(tokens: str) -> None:
    found = steps(Shape(agents=3, in_flight=5, tokens=tokens))  # type: ignore[arg-type]
    told = {(step.record.seq, index) for step in found for index in step.causes}

    assert {(event.seq, event.index) for event in events(found)} == told


def test_records_are_numbered_in_the_order_of_time() -> None:
    found = [step.record for step in steps()]

    assert [record.seq for record in found] == list(range(len(found)))
    assert [record.t for record in found] == sorted(record.t for record in found)


def test_no_event_comes_before_its_request() -> None:
    for step in steps():
        assert all(cause.request is None or cause.request < step.record.seq for cause in step.causes.values())


def test_all_that_can_happen_happens() -> None:
    found = steps(Shape(agents=3, in_flight=5, missing=0.3, operations=200))
    records = [step.record for step in found]
    asked = {record.exchange: record.seq for record in records if isinstance(record, Request)}
    answered = {asked[record.exchange]: record.seq for record in records if isinstance(record, Response)}
    causes = [(step.record.seq, cause) for step in found for cause in step.causes.values()]

    assert {cause.kind for _, cause in causes} == set(Kind)
    assert any(isinstance(record, Failure) for record in records)
    assert any(seq < answered.get(cause.request, 0) for seq, cause in causes if cause.request is not None)


# The correlator


def shapes(of: Callable[[float], bool]) -> list[tuple[int, int, float]]:
    return [shape for shape in product((1, 2, 8), (1, 5, 20), MISSING) if of(shape[2])]


@pytest.mark.parametrize(("agents", "in_flight", "missing"), shapes(lambda missing: missing < 1))
def test_events_of_requests_with_a_reference_are_all_linked_and_all_right(
    agents: int, in_flight: int, missing: float
) -> None:
    found = tally(with_reference(outcomes(agents, in_flight, missing)))

    assert found.events
    assert (found.precision, found.recall) == (1, 1)


@pytest.mark.parametrize(("agents", "in_flight", "missing"), shapes(lambda missing: missing > 0))
def test_a_link_that_says_it_is_sure_is_right(agents: int, in_flight: int, missing: float) -> None:
    assert tally(outcomes(agents, in_flight, missing), least=SURE).precision >= SURE_PRECISION


@pytest.mark.parametrize(("agents", "in_flight", "missing"), shapes(lambda _: True))
def test_a_wrong_link_says_that_it_may_be_wrong(agents: int, in_flight: int, missing: float) -> None:
    assert wrong_links(outcomes(agents, in_flight, missing))["neither"] == 0
