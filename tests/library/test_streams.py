"""Cassettes with streams are sealed, looked up, sliced, joined and merged like those with Bayeux."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.cassette.reader import Cassette, open_cassette
from recorder.cli import main
from recorder.correlate.engine import correlate
from recorder.library.recording import joined, load_recording
from recorder.library.sealing import seal
from recorder.library.select import merge_records, slice_records
from recorder.library.stored import triples
from recorder.model import Chunk, Recording, SocketMessage
from recorder.redaction.carried import carrying
from tests.correlate.tape import HEADER, Tape, dialect

CALLS = """
[operations.Call]
request = "MESSAGE call"
events = ["Called"]
terminal = ["Called"]
"""
PUSH = dialect(CALLS)


def session(refs: tuple[str, str] = ("r1", "r2"), sid: str = "a") -> Tape:
    """An order with events in a stream that was cut once, and a call on a WebSocket."""
    tape, (order, call) = Tape(), refs
    stream = tape.stream(sid=sid)
    tape.order(order, sid=sid)
    tape.chunk(stream, b': beat\n\ndata: {"name":"Ordered","ref":"%s"}\n\nid: 1\ndata: 1\n\n' % order.encode())
    tape.fail(stream)
    stream = tape.stream(sid=sid)
    tape.tell(stream, "Shipped", order)
    tape.end(stream)
    socket = tape.socket(sid=sid)
    tape.sends(socket, b'{"type":"call","ref":"%s"}' % call.encode())
    tape.hears(socket, b'{"name":"Called","ref":"%s"}' % call.encode())
    tape.hears(socket, b"\xff\x00", is_text=False)
    tape.fail(socket, "websocket closed by client, code 1000")
    return tape


def written(tape: Tape, path: Path) -> Path:
    journal = create(path, carrying(replace(HEADER, dialect="push"), PUSH))
    journal.append([encode(record) for record in tape.records])
    journal.close()
    return path


def cassette(tape: Tape) -> Cassette:
    return Cassette(carrying(replace(HEADER, dialect="push"), PUSH), tuple(tape.records))


def test_sealed_cassette_gives_the_same_triples(tmp_path: Path) -> None:
    journal = written(session(), tmp_path / "j.cassette")
    sealed = tmp_path / "s.cassette"

    seal(journal, sealed)

    recording = load_recording(journal)
    again = load_recording(sealed)
    assert replace(again, header=recording.header) == recording
    with open_cassette(sealed) as file:
        found = tuple(triples(file))
    assert found == recording.triples
    assert [[link.event.raw for link in one.events] for one in found] == [
        [link.event.raw for link in one.events] for one in recording.triples
    ]


def lined() -> Tape:
    """Orders whose answers are lines: whole, broken off, and open at the end, with others in between."""
    tape = session()
    one = tape.lines("/orders", [b'{"n":1}\n', b'{"n":2}\n'], b'{"ref":"r3"}', is_whole=False)
    two = tape.lines("/orders", [b'{"n":3}\n'], b'{"ref":"r4"}', is_whole=False)
    tape.chunk(one, b'{"n":4}\n', is_last=True)
    tape.fail(two)
    tape.lines("/orders", [b'{"n":5}\n'], b'{"ref":"r5"}', is_whole=False)
    tape.ask("/events-for", b"", b"1")
    return tape


def test_sealed_cassette_gives_whole_answers_of_lines(tmp_path: Path) -> None:
    journal, sealed = written(lined(), tmp_path / "j.cassette"), tmp_path / "s.cassette"

    seal(journal, sealed)

    with open_cassette(sealed) as file:
        found = tuple(triples(file))
    assert found == load_recording(journal).triples
    assert [t.ack.body for t in found[2:] if t.ack] == [b'{"n":1}\n{"n":2}\n{"n":4}\n', b'{"n":3}\n']


def test_sealed_cassette_tells_messages_from_publishes(tmp_path: Path) -> None:
    tape = session()
    socket = tape.socket()
    tape.sends(socket, b'{"type":"hello"}')
    tape.sends(socket, b'{"channel":"/orders","type":"call","ref":"r3"}')
    tape.hears(socket, b'{"channel":"/orders","name":"Called","ref":"r3"}')
    journal, sealed = written(tape, tmp_path / "j.cassette"), tmp_path / "s.cassette"

    seal(journal, sealed)

    with open_cassette(sealed) as file:
        found = tuple(triples(file))
    assert found == load_recording(journal).triples
    assert [t.request.target for t in found] == ["/orders", "call", "call"]


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        ("ls",), ("ls", "--limit", "3"), ("ls", "--json"), ("ls", "--all"), ("show", "1"), ("show", "2"), ("show", "3"),
        ("show", "4", "--json"), ("show", "--reference", "r3"), ("timeline",), ("grep", "n"), ("explain", "1"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_commands_print_the_same_of_a_sealed_cassette(command: tuple[str, ...], archive: bool, tmp_path: Path) -> None:
    journal, sealed = written(lined(), tmp_path / "j.cassette"), tmp_path / "s.cassette"
    seal(journal, sealed, archive=archive)
    name, *options = command

    shown = [CliRunner().invoke(main, [name, *_place(name, options, path)]) for path in (journal, sealed)]

    assert shown[0].exit_code == 0, shown[0].output
    assert shown[1].stdout.replace(str(sealed), str(journal)) == shown[0].stdout


def _place(name: str, options: list[str], path: Path) -> list[str]:
    return [*options, str(path)] if name == "grep" else [str(path), *options]


def test_slice_keeps_the_events_of_its_triples() -> None:
    whole = cassette(session())
    recording = correlate(whole.records, PUSH, whole.header)

    left = correlate(slice_records(whole, recording, recording.triples[:1]), PUSH, whole.header)

    assert [(t.operation, [link.name for link in t.events]) for t in left.triples] == [
        ("Order", ["Ordered", "Shipped"])
    ]
    assert [u.event.channel for u in left.unsolicited] == [":", "message"]
    assert [s.protocol for s in left.streams] == ["sse", "sse", "websocket"]


def test_slice_leaves_out_the_events_of_other_triples() -> None:
    whole = cassette(session())
    recording = correlate(whole.records, PUSH, whole.header)

    left = correlate(slice_records(whole, recording, recording.triples[1:]), PUSH, whole.header)

    assert [(t.operation, [link.name for link in t.events]) for t in left.triples] == [("Call", ["Called"])]
    assert [u.event.data for u in left.unsolicited if not u.is_ignored] == ["/wA="]


def crowded() -> Tape:
    """Two orders whose events came together, one of them in a block with a comment, and an end with the last one."""
    tape = Tape()
    stream = tape.stream()
    tape.order("r1")
    tape.order("r2")
    tape.chunk(
        stream,
        b'\xef\xbb\xbfid: 1\r\ndata: {"name":"Ordered","ref":"r1"}\r\n\r\n: beat\r\n\r\n'
        b'data: {"name":"Ordered",\n: of r2\ndata: "ref":"r2"}\n\nretry: 9\n\n',
    )
    tape.chunk(stream, b'data: {"name":"Shipped","ref":"r2"}\n\n', is_last=True)
    tape.ask("/late")
    return tape


@pytest.mark.parametrize(
    ("number", "bodies"),
    [
        (1, [b'\xef\xbb\xbfid: 1\r\ndata: {"name":"Ordered","ref":"r1"}\r\n\r\n: beat\r\n\r\nretry: 9\n\n', b""]),
        (
            2,
            [
                b': beat\r\n\r\ndata: {"name":"Ordered",\n: of r2\ndata: "ref":"r2"}\n\nretry: 9\n\n',
                b'data: {"name":"Shipped","ref":"r2"}\n\n',
            ],
        ),
    ],
)
def test_slice_keeps_of_a_chunk_the_blocks_of_its_events_and_the_comments(number: int, bodies: list[bytes]) -> None:
    whole = cassette(crowded())
    recording = correlate(whole.records, PUSH, whole.header)

    records = list(slice_records(whole, recording, [recording.triples[number - 1]]))

    assert [(one.body, one.is_last) for one in records if isinstance(one, Chunk)] == [
        (bodies[0], False),
        (bodies[1], True),
    ]
    left = correlate(records, PUSH, whole.header)
    assert [[link.event.data for link in t.events] for t in left.triples] == [
        [link.event.data for link in recording.triples[number - 1].events]
    ]


def test_slice_of_all_triples_leaves_each_record_as_it_was() -> None:
    tape = crowded()
    whole = cassette(tape)
    recording = correlate(whole.records, PUSH, whole.header)

    assert list(slice_records(whole, recording, recording.triples)) == tape.records


def test_slice_keeps_the_messages_of_its_own_calls_on_a_socket() -> None:
    tape = Tape()
    socket = tape.socket()
    for ref in (b"r1", b"r2"):
        tape.sends(socket, b'{"type":"call","ref":"%s"}' % ref)
    tape.sends(socket, b"ping")
    tape.hears(socket, b'{"name":"Called","ref":"r2"}')
    tape.hears(socket, b'{"name":"Called","ref":"r1"}')
    whole = cassette(tape)
    recording = correlate(whole.records, PUSH, whole.header)

    records = list(slice_records(whole, recording, recording.triples[1:]))

    assert [one.body for one in records if isinstance(one, SocketMessage)] == [
        b'{"type":"call","ref":"r2"}',
        b"ping",
        b'{"name":"Called","ref":"r2"}',
    ]


def test_slice_keeps_the_answers_of_lines_of_its_operations_only() -> None:
    tape = Tape()
    for ref in ("r1", "r2"):
        tape.lines("/orders", [b'{"n":1}\n', b'{"ref":"%s"}\n' % ref.encode()], b'{"ref":"%s"}' % ref.encode())
    whole = cassette(tape)
    recording = correlate(whole.records, PUSH, whole.header)

    records = list(slice_records(whole, recording, recording.triples[1:]))

    assert [one.body for one in records if isinstance(one, Chunk)] == [b'{"n":1}\n', b'{"ref":"r2"}\n', b""]


def keys(recording: Recording) -> set[str]:
    linked = {link.event.client_id for triple in recording.triples for link in triple.events}
    return linked | {pushed.event.client_id for pushed in recording.unsolicited}


def test_joined_recordings_keep_their_streams_apart() -> None:
    one, two = (correlate(session().records, PUSH, HEADER) for _ in range(2))

    both = joined([one, two])

    assert {stream.key for stream in both.streams} == keys(both) == {
        "stream-0", "stream-3", "c2.stream-0", "c2.stream-3",
    }  # fmt: skip
    assert len({stream.exchange for stream in both.streams}) == 6
    assert [t.request.exchange for t in both.plain if t.request.target == "/ws"] == [
        stream.exchange for stream in both.streams if stream.protocol == "websocket"
    ]


def test_exchanges_of_a_cassette_without_streams_are_none_of_the_streams_of_another_one() -> None:
    one, other = (correlate(tape.records, PUSH, HEADER) for tape in (session(), lined()))
    plain = Tape()
    for ref in ("r5", "r6", "r7"):
        plain.order(ref)
    without = correlate(plain.records, PUSH, HEADER)
    assert not without.streams

    both = joined([one, without, other])

    streams = {stream.exchange for stream in one.streams}
    assert streams & {t.request.exchange for t in without.triples}
    mine = both.triples[len(one.triples) : len(one.triples) + len(without.triples)]
    assert not streams & {t.request.exchange for t in mine}
    assert [t.ack and t.ack.exchange for t in mine] == [t.request.exchange for t in mine]


def test_merged_captures_keep_their_streams_apart() -> None:
    header, records = merge_records([cassette(session()), cassette(session(("r3", "r4"), "b"))])

    recording = correlate(records, PUSH, header)

    names = sorted([link.name for link in triple.events] for triple in recording.triples)
    assert names == [["Called"], ["Called"], ["Ordered", "Shipped"], ["Ordered", "Shipped"]]
    assert len(keys(recording)) == 4


_STEPS = st.lists(
    st.tuples(st.sampled_from(["tell", "chunk", "end", "fail", "again", "sends", "hears", "order"]), st.integers(0, 9)),
    max_size=25,
)


def played(steps: list[tuple[str, int]]) -> tuple[Tape, int]:
    """A capture with any streams; and how many events its servers pushed."""
    tape, pushed = Tape(), 0
    stream, socket = tape.stream(), tape.socket("/ws")
    is_open = True
    for what, number in steps:
        if what == "order":
            tape.order(f"r{number}")
        elif what == "sends":
            tape.sends(socket, b'{"type":"call","ref":"r%d"}' % number)
        elif what == "hears":
            tape.hears(socket, b'{"name":"Called","ref":"r%d"}' % number)
            pushed += 1
        elif what == "again" and not is_open:
            stream, is_open = tape.stream(), True
        elif what == "tell" and is_open:
            tape.tell(stream, "Shipped" if number % 2 else "Ordered", f"r{number}")
            pushed += 1
        elif what == "chunk" and is_open:
            tape.chunk(stream, b": c\n\ndata: %d\n\n" % number * (number % 3))
            pushed += number % 3 * 2
        elif what in {"end", "fail"} and is_open:
            is_open = False
            tape.end(stream) if what == "end" else tape.fail(stream)
    return tape, pushed


@given(_STEPS)
def test_each_event_stands_once_in_a_recording(steps: list[tuple[str, int]]) -> None:
    tape, pushed = played(steps)

    recording = tape.recording(PUSH)

    linked = [link.event for triple in recording.triples for link in triple.events]
    places = [(event.seq, event.index) for event in (*linked, *(u.event for u in recording.unsolicited))]
    assert len(places) == len(set(places)) == pushed
    assert all(link.event.seq > link.request for triple in recording.triples for link in triple.events)
