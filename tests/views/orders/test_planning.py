"""The order that a schedule asks for, where no run of it is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.replay.engine.orders.deviations import Deviation, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.schedule import Schedule
from recorder.views.orders.acts import ALONE, Act, known, recorded
from recorder.views.orders.planning import planned
from tests.views.orders.made import RECORDED, session

ACTS = known(session().recording(load()))
ORDER = recorded(ACTS)
ITEMS = [Item.parse(name) for name in RECORDED if not name.startswith("request")]
EVENTS = [item for item in ITEMS if not item.is_ack]


def plan(*texts: str) -> list[Act]:
    return planned(ORDER, Schedule.of(map(Deviation.parse, texts)), ACTS)


def names(*texts: str) -> list[str]:
    return [act.name for act in plan(*texts)]


def test_the_recorded_order_is_asked_for_by_no_deviation() -> None:
    assert plan() == ORDER


def test_what_must_wait_takes_what_follows_in_its_chain_with_it() -> None:
    found = names("event u1 before event 1.2")

    assert found[2:9] == ["event 1.1", "request 2", "ack 2", "event 2.1", "event u1", "event 1.2", "event 1.3"]


def test_a_late_item_stands_behind_what_came_meanwhile() -> None:
    assert names("ack 1 40ms late")[:6] == ["request 1", "event 1.1", "event 1.2", "event 1.3", "ack 1", "request 2"]


def test_an_item_that_comes_with_another_stands_before_it_in_its_answer() -> None:
    found = plan("event 2.1 with event 3.1")

    at = [act.name for act in found].index("event 2.1")
    assert [act.name for act in found[at : at + 2]] == ["event 2.1", "event 3.1"]
    assert found[at].answer == found[at + 1].answer != ALONE


def test_items_of_one_answer_are_parted() -> None:
    answers = {act.name: act.answer for act in plan("event 1.2 apart from event 1.1")}

    assert answers["event 1.2"] == ALONE != answers["event 1.1"]


@pytest.mark.parametrize("text", ["event 2.1 twice", "event 2.1 in a lost poll"])
def test_what_comes_again_stands_there_twice(text: str) -> None:
    assert names(text).count("event 2.1") == 2


@pytest.mark.parametrize("text", ["event 2.1 in a reply", "ack 2 after a lost session", "ack 2 after a cut websocket"])
def test_what_moves_nothing_leaves_the_order(text: str) -> None:
    assert names(text) == RECORDED


DEVIATIONS = st.one_of(
    st.builds(Deviation, st.just(Kind.BEFORE), st.sampled_from(EVENTS), st.sampled_from(ITEMS)),
    st.builds(
        Deviation, st.sampled_from([Kind.TOGETHER, Kind.APART]), st.sampled_from(EVENTS), st.sampled_from(EVENTS)
    ),
    st.builds(Deviation, st.just(Kind.LATE), st.sampled_from(ITEMS), seconds=st.floats(0.001, 1)),
).filter(lambda one: one.item != one.other)


@given(st.lists(DEVIATIONS, max_size=6).map(Schedule.of))
def test_each_act_stays_behind_its_request_and_in_its_chain(schedule: Schedule) -> None:
    found = [act.name for act in planned(ORDER, schedule, ACTS)]

    assert sorted(found) == sorted(RECORDED)
    assert all(found.index(f"request {item.triple}") < found.index(str(item)) for item in ITEMS if item.triple)
    chains: dict[tuple[int, str], list[str]] = {}
    for name in found:
        chains.setdefault(ACTS[name].chain, []).append(name)
    assert all(chain == sorted(chain, key=RECORDED.index) for chain in chains.values())
