"""Events of streams and plain WebSockets come by cause, once, in their order, on the stream the client has open."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.dialect.definition import Dialect, parse
from recorder.errors import UsageError
from recorder.model import Headers, Response
from recorder.replay.engine.faults import Faults
from recorder.replay.engine.faults import parse as fault
from recorder.replay.engine.policy import Policy, Repeat
from recorder.replay.engine.timeline import INSTANT
from recorder.requests.index.streams import CUT_OFF
from tests.replay.stage import Desk, Stage
from tests.wire import SSE, Ask, Wire

NOTES = """
name = "notes"
session_cookies = []
open_for = 60.0
grace = 2.0
[request]
methods = ["POST", "MESSAGE"]
[request.keys]
reference = ["body.ref"]
[ack]
status = []
success = []
[event.keys]
reference = ["data.ref"]
notification = ["data.type"]
[replay]
minted = ["reference"]
per_operation = ["reference"]
volatile = []
[operations.CreateNote]
request = "POST /notes"
events = ["noted"]
terminal = ["noted"]
[operations.Search]
request = "POST /search"
events = ["hit", "found"]
terminal = ["found"]
[operations.Ask]
request = "MESSAGE ask"
events = ["noted"]
terminal = ["noted"]
"""


@pytest.fixture(scope="module")
def dialect() -> Dialect:
    return parse(NOTES, path="notes.toml")


def note(ref: str) -> Ask:
    return Ask("/notes", {"ref": ref})


def asks(wire: Wire, ask: Ask, connection: str = "c2") -> int:
    return wire.request(ask.method, ask.target, ask.body, connection=connection)


def noted(ref: str, **more: Any) -> dict[str, Any]:
    return {"type": "noted", "ref": ref} | more


def a_stream(notes: int = 2, *, ids: bool = False) -> Wire:
    """A stream, and notes whose events come on it 0.2 s after their acks."""
    wire = Wire()
    stream = wire.streams()
    for number in range(notes):
        wire.wait(1)
        post = asks(wire, note(f"recorded{number}"))
        wire.wait(0.1)
        wire.ack(post)
        wire.wait(0.2)
        own = {"id": str(number)} if ids else {}
        wire.sends(stream, noted(f"recorded{number}"), **own)
    return wire


def stage(wire: Wire, dialect: Dialect, rate: float = INSTANT, **options: Any) -> tuple[Stage, Desk]:
    made = Stage(wire.recording(dialect), rate, dialect, **options)
    return made, made.stranger(connection="c")


def refs(desk: Desk, number: int) -> list[str]:
    """The references of the events on a stream."""
    return [json.loads(piece.partition(b"data: ")[2])["ref"] for piece in desk.got(number)]


def test_the_head_comes_at_once_and_says_that_more_follows(dialect: Dialect) -> None:
    _, desk = stage(a_stream(), dialect)

    stream = desk.opens()

    assert desk.replies[stream].more
    assert desk.replies[stream].headers == (("Content-Type", "text/event-stream"),)
    assert desk.said == ["ack 200"]


def test_an_event_waits_for_its_cause_and_has_the_clients_id(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect, rate=1)
    stream = desk.opens()
    playing.wait(5)
    assert desk.got(stream) == []

    desk.posts(note("live"))
    playing.wait(5)

    assert desk.got(stream) == [b'data: {"type":"noted","ref":"live"}\n\n']
    assert [at for at, _ in desk.heard] == [0.0, 5.1, 5.3]


def test_an_event_waits_for_a_stream(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect)
    desk.posts(note("a"))
    playing.wait(1)

    stream = desk.opens()

    assert refs(desk, stream) == ["a"]


def test_a_stream_that_the_client_left_gets_nothing_and_the_next_one_all(dialect: Dialect) -> None:
    _, desk = stage(a_stream(), dialect)
    first = desk.opens()
    desk.posts(note("a"))
    desk.leaves(first)
    desk.posts(note("b"))

    second = desk.opens()

    assert (refs(desk, first), refs(desk, second)) == (["a"], ["b"])


def test_what_did_not_leave_comes_again(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect)
    first = desk.opens()
    playing.stuck.add(first)
    desk.posts(note("a"))
    desk.posts(note("b"))
    desk.leaves(first)

    assert refs(desk, desk.opens()) == ["a", "b"]


@pytest.mark.parametrize(("seen", "again"), [("0", ["b", "c"]), ("1", ["c"]), ("2", []), ("unknown", []), (None, [])])
def test_what_followed_the_last_id_comes_again(dialect: Dialect, seen: str | None, again: list[str]) -> None:
    _, desk = stage(a_stream(3, ids=True), dialect)
    first = desk.opens()
    for ref in ("a", "b", "c"):
        desk.posts(note(ref))
    desk.leaves(first)

    second = desk.opens(headers=() if seen is None else (("Last-Event-ID", seen),))

    assert refs(desk, second) == again


def test_what_the_client_saw_does_not_come_again_though_it_was_not_known_to_have_left(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(2, ids=True), dialect)
    first = desk.opens()
    playing.stuck.add(first)
    desk.posts(note("a"))
    desk.posts(note("b"))

    second = desk.opens(headers=(("Last-Event-ID", "0"),))

    assert refs(desk, second) == ["b"]
    desk.leaves(first)
    assert refs(desk, second) == ["b"]


@pytest.mark.parametrize(
    "block",
    [
        b'id: 7\r\nevent: note\r\ndata: {"ref": "untouched", "n": 1.50, "big": 1E2}\r\n\r\n',
        b"event:note\ndata: no JSON\ndata:of two lines\nretry: 250\n\n",
        b": a comment\n\n",
        b"retry: 100\nid: 9\n\n",
        'data: {"text":"\\u00e4 ä"}\n\n'.encode(),
    ],
)
def test_the_bytes_are_the_recorded_ones(dialect: Dialect, block: bytes) -> None:
    wire = Wire()
    wire.sends(wire.streams(), block)
    _, desk = stage(wire, dialect)

    assert desk.got(desk.opens()) == [block]


def test_only_the_data_is_written_anew_where_an_id_is_the_clients(dialect: Dialect) -> None:
    wire = Wire()
    stream = wire.streams()
    wire.ack(asks(wire, note("recorded-1")))
    wire.sends(stream, b'id:recorded-1/3\nevent: note\ndata: {"ref":\ndata: "recorded-1", "n": 1}\nretry: 9\n\n')
    _, desk = stage(wire, dialect)
    opened = desk.opens()

    desk.posts(note("live-1"))

    assert desk.got(opened) == [b'id:live-1/3\nevent: note\ndata: {"ref":"live-1","n":1}\nretry: 9\n\n']


def test_a_value_of_the_client_ends_no_line(dialect: Dialect) -> None:
    wire = Wire()
    stream = wire.streams()
    wire.ack(asks(wire, note("recorded-1")))
    wire.sends(stream, noted("recorded-1"), event="recorded-1")
    wire.sends(stream, b"data: note recorded-1\n\n")
    _, desk = stage(wire, dialect)
    opened = desk.opens()

    desk.posts(note("a\n\ndata: forged"))

    assert all(b"\n\ndata: forged" not in piece for piece in desk.got(opened))


def test_the_server_ends_the_stream_after_its_events(dialect: Dialect) -> None:
    wire = a_stream()
    wire.ends(1)
    _, desk = stage(wire, dialect)
    desk.opens()

    desk.posts(note("a"))
    assert "end" not in desk.said
    desk.posts(note("b"))

    assert desk.said[-1] == "end"


def test_a_stream_that_broke_breaks_again_and_goes_on(dialect: Dialect) -> None:
    wire = a_stream(1)
    wire.fail(1, "server closed connection")
    again = wire.streams()
    post = asks(wire, note("recorded-b"))
    wire.ack(post)
    wire.sends(again, noted("recorded-b"))
    _, desk = stage(wire, dialect)
    first = desk.opens()

    desk.posts(note("a"))
    assert desk.said[-1] == f"end {CUT_OFF}"
    second = desk.opens()
    desk.posts(note("b"))

    assert (refs(desk, first), refs(desk, second)) == (["a"], ["b"])


def test_a_stream_that_its_client_left_is_not_ended(dialect: Dialect) -> None:
    wire = a_stream(1)
    wire.fail(1)
    playing, desk = stage(wire, dialect)
    desk.opens()

    desk.posts(note("a"))
    playing.wait(100)

    assert not any(text.startswith("end") for text in desk.said)


def test_what_no_operation_caused_follows_the_stream_at_its_pace(dialect: Dialect) -> None:
    wire = Wire()
    stream = wire.streams()
    wire.wait(0.5)
    wire.sends(stream, {"type": "welcome"})
    wire.wait(15)
    wire.sends(stream, b": ping\n\n")
    playing, desk = stage(wire, dialect, rate=1)
    desk.opens()

    playing.wait(20)

    assert desk.heard == [(0.0, "ack 200"), (0.5, 'data: {"type":"welcome"}'), (15.5, ": ping")]


def test_a_post_is_answered_by_its_own_stream(dialect: Dialect) -> None:
    wire = Wire()
    for ref in ("r1", "r2"):
        search = wire.streams("/search", method="POST", content=json.dumps({"ref": ref}).encode())
        wire.sends(search, {"type": "hit", "ref": ref})
        wire.sends(search, {"type": "found", "ref": ref})
        wire.ends(search)
    _, desk = stage(wire, dialect)

    one, other = (desk.posts(Ask("/search", {"ref": ref})) for ref in ("a", "b"))

    assert (refs(desk, one), refs(desk, other)) == (["a", "a"], ["b", "b"])
    assert desk.said.count("end") == 2


def test_two_clients_hear_their_own_events(dialect: Dialect) -> None:
    wire = Wire()
    tokens: list[Headers] = [(("Authorization", f"Bearer {who}"),) for who in ("one", "two")]
    streams = [wire.streams(headers=token) for token in tokens]
    for stream, token in zip(streams, tokens, strict=True):
        ref = f"recorded{stream}"
        wire.ack(wire.request("POST", "/notes", note(ref).body, token))
        wire.sends(stream, noted(ref))
    playing = Stage(wire.recording(dialect), INSTANT, dialect)
    desks = [playing.stranger((("Authorization", f"Bearer live{n}"),), f"c{n}") for n in range(3)]
    opened = [desk.opens() for desk in desks]

    for number, desk in enumerate(desks):
        desk.posts(note(f"live{number}"))

    assert [refs(desk, stream) for desk, stream in zip(desks, opened, strict=True)] == [["live0"], ["live1"], ["live2"]]


def test_the_stream_of_one_session_stands_for_that_of_another(dialect: Dialect) -> None:
    """The client is known to be the second one by its operation alone."""
    wire = Wire()
    tokens: list[Headers] = [(("Authorization", f"Bearer {who}"),) for who in ("one", "two")]
    streams = [wire.streams(headers=token) for token in tokens]
    wire.ack(wire.request("POST", "/notes", b'{"ref":"r1","kind":"first"}', tokens[0]))
    wire.sends(streams[0], noted("r1"))
    wire.ack(wire.request("POST", "/notes", b'{"ref":"r2","kind":"second"}', tokens[1]))
    wire.sends(streams[1], noted("r2"))
    wire.sends(streams[1], b"data: bye\n\n")
    wire.ends(streams[1])
    playing = Stage(wire.recording(dialect), INSTANT, dialect)
    desk = playing.stranger((("Authorization", "Bearer live"),), "c")
    stream = desk.opens()

    desk.posts(Ask("/notes", {"ref": "live", "kind": "second"}))

    assert desk.got(stream) == [b'data: {"type":"noted","ref":"live"}\n\n', b"data: bye\n\n"]
    assert desk.said[-1] == "end"


def test_a_body_of_lines_comes_in_its_pieces(dialect: Dialect) -> None:
    wire = Wire()
    post = asks(wire, note("recorded-1"))
    lines = b'{"ref":"recorded-1","n":1}\n', b'{"n":2}\n{"n":3}\n'
    wire.respond(post, b"".join(lines), headers=(("Content-Type", "application/x-ndjson"),))
    second = 10**9
    wire.records[-1] = replace(wire.records[-1], pieces=((second, len(lines[0])), (3 * second, len(lines[1]))))
    playing, desk = stage(wire, dialect, rate=1)

    number = desk.posts(note("live-1"))
    playing.wait(5)

    assert desk.got(number) == [b'{"ref":"live-1","n":1}\n', b'{"n":2}\n{"n":3}\n']
    assert [at for at, _ in desk.heard] == [0.0, 1.0, 3.0, 3.0]


# WebSockets


def a_socket(*, subprotocol: str = "") -> Wire:
    """A socket that greets, and answers two questions."""
    wire = Wire()
    socket = wire.upgrades(subprotocol=subprotocol)
    wire.says(socket, {"type": "hello"})
    for number in range(2):
        wire.says(socket, {"type": "ask", "ref": f"recorded{number}"}, from_client=True)
        wire.wait(0.25)
        wire.says(socket, {"type": "noted", "ref": f"recorded{number}"})
    return wire


def test_a_socket_greets_and_answers_by_cause(dialect: Dialect) -> None:
    playing, desk = stage(a_socket(), dialect, rate=1)
    socket = desk.upgrades()
    playing.wait(3)
    assert (desk.replies[socket].status, desk.got(socket)) == (101, [b'{"type":"hello"}'])

    desk.says(socket, {"type": "ask", "ref": "live"})
    playing.wait(1)

    assert desk.got(socket)[1:] == [b'{"type":"noted","ref":"live"}']
    assert desk.heard[-1][0] == 3.25
    assert playing.misses == []


def test_a_message_that_was_not_recorded_is_a_miss_without_an_answer(dialect: Dialect) -> None:
    playing, desk = stage(a_socket(), dialect)
    socket = desk.upgrades()

    desk.says(socket, {"type": "nonsense"})

    assert len(playing.misses) == 1
    assert "MESSAGE nonsense" in playing.misses[0]
    assert len(desk.got(socket)) == 1


def test_the_handshake_chooses_the_recorded_subprotocol(dialect: Dialect) -> None:
    _, desk = stage(a_socket(subprotocol="v2"), dialect)

    socket = desk.upgrades(headers=(("Sec-WebSocket-Protocol", "v1, v2"),))

    assert desk.replies[socket].headers == (("Sec-WebSocket-Protocol", "v2"),)


def test_a_request_without_upgrade_gets_no_socket(dialect: Dialect) -> None:
    _, desk = stage(a_socket(), dialect)

    assert desk.replies[desk.opens("/socket")].status == 426


def test_the_server_closes_with_the_recorded_code(dialect: Dialect) -> None:
    wire = Wire()
    socket = wire.upgrades()
    wire.says(socket, {"type": "ask", "ref": "recorded-1"}, from_client=True)
    wire.says(socket, noted("recorded-1"))
    wire.closes(socket, 4001, "signed in elsewhere")
    _, desk = stage(wire, dialect)
    opened = desk.upgrades()

    desk.says(opened, {"type": "ask", "ref": "live"})

    last = desk.pieces[opened][-1]
    assert (last.more, last.code, last.reason) == (False, 4001, "signed in elsewhere")
    assert desk.got(opened) == [b'{"type":"noted","ref":"live"}']


def test_binary_messages_keep_their_bytes(dialect: Dialect) -> None:
    wire = Wire()
    socket = wire.upgrades()
    wire.says(socket, b"\x00\xff", is_text=False)
    wire.says(socket, b"plain text")
    _, desk = stage(wire, dialect)

    pieces = desk.pieces[desk.upgrades()]

    assert [(piece.body, piece.is_text) for piece in pieces] == [(b"\x00\xff", False), (b"plain text", True)]


def test_equal_messages_on_two_sockets_are_answered_on_their_own(dialect: Dialect) -> None:
    wire = Wire()
    sockets = [wire.upgrades("/a"), wire.upgrades("/b")]
    for socket in sockets:
        wire.says(socket, {"type": "ping"}, from_client=True)
        wire.says(socket, {"type": "pong"})
    _, desk = stage(wire, dialect)
    first, second = desk.upgrades("/a"), desk.upgrades("/b")

    desk.says(second, {"type": "ping"})
    assert (desk.got(first), desk.got(second)) == ([], [b'{"type":"pong"}'])
    desk.says(first, {"type": "ping"})

    assert (desk.got(first), desk.got(second)) == ([b'{"type":"pong"}'], [b'{"type":"pong"}'])


def test_heartbeats_of_a_client_are_answered_at_its_own_pace(dialect: Dialect) -> None:
    wire = Wire()
    socket = wire.upgrades()
    for _ in range(2):
        wire.says(socket, {"type": "ping"}, from_client=True)
        wire.says(socket, {"type": "pong"})
    wire.says(socket, {"type": "news"})
    playing, desk = stage(wire, dialect)
    opened = desk.upgrades()

    for _ in range(5):
        desk.says(opened, {"type": "ping"})

    assert [json.loads(one)["type"] for one in desk.got(opened)] == ["pong", "pong", "news", "pong", "pong", "pong"]
    assert playing.misses == []


# What faults do, and what is told


@pytest.mark.parametrize("after", ["noted#1", "CreateNote#1"])
def test_a_cut_stream_loses_nothing(dialect: Dialect, after: str) -> None:
    recording = a_stream(3, ids=True).recording(dialect)
    playing = Stage(recording, INSTANT, dialect, faults=Faults([fault(f"cut stream after {after}")], recording))
    desk = playing.stranger(connection="c")
    first = desk.opens()

    desk.posts(note("a"))
    assert desk.said.count(f"end {CUT_OFF}") == 1
    seen = refs(desk, first)
    second = desk.opens(headers=(("Last-Event-ID", "0"),) if seen else ())
    desk.posts(note("b"))

    assert seen + refs(desk, second) == ["a", "b"]


def test_an_event_that_a_fault_drops_does_not_keep_the_stream_open(dialect: Dialect) -> None:
    wire = a_stream()
    wire.ends(1)
    recording = wire.recording(dialect)
    playing = Stage(recording, INSTANT, dialect, faults=Faults([fault("drop event noted#1")], recording))
    desk = playing.stranger(connection="c")
    stream = desk.opens()

    desk.posts(note("a"))
    desk.posts(note("b"))

    assert refs(desk, stream) == ["b"]
    assert desk.said[-1] == "end"


def test_heartbeats_stall_from_the_second_on(dialect: Dialect) -> None:
    wire = Wire()
    stream = wire.streams()
    for text in (b": one\n\n", b": two\n\n", b": three\n\n", b"data: news\n\n"):
        wire.sends(stream, text)
    recording = wire.recording(dialect)
    playing = Stage(recording, INSTANT, dialect, faults=Faults([fault("stall heartbeat#2")], recording))
    desk = playing.stranger(connection="c")

    assert desk.got(desk.opens()) == [b": one\n\n", b"data: news\n\n"]
    assert playing.standin.faults.report() == [("stall heartbeat#2", 2)]


def test_a_recording_without_heartbeats_has_none_to_stall(dialect: Dialect) -> None:
    with pytest.raises(UsageError, match="no heartbeats"):
        Faults([fault("stall heartbeat")], a_stream().recording(dialect))


def test_the_state_tells_of_streams_and_what_waits(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect)
    stream = desk.opens()
    (session,) = playing.standin.state(playing.now)["sessions"]
    assert (session["parked"], session["streams"]) == (True, [{"key": "stream-1", "open": True, "waiting": 0}])
    assert playing.standin.is_parked

    desk.leaves(stream)
    desk.posts(note("a"))

    (session,) = playing.standin.state(playing.now)["sessions"]
    assert (session["parked"], session["streams"]) == (False, [{"key": "stream-1", "open": False, "waiting": 1}])


def test_an_injected_event_comes_on_the_open_stream(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect)
    stream = desk.opens()

    playing.standin.inject("p1", "note", {"ref": "injected"})
    playing.driver()

    assert desk.got(stream) == [b'event: note\ndata: {"ref":"injected"}\n\n']


def test_an_injected_event_waits_for_a_client_that_connects_again(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect)
    desk.leaves(desk.opens())

    playing.standin.inject("p1", "note", {"ref": "injected"})
    playing.driver()

    assert desk.got(desk.opens()) == [b'event: note\ndata: {"ref":"injected"}\n\n']


def test_nothing_leaves_in_a_pause(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect)
    stream = desk.opens()
    playing.standin.pause(playing.now)

    desk.posts(note("a"))
    assert desk.got(stream) == []
    assert playing.standin.step(playing.now) is not None
    assert playing.standin.step(playing.now) == "event message of triple 1, POST /notes (CreateNote) to p1"
    playing.driver()

    assert refs(desk, stream) == ["a"]


class Acts(NamedTuple):
    what: str
    client: int


@settings(deadline=None)
@given(
    st.lists(
        st.builds(Acts, st.sampled_from(["open", "leave", "stick", "note", "wait"]), st.integers(0, 1)), max_size=30
    )
)
def test_whatever_clients_do_each_event_comes_once_after_its_cause_and_in_order(acts: list[Acts]) -> None:
    """Clients read all that leaves, unless it sticks in the write buffer; each names what it saw when it comes back."""
    spoken = parse(NOTES, path="notes.toml")
    playing = Stage(a_stream(6, ids=True).recording(spoken), 10.0, spoken)
    desks = [playing.stranger((("Authorization", f"agent{n}"),), f"c{n}") for n in range(2)]
    opened: list[int | None] = [None, None]
    heard: list[list[str]] = [[], []]
    asked: list[list[str]] = [[], []]

    def reads(client: int) -> None:
        number = opened[client]
        if number is not None and number not in playing.stuck:
            heard[client] += refs(desks[client], number)[len(read[number]) :]
            read[number] = refs(desks[client], number)

    def opens(client: int) -> None:
        last = ids.get(heard[client][-1]) if heard[client] else None
        number = desks[client].opens(headers=() if last is None else (("Last-Event-ID", last),))
        opened[client], read[number] = number, []
        reads(client)

    read: dict[int, list[str]] = {}
    ids: dict[str, str] = {}
    for what, client in acts:
        number, desk = opened[client], desks[client]
        match what:
            case "open" if number is None:
                opens(client)
            case "leave" if number is not None:
                reads(client)
                desk.leaves(number)
                opened[client] = None
            case "stick" if number is not None:
                reads(client)
                playing.stuck.add(number)
            case "note" if len(asked[client]) < 6:
                ref = f"live{client}x{len(asked[client])}"
                ids[ref] = str(len(asked[client]))
                asked[client].append(ref)
                desk.posts(note(ref))
            case "wait":
                playing.wait(0.02)
        for one in (0, 1):
            reads(one)
            assert heard[one] == asked[one][: len(heard[one])], "in their order, once, and none before its cause"
    for client in (0, 1):
        if (number := opened[client]) is not None:
            desks[client].leaves(number)
        opens(client)
    playing.wait(10)
    for client in (0, 1):
        reads(client)
    assert heard == asked
    assert playing.misses == []


def test_a_lost_stream_is_opened_again_before_another_one_alike(dialect: Dialect) -> None:
    """Two tabs of one client; the first one's connection is lost."""
    wire = Wire()
    tabs = [wire.streams(headers=(("Authorization", "Bearer one"),)) for _ in range(2)]
    for number, tab in enumerate(tabs):
        wire.ack(asks(wire, note(f"recorded{number}")))
        wire.sends(tab, noted(f"recorded{number}"))
    _, desk = stage(wire, dialect)
    first = desk.opens()
    desk.leaves(first)

    again, second = desk.opens(), desk.opens()
    desk.posts(note("a"))
    desk.posts(note("b"))

    assert (refs(desk, again), refs(desk, second)) == (["a"], ["b"])


def test_a_get_and_an_upgrade_of_one_path_are_told_apart(dialect: Dialect) -> None:
    wire = Wire()
    wire.respond(wire.request("GET", "/graphql", b""), {"page": True})
    wire.says(wire.upgrades("/graphql"), {"type": "hello"})
    _, desk = stage(wire, dialect)

    socket, page = desk.upgrades("/graphql"), desk.opens("/graphql")

    assert (desk.replies[socket].status, desk.replies[page].body) == (101, b'{"page":true}')


def test_events_that_were_recorded_in_one_body_come_by_cause_too(dialect: Dialect) -> None:
    wire = Wire()
    stream = wire.request("GET", "/events", b"")
    wire.ack(asks(wire, note("recorded-1")))
    wire.records.append(
        Response(len(wire.records), 10**9, stream, 200, SSE, b'data: {"ref":"recorded-1"}\n\n: end\n\n')
    )
    _, desk = stage(wire, dialect)
    opened = desk.opens()
    assert desk.replies[opened].body == b""

    desk.posts(note("live-1"))

    assert desk.got(opened) == [b'data: {"ref":"live-1"}\n\n', b": end\n\n"]
    assert desk.said[-1] == "end"


def test_events_that_wait_for_a_stream_are_reported(dialect: Dialect) -> None:
    playing, desk = stage(a_stream(), dialect)

    desk.posts(note("a"))

    (found,) = playing.standin.unplayed_events
    assert (found["event"], found["waits_for"]) == ("1.1", "a stream, GET /events")


def test_heartbeats_that_wait_for_a_stream_are_nobodys_loss(dialect: Dialect) -> None:
    wire = Wire()
    stream = wire.streams()
    wire.ack(asks(wire, note("recorded-1")))
    for text in (b'data: {"ref":"recorded-1"}\n\n', b": beat\n\n"):
        wire.wait(0.02)
        wire.sends(stream, text)
    playing, desk = stage(wire, dialect)

    desk.posts(note("a"))
    playing.wait(1.0)

    assert [one["event"] for one in playing.standin.unplayed_events] == ["1.1"]


def a_subscription(*, cut: bool = False) -> Wire:
    """A client that says hello and subscribes on its socket, and hears what a note brings; perhaps twice."""
    wire = Wire()
    for number in range(2 if cut else 1):
        socket = wire.upgrades()
        wire.says(socket, {"type": "init"}, from_client=True)
        wire.wait(0.01)
        wire.says(socket, {"type": "welcome"})
        wire.says(socket, {"type": "subscribe"}, from_client=True)
        wire.wait(0.01)
        wire.says(socket, {"type": "subscribed"})
        wire.ack(asks(wire, note(f"recorded{number}")))
        wire.says(socket, noted(f"recorded{number}"))
        if cut:
            wire.closes(socket, CUT_OFF)
    return wire


def types(desk: Desk, socket: int) -> list[str]:
    return [json.loads(message)["type"] for message in desk.got(socket)]


@pytest.mark.parametrize("cut", [False, True])
def test_an_event_waits_until_the_client_has_subscribed_on_its_socket(dialect: Dialect, cut: bool) -> None:
    playing, desk = stage(a_subscription(cut=cut), dialect, rate=1)
    for _ in range(2 if cut else 1):
        desk.posts(note("early"))
        socket = desk.upgrades()
        playing.wait(1)
        assert types(desk, socket) == []

        desk.says(socket, {"type": "init"})
        playing.wait(1)
        assert types(desk, socket) == ["welcome"]
        desk.says(socket, {"type": "subscribe"})
        playing.wait(1)

        assert types(desk, socket) == ["welcome", "subscribed", "noted"]


def test_a_client_that_connects_again_unlike_the_recorded_one_is_welcomed_again(dialect: Dialect) -> None:
    playing, desk = stage(a_subscription(), dialect, rate=1)
    desk.leaves(desk.upgrades())
    for _ in range(2):
        socket = desk.upgrades()
        desk.says(socket, {"type": "init"})
        desk.says(socket, {"type": "subscribe"})
        playing.wait(1)
        desk.leaves(socket)
        assert types(desk, socket) == ["welcome", "subscribed"]

    assert playing.misses == []


@pytest.mark.parametrize(
    ("recorded", "live"),
    [
        ('{"type":"noted","ref":"r1"}\x1e', '{"type":"noted","ref":"9"}\x1e'),
        (' {"ref": "r1"}\n', ' {"ref":"9"}\n'),
        ('{"n": 1}\x1e{"n": 2}\x1e', '{"n": 1}\x1e{"n": 2}\x1e'),
    ],
)
def test_what_stands_around_a_value_stays(dialect: Dialect, recorded: str, live: str) -> None:
    wire = Wire()
    socket = wire.upgrades()
    wire.says(socket, {"type": "ask", "ref": "r1"}, from_client=True)
    wire.says(socket, recorded.encode())
    _, desk = stage(wire, dialect)
    opened = desk.upgrades()

    desk.says(opened, {"type": "ask", "ref": "9"})

    assert desk.got(opened) == [live.encode()]


def test_the_end_waits_for_events_that_are_due_later(dialect: Dialect) -> None:
    """The live client is faster: what was recorded before the end comes later than the distance of the end says."""
    wire = Wire()
    stream = wire.streams()
    wire.ack(asks(wire, note("r0")))
    wire.wait(8)
    wire.ack(asks(wire, note("r1")))
    wire.sends(stream, noted("r1"))
    wire.wait(2)
    wire.sends(stream, noted("r0"))
    wire.wait(1)
    wire.ends(stream)
    playing, desk = stage(wire, dialect, rate=1)
    opened = desk.opens()

    desk.posts(note("a"))
    desk.posts(note("b"))
    playing.wait(20)

    assert refs(desk, opened) == ["b", "a"]
    assert desk.said[-2:] == ['data: {"type":"noted","ref":"a"}', "end"]


def test_one_question_asked_twice_is_answered_on_both_streams(dialect: Dialect) -> None:
    wire = Wire()
    search = wire.streams("/search", method="POST", content=b'{"ref":"r1"}')
    wire.wait(1)
    wire.sends(search, {"type": "found", "ref": "r1"})
    wire.ends(search)
    playing, desk = stage(wire, dialect, rate=1, policy=Policy(repeat=Repeat.LAST))

    one, other = (desk.posts(Ask("/search", {"ref": ref})) for ref in ("a", "b"))
    playing.wait(2)

    assert (refs(desk, one), refs(desk, other)) == (["a"], ["b"])


def test_what_a_message_brings_on_the_next_socket_waits_for_that_one_to_begin(dialect: Dialect) -> None:
    """The server ends the socket in the middle of an operation that was asked for on it."""
    wire = Wire()
    socket = wire.upgrades()
    wire.says(socket, {"type": "init"}, from_client=True)
    wire.says(socket, {"type": "welcome"})
    wire.says(socket, {"type": "ask", "ref": "recorded-1"}, from_client=True)
    wire.closes(socket)
    wire.wait(0.1)
    again = wire.upgrades()
    wire.says(again, {"type": "init"}, from_client=True)
    wire.says(again, {"type": "welcome"})
    wire.says(again, noted("recorded-1"))
    _, desk = stage(wire, dialect)
    first = desk.upgrades()
    desk.says(first, {"type": "init"})
    desk.says(first, {"type": "ask", "ref": "live"})
    assert (types(desk, first), desk.said[-1]) == (["welcome"], "end 1000")

    second = desk.upgrades()
    assert types(desk, second) == []
    desk.says(second, {"type": "init"})

    assert types(desk, second) == ["welcome", "noted"]


def viewers(*targets: str) -> Wire:
    """Two clients that only listen, after some GETs of their own."""
    wire = Wire()
    for who in ("one", "two"):
        token = (("Authorization", f"Bearer {who}"),)
        for target in targets:
            wire.respond(wire.request("GET", target.format(who), b"", token), {"ok": True})
        stream = wire.streams(headers=token)
        wire.wait(0.5)
        wire.sends(stream, noted(who))
    return wire


@pytest.mark.parametrize("targets", [(), ("/config",)])
def test_a_client_that_only_listens_hears_one_of_several_recorded_ones(dialect: Dialect, targets: list[str]) -> None:
    playing, desk = stage(viewers(*targets), dialect)
    for target in targets:
        desk.sends("GET", target, b"")

    assert refs(desk, desk.opens()) == ["one"]
    assert playing.misses == []


def test_a_client_that_only_listens_is_known_by_what_it_gets(dialect: Dialect) -> None:
    _, desk = stage(viewers("/me/{}"), dialect)
    stream = desk.opens()
    assert desk.got(stream) == []

    desk.sends("GET", "/me/two", b"")

    assert refs(desk, stream) == ["two"]
