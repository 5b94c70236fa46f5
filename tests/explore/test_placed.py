"""What of a recording is laid out for a search, and under which session: also where several cassettes are joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from recorder.cassette.reader import Cassette
from recorder.correlate.engine import correlate
from recorder.dialect.definition import parse
from recorder.explore.explorer import Explorer
from recorder.explore.outcome import Result, Verdict
from recorder.explore.placed import placed
from recorder.explore.space import Space
from recorder.library.recording import joined
from recorder.library.select import slice_records
from recorder.model import Headers, Recording, Response, Triple, Unsolicited
from recorder.replay.engine.orders.deviations import Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Order
from tests.answers import ANSWERS, publish, yes
from tests.explore.desk import GWS, Desktop, is_before, listed, recorded, schedule, searched
from tests.wire import HEADER, Desk, Wire, chained, done, state_event

Names = list[tuple[str, str]]
HTML: Headers = (("Content-Type", "text/html"),)


def conversation(client: str, *handles: int) -> Wire:
    """A session; the event of each operation comes before its ack, and before the next operation."""
    wire = Wire()
    desk = wire.desk(client)
    for handle in handles:
        desk.asks(chained(handle, f"r{handle}"), done(handle, f"r{handle}"), early=1)
        desk.asks(chained(handle, f"s{handle}"), done(handle, f"s{handle}"))
    return wire


def sliced(wire: Wire, *numbers: int) -> Recording:
    """The recording of a slice with some triples."""
    whole = Cassette(HEADER, tuple(wire.records))
    recording = correlate(whole.records, GWS, HEADER)
    chosen = [triple for triple in recording.triples if triple.n in numbers]
    return correlate(slice_records(whole, recording, chosen), GWS, HEADER)


def pairs(recording: Recording, triples: int = 0, unsolicited: int = 0, plain: int = 0) -> Names:
    """The pairs that may come in either order, behind so many triples and events that nobody asked for."""

    def name(item: Item) -> str:
        if item.plain:
            return str(Item(0, plain=item.plain + plain))
        moved = replace(item, triple=item.triple + triples) if item.triple else Item(0, item.index + unsolicited)
        return str(moved)

    return [(name(pair.first.item), name(pair.second.item)) for pair in Space.of(recording, GWS).pairs]


def of_each(parts: Sequence[Recording]) -> Names:
    triples, unsolicited, plain, found = 0, 0, 0, []
    for part in parts:
        found += pairs(part, triples, unsolicited, plain)
        triples, unsolicited = triples + len(part.triples), unsolicited + len(part.unsolicited)
        plain += len(part.plain)
    return found


def copies() -> list[Recording]:
    """A cassette that was given twice."""
    return [recorded(), recorded()]


def slices() -> list[Recording]:
    """Two parts of one session."""
    return [sliced(conversation("client1", 7, 8), *numbers) for numbers in ((1, 2), (3, 4))]


def others() -> list[Recording]:
    """Sessions that have a clientId in common, and nothing else."""
    return [conversation("client1", 7, 8).recording(), recorded(), conversation("client1", 9).recording()]


def strangers() -> list[Recording]:
    """Sessions whose clientIds differ."""
    return [conversation("one", 7, 8).recording(), conversation("two", 9).recording()]


def lists() -> list[Recording]:
    """Cassettes with answers to requests that are no operations."""
    return [listed(), conversation("client1", 7).recording(), listed()]


def begun() -> list[Recording]:
    """Cassettes that begin in the middle of a session, so that nobody knows which; and one whose session is known."""
    found = [strangers()[0]]
    for handle in (8, 9):
        desk = Desk(Wire(), "client1", ())
        desk.asks(chained(handle, f"r{handle}"), done(handle, f"r{handle}"), early=1)
        desk.hears(state_event())
        desk.asks(chained(handle, f"s{handle}"), done(handle, f"s{handle}"))
        desk.hears(state_event())
        found.append(desk.wire.recording())
    return found


@pytest.mark.parametrize("made", [copies, slices, others, strangers, lists, begun])
def test_joined_cassettes_have_the_pairs_of_each(made: Callable[[], list[Recording]]) -> None:
    parts = made()

    both = joined(parts)

    assert sorted(pairs(both)) == sorted(of_each(parts))
    assert pairs(parts[-1]), "there is something to reverse"


@pytest.mark.parametrize("made", [copies, slices, others, strangers, lists])
def test_acks_and_events_of_joined_cassettes_are_under_the_session_of_their_own(
    made: Callable[[], list[Recording]],
) -> None:
    both = joined(made())

    for one in placed(both, GWS):
        owner: Triple | Unsolicited
        if one.item.plain:
            owner = both.plain[one.item.plain - 1]
        else:
            owner = both.triples[one.item.triple - 1] if one.item.triple else both.unsolicited[one.item.index - 1]
        assert one.session == owner.session, one.item


def test_answers_are_laid_out_at_their_places_with_their_requests() -> None:
    found = placed(listed(), GWS)

    assert [str(one.item) for one in found] == ["answer p1", "answer p2", "event u1", "ack 1", "event 1.1"]
    first, second, event, *_ = found
    assert (first.name, second.name) == ("GET /api/v2/calls/17", "GET /api/v2/calls/18")
    assert first.asked < second.asked < first.at < second.at < event.at
    assert {first.session, second.session} == {event.session}
    assert (first.channel, first.stream, first.chains, first.body) == ("", "", frozenset(), None)
    assert not first.is_bayeux


def test_a_page_and_an_answer_that_did_not_come_are_not_laid_out() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.respond(wire.request("GET", "/login", b""), b"", 302)
    wire.records.append(Response(len(wire.records), 0, wire.request("GET", "/", b""), 200, HTML, b"<html>"))
    wire.fail(wire.request("GET", "/api/v2/calls", b""))
    wire.respond(wire.request("GET", "/api/v2/calls", b""), {})
    desk.hears(state_event())

    assert [str(one.item) for one in placed(wire.recording(), GWS)] == ["answer p4", "event u1"]


ORDERED = parse(ANSWERS.replace("[event]\n", '[event]\nordered = ["/service/kept"]\n'), path="ordered.toml")


def published(*channels: str) -> Recording:
    """A session with publishes; each is acked, and the next one follows."""
    wire = Wire()
    desk = wire.desk()
    for n, channel in enumerate(channels):
        sent = publish(desk, f"r{n}", n, channel)
        exchange = desk.bayeux(sent)
        wire.respond(exchange, [yes(sent)])
    return wire.recording(ORDERED)


def test_bodies_of_two_cassettes_are_two_although_their_numbers_are_equal() -> None:
    free, kept = published("/service/double", "/service/double"), published("/service/kept", "/service/kept")
    reversal = schedule("ack 2 before ack 1").deviations

    assert Space.of(free, ORDERED).law.allows(reversal)
    assert not Space.of(kept, ORDERED).law.allows(reversal)
    law = Space.of(joined([free, kept]), ORDERED).law
    assert law.allows(reversal)
    assert set(law.brought_about(reversal)) == {(Item(2), Item(1))}


def test_events_come_in_replies_to_the_messages_of_their_own_cassette() -> None:
    wire = Wire()
    desk = Desk(wire, "client1", ())
    subscribes = {"channel": "/meta/subscribe", "clientId": "client1", "subscription": "/a"}
    desk.polls()
    asked = desk.bayeux(subscribes)
    desk.hears(state_event())
    wire.respond(asked, [subscribes | {"successful": True}])
    quiet, sends = begun()[1], wire.recording()

    def in_replies(recording: Recording) -> set[str]:
        found = (choice.deviation for choice in Space.of(recording, GWS).singles)
        return {str(one) for one in found if one.kind is Kind.IN_REPLY}

    assert (in_replies(quiet), in_replies(sends)) == (set(), {"event u1 in a reply"})
    assert in_replies(joined([sends, quiet])) == {"event u1 in a reply"}
    assert in_replies(joined([quiet, sends])) == {"event u3 in a reply"}


def search(recording: Recording, bears: Callable[[Order], bool]) -> tuple[Result, list[str]]:
    return searched(Explorer(recording, GWS), Desktop(placed(recording, GWS)), bears)


@pytest.mark.parametrize("made", [copies, slices])
def test_the_search_in_joined_cassettes_tells_the_cause_that_it_tells_in_one(
    made: Callable[[], list[Recording]],
) -> None:
    first, *rest = made()

    def bears(order: Order) -> bool:
        """A client that reads the event of its second operation only after the ack."""
        return not is_before(order, "event 2.1", "ack 2")

    alone, _ = search(first, bears)
    result, log = search(joined([first, *rest]), bears)

    assert alone.verdict is result.verdict is Verdict.FAILED
    assert (result.schedule, result.says) == (alone.schedule, alone.says)
    assert str(result.schedule) == "event 2.1 before ack 2"
    assert len(log) < 30
