"""What a page shows of a large cassette: what is likely to be looked for, and an even sample."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from recorder.model import State, Triple
from recorder.views.selection import Choice, Sample
from tests.wire import Wire, chained, done

_WIRE = Wire()
_DESK = _WIRE.desk()
_DESK.asks(chained(7, "r1"), done(7, "r1"))
TRIPLE = _WIRE.recording().triples[0]


def triple(n: int, **changes: object) -> Triple:
    return replace(TRIPLE, n=n, **changes)  # type: ignore[arg-type]  # fields of Triple


def late(n: int, seconds: int) -> Triple:
    (link,) = TRIPLE.events
    return triple(n, events=(replace(link, event=replace(link.event, t=link.event.t + seconds * 10**9)),))


def numbers(choice: Choice, room: int) -> list[int]:
    return sorted(choice.chosen(room).triples)


@given(st.integers(1, 50), st.integers(0, 3000))
def test_a_sample_has_no_more_items_than_it_may_and_is_in_order(most: int, count: int) -> None:
    sample = Sample[int](most)
    kept = [item for item in range(count) if sample.add(item)]

    found = list(sample)

    assert found == sorted(found)
    assert set(found) <= set(kept)
    assert len(found) <= most
    assert len(found) >= min(count, most // 4)


@given(st.integers(2, 16))
def test_a_sample_takes_as_much_of_each_agent_where_agents_take_turns(agents: int) -> None:
    sample = Sample[int](1000)
    for item in range(agents * 1000):
        sample.add(item)

    by_agent = Counter(item % agents for item in sample)

    assert len(by_agent) == agents
    assert max(by_agent.values()) <= 1.2 * min(by_agent.values()) + 2


def test_a_sample_leaves_no_long_stretch_out() -> None:
    sample = Sample[int](500)
    for item in range(10_000):
        sample.add(item)

    assert max(after - before for before, after in pairwise([0, *sample, 10_000])) < 100


def test_what_has_room_is_shown_whole() -> None:
    choice = Choice(10)
    for n in range(1, 9):
        choice.triple(triple(n, state=State.FAILED))
    choice.plain(1)
    choice.unsolicited(1)

    assert [sorted(kind) for kind in choice.chosen(10)] == [list(range(1, 9)), [1], [1]]
    assert not choice.is_full


def test_without_a_bound_items_are_counted_only() -> None:
    choice = Choice(None)
    for n in range(1, 3001):
        choice.triple(triple(n))

    assert (choice.count, choice.triples, choice.is_full) == (3000, 3000, False)


def test_what_is_of_interest_comes_before_a_sample() -> None:
    choice = Choice(100, wanted={123})
    for n in range(1, 5001):
        item = triple(n, state=State.FAILED) if n == 1111 else late(n, 9) if n == 4321 else triple(n)
        choice.triple(item, is_doubtful=n == 2222, is_near=n == 3333)

    found = numbers(choice, 100)

    assert {123, 1111, 2222, 3333, 4321} <= set(found)
    assert 25 <= len(found) <= 100
    assert choice.is_full


def test_no_kind_takes_all_the_room() -> None:
    choice = Choice(100)
    for n in range(1, 5001):
        choice.triple(triple(n, state=State.FAILED if n % 2 else State.COMPLETE), is_doubtful=n % 3 == 0)
        choice.unsolicited(n)

    chosen = choice.chosen(100)

    assert len(chosen.unsolicited) <= 10
    assert sum(n % 2 == 0 for n in chosen.triples) >= 20
    assert len(chosen.triples) + len(chosen.unsolicited) <= 100


@given(st.lists(st.sampled_from(["triple", "failed", "plain", "pushed"]), max_size=60), st.integers(1, 30))
def test_a_choice_holds_no_more_than_it_may(kinds: list[str], room: int) -> None:
    choice = Choice(room)
    for n, kind in enumerate(kinds, 1):
        match kind:
            case "plain":
                choice.plain(n)
            case "pushed":
                choice.unsolicited(n)
            case _:
                choice.triple(triple(n, state=State.FAILED if kind == "failed" else State.COMPLETE))

    chosen = choice.chosen(room)

    assert sum(map(len, chosen)) <= room
    assert sum(map(len, chosen)) == len(kinds) or len(kinds) > room
    assert choice.count == len(kinds)
