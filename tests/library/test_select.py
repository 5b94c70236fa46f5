from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.cassette.reader import Cassette, read
from recorder.correlate.anchors import anchors
from recorder.dialect.definition import load
from recorder.errors import UsageError
from recorder.library.recording import derive
from recorder.library.select import merge_records, slice_records
from recorder.model import Failure, Note, Recording, Response, SocketMessage, Triple
from tests.answers import DIALECT, publish, recorded, result, yes
from tests.replay.stage import Stage
from tests.wire import HEADER, URL, Desk, Wire, body, chained, complete, done, get_me, record_event, state_event, twin
from tests.wrappings import WRAPPINGS, Wrapping

SHIPPED = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"


def cassette(wire: Wire, **own: object) -> Cassette:
    return Cassette(replace(HEADER, **own), tuple(wire.records))


def sliced(whole: Cassette, *numbers: int) -> Recording:
    recording = derive(whole)
    records = list(slice_records(whole, recording, [t for t in recording.triples if t.n in numbers]))
    assert [record.seq for record in records] == list(range(len(records)))
    return derive(Cassette(whole.header, tuple(records)))


def told(triples: Sequence[Triple]) -> list[tuple[object, ...]]:
    """What matters of triples, whatever their numbers are."""
    return [
        (t.operation, t.keys, t.session, t.state, t.request.body, t.ack and t.ack.body, [e.name for e in t.events])
        for t in triples
    ]  # fmt: skip


def merged(*cassettes: Cassette) -> Recording:
    header, found = merge_records(cassettes)
    records = tuple(found)
    assert [record.seq for record in records] == list(range(len(records)))
    return derive(Cassette(header, records))


def wrapped(wire: Wire, wrap: Wrapping) -> Wire:
    """Wrap the bodies of all answers."""
    wire.records = [replace(r, body=wrap(r.body)) if isinstance(r, Response) and r.body else r for r in wire.records]
    return wire


WRAPS = ["UTF-16 little", "mark and loop", "comment"]

# Slices


@pytest.mark.parametrize("n", range(1, 7))
def test_a_slice_of_the_shipped_session_holds_the_triple_and_nothing_of_the_others(n: int) -> None:
    whole = read(SHIPPED)
    triple = derive(whole).triples[n - 1]

    result = sliced(whole, n)

    assert told(result.triples) == told([triple])
    assert result.unsolicited == ()


@pytest.mark.parametrize("numbers", [(1,), (3,), (2, 5), (1, 2, 3, 4, 5, 6)])
def test_a_slice_replays_alone(numbers: tuple[int, ...]) -> None:
    whole = read(SHIPPED)
    triples = [t for t in derive(whole).triples if t.n in numbers]
    stage = Stage(sliced(whole, *numbers))
    desk = stage.desk()
    desk.listens()

    answers = [desk.sends(t.request.method, t.request.target, t.request.body) for t in triples]

    assert stage.misses == []
    assert [desk.replies[number].status for number in answers] == [200] * len(triples)
    assert len(desk.events) == sum(len(t.events) for t in triples)
    assert stage.standin.unplayed == ()


def two_desks() -> Wire:
    wire = Wire()
    for number, token in enumerate("ab", 1):
        desk = wire.desk(headers=(("Authorization", f"Basic {token}"),))
        desk.hears(state_event(f"Started{number}"))
        desk.asks(chained(number, f"r{number}"), done(number, f"r{number}"))
        desk.hears(state_event(f"After{number}"))
        desk.asks(complete(number, f"c{number}"), record_event("RecordProcessedAcknowledge", number, f"c{number}"))
    return wire


def test_an_event_of_another_triple_is_taken_out_of_the_answer_it_rode_in() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    wire.ack(desk.post(chained(1, "r1")))
    wire.ack(desk.post(chained(2, "r2")))
    desk.hears(done(1, "r1"), done(2, "r2"), state_event())

    result = sliced(cassette(wire), 1)

    assert [[link.event.data["referenceId"] for link in t.events] for t in result.triples] == [["r1"]]
    assert result.unsolicited == ()


@pytest.mark.parametrize("wrapping", WRAPS)
def test_a_slice_keeps_what_stands_around_the_json_it_takes_events_out_of(wrapping: str) -> None:
    wire = Wire()
    desk = wire.desk()
    for reference in ("r1", "r2"):
        wire.ack(desk.post(chained(7, reference)))
    desk.hears(done(7, "r1"), done(7, "r2"))

    result = sliced(cassette(wrapped(wire, WRAPPINGS[wrapping])), 1)

    assert [[link.event.data["referenceId"] for link in t.events] for t in result.triples] == [["r1"]]
    assert result.guard == derive(cassette(wire)).guard


@pytest.mark.parametrize("wrapping", WRAPS)
def test_ids_are_renamed_in_every_wrapping(wrapping: str) -> None:
    part = cassette(wrapped(captured("client1"), WRAPPINGS[wrapping]))

    result = merged(part, part)

    assert len(result.session_starts) == 2


def test_unsolicited_events_come_with_the_triple_they_follow_or_the_start_of_the_session() -> None:
    starts = sliced(cassette(two_desks()), 1).unsolicited
    later = sliced(cassette(two_desks()), 4).unsolicited

    assert [u.event.data["devices"][0]["userState"]["state"] for u in starts] == ["Started1", "After1"]
    assert [u.event.data["devices"][0]["userState"]["state"] for u in later] == ["Started2"]


def test_unsolicited_events_come_with_the_publish_or_exchange_they_follow() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(1, "r1"), done(1, "r1"))
    publish = {"channel": "/chat", "clientId": desk.client_id, "data": {"text": "hello"}}
    wire.respond(desk.bayeux(publish), [{"channel": "/chat", "successful": True}])
    desk.hears({"channel": "/chat", "data": {"text": "hello"}})
    desk.asks(chained(2, "r2"), done(2, "r2"))
    wire.ack(desk.post(get_me()))
    desk.hears(state_event())
    result = sliced(cassette(wire), 2)

    assert [u.event.channel for u in result.unsolicited] == ["/chat", "/v2/me/devices"]
    assert [anchor.kind.value for anchor in anchors(result)] == ["publish", "exchange"]


def test_only_the_sessions_of_the_triples_are_kept() -> None:
    result = sliced(cassette(two_desks()), 4)

    assert list(result.session_starts) == ["s1"]
    assert [t.keys["handle"] for t in result.triples] == ["2"]


def test_a_slice_of_the_second_session_begins_without_being_asked() -> None:
    stage = Stage(sliced(cassette(two_desks()), 4))
    desk = stage.desk()
    desk.listens()

    assert desk.said == ["DeviceStateChangeMessage"]


def test_exchanges_that_are_no_operation_are_kept() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.ack(desk.post(get_me()))
    desk.asks(chained(7), done(7))

    assert [t.request.target for t in sliced(cassette(wire), 1).plain] == ["/api/v2/me"]


def on_a_socket() -> Wire:
    wire = Wire()
    socket = wire.request("GET", "/api/v2/notifications/websocket", b"")
    wire.respond(socket, b"", status=101)
    wire.frame(socket, {"channel": "/meta/handshake"}, from_client=True)
    wire.frame(socket, {"channel": "/meta/handshake", "successful": True, "clientId": "w"}, from_client=False)
    wire.frame(socket, {"channel": "/meta/subscribe", "clientId": "w", "subscription": "/**"}, from_client=True)
    wire.frame(socket, {"channel": "/meta/subscribe", "successful": True, "subscription": "/**"}, from_client=False)
    for number in (1, 2):
        wire.ack(wire.request("POST", chained(number).target, chained(number, f"r{number}").body))
        wire.frame(socket, done(number, f"r{number}"), from_client=False)
    return wire


@pytest.mark.parametrize("n", [1, 2])
def test_a_session_on_a_websocket_is_cut_down_too(n: int) -> None:
    whole = cassette(on_a_socket())

    assert told(sliced(whole, n).triples) == told([derive(whole).triples[n - 1]])


def test_a_long_session_is_cut_down_in_little_time() -> None:
    wire = Wire()
    desk = wire.desk()
    for number in range(1500):
        desk.asks(chained(number, f"r{number}"), done(number, f"r{number}"))
        desk.hears(state_event())

    result = sliced(cassette(wire), *range(1, 1501, 2))  # quadratic, it took minutes

    assert (len(result.triples), len(result.unsolicited)) == (750, 750)


# Merges


def test_a_cassette_merged_with_itself_has_two_of_each_session() -> None:
    whole = cassette(two_desks())

    result = merged(whole, whole)

    assert list(result.session_starts) == ["s1", "s2", "s3", "s4"]
    assert sorted(t.session or "" for t in result.triples) == ["s1"] * 2 + ["s2"] * 2 + ["s3"] * 2 + ["s4"] * 2
    assert [len(t.events) for t in result.triples] == [1] * 8
    assert len(result.unsolicited) == 8


@pytest.mark.parametrize(
    ("client_id", "written"),
    [
        ("c/1+x", rb"c\/1\u002Bx"),
        ("cé-1", rb"c\u00E9-1"),
        ("c\ud800-1", rb"c\ud800-1"),
        ("c\U0001f600", rb"c\ud83d\uDE00"),
        ('c"\\1', rb"c\"\\1"),
    ],
)
def test_a_client_id_is_renamed_however_json_spells_it(client_id: str, written: bytes) -> None:
    wire = Wire()
    wire.desk(client_id).asks(chained(7, "r1"), done(7, "r1"))
    first = cassette(wire)
    plain = body(client_id)[1:-1]
    wire.records = [
        replace(r, body=r.body.replace(plain, written)) for r in wire.records if not isinstance(r, Failure | Note)
    ]

    result = merged(first, cassette(wire))

    assert [(t.session, len(t.events)) for t in result.triples] == [("s1", 1), ("s2", 1)]


def test_a_cookie_of_any_bytes_is_renamed() -> None:
    wire = Wire()
    cookie = "BAYEUX_BROWSER=abc\udcff-1"
    desk = wire.desk(headers=(("Cookie", cookie),), cookies=(("Set-Cookie", cookie),))
    desk.asks(chained(7, "r1"), done(7, "r1"))
    whole = cassette(wire)

    result = merged(whole, whole)

    assert [t.session for t in result.triples] == ["s1", "s2"]


def test_two_clients_play_a_cassette_that_was_merged_with_itself() -> None:
    wire = Wire()
    desk = wire.desk(cookies=(("Set-Cookie", "JSESSIONID=abc"),), headers=(("Cookie", "JSESSIONID=abc"),))
    desk.asks(chained(7, "r1"), done(7, "r1"), twin("ChainedRecordsDataEnd"))
    stage = Stage(merged(cassette(wire), cassette(wire)))
    one, two = stage.desk(), stage.desk()
    one.listens()
    two.listens()

    one.posts(chained(7, "live1"))
    two.posts(chained(7, "live2"))

    assert stage.misses == []
    assert one.said == two.said == ["ack 200", "ChainedRecordsDataEnd", "ChainedRecordsDataEnd twin"]
    assert (one.references[0], two.references[0]) == ("live1", "live2")


def captured(client: str, start: Callable[[Desk], object] = lambda _: None) -> Wire:
    wire = Wire()
    desk = wire.desk(client)
    start(desk)
    desk.asks(chained(7, "r1"), done(7, "r1"))
    return wire


def test_captures_stand_in_the_order_of_the_wall_clock() -> None:
    late, early = cassette(captured("a"), started=9_000_000), cassette(captured("b"), started=1_000_000)

    header, found = merge_records([late, early])
    records = list(found)

    assert header.started == 1_000_000
    assert [records[0].t, records[-1].t] == [0, 8_000_000_000 + late.records[-1].t]
    assert [r.t for r in records] == sorted(r.t for r in records)


def test_a_capture_keeps_its_own_order_whatever_its_clock_did() -> None:
    whole = cassette(captured("a"))
    jumped = replace(whole, records=tuple(replace(r, t=1000 - r.seq) for r in whole.records))

    other = captured("b")
    other.records = [replace(r, exchange=r.exchange + 99) for r in other.records]  # type: ignore[call-arg,union-attr]
    _, records = merge_records([jumped, cassette(other)])

    own = [r.exchange for r in records if r.exchange < 100]  # type: ignore[union-attr]
    assert own == [r.exchange for r in jumped.records]  # type: ignore[union-attr]


def test_ids_that_only_contain_a_shared_one_are_left_alone() -> None:
    wire = captured("17", lambda desk: desk.hears(state_event("177")))

    result = merged(cassette(wire), cassette(wire))

    assert {u.event.data["devices"][0]["userState"]["state"] for u in result.unsolicited} == {"177"}
    assert [t.session for t in result.triples] == ["s1", "s2"]


def test_a_client_id_in_a_query_is_renamed_too() -> None:
    wire = Wire()
    target = "/api/v2/notifications?message=%5B%7B%22channel%22%3A%22/meta/connect%22%2C%22clientId%22%3A%22c1%22%7D%5D"
    wire.desk("c1")
    wire.respond(wire.request("GET", target, b""), [state_event()])

    result = merged(cassette(wire), cassette(wire))

    assert [u.session for u in result.unsolicited] == ["s1", "s2"]


def test_sockets_are_kept_apart_too() -> None:
    result = merged(cassette(on_a_socket()), cassette(on_a_socket()))

    assert list(result.session_starts) == ["s1", "s2"]
    assert [len(t.events) for t in result.triples] == [1] * 4


def test_cassettes_of_two_dialects_cannot_be_one() -> None:
    with pytest.raises(UsageError, match="different dialects"):
        merge_records([cassette(captured("a")), cassette(captured("b"), dialect="other")])


@pytest.mark.parametrize("order", [("none", "headers-1"), ("headers-1", "none")])
def test_what_is_not_redacted_in_one_is_not_redacted_in_all(order: tuple[str, str]) -> None:
    header, _ = merge_records([cassette(captured("a"), redaction=redaction) for redaction in order])

    assert header.redaction == "none"


def test_bodies_that_are_no_text_stay_as_they_are() -> None:
    wire = captured("a")
    wire.respond(wire.request("GET", "/picture", b""), b"\x89PNG\xff\xfe a \x00")
    wire.records.append(SocketMessage(len(wire.records), wire.records[-1].t, 1, from_client=True, body=b"\xff"))

    _, records = merge_records([cassette(wire), cassette(captured("b"))])

    assert b"\x89PNG\xff\xfe a \x00" in [getattr(r, "body", None) for r in records]


def test_the_dialect_of_the_shipped_cassettes_is_shipped() -> None:
    assert load(read(SHIPPED).header.dialect).name == read(SHIPPED).header.dialect


def sliced_publishes(wire: Wire, *numbers: int) -> tuple[Cassette, Recording]:
    whole, recording = cassette(wire), wire.recording(DIALECT)
    records = list(slice_records(whole, recording, [t for t in recording.triples if t.n in numbers]))
    small = Cassette(whole.header, tuple(records))
    return small, derive(small, DIALECT)


def test_a_slice_leaves_out_the_publishes_of_other_triples() -> None:
    wire = Wire()
    whole = recorded(wire)

    _, small = sliced_publishes(wire, 2)

    assert told(small.triples) == told(whole.triples[1:])


def test_a_slice_takes_one_publish_out_of_a_body() -> None:
    wire = Wire()
    desk = wire.desk()
    one, two = publish(desk, "r1"), publish(desk, "r2")
    wire.respond(desk.bayeux(one, two), [result("r2"), yes(two), result("r1"), yes(one)])
    whole = wire.recording(DIALECT)

    small, recording = sliced_publishes(wire, 1)

    assert told(recording.triples) == told(whole.triples[:1])
    assert b"r2" not in b"".join(record.body for record in small.records if hasattr(record, "body"))


def test_a_slice_takes_publishes_out_of_a_websocket() -> None:
    wire = Wire()
    wire.desk("c1")
    socket = wire.request("GET", URL, b"")
    wire.respond(socket, b"", status=101)
    for reference in ("r1", "r2"):
        sent = {"channel": "/service/double", "clientId": "c1", "id": reference, "data": {"requestId": reference}}
        wire.frame(socket, sent, from_client=True)
        wire.frame(socket, yes(sent), result(reference), from_client=False)
    whole = wire.recording(DIALECT)

    small, recording = sliced_publishes(wire, 2)

    assert told(recording.triples) == told(whole.triples[1:])
    assert b"r1" not in b"".join(record.body for record in small.records if hasattr(record, "body"))
