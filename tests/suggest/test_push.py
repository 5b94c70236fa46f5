"""Derive dialects of APIs that push without Bayeux: in streams of events, and on plain WebSockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.cassette.reader import Cassette
from recorder.correlate.engine import correlate
from recorder.dialect.definition import Dialect
from recorder.errors import NothingSelected
from recorder.model import Note, Record
from recorder.suggest import suggest
from recorder.suggest.derive import Suggestion, links
from tests.correlate.tape import HEADER, Tape
from tests.wire import Wire

REFS = ("desk-a1", "desk-b2", "desk-c3", "desk-d4")
TICK = 40_000_000


def derived(records: list[Record]) -> Suggestion:
    return suggest([Cassette(HEADER, tuple(records))])


def linked(records: list[Record], dialect: Dialect) -> list[tuple[str | None, str]]:
    """The operation and the channel of each event that has a cause, in the order of the events."""
    recording = correlate(records, dialect, HEADER)
    names = {triple.request.seq: triple.operation for triple in recording.triples}
    found = sorted(links(recording), key=lambda link: (link.event.seq, link.event.index))
    return [(names[link.request], link.event.channel) for link in found]


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def orders(tell: Callable[[Tape, int, str, dict[str, Any]], None], begin: Callable[[Tape], int]) -> Tape:
    """Orders over REST, told by `tell` in a stream that `begin` opens anew for each."""
    tape = Tape(step=TICK)
    push = begin(tape)
    for number, ref in enumerate(REFS, 1001):
        if number > 1001:
            tape.fail(push)
            push = begin(tape)
        tape.ask("/orders", body(ref=ref, item="lamp"), body(ok=True), method="POST")
        tell(tape, push, "accepted", {"ref": ref, "order": {"id": str(number)}})
        tell(tape, push, "packed", {"ref": ref})
        tape.ask(f"/orders/{number}", body(note="x"), body(ok=True), method="PATCH")
        tell(tape, push, "changed", {"order": {"id": str(number)}})
    return tape


def by_stream(tape: Tape, push: int, name: str, data: dict[str, Any]) -> None:
    tape.chunk(push, b": beat\n\n" + f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())


def by_type(tape: Tape, push: int, name: str, data: dict[str, Any]) -> None:
    tape.hears(push, body(type=name, **data))


def by_topic(tape: Tape, push: int, name: str, data: dict[str, Any]) -> None:
    tape.hears(push, body(topicName=name, eventBody=data))


def subscribed(tape: Tape) -> int:
    push = tape.socket()
    tape.sends(push, body(type="subscribe", topics=["orders"]))
    tape.hears(push, body(type="subscribed"))
    tape.sends(push, b"ping")
    return push


CREATED = [("CreateOrder", "accepted"), ("CreateOrder", "packed"), ("UpdateOrder", "changed")] * len(REFS)


@pytest.mark.parametrize(
    ("tell", "begin"),
    [(by_stream, Tape.stream), (by_type, Tape.socket), (by_topic, Tape.socket)],
    ids=["a stream", "a socket", "a topic of its own"],
)
def test_events_of_orders_are_linked(
    tell: Callable[[Tape, int, str, dict[str, Any]], None], begin: Callable[[Tape], int]
) -> None:
    tape = orders(tell, begin)

    found = derived(tape.records)

    assert linked(tape.records, found.dialect) == CREATED
    assert (found.events, found.after) == (len(CREATED), len(CREATED))


def test_a_topic_that_no_rule_finds_is_proposed() -> None:
    assert 'topic = ["data.topicName"] # names 12 events' in derived(orders(by_topic, Tape.socket).records).text
    assert "[push]" not in derived(orders(by_type, Tape.socket).records).text


def test_a_message_of_a_client_is_an_operation_if_something_answers() -> None:
    tape = orders(by_type, subscribed)

    found = derived(tape.records)

    assert set(found.dialect.operations) == {"CreateOrder", "UpdateOrder", "Subscribe"}
    assert ("Subscribe", "subscribed") in linked(tape.records, found.dialect)


def called(call: Callable[[int, str, str], bytes], told: Callable[[str, str], bytes], end: bytes = b"") -> Tape:
    """Calls on one socket, each with a result and an event of its own."""
    tape = Tape(step=TICK)
    push = tape.socket("/rpc?key=a")
    for number, ref in enumerate(REFS, 11):
        for kind, past in (("create", "created"), ("ship", "shipped")):
            own = f"{ref}{kind[0]}"
            tape.sends(push, call(number * 10 + len(kind), kind, own) + end)
            tape.hears(push, body(id=number * 10 + len(kind), result={"ok": True}) + end)
            tape.hears(push, told(past, own) + end)
        tape.sends(push, body(kind="ping") + end)
    return tape


CALLED = ["message", "created", "message", "shipped"] * len(REFS)


def test_calls_of_json_rpc_are_linked_with_their_results() -> None:
    tape = called(
        lambda number, kind, ref: body(jsonrpc="2.0", id=number, method=kind, params={"ref": ref}),
        lambda kind, ref: body(jsonrpc="2.0", method=kind, params={"ref": ref}),
    )

    found = derived(tape.records)

    assert [channel for _, channel in linked(tape.records, found.dialect)] == CALLED
    assert set(found.dialect.operations) == {"Create", "Ship"}
    assert found.dialect.methods == {"MESSAGE"}


def test_what_comes_on_a_socket_that_was_opened_again_is_of_the_same_client() -> None:
    tape = Tape(step=TICK)
    push = tape.socket()
    for ref in REFS:
        tape.sends(push, body(type="refresh", ref=ref))
        tape.fail(push)
        push = tape.socket()
        tape.hears(push, body(type="refreshed", ref=ref))

    found = derived(tape.records)

    assert linked(tape.records, found.dialect) == [("Refresh", "refreshed")] * len(REFS)


def test_what_clients_ask_for_in_a_member_of_their_own_is_proposed() -> None:
    tape = called(
        lambda number, kind, ref: body(id=number, target=kind, arguments=[{"ref": ref}]),
        lambda kind, ref: body(target=kind, arguments=[{"ref": ref}]),
        b"\x1e",
    )

    found = derived(tape.records)

    assert 'topic = ["data.target"]' in found.text
    assert 'asks = ["body.target"]' in found.text
    assert [channel for _, channel in linked(tape.records, found.dialect)] == CALLED


def test_a_url_that_an_answer_gives_out_is_proposed() -> None:
    tape = Tape(step=TICK)
    name = "streaming-4-7f3ac81b"
    given = body(connectUri=f"wss://push.example/channels/{name}", id=name)
    tape.ask("/api/v2/notifications/channels", b"{}", given, method="POST")
    inner = orders(by_topic, lambda inner: inner.socket(f"/channels/{name}"))
    shift = len(tape.records)
    records = [*tape.records, *_behind(inner.records, shift)]

    found = derived(records)

    assert 'urls = ["/channels/{channel}"] # answers give out 1 URL that leads there' in found.text
    assert found.dialect.is_push_url(f"/channels/{name}")


def _moved(one: Record, shift: int) -> dict[str, Any]:
    assert not isinstance(one, Note)
    return {"seq": one.seq + shift, "t": one.t + shift * TICK, "exchange": one.exchange + shift}


def _behind(records: list[Record], shift: int) -> list[Record]:
    return [replace(one, **_moved(one, shift)) for one in records]


def test_streams_beside_bayeux_are_linked_too() -> None:
    wire = Wire()
    desk = wire.desk()
    desk.hears({"channel": "/news", "data": {"text": "hello"}})
    shift = max(getattr(one, "exchange", 0) for one in wire.records) + len(wire.records)
    tape = orders(by_stream, Tape.stream)
    records = [*wire.records, *_behind(tape.records, shift)]

    found = derived(records)

    assert [one for one in linked(records, found.dialect) if not one[1].startswith("/")] == CREATED


WORDS = st.sampled_from(
    [
        "join",
        "a b",
        "{x}",
        "x}",
        "",
        " y ",
        '"',
        "\\",
        "*",
        "/a",
        "/a/{",
        "=x",
        "a.b.*",
        "\u2028",
        "é",
        "data.x",
        "PUBLISH",
        ":",
        "\ud800",
    ]
)


@given(st.lists(st.tuples(st.booleans(), WORDS, WORDS), min_size=1, max_size=6), st.booleans())
def test_whatever_messages_are_about_the_dialect_passes_its_own_checks(
    said: list[tuple[bool, str, str]], with_bayeux: bool
) -> None:
    wire = Wire()
    if with_bayeux:
        wire.desk().hears({"channel": "/news", "data": {"text": "hello"}})
    tape = Tape(step=TICK)
    push, stream = tape.socket(), tape.stream()
    for number, (is_default, ask, told) in enumerate(said * 3):
        name = "type" if is_default else "target"
        tape.sends(push, body(**{name: ask, "ref": f"ref-{number}-77"}))
        tape.hears(push, body(**{name: told, "ref": f"ref-{number}-77"}))
        event = told.encode(errors="replace").decode().replace("\u2028", "")
        tape.chunk(stream, f'event: {event}\ndata: {{"ref":"ref-{number}-77"}}\n\n'.encode())
    records = [*wire.records, *_behind(tape.records, len(wire.records))]

    with suppress(NothingSelected):  # nothing that a dialect can name
        assert derived(records).events
