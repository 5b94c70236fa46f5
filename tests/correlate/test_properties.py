"""What holds for every conversation, whatever comes first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from recorder.dialect.definition import Dialect
from recorder.model import Link, Recording, Request, Triple
from tests.correlate.shop import Shop, shop

LOOSE = shop('unreferenced = ["Changed", "Removed"]', 'unreferenced = ["*"]')
BLIND = shop('error_same = ["room"]', "error_same = []")
WEAK = frozenset({"tuple", "sibling", "only"})
ITEMS, TICKETS, CHANGES, ROOMS = ["i1", "i2", "i3"], ["t1", "t2", "t3"], ["c1", "c2"], ["r1"]
EVENTS = ["Changed", "Removed", "Made", "Shown", "Opened", "Closed", "Error", "Rejected", "Counted", "Ping"]


@dataclass(frozen=True)
class Asks:
    target: str
    fields: dict[str, Any]
    desk: int


@dataclass(frozen=True)
class Acks:
    number: int  # of the request
    status: int
    answer: dict[str, Any]


@dataclass(frozen=True)
class Hears:
    name: str
    data: dict[str, Any]
    desk: int


def some(**values: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these members, each with one of its values."""
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(found) for name, found in values.items()})


targets = st.sampled_from(["PATCH /items/i1", "PATCH /items/i2", "DELETE /items/i1", "POST /items", "POST /open"])
asks = st.builds(Asks, targets, some(room=ROOMS, ticket=TICKETS), st.integers(0, 1))
batches = st.lists(st.sampled_from(ITEMS), max_size=3, unique=True).flatmap(
    lambda ids: st.builds(Asks, st.just("POST /batch"), st.just({"changes": [{"id": i} for i in ids]}), st.just(0))
)
made = st.lists(st.sampled_from(ITEMS), max_size=3).map(lambda ids: {"made": [{"id": one} for one in ids]})
answers = st.one_of(some(ticket=TICKETS, id=ITEMS), made)
acks = st.builds(Acks, st.integers(0, 5), st.sampled_from([200, 200, 200, 409]), answers)
data = st.one_of(
    some(item=ITEMS, ticket=TICKETS, change=CHANGES, room=ROOMS),
    st.fixed_dictionaries({"items": st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3)}),
)
hears = st.builds(Hears, st.sampled_from(EVENTS), data, st.integers(0, 1))
steps = st.lists(st.one_of(asks, batches, acks, hears, st.sampled_from([0.5, 3.0])), max_size=16)
dialects = st.sampled_from([shop(), LOOSE, BLIND])


def played(script: list[Any], dialect: Dialect) -> Shop:
    session = Shop(dialect)
    desks = [session.desk, session.another()]
    exchanges: list[int] = []
    acked: set[int] = set()
    for step in script:
        match step:
            case Asks():
                method, _, target = step.target.partition(" ")
                exchanges.append(session.asks(method, target, desks[step.desk], **step.fields))
            case Acks() if step.number < len(exchanges) and step.number not in acked:
                acked.add(step.number)
                session.wire.respond(exchanges[step.number], step.answer, step.status)
            case Hears():
                session.hears(step.name, desks[step.desk], **step.data)
            case float():
                session.wire.wait(step)
            case _:
                pass
    return session


def links(recording: Recording) -> list[tuple[Triple, Link]]:
    return [(triple, link) for triple in recording.triples for link in triple.events]


def desk_of(request: Request) -> str:
    return "client1" if dict(request.headers)["Cookie"] == "sid=1" else "client2"


@given(steps, dialects)
def test_each_event_is_kept_once_and_no_link_crosses_sessions(script: list[Any], dialect: Dialect) -> None:
    recording = played(script, dialect).recording()

    events = [link.event for _, link in links(recording)] + [one.event for one in recording.unsolicited]
    places = Counter((event.seq, event.index) for event in events)
    assert sum(places.values()) == len(places) == sum(isinstance(step, Hears) for step in script)
    assert all(desk_of(triple.request) == link.event.client_id for triple, link in links(recording))
    assert all(link.event.seq > triple.request.seq for triple, link in links(recording))
    assert not any(link.name == "Ping" for _, link in links(recording))


@given(st.lists(st.sampled_from(["Changed", "Shown", "Error", "Counted", 0.5, 3.0]), max_size=8), st.booleans())
def test_an_operation_that_ended_or_failed_gets_no_sure_link_by_a_weak_rule(script: list[Any], is_late: bool) -> None:
    session = Shop(LOOSE)
    change = session.asks("PATCH", "/items/i1", room="r1")
    for step in script:
        if isinstance(step, float):
            session.wire.wait(step)
        else:
            session.hears(step, change="c1", room="r1", **({"item": "i1"} if step in {"Changed", "Shown"} else {}))
    if is_late:
        session.wire.respond(change, {})

    (triple,) = session.recording().triples
    ends = next((link for link in triple.events if link.name in {"Changed", "Error"}), None)
    late = [link for link in triple.events if ends is not None and link.event.seq > ends.event.seq]
    assert all(link.confidence <= 0.7 for link in late)
    assert all(link.event.t - ends.event.t <= 2e9 for link in late if ends is not None)
    assert not (ends is not None and ends.name == "Error" and late)


@given(steps, dialects)
def test_a_refused_operation_gets_no_link_by_a_weak_rule(script: list[Any], dialect: Dialect) -> None:
    for triple in played(script, dialect).recording().triples:
        if triple.ack is not None and triple.ack.status == 409:
            late = [link for link in triple.events if link.event.seq > triple.ack.seq]
            assert not any(link.rule in WEAK for link in late)


@given(
    st.permutations(["ack", "Made", "Counted", "Changed"]),
    st.sampled_from([{"ticket": "t9"}, {"tickets": ["t8", "t9"]}]),
    dialects,
)
def test_an_exact_id_of_an_ack_links_whatever_arrives_first(
    order: list[str], answer: dict[str, Any], dialect: Dialect
) -> None:
    session = Shop(dialect)
    make = session.asks("POST", "/items")
    session.acked("PATCH", "/items/i1")  # a rival for each event by another rule
    for step in order:
        if step == "ack":
            session.wire.respond(make, answer)
        else:
            session.hears(step, ticket="t9", change="c1", **({"item": "i1"} if step == "Changed" else {}))

    triple = session.recording().triples[0]

    assert sorted((link.name, link.confidence) for link in triple.events) == [
        ("Changed", 1.0),
        ("Counted", 1.0),
        ("Made", 1.0),
    ]


@given(st.permutations(["ack", "Made", "Counted", "Summed"]))
def test_a_transaction_is_joined_whatever_arrives_first(order: list[str]) -> None:
    session = Shop()
    make = session.asks("POST", "/items")
    for step in order:
        if step == "ack":
            session.wire.respond(make, {"id": "i1"})
        else:
            session.hears(step, change="c1", item="i1" if step == "Made" else "stock")

    assert sorted(link.name for link in session.recording().triples[0].events) == ["Counted", "Made", "Summed"]


@given(
    st.lists(st.sampled_from([f"x{number}" for number in range(300)]), max_size=300, unique=True),
    st.lists(st.sampled_from([f"y{number}" for number in range(300)]), max_size=300, unique=True),
    st.sampled_from([shop(), shop('enough = [["item"]]', 'enough = [["item", "room"]]')]),
)
def test_several_values_lose_no_link_that_one_had(more: list[str], others: list[str], dialect: Dialect) -> None:
    session = Shop(dialect)
    session.acked("POST", "/batch", changes=[{"id": one} for one in [*more, "i1"]], room="r1")
    session.hears("Changed", items=[*others, "i1"], room="r1")

    assert session.told()[0][2] == ["Changed tuple 0.9"]
