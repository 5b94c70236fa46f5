from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.capture.context import Context
from recorder.cassette.reader import Cassette
from recorder.library.recording import derive
from recorder.model import Chunk, Failure, Record, Recording, Request, Response
from tests.replay.stage import Stage
from tests.wire import HEADER, Wire, body, chained, done, get_me, state_event
from tests.wrappings import WRAPPINGS


def part(wire: Wire, cut: int) -> Recording:
    """What is recorded in a part that begins before record `cut`."""
    return derive(Cassette(HEADER, tuple(records(wire, cut))))


def records(wire: Wire, cut: int) -> list[Record]:
    context = Context()
    for record in wire.records[:cut]:
        context.feed(record)
    both = [*context.records(), *wire.records[cut:]]
    return [replace(record, seq=seq) for seq, record in enumerate(both)]


def repeated(wire: Wire) -> list[Record]:
    return records(wire, len(wire.records))


def targets(found: list[Record]) -> list[str]:
    return [record.target for record in found if isinstance(record, Request)]


def test_nothing_needs_nothing() -> None:
    assert Context().records() == []


def test_a_session_that_is_alive_is_repeated_with_its_subscription() -> None:
    wire = Wire()
    wire.desk("c1")

    recording = part(wire, len(wire.records))

    assert list(recording.session_starts) == ["s1"]
    assert [record.t for record in repeated(wire)] == [0] * 4


def test_what_is_repeated_is_numbered_anew() -> None:
    wire = Wire()
    wire.desk()
    wire.wait(7)
    wire.request("GET", "/api/v2/me", b"")

    assert [record.seq for record in repeated(wire)] == list(range(5))


def test_a_client_that_went_on_is_understood_in_the_next_part() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(1, "r1"), done(1, "r1"))
    desk.polls()
    cut = len(wire.records)
    desk.asks(chained(2, "r2"), done(2, "r2"))
    desk.hears(state_event())

    recording = part(wire, cut)

    assert [(t.session, [link.rule for link in t.events]) for t in recording.triples] == [("s1", ["reference"])]
    assert [pushed.session for pushed in recording.unsolicited] == ["s1"]


def test_a_part_replays_alone() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    cut = len(wire.records)
    desk.asks(chained(2, "r2"), done(2, "r2"))
    stage = Stage(part(wire, cut))
    live = stage.desk()
    live.listens()

    live.posts(chained(2, "live"))

    assert (stage.misses, live.said) == ([], ["ack 200", "ChainedRecordsDataEnd"])


def test_an_operation_that_waits_for_its_answer_is_in_both_parts() -> None:
    wire = Wire()
    desk = wire.desk()
    exchange = desk.post(chained(1, "r1"))
    cut = len(wire.records)
    wire.ack(exchange)
    desk.hears(done(1, "r1"))

    (triple,) = part(wire, cut).triples

    assert triple.ack is not None
    assert [link.rule for link in triple.events] == ["reference"]


def test_events_of_the_part_before_are_not_repeated() -> None:
    wire = Wire()
    desk = wire.desk()
    subscribe = {"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/x"}
    wire.respond(desk.bayeux(subscribe), [state_event(), subscribe | {"successful": True}])

    assert part(wire, len(wire.records)).unsolicited == ()


@pytest.mark.parametrize("wrapping", ["UTF-16 little", "mark and loop", "comment"])
def test_a_wrapped_session_is_repeated_without_its_events_in_the_same_wrapping(wrapping: str) -> None:
    wrap, wire = WRAPPINGS[wrapping], Wire()
    desk = wire.desk()
    subscribe = {"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/b"}
    wire.respond(desk.bayeux(subscribe), [state_event(), subscribe | {"successful": True}])
    wire.records = [replace(r, body=wrap(r.body)) if isinstance(r, Response) else r for r in wire.records]

    found = [record for record in repeated(wire) if isinstance(record, Response)]

    assert len(found) == 3
    assert found[-1].body == wrap(body([subscribe | {"successful": True}]))


def test_a_client_that_left_without_a_word_is_dropped_after_a_while() -> None:
    wire = Wire()
    for _ in range(20):
        wire.desk()
        wire.wait(120)

    assert len(targets(repeated(wire))) == 2 * 3  # those of the last five minutes


def test_a_client_with_a_poll_that_is_held_is_not_dropped() -> None:
    wire = Wire()
    wire.desk("c1").polls()
    wire.wait(3600)
    wire.desk("c2")

    assert len(targets(repeated(wire))) == 2 * 2 + 1


def test_a_client_whose_poll_was_held_for_long_is_as_young_as_the_end_of_its_poll() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    desk.polls()
    wire.wait(3600)
    desk.hears(state_event())
    wire.wait(299)
    wire.desk("c2")

    assert len(targets(repeated(wire))) == 2 * 2


def test_a_client_that_was_silent_through_several_parts_is_dropped() -> None:
    first = Wire()
    first.desk("gone")
    context = Context()
    for record in first.records:
        context.feed(record)

    for _ in range(5):
        given, context = context.records(), context.following(150 * 10**9)
        for record in given:
            context.feed(record)
        later = Wire()
        later.desk("other")
        for record in later.records:
            context.feed(record)

    assert "gone" not in str(context.records())


def test_a_client_that_was_heard_of_in_a_later_part_stays() -> None:
    wire = Wire()
    desk = wire.desk("gone")
    context = Context()
    for record in wire.records:
        context.feed(record)
    given, context = context.records(), context.following(299 * 10**9)
    wire.wait(5)
    cut = len(wire.records)
    desk.polls()
    desk.hears()
    wire.wait(200)
    wire.desk("c2")

    for record in [*given, *wire.records[cut:]]:
        context.feed(record)

    assert "gone" in str(context.records())


def test_a_client_that_left_is_not_repeated() -> None:
    wire = Wire()
    desk = wire.desk()
    leave = {"channel": "/meta/disconnect", "clientId": desk.client_id}
    wire.respond(desk.bayeux(leave), [leave | {"successful": True}])

    assert repeated(wire) == []


@pytest.mark.parametrize("end", [Wire.ack, Wire.fail])
def test_an_exchange_that_is_over_is_not_repeated(end: object) -> None:
    wire = Wire()
    end(wire, wire.request("GET", "/api/v2/me", b""))  # type: ignore[operator]

    assert repeated(wire) == []


def socket(wire: Wire) -> int:
    exchange = wire.request("GET", "/api/v2/notifications/websocket", b"")
    wire.respond(exchange, b"", status=101)
    return exchange


def handshake_on(wire: Wire, exchange: int) -> None:
    wire.frame(exchange, {"channel": "/meta/handshake"}, from_client=True)
    wire.frame(exchange, {"channel": "/meta/handshake", "successful": True, "clientId": "w"}, from_client=False)
    wire.frame(exchange, {"channel": "/meta/connect", "clientId": "w"}, from_client=True)


def test_a_session_on_a_websocket_is_repeated() -> None:
    wire = Wire()
    exchange = socket(wire)
    handshake_on(wire, exchange)
    wire.frame(exchange, state_event(), from_client=False)
    cut = len(wire.records)
    wire.ack(wire.request("POST", chained(2).target, chained(2, "r2").body))
    wire.frame(exchange, done(2, "r2"), state_event("Ready"), from_client=False)

    recording = part(wire, cut)

    assert [(t.session, [link.rule for link in t.events]) for t in recording.triples] == [("s1", ["reference"])]
    assert [pushed.session for pushed in recording.unsolicited] == ["s1"]


def test_a_session_that_moved_to_a_websocket_is_repeated() -> None:
    wire = Wire()
    desk = wire.desk()
    exchange = socket(wire)
    wire.frame(exchange, {"channel": "/meta/connect", "clientId": desk.client_id}, from_client=True)
    cut = len(wire.records)
    wire.frame(exchange, state_event(), from_client=False)

    assert [pushed.session for pushed in part(wire, cut).unsolicited] == ["s1"]


def test_a_websocket_that_was_closed_is_not_repeated() -> None:
    wire = Wire()
    exchange = socket(wire)
    handshake_on(wire, exchange)
    wire.fail(exchange)

    assert repeated(wire) == []


def test_an_upgrade_stands_once_in_the_next_part() -> None:
    wire = Wire()
    socket(wire)

    found = repeated(wire)

    assert targets(found) == ["/api/v2/notifications/websocket"]
    assert [record.status for record in found if isinstance(record, Response)] == [101]


# Quiet


def quiet(wire: Wire, seconds: float) -> float:
    context = Context()
    for record in wire.records:
        context.feed(record)
    return context.quiet(round(seconds * 1e9)) / 1e9


def test_it_is_not_quiet_while_an_operation_waits_for_its_answer() -> None:
    wire = Wire()
    wire.desk().post(get_me())

    assert quiet(wire, 100) == 0


def test_it_is_quiet_since_the_last_answer() -> None:
    wire = Wire()
    wire.wait(5)
    wire.ack(wire.desk().post(get_me()))

    assert quiet(wire, 12) == 7


def test_it_is_quiet_since_the_last_event() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.wait(5)
    desk.hears(state_event())

    assert quiet(wire, 12) == 7


def test_idle_polls_are_quiet() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.wait(5)
    desk.hears()

    assert quiet(wire, 12) == 12


def test_an_event_on_a_websocket_is_not_quiet() -> None:
    wire = Wire()
    exchange = socket(wire)
    wire.wait(5)
    wire.frame(exchange, state_event(), from_client=False)

    assert quiet(wire, 12) == 7


def test_an_operation_that_was_given_up_is_waited_for_no_more() -> None:
    wire = Wire()
    wire.fail(wire.desk().post(get_me()))

    assert quiet(wire, 3) == 3


EVENTS = (("Content-Type", "text/event-stream"),)


def stream(wire: Wire, *records: Record) -> list[Record]:
    """What a part begins with after a request was answered by a stream, and these records came."""
    exchange = wire.request("GET", "/events", b"")
    wire.records.append(Response(len(wire.records), 5, exchange, 200, EVENTS, b"", streamed=True))
    wire.records += [replace(record, seq=len(wire.records) + place) for place, record in enumerate(records)]
    return repeated(wire)


def test_a_stream_that_goes_on_is_repeated_with_its_head_alone() -> None:
    request, head = stream(Wire(), Chunk(0, 6, 1, b"data: 1\n\n"))

    assert isinstance(request, Request)
    assert head == Response(1, 0, request.exchange, 200, EVENTS, b"", streamed=True)


@pytest.mark.parametrize("end", [Chunk(0, 6, 1, b"", is_last=True), Failure(0, 6, 1, "Client disconnected.")])
def test_a_stream_that_has_ended_is_not_repeated(end: Record) -> None:
    assert stream(Wire(), end) == []


@pytest.mark.parametrize(("body", "quiet"), [(b"data: 1\n\n", 4), (b": ping\n\n", 10)])
def test_a_capture_with_a_stream_is_quiet_between_events_but_not_by_heartbeats(body: bytes, quiet: int) -> None:
    context, wire = Context(), Wire()
    stream(wire, Chunk(0, 6, 1, body))
    for record in wire.records:
        context.feed(replace(record, t=0) if isinstance(record, Request | Response) else record)

    assert context.quiet(10) == quiet
