"""What passed a stand-in, as records: they are derived to the same operations and events as a recording."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recorder.correlate.engine import correlate
from recorder.dialect.definition import load
from recorder.model import Chunk, Failure, Record, Request, Response, SocketMessage
from recorder.replay.engine.http import HttpRequest, HttpResponse, Piece
from recorder.replay.engine.witness import Witness
from recorder.requests.index.streams import CUT_OFF
from tests.wire import HEADER


def request(number: int, target: str = "/api/v2/me", body: bytes = b"", **more: Any) -> HttpRequest:
    return HttpRequest(number, more.pop("connection", "c1"), more.pop("method", "POST"), target, (), body, **more)


def kinds(records: list[Record]) -> list[str]:
    return [type(record).__name__ for record in records]


def test_a_request_and_its_answer_are_one_exchange() -> None:
    witness = Witness()
    witness.came(request(7, body=b"{}"), 100.0)
    witness.left(HttpResponse(7, 200, (("A", "b"),), b"ok"), 100.25)

    asked, answered = witness.records()

    assert asked == Request(0, 0, 0, "c1", "POST", "/api/v2/me", (), b"{}")
    assert answered == Response(1, 250_000_000, 0, 200, (("A", "b"),), b"ok")


def test_the_order_is_that_of_the_wire_and_times_never_go_back() -> None:
    witness = Witness()
    witness.came(request(1), 5.0)
    witness.came(request(2), 4.0)
    witness.left(HttpResponse(2, 200, (), b""), 6.0)
    witness.left(HttpResponse(1, 200, (), b""), 6.0)

    records = witness.records()

    assert [(r.seq, r.t, getattr(r, "exchange", None)) for r in records] == [
        (0, 0, 0), (1, 0, 1), (2, 10**9, 1), (3, 10**9, 0),
    ]  # fmt: skip


def test_a_stream_is_a_head_and_chunks() -> None:
    witness = Witness()
    witness.came(request(1, method="GET"), 0.0)
    witness.left(HttpResponse(1, 200, (), b"data: 1\n\n", more=True), 0.0)
    witness.left(Piece(1, b"data: 2\n\n"), 0.0)
    witness.left(Piece(1, b"", more=False), 0.0)
    witness.left(Piece(1, b"late"), 0.0)

    assert kinds(witness.records()) == ["Request", "Response", "Chunk", "Chunk", "Chunk"]
    assert [record.is_last for record in witness.records() if isinstance(record, Chunk)] == [False, False, True]


def test_a_stream_that_was_cut_off_fails() -> None:
    witness = Witness()
    witness.came(request(1, method="GET"), 0.0)
    witness.left(HttpResponse(1, 200, (), b"", more=True), 0.0)
    witness.left(Piece(1, b"", more=False, code=CUT_OFF), 0.0)

    assert kinds(witness.records()) == ["Request", "Response", "Chunk", "Failure"]


def test_a_plain_socket_has_the_messages_of_both_sides() -> None:
    witness = Witness()
    witness.came(request(1, "/socket", method="GET"), 0.0)
    witness.left(HttpResponse(1, 101, (), b"", more=True), 0.0)
    witness.came(request(2, "/socket", b"hello", method="MESSAGE", socket=1), 0.0)
    witness.left(Piece(1, b"welcome"), 0.0)
    witness.left(Piece(1, b"", more=False, reason="bye"), 0.0)

    *_, said, heard, ended = witness.records()

    assert said == SocketMessage(2, 0, 0, from_client=True, body=b"hello", is_text=True)
    assert heard == SocketMessage(3, 0, 0, from_client=False, body=b"welcome", is_text=True)
    assert ended == Failure(4, 0, 0, "bye")


def test_bayeux_on_a_socket_has_one_upgrade_that_its_messages_belong_to() -> None:
    witness = Witness()
    for number in (1, 2):
        witness.came(request(number, "/cometd", b"[]", on_socket=True), 0.0)
        witness.left(HttpResponse(number, 200, (), b'[{"successful":true}]'), 0.0)

    records = witness.records()

    assert kinds(records) == ["Request", "Response", *["SocketMessage"] * 4]
    assert isinstance(records[0], Request)
    assert records[0].method == "GET"
    assert {getattr(record, "exchange", None) for record in records} == {0}


def test_a_request_that_its_client_gave_up_has_a_failure() -> None:
    witness = Witness()
    witness.came(request(1), 0.0)
    witness.given_up(1, 1.0)
    witness.given_up(1, 1.0)
    witness.given_up(9, 1.0)
    witness.left(HttpResponse(1, 200, (), b""), 2.0)

    assert kinds(witness.records()) == ["Request", "Failure"]


@pytest.mark.parametrize("limits", [{"most": 3}, {"largest": 10}])
def test_it_remembers_the_first_part_of_a_long_test(limits: dict[str, int]) -> None:
    witness = Witness(**limits)
    for number in range(1, 4):
        witness.came(request(number, body=b"12345"), 0.0)
        witness.left(HttpResponse(number, 200, (), b""), 0.0)

    records = witness.records()

    assert 0 < len(records) < 6
    assert witness.left_out == 6 - len(records)
    assert kinds(records) == ["Request", "Response", "Request", "Response", "Request"][: len(records)]


def test_who_saw_nothing_has_no_records() -> None:
    assert Witness().records() == []


def test_an_operation_and_its_event_are_linked_in_what_was_seen() -> None:
    witness, reference = Witness(), "mine-1"
    asked = {"operationName": "StartPreviewSession", "campaignName": "Campaign1", "referenceId": reference}
    event = {
        "channel": "/v2/me/outbound",
        "data": {"notificationType": "PreviewSessionStarted", "referenceId": reference, "campaign": {}},
    }
    hands = [{"channel": "/meta/handshake", "id": "1", "version": "1.0"}]
    witness.came(request(1, "/api/v2/notifications", json.dumps(hands).encode()), 0.0)
    shaken = [{"channel": "/meta/handshake", "id": "1", "successful": True, "clientId": "abc"}]
    witness.left(HttpResponse(1, 200, (), json.dumps(shaken).encode()), 0.0)
    poll = [{"channel": "/meta/connect", "id": "2", "clientId": "abc", "connectionType": "long-polling"}]
    witness.came(request(2, "/api/v2/notifications", json.dumps(poll).encode()), 0.0)
    witness.came(request(3, "/api/v2/me/outbound-campaigns/Campaign1", json.dumps(asked).encode()), 1.0)
    witness.left(HttpResponse(3, 200, (), b'{"statusCode":0}'), 1.0)
    answer = [event, {"channel": "/meta/connect", "id": "2", "successful": True, "clientId": "abc"}]
    witness.left(HttpResponse(2, 200, (), json.dumps(answer).encode()), 2.0)

    found = correlate(tuple(witness.records()), load("gws-outbound"), HEADER)

    assert [(t.operation, [link.name for link in t.events]) for t in found.triples] == [
        ("StartPreviewSession", ["PreviewSessionStarted"])
    ]
