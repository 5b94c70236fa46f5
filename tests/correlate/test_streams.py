"""Events of streams and plain WebSockets are linked like those of Bayeux; streams belong to sessions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from recorder.correlate.anchors import anchors
from recorder.correlate.engine import Correlator
from recorder.correlate.operations import Operation
from recorder.correlate.sessions import Sessions
from recorder.correlate.streams import Streams
from recorder.model import Recording, Request, Response, State
from recorder.push.port import WEBSOCKET, Closed, Opened
from tests.correlate.tape import HEADER, Tape, dialect
from tests.costs import assert_grows


def names(recording: Recording) -> list[list[str]]:
    return [[link.name for link in triple.events] for triple in recording.triples]


def sessions(recording: Recording) -> list[str | None]:
    return [stream.session for stream in recording.streams]


def keys(recording: Recording) -> list[str]:
    return [stream.key for stream in recording.streams]


def test_events_of_a_stream_belong_to_their_operation() -> None:
    tape = Tape()
    stream = tape.stream(sid="a")
    tape.order("r1", sid="a")
    tape.tell(stream, "Ordered", "r1")
    tape.tell(stream, "Shipped", "r1")

    recording = tape.recording()

    assert names(recording) == [["Ordered", "Shipped"]]
    assert [(t.state, t.session) for t in recording.triples] == [(State.COMPLETE, "s1")]
    assert {link.event.client_id for link in recording.triples[0].events} == {"stream-0"}


def test_stream_is_an_exchange_like_any_other() -> None:
    tape = Tape()
    stream = tape.stream(sid="a")
    tape.chunk(stream, b"event: hello\ndata: 1\n\n")

    recording = tape.recording()

    assert [(t.request.target, t.session) for t in recording.plain] == [("/events", "s1")]
    assert [(u.event.channel, u.session) for u in recording.unsolicited] == [("hello", "s1")]
    assert [anchor.name for anchor in anchors(recording)] == ["GET /events"]


def test_comments_are_ignored_heartbeats() -> None:
    tape = Tape()
    tape.chunk(tape.stream(), b": beat\n\nretry: 5\n\n")

    assert [(u.event.data, u.is_ignored) for u in tape.recording().unsolicited] == [("beat", True), (None, True)]


def test_stream_recorded_as_one_body_is_read() -> None:
    tape = Tape()
    exchange = tape.request("/events")
    tape.order("r1")
    tape.response(
        exchange, b'data: {"name":"Shipped","ref":"r1"}\n\n', headers=(("content-type", "text/event-stream"),)
    )

    recording = tape.recording()

    assert names(recording) == [["Shipped"]]
    assert [(s.key, s.ended, s.closed == s.opened) for s in recording.streams] == [("stream-0", True, True)]


def test_client_that_connects_again_goes_on_with_its_stream() -> None:
    tape = Tape()
    first = tape.stream(sid="a")
    tape.fail(first)
    second = tape.stream(sid="a")
    tape.tell(second, "News", "x")
    tape.end(second)

    recording = tape.recording()

    assert keys(recording) == ["stream-0", "stream-0"]
    assert [(s.ended, s.reason) for s in recording.streams] == [(False, "Client disconnected."), (True, "")]
    assert [u.event.client_id for u in recording.unsolicited] == ["stream-0"]


def test_connecting_again_is_no_anchor() -> None:
    tape = Tape()
    tape.end(tape.stream(sid="a"))
    tape.ask("/me", sid="a")
    again = tape.stream(sid="a")
    tape.tell(again, "News", "x")
    recording = tape.recording()

    assert [anchor.name for anchor in anchors(recording)] == ["GET /me"]


def test_client_without_tokens_goes_on_with_its_stream() -> None:
    tape = Tape()
    tape.end(tape.stream())
    tape.stream()

    recording = tape.recording()

    assert (keys(recording), sessions(recording)) == (["stream-0", "stream-0"], ["s1", "s1"])


def test_two_clients_have_streams_of_their_own() -> None:
    tape = Tape()
    tape.end(tape.stream(sid="a"))
    tape.stream(sid="b")

    recording = tape.recording()

    assert (keys(recording), sessions(recording)) == (["stream-0", "stream-1"], ["s1", "s2"])


def test_two_streams_open_at_once_are_two() -> None:
    tape = Tape()
    tape.stream(sid="a")
    tape.stream(sid="a")

    recording = tape.recording()

    assert (keys(recording), sessions(recording)) == (["stream-0", "stream-1"], ["s1", "s1"])


def test_two_streams_without_tokens_open_at_once_are_two_clients() -> None:
    tape = Tape()
    tape.stream()
    tape.stream()

    assert sessions(tape.recording()) == ["s1", "s2"]


def test_another_query_asks_for_another_stream() -> None:
    tape = Tape()
    tape.end(tape.stream("/events?room=1", sid="a"))
    tape.end(tape.stream("/events?room=2", sid="a"))
    tape.stream("/events?room=2&lastEventId=7&_=99", sid="a")

    assert keys(tape.recording()) == ["stream-0", "stream-1", "stream-1"]


def test_client_that_names_its_last_event_goes_on() -> None:
    tape = Tape()
    first, second = tape.stream("/events?t=1", sid="a"), tape.stream("/events?t=2", sid="a")
    tape.chunk(first, b"id: 7\ndata: 1\n\n")
    tape.chunk(second, b"id: 8\ndata: 1\n\n")
    tape.end(first)
    tape.end(second)
    tape.stream("/events?t=3", sid="a", headers=(("Last-Event-ID", "8"),))

    assert keys(tape.recording()) == ["stream-0", "stream-1", "stream-1"]


def test_answers_to_posts_are_streams_of_their_own() -> None:
    tape = Tape()
    for _ in range(2):
        tape.end(tape.stream("/chat", method="POST"))

    recording = tape.recording()

    assert (keys(recording), sessions(recording)) == (["stream-0", "stream-1"], ["s1", "s1"])


def test_stream_belongs_to_who_was_given_its_address() -> None:
    tape = Tape()
    for sid in "ab":
        tape.stream("/all", sid=sid)
    for sid in "ab":
        tape.ask(
            "/channels", answer=b'{"connectUri":"wss:\\/\\/push.example\\/ch\\/%s-77?x=1"}' % sid.encode(), sid=sid
        )
    for sid in "ba":
        tape.hears(tape.socket(f"/ch/{sid}-77?x=1"), b"{}")

    assert sessions(tape.recording()) == ["s1", "s2", "s2", "s1"]


def test_address_that_two_were_given_says_nothing() -> None:
    tape = Tape()
    for sid in "ab":
        tape.stream("/all", sid=sid)
        tape.ask("/channels", answer=b'{"stream":"/live"}', sid=sid)
    tape.stream("/live")

    assert sessions(tape.recording()) == ["s1", "s2", "s3"]


def test_address_is_a_whole_one() -> None:
    tape = Tape()
    for sid in "ab":
        tape.stream("/all", sid=sid)
    tape.ask("/channels", answer=b'{"stream":"/live-too"}', sid="a")
    tape.stream("/live")

    assert sessions(tape.recording()) == ["s1", "s2", "s3"]


def test_messages_of_a_client_are_exchanges() -> None:
    tape = Tape()
    socket = tape.socket(sid="a")
    tape.sends(socket, b'{"type":"join","ref":"r1"}')
    tape.hears(socket, b'{"type":"joined","ref":"r1"}')

    recording = tape.recording()

    assert [(t.request.method, t.request.target, t.state, t.session) for t in recording.plain] == [
        ("GET", "/ws", State.COMPLETE, "s1"),
        ("MESSAGE", "join", State.COMPLETE, "s1"),
    ]
    assert [anchor.name for anchor in anchors(recording)] == ["MESSAGE join"]


_CALLS = """
[operations.Call]
request = "MESSAGE call"
events = ["Called"]
terminal = ["Called"]
"""


def test_messages_of_a_client_are_operations_by_their_topic() -> None:
    tape = Tape()
    by = dialect(_CALLS)
    socket = tape.socket()
    tape.sends(socket, b'{"type":"call","ref":"r1"}')
    tape.sends(socket, b'{"type":"call","ref":"r2"}')
    tape.hears(socket, b'{"name":"Called","ref":"r2"}')

    recording = tape.recording(by)

    assert [(t.operation, t.state, t.session) for t in recording.triples] == [
        ("Call", State.ABORTED, "s1"),
        ("Call", State.COMPLETE, "s1"),
    ]


_FAILS = """
[event.error]
"data.name" = "Failed"
"""


def test_message_fails_by_an_event() -> None:
    tape = Tape()
    by = dialect(_FAILS + _CALLS, same="error_same = []")
    socket = tape.socket()
    for ref in ("r1", "r2", "r3"):
        tape.sends(socket, b'{"type":"call","ref":"%s"}' % ref.encode())
    tape.hears(socket, b'{"name":"Called","ref":"r1"}')
    tape.hears(socket, b'{"name":"Failed","ref":"r2"}')
    tape.hears(socket, b'{"name":"Called","ref":"r3"}')

    assert [t.state for t in tape.recording(by).triples] == [State.COMPLETE, State.FAILED, State.COMPLETE]


def test_error_is_not_of_a_message_that_is_done() -> None:
    tape = Tape()
    by = dialect(_FAILS + _CALLS, same='error_same = ["room"]', key="room")
    socket = tape.socket()
    tape.sends(socket, b'{"type":"call","ref":"r1","room":"1"}')
    tape.sends(socket, b'{"type":"call","ref":"r2","room":"1"}')
    tape.hears(socket, b'{"name":"Called","ref":"r1"}')
    tape.hears(socket, b'{"name":"Failed","room":"1"}')

    assert [t.state for t in tape.recording(by).triples] == [State.COMPLETE, State.FAILED]


def test_socket_that_nobody_spoke_on_is_known() -> None:
    tape = Tape()
    tape.socket(sid="a", protocol="chat")

    recording = tape.recording()

    assert [(s.key, s.protocol, s.subprotocol, s.closed) for s in recording.streams] == [
        ("stream-0", "websocket", "chat", None)
    ]
    assert [t.request.target for t in recording.plain] == ["/ws"]


def test_socket_that_was_closed_without_a_word_belongs_to_its_client() -> None:
    tape = Tape()
    for sid in "ab":
        tape.fail(tape.socket(sid=sid), "websocket closed by client, code 1001")

    assert sessions(tape.recording()) == ["s1", "s2"]


def test_socket_that_was_closed_tells_how() -> None:
    tape = Tape()
    socket = tape.socket()
    tape.hears(socket, b"1")
    tape.fail(socket, "websocket closed by server, code 4001")

    (stream,) = tape.recording().streams

    assert (stream.code, stream.ended, stream.closed) == (4001, True, 3_000_000)


def test_lines_that_came_in_pieces_are_one_answer() -> None:
    tape = Tape()
    exchange = tape.stream("/lines")
    tape.records[-1] = replace(tape.records[-1], headers=(("Content-Type", "application/jsonl"),))
    tape.chunk(exchange, b"1\n")
    tape.chunk(exchange, b"2\n", is_last=True)

    recording = tape.recording()

    assert [t.ack.body for t in recording.plain] == [b"1\n2\n"]
    assert recording.streams == ()


def test_what_the_server_sends_again_counts_once() -> None:
    tape = Tape()
    first = tape.stream(sid="a")
    for number in (1, 2, 3):
        tape.chunk(first, b"id: %d\ndata: %d\n\n" % (number, number))
    tape.fail(first)
    again = tape.stream(sid="a", headers=(("Last-Event-ID", "1"),))
    tape.chunk(again, b": beat\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\nid: 4\ndata: 4\n\n")

    heard = [u.event.data for u in tape.recording().unsolicited if not u.is_ignored]

    assert heard == [1, 2, 3, 4]


def test_equal_events_after_a_cut_are_events() -> None:
    tape = Tape()
    first = tape.stream(sid="a")
    tape.chunk(first, b"data: 1\n\n" * 2)
    tape.fail(first)
    tape.chunk(tape.stream(sid="a"), b"data: 1\n\n")

    assert len(tape.recording().unsolicited) == 3


def test_server_that_sends_something_else_is_heard() -> None:
    tape = Tape()
    first = tape.stream(sid="a")
    tape.chunk(first, b"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n")
    tape.fail(first)
    tape.chunk(tape.stream(sid="a", headers=(("Last-Event-ID", "1"),)), b"id: 5\ndata: 2\n\nid: 2\ndata: 2\n\n")

    assert len(tape.recording().unsolicited) == 4


def test_long_capture_forgets_its_streams() -> None:
    tape = Tape()
    for _ in range(3):
        tape.end(tape.stream("/chat", method="POST"))
    correlator = Correlator(dialect())
    for record in tape.records:
        correlator.feed(record)
        correlator.discard()

    assert correlator.finish(HEADER).streams == ()


def opened_and_closed(count: int) -> None:
    """Take WebSockets of clients that come once each."""
    by = dialect()
    streams = Streams(by, Sessions(by.session_cookies))
    for number in range(count):
        request = Request(number, number, number, "c", "GET", "/events", (), b"")
        asked = Operation(request, None, {}, frozenset({f"sid={number}"}), None)
        streams.answered(asked, Response(number, number, number, 200, (), b""))
        streams.opened(Opened(f"stream-{number}", number, number, number, WEBSOCKET), ())
        streams.closed(Closed(f"stream-{number}", number, number, number, ended=True))


def test_a_stream_costs_the_same_however_many_were_there_before() -> None:
    opened_and_closed(20)

    assert_grows(partial(opened_and_closed, 500), partial(opened_and_closed, 8_000), at_most=2.5 * 16)  # not 256
