"""One small session of GWS as exchanges, from which the tests write the archives of other tools."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from recorder.cassette.codec import encode_header
from recorder.cassette.reader import parse
from recorder.dialect.definition import shipped
from recorder.importers.containers import Container
from recorder.importers.har import read_har
from recorder.importers.losses import Losses
from recorder.importers.ordering import Imported, frames
from recorder.importers.spool import Parts, Spool
from recorder.library.recording import derive
from recorder.model import Recording, Request, Response
from tests.cassette.records import HEADER

HOST = "https://gws.example"
BAYEUX = "/api/v2/notifications"
CALL = "/api/v2/me/outbound-records/1001"
MS = 1_000_000
JSON_TYPE = ("Content-Type", "application/json")
_BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_HEADER = replace(HEADER, dialect="gws-outbound")
_CLIENT = "clientHAR1"


@dataclass(frozen=True)
class Exchange:
    """An exchange: its times in milliseconds since the begin, and its bodies."""

    start: int
    end: int
    method: str
    path: str
    body: str
    answer: str


def _meta(channel: str, number: int, **own: Any) -> dict[str, Any]:
    return {"id": str(number), "channel": f"/meta/{channel}", **own}


def _event(name: str, reference: str) -> dict[str, Any]:
    record = {"recordHandle": 1001, "applicationId": 134, "campaignName": "C1", "devicePath": "/devices/d1"}
    data = {"messageType": "OutboundRecordMessage", "notificationType": name, "referenceId": reference}
    return {"channel": "/v2/me/outbound", "data": {**data, "record": record}}


def _polled(start: int, end: int, number: int, *events: dict[str, Any], advice: bool = False) -> Exchange:
    asked = _meta("connect", number, clientId=_CLIENT, connectionType="long-polling")
    asked |= {"advice": {"timeout": 0}} if advice else {}
    answer = [*events, _meta("connect", number, successful=True)]
    return Exchange(start, end, "POST", f"{BAYEUX}/connect", json.dumps([asked]), json.dumps(answer))


def _called(start: int, end: int, reference: str) -> Exchange:
    body = {"operationName": "GetChainedRecord", "applicationId": 134, "campaignName": "C1", "referenceId": reference}
    return Exchange(start, end, "POST", CALL, json.dumps(body | {"devicePath": "/devices/d1"}), '{"statusCode":0}')


def _asked(start: int, end: int, path: str, asked: dict[str, Any], answer: dict[str, Any]) -> Exchange:
    return Exchange(start, end, "POST", BAYEUX + path, json.dumps([asked]), json.dumps([answer]))


SESSION = (
    _asked(
        0, 20, "/handshake", _meta("handshake", 1, version="1.0"),
        _meta("handshake", 1, clientId=_CLIENT, successful=True, advice={"timeout": 30000}),
    ),
    _polled(30, 40, 2, advice=True),
    _asked(
        31, 43, "/", _meta("subscribe", 3, clientId=_CLIENT, subscription="/v2/me/outbound"),
        _meta("subscribe", 3, subscription="/v2/me/outbound", successful=True),
    ),
    Exchange(45, 48, "GET", "/api/v2/me", "", '{"user":"é"}'),
    _polled(50, 530, 4, _event("ChainedRecord", "r1")),
    _called(500, 560, "r1"),
    _polled(535, 555, 5, _event("ChainedRecordsDataEnd", "r1")),
    _polled(560, 960, 6, _event("ChainedRecord", "r2"), _event("ChainedRecordsDataEnd", "r2")),
    _called(900, 910, "r2"),
    _polled(965, 1400, 7),
)  # fmt: skip


def at(ms: float) -> datetime:
    return _BEGIN + timedelta(milliseconds=ms)


def iso(ms: float) -> str:
    return at(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def entry(exchange: Exchange, host: str = HOST, **own: Any) -> dict[str, Any]:
    """An entry as HAR 1.2 wants it; `own` replaces its fields."""
    took = exchange.end - exchange.start
    request: dict[str, Any] = {
        "method": exchange.method, "url": host + exchange.path, "httpVersion": "HTTP/1.1", "cookies": [],
        "headers": [{"name": JSON_TYPE[0], "value": JSON_TYPE[1]}], "queryString": [], "headersSize": -1,
        "bodySize": len(exchange.body),
    }  # fmt: skip
    if exchange.body:
        request["postData"] = {"mimeType": JSON_TYPE[1], "text": exchange.body}
    response = {
        "status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [], "redirectURL": "",
        "headers": [{"name": JSON_TYPE[0], "value": JSON_TYPE[1]}], "headersSize": -1, "bodySize": len(exchange.answer),
        "content": {"size": len(exchange.answer.encode()), "mimeType": JSON_TYPE[1], "text": exchange.answer},
    }  # fmt: skip
    timings = {"send": 0, "wait": took, "receive": 0}
    whole = {"startedDateTime": iso(exchange.start), "time": took, "request": request, "response": response}
    return {**whole, "cache": {}, "timings": timings, **own}


def session(host: str = HOST) -> list[dict[str, Any]]:
    return [entry(exchange, host) for exchange in SESSION]


def archive(entries: list[Any], creator: str = "WebInspector", **log: Any) -> dict[str, Any]:
    about = {"name": creator, "version": "1"}
    return {"log": {"version": "1.2", "creator": about, "pages": [], "entries": entries, **log}}


def imported(value: Any, origin: str | None = None) -> Imported:
    """Import an archive, as a value or as the bytes of its file."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_har(Container.of_bytes(data, "some.har"), Spool(), origin, lambda _: shipped("gws-outbound"))


def recording(found: Imported) -> Recording:
    return derive(parse(encode_header(_HEADER) + b"".join(frames(found, None))))


def captured() -> Recording:
    """The session as the recorder itself captures it."""
    parts: list[tuple[int, Request | Response]] = []
    for number, found in enumerate(SESSION):
        body = found.body.encode()
        parts.append(
            (found.start, Request(0, found.start * MS, number, "c", found.method, found.path, (JSON_TYPE,), body))
        )
        parts.append((found.end, Response(0, found.end * MS, number, 200, (JSON_TYPE,), found.answer.encode())))
    spool = Spool()
    for _, part in sorted(parts, key=lambda pair: (pair[0], isinstance(pair[1], Request))):
        spool.add(part, "captured")
    return recording(Imported(0, HOST, Parts(spool, spool.items, 0), (), Losses("HAR")))


def links(found: Recording) -> list[Any]:
    """What causes what: each operation with its state, its ack and its events."""
    return [
        (
            triple.operation, triple.keys, triple.state, triple.request.target, triple.request.body,
            triple.ack and (triple.ack.status, triple.ack.body),
            [(link.name, link.rule, link.event.channel, link.event.data) for link in triple.events],
        )
        for triple in found.triples
    ]  # fmt: skip
