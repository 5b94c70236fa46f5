"""Names, evidence, and what a recording of the examples teaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.cassette.reader import Cassette, read
from recorder.correlate.engine import correlate
from recorder.dialect.definition import parse, shipped
from recorder.errors import NothingSelected
from recorder.suggest import suggest
from recorder.suggest.derive import links
from recorder.suggest.names import key_name, operation_name
from recorder.suggest.text import prefix_of
from tests.correlate.tape import HEADER, Tape
from tests.suggest.apis import recorded

EXAMPLES = Path(__file__).parents[2] / "cassettes"


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("POST /api/v1/orders", "CreateOrder"),
        ("PATCH /api/v1/orders/{}", "UpdateOrder"),
        ("DELETE /api/v1/orders/{}", "DeleteOrder"),
        ("POST /voice/calls/{}/hold", "HoldCall"),
        ("POST /voice/not-ready", "NotReady"),
    ],
)
def test_operations_are_named_by_their_paths(operation: str, name: str) -> None:
    assert operation_name(operation, ()) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [("data.orderId", "order"), ("data.call.id", "call"), ("data.header.recordIds.*", "record"), ("data.id", "id")],
)
def test_keys_are_named_by_their_places(path: str, name: str) -> None:
    assert key_name([path], ()) == name


def test_the_prefix_is_what_bayeux_paths_have_in_common() -> None:
    assert prefix_of(["/push/connect", "/push/handshake", "/push/"]) == ("/push", 3)
    assert prefix_of(["/cometd/60.0", "/cometd/60.0/connect"]) == ("/cometd", 2)


@pytest.mark.parametrize("name", ["preview-session", "get-chained-record"])
def test_the_examples_are_linked_as_by_their_own_dialect(name: str) -> None:
    cassette = read(EXAMPLES / f"{name}.cassette")
    by_hand = correlate(cassette.records, shipped("gws-outbound"), cassette.header)
    found = suggest([cassette])
    mine = correlate(cassette.records, found.dialect, cassette.header)
    expected = {(link.event.seq, link.event.index): link.request for link in links(by_hand)}
    assert {(link.event.seq, link.event.index): link.request for link in links(mine)} == expected
    assert found.after == len(expected)
    assert "reference" in found.dialect.minted


def test_lines_have_their_evidence() -> None:
    text = suggest([read(EXAMPLES / "preview-session.cassette")]).text
    assert 'reference = ["data.referenceId"] # repeats a value of the request in 8 of 8 events' in text
    assert "# events repeat it after 6 requests; 6 different values" in text
    assert 'operation = ["body.operationName"] # in 6 requests, 6 names' in text
    assert 'channel = "/me/internal" # 6 events here each repeat one' in text


def test_events_without_a_cause_are_listed() -> None:
    cassette, truth = recorded(1001, 30)
    found = suggest([cassette])
    assert len(found.unexplained) == sum(cause is None for cause in truth.values()) > 0
    assert f"# Not explained: {len(found.unexplained)} events." in found.text


def test_a_doubt_that_is_not_shared_leaves_no_line() -> None:
    seed = next(seed for seed in range(1000, 1050) if suggest([recorded(seed, 30)[0]]).doubts)
    cassette = recorded(seed, 30)[0]
    doubts = suggest([cassette]).doubts
    refused = [(one.operation, one.event) for one in doubts]
    assert not suggest([cassette], refused=refused).doubts


def test_without_events_there_is_nothing_to_learn() -> None:
    whole = recorded(1001, 10)[0]
    with pytest.raises(NothingSelected, match="no events"):
        suggest([Cassette(whole.header, whole.records[:2])])


def test_streams_without_bayeux_need_no_prefix() -> None:
    tape = Tape()
    stream = tape.stream(sid="a")
    for number in range(8):
        tape.order(f"order-{number}-77", sid="a")
        tape.tell(stream, "Shipped", f"order-{number}-77")
    tape.hears(tape.socket("/ws", sid="a"), b"{}")

    found = suggest([Cassette(HEADER, tuple(tape.records))]).text

    assert "bayeux_prefix" not in found
    assert 'reference = ["body.ref"]' in found
    assert [len(t.events) for t in tape.recording(parse(found, path="own.toml")).triples] == [1] * 8


def test_messages_on_a_plain_websocket_are_operations() -> None:
    tape = Tape()
    socket = tape.socket()
    for number in range(8):
        asked = b'{"type":"ship","ref":"order-%d-77"}' % number
        tape.sends(socket, asked)
        tape.hears(socket, asked.replace(b"ship", b"shipped"))

    found = suggest([Cassette(HEADER, tuple(tape.records))]).text

    assert 'methods = ["MESSAGE"]' in found
    assert 'request = "MESSAGE ship"' in found
    assert [len(t.events) for t in tape.recording(parse(found, path="own.toml")).triples] == [1] * 8


def test_one_word_on_a_plain_websocket_is_an_operation_too() -> None:
    tape = Tape()
    for _ in range(8):
        socket = tape.socket()
        tape.sends(socket, b"ping")
        tape.hears(socket, b"pong")

    assert 'request = "MESSAGE ping"' in suggest([Cassette(HEADER, tuple(tape.records))]).text
