"""What comes next is found without a search, and is what a search would find."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.redaction.policy import load as load_policy
from recorder.replay.engine.matching.index import Cursor, Repeats, SessionRequests
from recorder.replay.engine.matching.matcher import Matcher
from recorder.replay.engine.policy import Policy, Repeat
from recorder.replay.engine.sessions.playhead import Playhead
from recorder.requests.bindings import HIDDEN
from recorder.requests.request import ParsedRequest
from recorder.requests.shapes import may_be
from tests.wire import Ask, Wire, chained, get_me

GWS = load()
ASKS = [
    *(
        chained(handle, reference, devicePath=f"/devices/{device}", phoneNumber=phone, timestamp=time)
        for handle, reference, device, phone, time in product(
            [7, 8], ["r1", 2], ["d1", "d2"], ["+15550100001", "+15550100002", "0351-4555"], [1, 2]
        )
    ),
    get_me(),
    Ask("/api/v2/me", b"{}", "PUT"),
]


def is_alike(place: int, playhead: Playhead, live: ParsedRequest, matcher: Matcher) -> bool:
    """Whether each value that a recorded request would bind has the shape of its pseudonym."""
    pairs = zip(matcher.entries[place].hidden, live.hidden, strict=True)
    bound = playhead.bindings.live
    return all(one == value or (HIDDEN, one) in bound or may_be(one, value) for one, value in pairs)


def searched(playhead: Playhead, live: ParsedRequest, matcher: Matcher, policy: Policy) -> int | None:
    """What `Playhead.find` stands for, by going through all that is recorded."""
    fitting = [p for p in range(len(matcher.triples)) if not matcher.differences(p, live, playhead.bindings)]
    mine = [place for place in fitting if playhead.follows(place, matcher)]
    usable = mine if policy.strict else fitting
    left = [p for p in mine if p not in playhead.played] or [p for p in usable if p not in playhead.played]
    exact = [place for place in left if matcher.is_exact(place, live)]
    if left:
        alike = [] if policy.strict else [p for p in left if is_alike(p, playhead, live, matcher)]
        place = (exact or alike or left)[0]
        operations = [p for p in range(place) if matcher.triples[p].n and playhead.follows(p, matcher)]
        in_order = not matcher.triples[place].n or all(p in playhead.played for p in operations)
        return place if not policy.strict or in_order else None
    if usable and (live.method == "GET" or policy.repeat is Repeat.LAST):
        return usable[-1]
    return min(usable, key=lambda p: (playhead.played[p], p), default=None) if policy.repeat is Repeat.CYCLE else None


@given(st.data())
def test_the_next_request_is_the_one_that_a_search_finds(data: st.DataObject) -> None:
    wire = Wire()
    desks = [wire.desk(headers=(("Cookie", f"JSESSIONID=desk{n}"),)) for n in range(data.draw(st.integers(1, 2)))]
    for _ in range(data.draw(st.integers(0, 12))):
        wire.ack(data.draw(st.sampled_from(desks)).post(data.draw(st.sampled_from(ASKS))))
    matcher = Matcher(wire.recording(), GWS, data.draw(st.sampled_from([None, load_policy()])))
    policy = Policy(data.draw(st.sampled_from(list(Repeat))), strict=data.draw(st.booleans()))
    playhead = Playhead("p1", "cookie", recorded=data.draw(st.sampled_from([None, "s1"])))

    for ask in data.draw(st.lists(st.sampled_from(ASKS), max_size=20)):
        live = matcher.call(ask.method, ask.target, ask.body)
        found = playhead.find(live, matcher, policy)
        assert (found and found.place) == searched(playhead, live, matcher, policy)
        if found is not None:
            playhead.played[found.place] += 1
            playhead.recorded = playhead.recorded or found.session
            matcher.bind(found, live, playhead.bindings)


def test_a_stack_is_played_from_its_first_to_its_last() -> None:
    played: Counter[int] = Counter()
    cursor, repeats = Cursor(played), Repeats([3, 5, 9])
    found = []
    while (place := cursor.next_of(repeats)) is not None:
        found.append(place)
        played[place] += 1

    assert found == [3, 5, 9]


@pytest.mark.parametrize(
    ("counts", "again"), [([1, 1, 1], 3), ([2, 1, 1], 5), ([2, 2, 1], 9), ([2, 2, 2], 3), ([0, 0, 0], 3)]
)
def test_a_stack_is_played_again_from_its_first_to_its_last(counts: list[int], again: int) -> None:
    played = Counter(dict(zip([3, 5, 9], counts, strict=True)))

    assert Cursor(played).again_of(Repeats([3, 5, 9])) == again


def test_of_several_stacks_that_fit_the_earliest_place_is_next_though_another_stack_began_before() -> None:
    played = Counter({1: 1, 2: 1})
    row = SessionRequests([Repeats([1, 8]), Repeats([2, 4]), Repeats([3])])

    assert Cursor(played).next_in(row, lambda first: first != 3) == 4
    assert Cursor(played).next_in(row, lambda _: True) == 3
    assert Cursor(played).next_in(row, lambda _: False) is None


def test_what_is_used_up_is_not_looked_at_again() -> None:
    looked: list[int] = []
    played: Counter[int] = Counter(range(1000))
    row = SessionRequests([Repeats([place]) for place in range(1001)])
    cursor = Cursor(played)
    cursor.next_in(row, lambda _: True)

    assert cursor.next_in(row, lambda first: not looked.append(first)) == 1000
    assert looked == [1000]


def test_the_next_few_stacks_alone_may_be_looked_at() -> None:
    looked: list[int] = []
    row = SessionRequests([Repeats([place]) for place in range(9)])

    assert Cursor(Counter(range(3))).next_in(row, lambda first: bool(looked.append(first)), 5) is None
    assert looked == [3, 4]
