"""Conversations as a recorder sees them on the wire, for tests.

    wire = Wire()
    desk = wire.desk()                                    # handshake, first connect, subscription
    post = desk.post(chained(7, "r1"))                    # a request leaves …
    desk.hears(done(7, "r1"))                             # … a poll brings its event …
    wire.ack(post)                                        # … and its ack comes
    wire.recording().triples

The shapes are those of the API pages and of CometD's Java server: events first, the reply to the poll last. Nothing
moves the clock but `wait`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Self

from recorder.correlate.engine import Correlator
from recorder.dialect.definition import Dialect, load
from recorder.model import (
    Chunk,
    Failure,
    Header,
    Headers,
    Link,
    Record,
    Recording,
    Request,
    Response,
    SocketMessage,
    closed_by,
)

DEVICE = "c259da54-7c22-4a43-9440-77a92facc86b"
URL = "/api/v2/notifications"
HEADER = Header(started=0, upstream="http://gws.example", dialect="gws-outbound", redaction="none")
JSON_TYPE: Headers = (("Content-Type", "application/json;charset=UTF-8"),)
SSE: Headers = (("Content-Type", "text/event-stream"),)
UPGRADE: Headers = (("Connection", "Upgrade"), ("Upgrade", "websocket"))

Message = dict[str, Any]


def body(value: Any) -> bytes:
    """A JSON body as GWS writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")


# What a desktop asks


@dataclass(frozen=True)
class Ask:
    """A REST request; `content` is sent as JSON unless it is bytes."""

    target: str
    content: Any
    method: str = "POST"

    @property
    def body(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else body(self.content)

    def but(self, **own: Any) -> Self:
        """The same with some fields of the body changed."""
        return replace(self, content=self.content | own)

    def without(self, *names: str) -> Self:
        """The same without some fields of the body."""
        return replace(self, content={name: value for name, value in self.content.items() if name not in names})


def operation(target: str, name: str, reference: Any = None, **own: Any) -> Ask:
    """Any operation; `reference` None sends no referenceId."""
    content = {
        "devicePath": f"/devices/{DEVICE}",
        "operationName": name,
        "applicationId": 134,
        "campaignName": "Campaign1",
    }
    return Ask(target, content | ({} if reference is None else {"referenceId": reference}) | own)


def chained(handle: Any = 7, reference: Any = None, **own: Any) -> Ask:
    return operation(f"/api/v2/me/outbound-records/{handle}", "GetChainedRecord", reference, **own)


def complete(handle: Any = 7, reference: Any = None, **own: Any) -> Ask:
    own = {"callingList": "CallingList1"} | own
    return operation(f"/api/v2/me/outbound-records/{handle}", "CompleteRecord", reference, **own)


def preview(reference: Any = None, campaign: str = "Campaign1", **own: Any) -> Ask:
    return operation(f"/api/v2/me/outbound-campaigns/{campaign}", "GetPreviewRecord", reference, **own)


def start_session() -> Ask:
    return Ask("/api/v2/me", {"operationName": "StartContactCenterSession", "channels": ["voice"]})


def get_me() -> Ask:
    return Ask("/api/v2/me", b"", method="GET")


# What the server pushes


def record_event(name: str, handle: Any = 7, reference: Any = None, **own: Any) -> Message:
    """An OutboundRecordMessage; `own` goes into its record, where None leaves a field out."""
    record = {
        "devicePath": f"/devices/{DEVICE}",
        "callingList": "CallingList1",
        "applicationId": 134,
        "recordHandle": handle,
        "campaignName": "Campaign1",
    }
    record = {key: value for key, value in (record | own).items() if value is not None}
    data = {"record": record, "notificationType": name, "messageType": "OutboundRecordMessage"}
    return {"data": data | ({} if reference is None else {"referenceId": reference}), "channel": "/v2/me/outbound"}


def done(handle: Any = 7, reference: Any = None, **own: Any) -> Message:
    """The terminal event of GetChainedRecord."""
    return record_event("ChainedRecordsDataEnd", handle, reference, **own)


def twin(name: str, handle: Any = 7, device: str = DEVICE, **own: Any) -> Message:
    """The DeviceUserEventMessage that repeats a record event, without its referenceId."""
    user_data = {
        "GSW_APPLICATION_ID": 134,
        "GSW_RECORD_HANDLE": handle,
        "GSW_USER_EVENT": name,
        "GSW_CALLING_LIST": "CallingList1",
        "GSW_CAMPAIGN_NAME": "Campaign1",
        "GSW_CHAIN_ID": 1,
    }
    data = {"userData": user_data | own, "deviceId": device, "messageType": "DeviceUserEventMessage"}
    return {"data": data, "channel": "/me/internal"}


def campaign_event(name: str, reference: Any = None, campaign: str = "Campaign1") -> Message:
    about = {"name": campaign, "applicationId": 134, "devicePath": f"/devices/{DEVICE}"}
    data = {"campaign": about, "notificationType": name, "messageType": "OutboundCampaignMessage"}
    return {"data": data | ({} if reference is None else {"referenceId": reference}), "channel": "/v2/me/outbound"}


def error_event(device: str = DEVICE) -> Message:
    data = {"messageType": "ErrorMessage", "devicePath": f"/devices/{device}"}
    return {"data": data, "channel": "/v2/me/devices"}


def state_event(state: str = "NotReady") -> Message:
    """Noise: pushed by the device, caused by nobody's request that is looked at."""
    data = {"messageType": "DeviceStateChangeMessage", "devices": [{"id": DEVICE, "userState": {"state": state}}]}
    return {"data": data, "channel": "/v2/me/devices"}


# What the proxy between them writes down


class Wire:
    """Records in the order things happen."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._t = 0
        self._exchanges = 0
        self._desks = 0

    def wait(self, seconds: float) -> None:
        self._t += round(seconds * 1e9)

    def request(self, method: str, target: str, content: bytes, headers: Headers = (), connection: str = "c1") -> int:
        """A request leaves, of type JSON unless a header says otherwise; returns its exchange."""
        self._exchanges += 1
        place = len(self.records)
        named = any(name.lower() == "content-type" for name, _ in headers)
        headers = headers if named else (*JSON_TYPE, *headers)
        self.records.append(Request(place, self._t, self._exchanges, connection, method, target, headers, content))
        return self._exchanges

    def respond(self, exchange: int, content: Any, status: int = 200, headers: Headers = ()) -> None:
        """A response comes; `content` is sent as JSON unless it is bytes."""
        sent = content if isinstance(content, bytes) else body(content)
        self.records.append(Response(len(self.records), self._t, exchange, status, (*JSON_TYPE, *headers), sent))

    def ack(self, exchange: int, **more: Any) -> None:
        """The server agrees."""
        self.respond(exchange, {"statusCode": 0} | more)

    def fail(self, exchange: int, reason: str = "Client disconnected.") -> None:
        self.records.append(Failure(len(self.records), self._t, exchange, reason))

    def frame(self, exchange: int, *messages: Message, from_client: bool) -> None:
        """A WebSocket message."""
        self.records.append(SocketMessage(len(self.records), self._t, exchange, from_client, body(messages)))

    def streams(self, target: str = "/events", headers: Headers = (), method: str = "GET", content: bytes = b"") -> int:
        """A request leaves and is answered with a stream of events; returns its exchange."""
        exchange = self.request(method, target, content, headers)
        self.head(exchange)
        return exchange

    def head(self, exchange: int, headers: Headers = SSE) -> None:
        """The head of a response comes, whose body is a stream."""
        self.records.append(Response(len(self.records), self._t, exchange, 200, headers, b"", streamed=True))

    def sends(self, exchange: int, content: Any, is_last: bool = False, **fields: str) -> None:
        """The next event of a stream, as JSON; bytes are written as they are."""
        lines = [f"{name}: {value}\n" for name, value in fields.items()]
        block = content if isinstance(content, bytes) else "".join(lines).encode() + b"data: " + body(content) + b"\n\n"
        self.records.append(Chunk(len(self.records), self._t, exchange, block, is_last))

    def ends(self, exchange: int) -> None:
        """The server ends a stream."""
        self.records.append(Chunk(len(self.records), self._t, exchange, b"", is_last=True))

    def upgrades(self, target: str = "/socket", headers: Headers = (), subprotocol: str = "") -> int:
        """A plain WebSocket is opened; returns its exchange."""
        exchange = self.request("GET", target, b"", (*UPGRADE, *headers))
        chosen: Headers = (("Sec-WebSocket-Protocol", subprotocol),) if subprotocol else ()
        answer = (*UPGRADE, ("Sec-WebSocket-Accept", "x"), *chosen)
        self.records.append(Response(len(self.records), self._t, exchange, 101, answer, b""))
        return exchange

    def says(self, exchange: int, content: Any, *, from_client: bool = False, is_text: bool = True) -> None:
        """A message on a plain WebSocket, as JSON unless it is bytes."""
        sent = content if isinstance(content, bytes) else body(content)
        self.records.append(SocketMessage(len(self.records), self._t, exchange, from_client, sent, is_text))

    def closes(self, exchange: int, code: int = 1000, reason: str = "", who: str = "server") -> None:
        """A WebSocket ends with a close frame."""
        self.fail(exchange, closed_by(who, code, reason))

    def desk(self, client_id: str | None = None, headers: Headers = (), cookies: Headers = ()) -> Desk:
        """A desktop that shook hands; `headers` are on all it sends, `cookies` are set by the handshake."""
        self._desks += 1
        desk = Desk(self, client_id or f"client{self._desks}", headers)
        desk.shakes_hands(cookies)
        return desk

    def links(self, dialect: Dialect | None = None) -> list[Link]:
        """What the correlator says while it is fed."""
        correlator = Correlator(dialect or load())
        return [link for record in self.records for link in correlator.feed(record)]

    def recording(self, dialect: Dialect | None = None) -> Recording:
        """What the correlator makes of it all."""
        correlator = Correlator(dialect or load())
        for record in self.records:
            correlator.feed(record)
        return correlator.finish(HEADER)


class Desk:
    """One desktop: a REST client and a Bayeux client, with the polls it holds."""

    def __init__(self, wire: Wire, client_id: str, headers: Headers) -> None:
        self.wire, self.client_id, self.headers = wire, client_id, headers
        self._poll: int | None = None

    def shakes_hands(self, cookies: Headers = ()) -> None:
        """Handshake, the first connect (answered at once) and a subscription."""
        asked = self.bayeux(
            {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        )
        reply = {"channel": "/meta/handshake", "successful": True, "clientId": self.client_id, "version": "1.0"}
        advice = {"reconnect": "retry", "interval": 0, "timeout": 30000}
        self.wire.respond(asked, [reply | {"advice": advice}], headers=cookies)
        self.polls()
        self.hears()
        channel = {"channel": "/meta/subscribe", "subscription": "/**"}
        self.wire.respond(self.bayeux(channel | {"clientId": self.client_id}), [channel | {"successful": True}])

    def bayeux(self, *messages: Message, target: str = URL) -> int:
        """A request with Bayeux messages."""
        return self.wire.request("POST", target, body(messages), self.headers)

    def polls(self) -> int:
        """A poll leaves, and is held."""
        connect = {"channel": "/meta/connect", "clientId": self.client_id, "connectionType": "long-polling"}
        self._poll = self.bayeux(connect)
        return self._poll

    def hears(self, *events: Message) -> None:
        """The held poll is answered; one leaves before where none is held."""
        poll = self.polls() if self._poll is None else self._poll
        self._poll = None
        self.wire.respond(poll, [*events, {"channel": "/meta/connect", "successful": True}])

    def loses_poll(self) -> None:
        """The held poll is given up by the client."""
        if self._poll is not None:
            self.wire.fail(self._poll)
        self._poll = None

    def post(self, ask: Ask, headers: Headers | None = None) -> int:
        """A REST request leaves; returns its exchange."""
        return self.wire.request(ask.method, ask.target, ask.body, self.headers if headers is None else headers)

    def asks(self, ask: Ask, *events: Message, early: int = 0, ms: int = 100) -> None:
        """A whole triple: the request, its first `early` events, the ack, the other events, `ms` apart."""
        self.polls()
        exchange = self.post(ask)
        for event in events[:early]:
            self.wire.wait(ms / 1000)
            self.hears(event)
        self.wire.wait(ms / 1000)
        self.wire.ack(exchange)
        for event in events[early:]:
            self.wire.wait(ms / 1000)
            self.hears(event)
