"""What became slower is found; chance is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.drive.engine.plan import Finding, Found
from recorder.model import Recording
from recorder.verify.judged import Rule, Tier
from recorder.verify.judging import Run
from recorder.verify.latency import Limit, greater_by_chance, slower
from recorder.verify.verdict import verdict_of
from tests.verify.desks import GWS, pair
from tests.wire import Wire, done, operation, record_event

LATE = 4.0  # seconds
NAMES = ["GetChainedRecord", "CompleteRecord", "UpdateRecord", "RejectRecord"]
DRAWS: dict[str, Callable[[Random], float]] = {
    "steady": lambda _: 0.02,
    "even": lambda random: random.uniform(0.002, 0.5),
    "waiting": lambda random: random.expovariate(5),
    "long-tailed": lambda random: random.lognormvariate(-3, 1),
}


def session(random: Random, draw: Callable[[Random], float], triples: int, late: str = "") -> Recording:
    wire = Wire()
    desk = wire.desk()
    for n in range(triples):
        name = NAMES[n % len(NAMES)]
        desk.polls()
        exchange = desk.post(operation(f"/api/v2/me/outbound-records/{n}", name, f"r{n}"))
        wire.wait(draw(random))
        wire.ack(exchange)
        wire.wait(draw(random) + (LATE if name == late else 0.0))
        desk.hears(record_event("ChainedRecord", n, f"r{n}"))
        wire.wait(draw(random))
        desk.hears(done(n, f"r{n}"))
    return wire.recording()


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize("triples", [1, 8])
def test_chance_alarms_in_none_of_50_runs(draw: Callable[[Random], float], triples: int) -> None:
    random = Random(7)
    old = session(random, draw, triples)

    assert [slower(old, [session(random, draw, triples)]) for _ in range(50)] == [[]] * 50


def test_one_late_event_of_three_is_no_change_of_the_usual_time() -> None:
    old, new, bindings = pair(late="chained 1")

    found = [one for one in verdict_of(old, [Run(new, (), bindings)], GWS).found if one.tier is not Tier.INFO]

    assert found == []


@pytest.mark.parametrize("draw", ["steady", "long-tailed"])
@pytest.mark.parametrize("runs", [1, 5])
def test_an_operation_that_is_slower_is_found_at_its_first_late_event(draw: str, runs: int) -> None:
    random = Random(7)
    old = session(random, DRAWS[draw], 12)
    new = [session(random, DRAWS[draw], 12, late="UpdateRecord") for _ in range(runs)]

    (found,) = slower(old, new)

    assert (found.tier, found.rule, found.pattern) == (Tier.WARNING, Rule.SLOWER, "events[ChainedRecord].offset_ms")
    assert (found.operation, found.part, found.runs) == ("UpdateRecord", "ChainedRecord", tuple(range(1, runs + 1)))
    assert [place.n for place in found.places if place.run == 1] == [3, 7, 11]


def test_a_triple_that_was_recorded_once_is_found_among_others() -> None:
    random = Random(7)
    old, new = (session(random, DRAWS["steady"], 4, late) for late in ("", "UpdateRecord"))

    (found,) = slower(old, [new])

    assert (found.n, found.where) == (3, "events[0].offset_ms")
    assert (round(found.old), round(found.new), found.text) == (40, 4040, "40 ms became 4040 ms")


def test_a_server_that_is_slower_as_a_whole_is_one_finding() -> None:
    random = Random(7)
    old = session(random, lambda r: r.uniform(0.05, 0.1), 8)
    new = session(random, lambda r: r.uniform(0.5, 1.0), 8)

    (found,) = slower(old, [new])

    assert (found.operation, found.rule) == ("", Rule.SLOWER)
    assert found.text.startswith("the server as a whole: ")


def test_with_enough_times_the_ranks_decide() -> None:
    """Other events take as long."""
    random = Random(7)
    old = session(random, lambda r: 9.0 if r.random() < 0.02 else r.choice([0.05, 0.06, 0.07]), 48)
    new = session(random, lambda r: r.choice([0.05, 0.06, 0.07, 0.08]), 48, "UpdateRecord")

    assert [one.operation for one in slower(old, [new, new])] == ["UpdateRecord"]


@pytest.mark.parametrize(
    ("old", "new", "exceeded"), [(10, 211, True), (10, 210, False), (1000, 3001, True), (1000, 2900, False)]
)
def test_a_time_counts_beyond_both_limits(old: float, new: float, exceeded: bool) -> None:
    assert Limit().exceeded(old, new) is exceeded


@given(st.integers(1, 4), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_rank_test_counts_all_orders(n: int, m: int, random: Random) -> None:
    values = random.sample(range(100), n + m)
    old, new = values[:n], values[n:]

    def above(first: Sequence[int]) -> int:
        return sum(b > a for a in first for b in set(values).difference(first))

    # how the values may fall to the two, each as likely as another one
    draws = list(combinations(values, n))
    expected = sum(above(first) >= above(old) for first in draws) / len(draws)
    assert greater_by_chance(old, new) == pytest.approx(expected)


def test_many_ranks_are_taken_as_normal() -> None:
    small, large = list(range(40)), list(range(20, 60))

    assert greater_by_chance(small, large) == pytest.approx(3.9e-9, rel=0.5)
    assert greater_by_chance(large, small) == pytest.approx(1.0, abs=1e-6)


def test_what_came_late_in_a_triple_that_is_slower_is_told_once() -> None:
    random = Random(7)
    old, new = (session(random, DRAWS["steady"], 8, late) for late in ("", "UpdateRecord"))
    missed = Finding(Found.MISSING_EVENT, 3, 3, "triple 3 UpdateRecord, event ChainedRecord", "did not come", 2.0)

    found = verdict_of(old, [Run(new, [missed])], GWS).found

    assert [one.rule for one in found if one.tier is Tier.WARNING] == [Rule.SLOWER]
