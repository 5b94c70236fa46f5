"""A session line by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from recorder.model import Record, Recording, Request, SocketMessage
from recorder.views import timeline
from recorder.views.screen import Screen
from recorder.views.timeline import Moment, as_json, of_others, of_triples, ordered
from tests.correlate.tape import Tape
from tests.views.test_table import hostile
from tests.wire import Wire, body, chained, complete, done, get_me, preview, state_event, twin


def as_text(moments: Iterable[Moment], screen: Screen | None = None, *, start: int = 0) -> str:
    return "".join(timeline.as_text(moments, screen, start=start))


def others(recording: Recording, records: Sequence[Record]) -> list[Moment]:
    """All moments outside triples."""
    sent = (r for r in records if isinstance(r, Request) or (isinstance(r, SocketMessage) and r.from_client))
    return list(of_others(recording, records, {record.seq: record.exchange for record in sent}))


def session() -> list[Moment]:
    wire = Wire()
    desk = wire.desk()
    wire.wait(0.5)
    me = desk.post(get_me())
    wire.wait(0.02)
    wire.respond(me, {})
    wire.wait(30)
    post = desk.post(chained(7, "r1"))
    wire.wait(0.1)
    wire.ack(post)
    wire.wait(0.4)
    desk.hears(done(7, "r1"), twin("ChainedRecordsDataEnd", 7))
    desk.hears(state_event())
    wire.respond(desk.post(preview("r2")), body({"statusCode": 2}))
    wire.fail(desk.post(complete(7, "r3")))
    desk.post(chained(8, "r4"))
    recording = wire.recording()
    return list(ordered(of_triples(recording.triples), others(recording, wire.records)))


def test_each_thing_that_happened_is_a_line_and_silences_are_folded() -> None:
    assert as_text(session()) == (
        "seconds                    ms\n"
        "0.000    s1   session            shakes hands\n"
        "0.500         exchange     +20   GET /api/v2/me  200\n"
        "                                 … 30.020 s nothing\n"
        "30.520   1    request            GetChainedRecord  7 r1\n"
        "30.620   1    ack          +100  200\n"
        "31.020   1.1  event        +500  ChainedRecordsDataEnd  /v2/me/outbound\n"
        "31.020   1.2  unsure       +500  ChainedRecordsDataEnd  /me/internal  (twin, 0.95)\n"
        "31.020   u1   unsolicited  +500  /v2/me/devices  /v2/me/devices  after triple 1 (GetChainedRecord)\n"
        "31.020   2    request            GetPreviewRecord  r2\n"
        "31.020   2    refusal      +0    200\n"
        "31.020   3    request            CompleteRecord  7 r3\n"
        "31.020   3    failure      +0    no ack: Client disconnected.\n"
        "31.020   4    request            GetChainedRecord  8 r4\n"
    )


def test_sessions_begin_with_a_stream_or_a_socket() -> None:
    tape = Tape()
    stream, socket = tape.stream(sid="a"), tape.socket(sid="b")
    tape.order("r1", sid="a")
    tape.tell(stream, "Ordered", "r1")
    tape.end(stream)
    tape.hears(socket, b'{"type":"news"}')
    recording = tape.recording()

    assert as_text(ordered(of_triples(recording.triples), others(recording, tape.records))) == (
        "seconds                    ms\n"
        "0.000    s1   session          begins with a stream\n"
        "0.000         exchange     +1  GET /events  200\n"
        "0.002    s2   session          begins with a WebSocket\n"
        "0.002         exchange     +1  GET /ws  101\n"
        "0.004    1    request          Order  r1\n"
        "0.005    1    ack          +1  200\n"
        "0.006    1.1  event        +2  Ordered  message\n"
        "0.007    s1   session          the server ended stream-0\n"
        "0.008    u1   unsolicited  +6  news  news  after GET /ws\n"
    )


def test_on_a_screen_a_bar_is_thick_until_the_ack_and_thin_until_the_last_event() -> None:
    own = [moment for moment in session() if moment.n == 1]

    shown = as_text(own, Screen(80, color=False), start=own[0].t).splitlines()

    assert shown[1].endswith("  ━━━━━────────────────●")
    assert shown[2].index("←", 20) == shown[1].index("━") + 4
    assert shown[3].index("●", 20) == shown[1].index("●")
    assert max(map(len, shown)) <= 80


def test_on_a_narrow_screen_there_is_no_bar() -> None:
    shown = as_text(session(), Screen(60, color=False))

    assert "━" not in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_nothing_is_the_heading_alone() -> None:
    assert as_text([]).split() == ["seconds", "ms"]
    assert as_text([], Screen(80, color=False)).split() == ["seconds", "ms"]


def test_for_programs_each_is_a_row() -> None:
    rows = list(as_json(session()))

    assert rows[3] == {
        "at": 30.62, "kind": "ack", "n": 1, "name": "1", "session": "s1", "ms": 100.0, "text": "200",
    }  # fmt: skip


@given(st.integers(20, 200))
def test_hostile_text_is_inert_at_any_width(width: int) -> None:
    recording = hostile()
    moments = list(ordered(of_triples(recording.triples), others(recording, [])))

    assert all(line.isprintable() for line in as_text(moments).split("\n"))
    assert all(line.isprintable() for line in as_text(moments, Screen(width, color=False)).split("\n"))


def test_polls_and_other_bayeux_requests_that_got_no_messages_are_lines() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    wire.respond(desk.polls(), b"<html>", 503)
    wire.respond(desk.bayeux({"channel": "/a", "clientId": "c1", "data": 1}), b"")
    desk.hears()

    told = [(moment.kind, moment.text) for moment in others(wire.recording(), wire.records)]

    assert told == [("session", "shakes hands"), ("failure", "poll: HTTP 503"), ("failure", "publish: an empty body")]


def test_what_a_server_refused_lost_and_ended_is_a_line() -> None:
    wire = Wire()
    desk = wire.desk("c1")
    asked = {"channel": "/meta/subscribe", "clientId": "c1", "subscription": "/a"}
    denied = {"channel": "/meta/subscribe", "subscription": "/a", "successful": False, "error": "403::denied"}
    wire.respond(desk.bayeux(asked), [denied])
    lost = {"channel": "/meta/connect", "successful": False, "error": "402::session_unknown"}
    wire.respond(desk.polls(), [lost])
    again = wire.desk("c2")
    ended = {"channel": "/meta/connect", "successful": True, "advice": {"reconnect": "none"}}
    wire.respond(again.polls(), [{"channel": "/meta/disconnect", "successful": True}, ended])

    told = [(moment.kind, moment.text) for moment in others(wire.recording(), wire.records)]

    assert told == [
        ("session", "shakes hands"),
        ("refusal", "/meta/subscribe /a  403::denied"),
        ("session", "the server lost the session (402::session_unknown)"),
        ("session", "shakes hands"),
        ("session", "the server ended the session"),
    ]
