"""What the shipped dialects of push without Bayeux make of messages in the shapes of their documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

from recorder.correlate.engine import correlate
from recorder.dialect.definition import load
from recorder.model import Chunk, Headers, Record, Recording, Request, Response, SocketMessage, State
from tests.cassette.records import HEADER

MCP, CLOUD = load("mcp"), load("genesys-cloud")
MS = 1_000_000


class Traffic:
    """Records with numbers and times of their own, one each millisecond."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._exchanges = count()

    def asks(self, method: str, target: str, body: Any = None, **headers: str) -> int:
        exchange = next(self._exchanges)
        shown = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        content = b"" if body is None else json.dumps(body).encode()
        self.records.append(Request(*self._now(), exchange, f"c{exchange}", method, target, shown, content))
        return exchange

    def answers(self, exchange: int, body: Any = None, status: int = 200, **headers: str) -> None:
        shown = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        content = b"" if body is None else json.dumps(body).encode()
        self.records.append(Response(*self._now(), exchange, status, shown, content))

    def streams(self, exchange: int, *messages: Any, ends: bool = True) -> None:
        """Answer with a stream of events, or go on with it."""
        shown: Headers = (("Content-Type", "text/event-stream"),)
        if not any(isinstance(one, Response) and one.exchange == exchange for one in self.records):
            self.records.append(Response(*self._now(), exchange, 200, shown, b"", streamed=True))
        for message in messages:
            block = f"event: message\ndata: {json.dumps(message)}\n\n".encode()
            self.records.append(Chunk(*self._now(), exchange, block))
        if ends:
            self.records.append(Chunk(*self._now(), exchange, b"", is_last=True))

    def opens(self, target: str) -> int:
        """Open a WebSocket."""
        exchange = self.asks("GET", target, Upgrade="websocket", Connection="Upgrade")
        self.answers(exchange, None, 101)
        return exchange

    def says(self, socket: int, message: Any, *, from_client: bool = False) -> None:
        self.records.append(SocketMessage(*self._now(), socket, from_client, json.dumps(message).encode()))

    def _now(self) -> tuple[int, int]:
        return len(self.records), len(self.records) * MS


def told(recording: Recording) -> Iterator[tuple[str | None, State, list[str]]]:
    for one in recording.triples:
        yield one.operation, one.state, [f"{link.name} {link.rule} {link.confidence:g}" for link in one.events]


def call(number: int, method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def test_a_call_of_mcp_has_what_comes_on_its_own_stream() -> None:
    traffic = Traffic()
    session = {"Mcp_Session_Id": "0123456789abcdef"}
    traffic.answers(traffic.asks("POST", "/mcp", call(0, "initialize")), {"id": 0, "result": {}}, 200, **session)
    slow = traffic.asks("POST", "/mcp", call(1, "tools/call", name="pack", _meta={"progressToken": "p"}), **session)
    quick = traffic.asks("POST", "/mcp", call(2, "tools/list"), **session)
    traffic.streams(
        slow,
        {"method": "notifications/progress", "params": {"progressToken": "p", "progress": 1}},
        {"method": "notifications/message", "params": {"data": "…"}},
        {"id": 0, "method": "elicitation/create", "params": {}},
        ends=False,
    )
    traffic.streams(quick, {"id": 2, "error": {"code": -32601, "message": "none"}})
    traffic.streams(slow, {"id": 1, "result": {}})

    assert [*told(correlate(traffic.records, MCP, HEADER))] == [
        ("initialize", State.COMPLETE, []),
        (
            "tools/call",
            State.COMPLETE,
            [
                "notifications/progress reference 1",
                "notifications/message answer 0.9",
                "elicitation/create answer 0.9",
                "message reference 1",
            ],
        ),
        ("tools/list", State.FAILED, ["message reference 1"]),
    ]


def test_an_error_in_plain_json_fails_a_call() -> None:
    traffic = Traffic()
    traffic.answers(traffic.asks("POST", "/mcp/", call(7, "ping")), {"id": 7, "error": {"code": -32603}})

    assert [*told(correlate(traffic.records, MCP, HEADER))] == [("ping", State.FAILED, [])]


def test_what_goes_on_with_the_stream_of_a_call_is_that_stream() -> None:
    traffic = Traffic()
    session = {"Mcp_Session_Id": "0123456789abcdef"}
    shared = traffic.asks("GET", "/mcp", **session)
    traffic.streams(shared, ends=False)
    asked = traffic.asks("POST", "/mcp", call(1, "tools/call", name="slow"), **session)
    traffic.streams(asked, ends=False)
    traffic.records.append(Chunk(len(traffic.records), 99 * MS, asked, b"id: 4\ndata: {}\n\n"))
    traffic.streams(asked)
    again = traffic.asks("GET", "/mcp", Last_Event_ID="4", **session)
    traffic.streams(again, {"id": 1, "result": {}})

    recording = correlate(traffic.records, MCP, HEADER)

    keys = {stream.exchange: stream.key for stream in recording.streams}
    assert keys[again] == keys[asked] != keys[shared]
    assert [link.event.client_id for link in recording.triples[0].events][-1] == keys[asked]


def agent(traffic: Traffic, name: str) -> tuple[dict[str, str], int]:
    """Let an agent log in and open a channel; return the headers and the socket of the agent."""
    token, channel = f"token-of-{name}-01234", f"streaming-5-of-{name}"
    traffic.answers(traffic.asks("POST", "/oauth/token", {"code": name}), {"access_token": token})
    headers = {"Authorization": f"Bearer {token}"}
    uri = f"wss://streaming.example/channels/{channel}"
    opened = traffic.asks("POST", "/api/v2/notifications/channels", **headers)
    traffic.answers(opened, {"id": channel, "connectUri": uri})
    return headers, traffic.opens(f"/channels/{channel}")


def event(user: str, call_id: str) -> dict[str, Any]:
    return {"topicName": f"v2.users.{user}.conversations", "eventBody": {"id": call_id}}


def test_a_transfer_rings_at_the_other_agent() -> None:
    traffic = Traffic()
    (ann, hers), (ben, his) = agent(traffic, "ann"), agent(traffic, "ben")
    calls = "/api/v2/conversations/calls"
    traffic.says(hers, {"topicName": "channel.metadata", "eventBody": {"message": "WebSocket Heartbeat"}})
    traffic.answers(traffic.asks("POST", calls, {"phoneNumber": "1"}, **ann), {"id": "call-7"}, 202)
    traffic.says(hers, event("ann", "call-7"))
    traffic.says(hers, event("ann", "call-7"))
    traffic.answers(traffic.asks("POST", f"{calls}/call-7/participants/p1/replace", {}, **ann), None, 202)
    traffic.says(hers, event("ann", "call-7"))
    traffic.says(his, event("ben", "call-7"))
    traffic.answers(traffic.asks("PATCH", f"{calls}/call-7/participants/p2", {"state": "connected"}, **ben), None, 202)
    traffic.says(hers, event("ann", "call-7"))
    traffic.says(his, event("ben", "call-7"))

    recording = correlate(traffic.records, CLOUD, HEADER)

    assert [*told(recording)] == [
        ("OpenChannel", State.COMPLETE, []),
        ("OpenChannel", State.COMPLETE, []),
        ("PlaceCall", State.COMPLETE, ["conversations tuple 0.9", "conversations tuple 0.7"]),
        ("Transfer", State.COMPLETE, ["conversations tuple 0.7", "conversations shared 0.7"]),
        ("UpdateParticipant", State.COMPLETE, ["conversations shared 0.9", "conversations tuple 0.9"]),
    ]
    assert [(pushed.name, pushed.is_ignored) for pushed in recording.unsolicited] == [("channel.metadata", True)]
    assert [triple.session for triple in recording.triples] == ["s1", "s2", "s1", "s1", "s2"]


def test_an_event_of_no_change_in_its_name_is_of_nobody() -> None:
    traffic = Traffic()
    ann, hers = agent(traffic, "ann")
    traffic.answers(traffic.asks("PATCH", "/api/v2/users/u1/presences/PURECLOUD", {}, **ann), {"id": "busy"})
    traffic.says(hers, {"topicName": "v2.users.u2.presence", "eventBody": {}})
    traffic.says(hers, {"topicName": "v2.users.u1.presence", "eventBody": {}})

    recording = correlate(traffic.records, CLOUD, HEADER)

    assert [*told(recording)][-1] == ("SetPresence", State.COMPLETE, ["presence tuple 0.9"])
    assert [pushed.event.channel for pushed in recording.unsolicited] == ["v2.users.u2.presence"]
