"""What a server is allowed, held to a simulated run: it plays each legal set of deviations and breaks no chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.dialect.definition import load, parse, source
from recorder.explore.law import Law
from recorder.explore.placed import Placed, placed
from recorder.replay.engine.orders.deviations import Deviation, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.schedule import Schedule
from tests.answers import ANSWERS
from tests.explore.desk import GWS, Desktop, Entries, is_chained, listed, recorded, schedule
from tests.wire import Ask, Wire, state_event

RECORDING = recorded()
SERVICES = parse(ANSWERS, path="services.toml")
ITEMS = placed(RECORDING, GWS)
LAW = Law(ITEMS)
ORDERED = parse(
    source("gws-outbound").replace(
        "[event]\n", '[event]\nordered = [["GetChainedRecord", "ChainedRecord", "PreviewRecord"], "/v2/me/*"]\n'
    ),
    path="mine.toml",
)
IN_ORDER = placed(RECORDING, ORDERED)
ENTRIES = (
    lambda one: one.name in {"GetChainedRecord", "ChainedRecord", "PreviewRecord"},
    lambda one: one.channel.startswith("/v2/me/"),
)
NAMES = [one.item for one in ITEMS]
PAIRS = [Deviation(Kind.BEFORE, one, other) for one in NAMES for other in NAMES if one != other]
BATCHES = [
    Deviation(kind, one, other)
    for kind in (Kind.TOGETHER, Kind.APART)
    for one in NAMES
    for other in NAMES
    if one != other and not one.is_ack and not other.is_ack
]


def allows(*texts: str, law: Law = LAW) -> bool:
    return law.allows(schedule(*texts).deviations)


def chains_kept(names: list[str], items: Iterable[Placed], ordered: Entries = ()) -> bool:
    found = list(items)
    return all(
        names.index(str(one.item)) < names.index(str(other.item))
        for one, other in combinations(found, 2)
        if is_chained(one, other, ordered)
    )


def test_events_of_one_triple_on_one_channel_keep_their_order() -> None:
    assert not allows("event 2.3 before event 2.1")
    assert allows("event 2.2 before event 2.1")


def test_acks_and_events_of_different_triples_are_free() -> None:
    assert allows("event 2.3 before ack 2")
    assert allows("ack 3 before ack 2")
    assert allows("event 3.1 before event 2.1")
    assert allows("event u1 before event 1.1")


def test_nothing_orders_the_answer_to_a_request_that_is_no_operation() -> None:
    items = placed(listed(), GWS)
    law, names = Law(items), [one.item for one in items]

    assert [str(one.item) for one in items if one.item.plain] == ["answer p1", "answer p2"]
    for one in items:
        if one.item.plain:
            assert not one.chains
            assert all(
                law.allows((Deviation(Kind.BEFORE, *pair),)) for pair in ((one.item, n) for n in names if n != one.item)
            )
            assert all(
                law.allows((Deviation(Kind.BEFORE, *pair),)) for pair in ((n, one.item) for n in names if n != one.item)
            )
    assert not allows("event u1 before answer p1", "answer p1 before event u1", law=law)
    assert not allows("answer p3 before answer p1", law=law)


def test_an_order_cannot_go_in_circles() -> None:
    assert not allows("ack 3 before ack 2", "ack 2 before event 3.1", "event 3.1 before ack 3")
    assert not allows("event 2.3 before ack 3", "ack 3 before event 2.1")
    assert not allows("event 3.1 with event 2.1", "event 3.1 apart from event 2.1", "event 3.1 before event 2.1")
    assert not allows("event 3.1 with event 2.1", "event 3.1 apart from event 2.1")
    assert allows("event 2.3 with event 2.1", "event 2.2 with event 2.1")


def test_what_the_recording_lacks_is_not_allowed() -> None:
    assert not allows("event 9.1 before ack 2")
    assert not allows("event 2.1 before ack 9")


def test_one_event_cannot_leave_in_two_ways() -> None:
    assert not allows("event 2.1 in a reply", "event 2.1 in a lost poll")
    assert not allows("event 2.1 twice", "event 2.1 after a cut websocket")
    assert not allows("event 2.1 1s late", "event 2.1 2s late")
    assert allows("event 2.1 in a reply", "event 2.2 in a lost poll")
    assert allows("event 2.1 in a reply", "event 2.1 after a lost session")


def test_a_dialect_forbids_more() -> None:
    law = Law(IN_ORDER)

    assert not allows("event 2.1 before ack 2", law=law)
    assert not allows("event 2.2 before ack 2", law=law)
    assert not allows("event 3.1 before event 2.1", law=law)
    assert not allows("ack 2 before event 1.2", law=law)
    assert allows("event 2.1 before ack 1", law=law)
    assert allows("ack 3 before ack 2", law=law)


def test_a_chain_of_two_entries_holds_as_well() -> None:
    law = Law(IN_ORDER)

    # event 2.2 (first entry) before event 2.1 (both entries) before event 3.1 (second entry)
    assert not law.is_free(Item(2), Item(3, 1))
    assert law.is_free(Item(2), Item(3))


def test_a_deviation_that_others_bring_about_is_spare() -> None:
    both = schedule("event 2.3 before ack 2", "event 2.1 before ack 2").deviations
    circle = schedule("ack 3 before ack 2", "ack 2 before event 2.1", "ack 3 before event 2.1").deviations

    assert LAW.is_spare(both)
    assert LAW.is_spare(circle)
    assert not LAW.is_spare(schedule("event 2.1 before ack 2", "event 2.2 before ack 2").deviations)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (
            ["event 2.3 before event 2.1", "ack 3 before ack 2"],
            "no server may send event 2.3 before event 2.1: the events of triple 2 on /v2/me/outbound keep their order",
        ),
        (
            ["ack 1 before event 1.1", "event 1.1 before ack 1"],
            "ack 1 before event 1.1 and event 1.1 before ack 1 contradict each other",
        ),
        (
            ["ack 3 before ack 2", "ack 2 before event 3.1", "event 2.1 twice", "event 3.1 before ack 3"],
            "ack 2 before event 3.1, ack 3 before ack 2 and event 3.1 before ack 3 contradict each other",
        ),
        (["event 2.1 1s late", "event 2.1 2s late"], "event 2.1 1s late and event 2.1 2s late contradict each other"),
        (
            ["event 2.3 before ack 3", "ack 3 before event 2.1"],
            (
                "no server may send ack 3 before event 2.1 and event 2.3 before ack 3: the events of triple 2 on "
                "/v2/me/outbound keep their order"
            ),
        ),
        (["event 2.2 before event 2.1"], ""),
        (["event 9.1 before ack 2", "event 2.3 before event 2.1"], ""),
    ],
)
def test_the_rule_is_told_that_forbids_an_order(texts: list[str], told: str) -> None:
    assert LAW.forbids(schedule(*texts).deviations) == told


def test_a_rule_of_the_dialect_is_told() -> None:
    law = Law(IN_ORDER)

    assert law.forbids(schedule("event 2.1 before ack 2").deviations).endswith(
        ": the dialect keeps them in order (entry 1 of its `ordered`)"
    )
    # event 2.2 (first entry) before event 2.1 (both entries) before event 3.1 (second entry)
    assert law.forbids(schedule("event 3.1 before ack 2").deviations) == (
        "no server may send event 3.1 before ack 2: what stands between them keeps its order"
    )


@given(st.lists(st.sampled_from([*PAIRS, *BATCHES]), min_size=1, max_size=6, unique=True), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_rule_is_told_of_each_order_that_is_forbidden(deviations: list[Deviation], has_groups: bool) -> None:
    law = Law(IN_ORDER if has_groups else ITEMS)

    assert bool(law.forbids(deviations)) is not law.allows(deviations)


@given(st.lists(st.sampled_from(PAIRS), min_size=1, max_size=6, unique=True), st.booleans())
@settings(max_examples=300, deadline=None)
def test_a_hasty_client_meets_each_legal_set_and_no_other(deviations: list[Deviation], has_groups: bool) -> None:
    items, ordered = (IN_ORDER, ENTRIES) if has_groups else (ITEMS, ())
    law, desktop = Law(items), Desktop(items, ordered=ordered)

    order = desktop.run(Schedule.of(deviations))

    assert law.allows(deviations) is not bool(order.unmet)
    assert chains_kept([act.name for act in order.acts], items, ordered)


@given(st.permutations(NAMES))
@settings(max_examples=100, deadline=None)
def test_each_legal_order_is_a_set_of_reversals(names: list[Item]) -> None:
    """Whatever a real server sends is a schedule, unless it breaks a chain."""
    before = [
        Deviation(Kind.BEFORE, one, other)
        for one, other in combinations(names, 2)
        if NAMES.index(other) < NAMES.index(one)
    ]

    is_legal = LAW.allows(before)

    assert is_legal is chains_kept(list(map(str, names)), ITEMS)
    if is_legal:
        told = [act.name for act in Desktop(ITEMS).run(Schedule.of(before)).acts if not act.name.startswith("request")]
        assert told == list(map(str, names))


@given(st.lists(st.sampled_from(BATCHES), min_size=1, max_size=5, unique=True))
@settings(max_examples=200, deadline=None)
def test_legal_answers_are_those_that_can_be_numbered(deviations: list[Deviation]) -> None:
    """Together is one number, apart a higher one, and a chain never goes back: found by trying all numbers in turn."""
    answers = dict.fromkeys(NAMES, 0)
    chains = [(one.item, other.item) for one, other in combinations(ITEMS, 2) if is_chained(one, other)]
    for _ in range(len(NAMES) * 4):
        for deviation in deviations:
            item, other = deviation.item, deviation.other or deviation.item
            if deviation.kind is Kind.TOGETHER:
                answers[item] = answers[other] = max(answers[item], answers[other])
            else:
                answers[item] = max(answers[item], answers[other] + 1)
        for first, second in chains:
            answers[second] = max(answers[second], answers[first])

    assert LAW.allows(deviations) is (max(answers.values()) <= len(deviations))


def test_the_replies_to_the_publishes_of_one_body_leave_at_once() -> None:
    wire = Wire()
    desk = wire.desk()
    one, other = ({"channel": f"/service/{name}", "id": name, "data": {}} for name in "ab")
    exchange = desk.bayeux(one | {"clientId": "client1"}, other | {"clientId": "client1"})
    wire.respond(exchange, [{"channel": it["channel"], "id": it["id"], "successful": True} for it in (one, other)])
    desk.hears(state_event())
    law = Law(placed(wire.recording(SERVICES), SERVICES))

    assert not allows("ack 2 before ack 1", law=law)
    assert not allows("ack 1 before ack 2", law=law)  # not even so: they leave at once
    assert not allows("event u1 before ack 1", "ack 2 before event u1", law=law)
    assert allows("event u1 before ack 1", "event u1 before ack 2", law=law)
    assert law.is_spare(schedule("event u1 before ack 1", "event u1 before ack 2").deviations)
    for texts in (["ack 2 before ack 1"], ["event u1 before ack 1", "ack 2 before event u1"]):
        assert law.forbids(schedule(*texts).deviations).endswith(
            ": the answers to the publishes of one body leave together, in their order"
        )


def test_events_with_a_replay_id_keep_their_order_on_a_channel() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in (1, 2):
        desk.hears({"channel": "/data/A", "data": {"event": {"replayId": number}}})
    desk.asks(Ask("/services/data/v58.0/sobjects/A/1", {}, method="PATCH"), change(3), change(4, "/data/B"))
    salesforce = load("salesforce")
    law = Law(placed(wire.recording(salesforce), salesforce))

    assert not allows("event 1.1 before event u2", law=law)
    assert allows("event 1.2 before event u2", law=law)
    assert law.forbids(schedule("event 1.1 before event u2").deviations).endswith(
        ": events with a replay id keep their order on /data/A"
    )


def change(number: int, channel: str = "/data/A") -> dict:
    header = {"entityName": "A", "changeType": "UPDATE", "recordIds": ["1"], "transactionKey": "t"}
    return {"channel": channel, "data": {"event": {"replayId": number}, "payload": {"ChangeEventHeader": header}}}


def test_events_with_an_id_keep_their_order_in_a_stream() -> None:
    wire = Wire()
    stream = wire.streams()
    wire.sends(stream, {"n": 1}, event="x", id="1")
    wire.sends(stream, {"n": 2}, event="y", id="2")
    items = placed(wire.recording(GWS), GWS)

    assert [sorted(chain[0] for chain in one.chains) for one in items] == [["ids", "stream of 0"]] * 2


def test_events_of_one_answer_may_stand_in_another_order() -> None:
    assert allows("event 3.1 with event 2.1", "event 3.1 before event 2.1")
    assert allows("event 2.1 with event 3.1", "event 3.1 before event 2.1")
    assert not allows("event 2.3 with event 2.1", "event 2.3 before event 2.1")  # a chain
    assert not allows("event 3.1 with event 2.1", "event 3.1 before event 2.1", "event 2.1 before event 3.1")
    assert not allows("event 2.3 with event 3.1", "event 2.3 before event 3.1", "event 3.1 before event 2.1")


def test_a_batch_that_others_make_is_spare() -> None:
    batch = schedule("event 3.1 with event 2.1", "event u1 with event 2.1", "event u1 with event 3.1").deviations

    assert LAW.is_spare(batch)
    assert not LAW.is_spare(batch[:2])
    assert not LAW.is_spare(schedule("event 3.1 with event 2.1", "event 3.1 before event 2.1").deviations)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=2, unique=True), min_size=2, max_size=7))
@settings(max_examples=200, deadline=None)
def test_a_pair_is_free_unless_chains_lead_from_one_to_the_other(memberships: list[list[str]]) -> None:
    items = tuple(
        replace(ITEMS[0], item=Item(place + 1), at=(place, 0), chains=frozenset((name, "", "") for name in names))
        for place, names in enumerate(memberships)
    )
    law = Law(items)

    for first, second in combinations(items, 2):
        assert law.is_free(first.item, second.item) is law.allows((Deviation(Kind.BEFORE, second.item, first.item),))
        assert law.is_free(first.item, second.item) is not leads(items, first, second)


def leads(items: tuple[Placed, ...], first: Placed, second: Placed) -> bool:
    """Whether a way leads from one item to a later one, from chain to chain."""
    if first.chains & second.chains:
        return True
    between = [one for one in items if first.at < one.at < second.at and one.chains & first.chains]
    return any(leads(items, one, second) for one in between)
