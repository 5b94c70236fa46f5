"""Captures of Genesys Web Services as a recorder sees them, of any length, made as they are read.

The shapes are those of the API pages and of CometD's Java server: events stand before the reply to the poll, each
record event has its twin on /me/internal without a referenceId. The same seed gives the same records.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from recorder.model import Header, Note, Record, Request, Response

HEADER = Header(1_753_000_000_000_000, "http://gws.example:8090", "gws-outbound", "default")
AGENTS = 8
_BAYEUX = "/api/v2/notifications"
_PACE = 28_800_000  # ns between operations: a million in an eight-hour shift
_JSON = ("Content-Type", "application/json;charset=UTF-8")
_CAMPAIGN, _LIST = "Preview Campaign", "Calling List 1"
# operation, its last event; GetChainedRecord brings records before it
_STEPS = (
    ("GetPreviewRecord", "PreviewRecord"),
    ("GetChainedRecord", "ChainedRecordsDataEnd"),
    ("UpdateRecord", "UpdateCallCompletionStatsAcknowledge"),
    ("CompleteRecord", "RecordProcessedAcknowledge"),
)

Message = dict[str, Any]


@dataclass(slots=True)
class _Agent:
    place: int
    client_id: str
    cookie: str
    device: str
    step: int = 0
    handle: int = 0
    message_id: int = 3
    poll: int = 0  # the exchange of the poll that is held
    pushed: list[Message] = field(default_factory=list)


class _Shift:
    """The agents of one capture, and the counters all records share."""

    def __init__(self, seed: int, agents: int) -> None:
        self._random = random.Random(seed)
        self._seq = self._exchange = self._t = 0
        self.agents = [self._agent(place) for place in range(agents)]

    def _agent(self, place: int) -> _Agent:
        client_id, cookie = (self._random.randbytes(20).hex() for _ in range(2))
        return _Agent(place, client_id, cookie, str(uuid.UUID(bytes=self._random.randbytes(16), version=4)))

    def opens(self, agent: _Agent) -> Iterator[Record]:
        """Handshake, first connect, subscription, and the poll that is held from then on."""
        shake = {"id": "1", "channel": "/meta/handshake", "version": "1.0"}
        advice = {"reconnect": "retry", "interval": 0, "timeout": 30000}
        reply = shake | {"successful": True, "clientId": agent.client_id, "advice": advice}
        asked = shake | {"supportedConnectionTypes": ["long-polling"]}
        yield self._request(agent, f"{_BAYEUX}/handshake", [asked], cookie=False)
        yield self._response([reply], ("Set-Cookie", f"JSESSIONID={agent.cookie}; Path=/; HttpOnly"))
        subscribe = {"id": "2", "channel": "/meta/subscribe", "subscription": "/**", "clientId": agent.client_id}
        yield self._request(agent, f"{_BAYEUX}/", [subscribe])
        yield self._response([{"id": "2", "channel": "/meta/subscribe", "subscription": "/**", "successful": True}])
        yield self._polls(agent)

    def operates(self, agent: _Agent) -> Iterator[Record]:
        """One triple: the request, its ack, the polls its events come with."""
        name, last = _STEPS[agent.step % len(_STEPS)]
        if agent.step % len(_STEPS) == 0:
            agent.handle = 1000 + agent.place + AGENTS * (agent.step // len(_STEPS))
        agent.step += 1
        reference = f"{self._random.getrandbits(40)}"
        self._t += round(self._random.expovariate(1) * _PACE)
        yield self._request(agent, *_operation(agent, name, reference))
        self._t += self._random.randrange(5_000_000, 20_000_000)
        yield self._response({"statusCode": 0})
        names = ["ChainedRecord"] * self._random.randrange(3) if name == "GetChainedRecord" else []
        for place, event in enumerate([*names, last]):
            agent.pushed += self._event(agent, event, reference, place)
        if self._random.random() < 0.05:
            agent.pushed.append(self._state(agent))
        yield self._answered(agent)
        yield self._polls(agent)

    def ends(self) -> Note:
        return Note(self._next(), self._t, "close", "the capture ended cleanly")

    def _event(self, agent: _Agent, name: str, reference: str, place: int) -> Iterator[Message]:
        """An event and its twin."""
        record = {
            "recordHandle": agent.handle + place, "applicationId": 134, "campaignName": _CAMPAIGN, "callingList": _LIST,
            "devicePath": f"/devices/{agent.device}", "userData": self._customer(),
        }  # fmt: skip
        data = {"record": record, "notificationType": name, "messageType": "OutboundRecordMessage"}
        yield {"data": data | {"referenceId": reference, "metrics": self._metrics()}, "channel": "/v2/me/outbound"}
        about = {
            "GSW_APPLICATION_ID": 134, "GSW_RECORD_HANDLE": agent.handle + place, "GSW_USER_EVENT": name,
            "GSW_CALLING_LIST": _LIST, "GSW_CAMPAIGN_NAME": _CAMPAIGN, "GSW_CHAIN_ID": place + 1,
        }  # fmt: skip
        twin = {"userData": about, "deviceId": agent.device, "messageType": "DeviceUserEventMessage"}
        yield {"data": twin | {"metrics": self._metrics()}, "channel": "/me/internal"}

    def _state(self, agent: _Agent) -> Message:
        """Noise: caused by nobody's request."""
        devices = [{"id": agent.device, "userState": {"state": self._random.choice(["Ready", "NotReady"])}}]
        data = {"messageType": "DeviceStateChangeMessage", "devices": devices, "metrics": self._metrics()}
        return {"data": data, "channel": "/v2/me/devices"}

    def _metrics(self) -> Message:
        total = self._random.randrange(40)
        return {"eventProcessing": {"serverGenerationTimestamp": self._t // 1000, "serverProcessingTimeTotalMs": total}}

    def _customer(self) -> Message:
        phone, attempt = f"+1555{self._random.randrange(10**7):07}", self._random.randbytes(16).hex().upper()
        return {"GSW_PHONE": phone, "GSW_CALL_ATTEMPT_GUID": attempt}

    def _polls(self, agent: _Agent) -> Record:
        agent.message_id += 1
        connect = {"id": f"{agent.message_id}", "channel": "/meta/connect", "connectionType": "long-polling"}
        request = self._request(agent, f"{_BAYEUX}/connect", [connect | {"clientId": agent.client_id}])
        agent.poll = request.exchange
        return request

    def _answered(self, agent: _Agent) -> Record:
        reply = {"id": f"{agent.message_id}", "channel": "/meta/connect", "successful": True}
        pushed, agent.pushed = agent.pushed, []
        self._t += self._random.randrange(1_000_000, 5_000_000)
        return Response(self._next(), self._t, agent.poll, 200, self._headers(), _body([*pushed, reply]))

    def _request(self, agent: _Agent, target: str, content: Any, *, cookie: bool = True) -> Request:
        self._exchange += 1
        headers = [
            ("Host", "gws.example:8090"), ("Accept", "*/*"), _JSON,
            ("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"),
        ]  # fmt: skip
        headers += [("Cookie", f"JSESSIONID={agent.cookie}")] if cookie else []
        connection = f"c{agent.place}-{'poll' if 'connect' in target else 'rest'}"
        body = _body(content)
        return Request(self._next(), self._t, self._exchange, connection, "POST", target, tuple(headers), body)

    def _response(self, content: Any, *headers: tuple[str, str]) -> Response:
        return Response(self._next(), self._t, self._exchange, 200, (*self._headers(), *headers), _body(content))

    def _headers(self) -> tuple[tuple[str, str], ...]:
        return (("Date", "Sun, 20 Jul 2025 08:26:40 GMT"), _JSON, ("Cache-Control", "no-cache"), ("Server", "Jetty"))

    def _next(self) -> int:
        self._seq += 1
        return self._seq - 1


def records(triples: int, *, seed: int = 1, agents: int = AGENTS) -> Iterator[Record]:
    """Yield the records of a capture with so many triples; about 4 each."""
    shift = _Shift(seed, agents)
    for agent in shift.agents:
        yield from shift.opens(agent)
    for place in range(triples):
        yield from shift.operates(shift.agents[place % agents])
    yield shift.ends()


def _operation(agent: _Agent, name: str, reference: str) -> tuple[str, Message]:
    body = {
        "operationName": name, "applicationId": 134, "campaignName": _CAMPAIGN,
        "devicePath": f"/devices/{agent.device}", "referenceId": reference,
    }  # fmt: skip
    if name == "GetPreviewRecord":
        return "/api/v2/me/outbound-campaigns/Preview%20Campaign", body
    return f"/api/v2/me/outbound-records/{agent.handle}", body | {"callingList": _LIST}


def _body(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
