"""A failing schedule of any size shrinks to the fewest deviations, and those to the smallest that fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.explore.neighbours import not_shown
from recorder.explore.outcome import Ran
from recorder.explore.shrinking import Found, Shrinking
from recorder.explore.space import Space
from recorder.replay.engine.orders.deviations import Deviation, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Act, Order
from recorder.replay.engine.orders.schedule import Schedule
from tests.explore.desk import GWS, recorded, schedule

SPACE = Space.of(recorded(), GWS, delay=1.0)
TOGETHER = [Deviation.parse(text) for text in (
    "event 1.1 before ack 1", "event 1.2 before ack 1", "event 2.1 before ack 2", "event 2.2 before ack 2",
    "event 3.1 before ack 3", "event 2.3 with event 2.2", "event u1 apart from event 2.3", "event 3.1 with event u1",
    "ack 1 1s late", "event 2.1 1s late",
)]  # fmt: skip


def shrunk(
    begin: Schedule,
    fails: Callable[[Schedule], bool],
    unmet: Callable[[Schedule], set[Deviation]] = lambda _: set(),
    acts: Callable[[Schedule], tuple[Act, ...]] = lambda _: (),
) -> tuple[Schedule, int]:
    """The schedule that is left, and how many runs that took."""

    def ran(of: Schedule) -> Ran:
        return Ran(not fails(of), "", Order(acts(of), unmet=frozenset(unmet(of))))

    search = Shrinking(SPACE.singles, SPACE.law, [Schedule()]).shrink(Found(begin, ran(begin)))
    runs = 0
    try:
        asked = next(search)
        while True:
            runs += 1
            asked = search.send(ran(asked[0]))
    except StopIteration as exc:
        return exc.value.schedule, runs


@given(st.sets(st.sampled_from(TOGETHER), min_size=1), st.data())
@settings(deadline=None)
def test_any_set_shrinks_to_its_cause(deviations: set[Deviation], data: st.DataObject) -> None:
    cause = data.draw(st.sets(st.sampled_from(sorted(deviations, key=str)), min_size=1, max_size=2))

    found, runs = shrunk(Schedule.of(deviations), lambda of: cause <= set(of.deviations))

    kept = {one for one in found.deviations if one.kind is not Kind.LATE}
    assert kept == {one for one in cause if one.kind is not Kind.LATE}
    assert len(found.deviations) == len(cause)
    assert runs <= 80


def test_what_did_not_come_about_is_left_out_at_once() -> None:
    begin = schedule("event 1.1 before ack 1", "event 2.1 before ack 2", "event 3.1 before ack 3")
    unmet = set(schedule("event 2.1 before ack 2", "event 3.1 before ack 3").deviations)

    found, runs = shrunk(
        begin,
        lambda of: Deviation.parse("event 1.1 before ack 1") in of.deviations,
        lambda of: unmet & {*of.deviations},
    )

    assert found == schedule("event 1.1 before ack 1")
    assert runs <= 10


BATCH, ORDER = "event 2.1 with event 1.2", "event 2.1 before event 1.2"


@pytest.mark.parametrize(
    ("in_one_answer", "left"), [({BATCH, ORDER}, BATCH), ({BATCH}, ORDER)], ids=["the batch", "the order"]
)
def test_of_a_batch_that_also_holds_something_back_the_cause_is_told(in_one_answer: set[str], left: str) -> None:
    def acts(of: Schedule) -> tuple[Act, ...]:
        return Act("event 1.2", 0.1, 7), Act("event 2.1", 0.1, 7 if str(of) in in_one_answer else 8)

    found, _ = shrunk(schedule(BATCH), lambda of: str(of) in {BATCH, ORDER}, acts=acts)

    assert str(found) == left


def test_a_nearer_pair_takes_the_place_of_one_far_apart() -> None:
    fails = {"event 2.3 before ack 2", "event 2.1 before ack 2", "event 2.2 before ack 2"}

    found, _ = shrunk(schedule("event 2.3 before ack 2"), lambda of: str(of) in fails)

    assert found == schedule("event 2.1 before ack 2")


def test_a_smaller_one_that_fails_without_coming_about_is_no_cause() -> None:
    """It fails by what it holds back, and its words would be wrong."""
    smaller = Deviation.parse("event 1.1 before ack 1")

    found, _ = shrunk(
        schedule("event 2.3 before ack 2"),
        lambda of: of in {schedule("event 2.3 before ack 2"), Schedule((smaller,))},
        lambda of: {smaller} & {*of.deviations},
    )

    assert found == schedule("event 2.3 before ack 2")


def test_a_deviation_that_the_space_does_not_have_is_kept() -> None:
    far = Deviation(Kind.BEFORE, Item(3, 1), Item(1))

    found, _ = shrunk(Schedule((far,)), lambda of: of.deviations == (far,))

    assert found == Schedule((far,))


def test_a_delay_is_halved_as_long_as_it_fails() -> None:
    found, runs = shrunk(schedule("ack 1 1s late"), lambda of: of.deviations[0].seconds >= 0.2)

    assert (found, runs) == (schedule("ack 1 250ms late"), 3)


def test_a_delay_is_not_halved_for_ever() -> None:
    found, _ = shrunk(schedule("ack 1 1s late"), lambda of: True)

    assert found == schedule("ack 1 62ms late")


def test_an_item_whose_other_never_came_was_shown() -> None:
    one, other = (Deviation.parse(f"event 2.{number} before ack 2") for number in (1, 2))
    order = Order((Act("event 2.1", 0.0),), unmet=frozenset({one, other}))

    assert not_shown(order) == {other}
