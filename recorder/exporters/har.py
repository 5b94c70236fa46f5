"""Write a cassette as an HTTP Archive (HAR 1.2), with pushed messages in the form of Chromium.

The format: http://www.softwareishard.com/blog/har-12-spec/; `_webSocketMessages`: Chromium's DevTools since version
76, with times in seconds since the epoch; `_eventSourceMessages` likewise. `_chunks` has the pieces of a streamed
answer as they were recorded. Fields of our own begin with `_`, as the specification demands. `_sequence`
holds the `seq` of the request and of its response, because times alone do not always give the order.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from ..formats.streamed import EVENTS, streamed_media
from ..model import Chunk, Failure, Header, Headers, Note, Record, Request, Response, SocketMessage
from ..push.sse import EventStream, ServerSentEvent
from .urls import header, url_of

_MS = 1_000_000  # nanoseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN = -1  # the value of the specification for an unknown size or time


@dataclass(slots=True)
class _Exchange:
    request: Request
    response: Response | None = None
    failure: Failure | None = None
    messages: list[SocketMessage] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)


def har(about: Header, records: Iterable[Record], version: str) -> Iterator[str]:
    """Yield the text of the archive, one entry per line, in the order of the requests.

    Args:
        about: The header of the cassette.
        records: The records of the cassette, in order.
        version: Version of the recorder, for the `creator` field.
    """
    creator = {"name": "outbound-recorder", "version": version}
    notice = f"recorded with redaction {about.redaction}, dialect {about.dialect}"
    head = json.dumps({"version": "1.2", "creator": creator, "pages": [], "comment": notice})
    yield f'{{"log": {head[:-1]}, "entries": ['
    for place, exchange in enumerate(_exchanges(records)):
        yield ("," if place else "") + "\n" + json.dumps(_entry(exchange, about))
    yield "\n]}}\n"


def _exchanges(records: Iterable[Record]) -> Iterable[_Exchange]:
    found: dict[int, _Exchange] = {}
    for record in records:
        if isinstance(record, Request):
            found[record.exchange] = _Exchange(record)
            continue
        exchange = None if isinstance(record, Note) else found.get(record.exchange)
        match record:
            case _ if exchange is None:
                pass
            case Response():
                exchange.response = record
            case Failure():
                exchange.failure = record
            case SocketMessage():
                exchange.messages.append(record)
            case Chunk():
                exchange.chunks.append(record)
            case _:
                pass
    return found.values()


def _entry(exchange: _Exchange, about: Header) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    parts = response, exchange.failure, *exchange.messages, *exchange.chunks
    ends = [record.t for record in parts if record is not None]
    total = max(0.0, round((max(ends) - request.t) / _MS, 6)) if ends else 0.0
    is_socket = response is not None and response.status == HTTPStatus.SWITCHING_PROTOCOLS
    has_head = response is not None and (is_socket or response.streamed)  # the time of the head is known
    wait = round((response.t - request.t) / _MS, 6) if response is not None and has_head else total
    entry: dict[str, Any] = {
        "startedDateTime": _time(about, request.t),
        "time": total,
        "request": _request(request, url_of(request, about.upstream, socket=is_socket)),
        "response": _response(response, exchange),
        "cache": {},
        # a cassette has two times per exchange: the request was sent, the response was complete; more only of streams
        "timings": {"blocked": _UNKNOWN, "dns": _UNKNOWN, "connect": _UNKNOWN, "ssl": _UNKNOWN}
        | {"send": 0, "wait": wait, "receive": round(total - wait, 6)},
        "connection": request.connection,
        "_sequence": [request.seq, response.seq if response else exchange.failure.seq if exchange.failure else None],
    }
    if is_socket:
        entry |= {"_resourceType": "websocket", "_webSocketMessages": [_message(m, about) for m in exchange.messages]}
        if exchange.failure is not None:
            entry["_webSocketClosed"] = _closed(exchange.failure, about)
    elif response is not None and response.streamed:
        entry |= _streamed(response, exchange, about)
    return entry


def _streamed(response: Response, exchange: _Exchange, about: Header) -> dict[str, Any]:
    """Return the further fields of an entry whose answer came in chunks."""
    shown: dict[str, Any] = {"_chunks": [_chunk(chunk, about) for chunk in exchange.chunks]}
    if streamed_media(response.headers) == EVENTS:
        stream, messages = EventStream(), []
        for chunk in exchange.chunks:
            messages += [_event(found, chunk, about) for found in stream.feed(chunk.body) if found.data is not None]
        shown |= {"_resourceType": "eventsource", "_eventSourceMessages": messages}
    if exchange.failure is not None:
        shown["_streamBroken"] = _closed(exchange.failure, about)
    return shown


def _chunk(chunk: Chunk, about: Header) -> dict[str, Any]:
    text, encoding = _text(chunk.body)
    shown: dict[str, Any] = {"time": _seconds(about, chunk.t), "data": text, "_sequence": chunk.seq}
    return shown | ({"encoding": encoding} if encoding else {}) | ({"last": True} if chunk.is_last else {})


def _event(event: ServerSentEvent, chunk: Chunk, about: Header) -> dict[str, Any]:
    named = {"eventName": event.event or "message", "eventId": event.id or ""}
    return {"time": _seconds(about, chunk.t), **named, "data": event.data}


def _closed(failure: Failure, about: Header) -> dict[str, Any]:
    return {"time": _seconds(about, failure.t), "reason": failure.reason, "_sequence": failure.seq}


def _request(request: Request, url: str) -> dict[str, Any]:
    query = parse_qsl(request.target.partition("?")[2], keep_blank_values=True, errors="replace")
    shown: dict[str, Any] = {
        "method": request.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [_named(part) for part in header(request.headers, "cookie").split(";") if part.strip()],
        "headers": _headers(request.headers),
        "queryString": [{"name": name, "value": value} for name, value in query],
        "headersSize": _UNKNOWN,
        "bodySize": len(request.body),
    }
    if request.body:
        text, encoding = _text(request.body)
        shown["postData"] = {"mimeType": header(request.headers, "content-type"), "text": text}
        if encoding:
            shown["postData"]["_encoding"] = encoding
    return shown


def _response(response: Response | None, exchange: _Exchange) -> dict[str, Any]:
    if response is None:  # browsers write status 0 for a request without a response
        response = Response(0, 0, 0, 0, (), b"")
    elif response.streamed:
        response = replace(response, body=b"".join(chunk.body for chunk in exchange.chunks))
    headers = response.headers
    content: dict[str, Any] = {"size": len(response.body), "mimeType": header(headers, "content-type")}
    if response.body:
        content["text"], encoding = _text(response.body)
        if encoding:
            content["encoding"] = encoding
    shown: dict[str, Any] = {
        "status": response.status,
        "statusText": _phrase(response.status),
        "httpVersion": "HTTP/1.1",
        "cookies": [_set_cookie(value) for name, value in headers if name.lower() == "set-cookie"],
        "headers": _headers(headers),
        "content": content,
        "redirectURL": header(headers, "location"),
        "headersSize": _UNKNOWN,
        "bodySize": _size(response),
    }
    if response.status == 0 and exchange.failure is not None:
        shown["_error"] = exchange.failure.reason
    return shown


def _message(message: SocketMessage, about: Header) -> dict[str, Any]:
    text, encoding = _text(message.body)
    is_text = message.is_text and not encoding  # cassettes of before do not tell a binary message
    data = text if is_text else base64.b64encode(message.body).decode()
    return {
        "type": "send" if message.from_client else "receive",
        "time": _seconds(about, message.t),
        "opcode": 1 if is_text else 2,
        "data": data,
        "_sequence": message.seq,
    }


def _text(body: bytes) -> tuple[str, str]:
    """Return the body as text with encoding `""`, or as Base64 with encoding `"base64"` if it is not UTF-8."""
    try:
        return body.decode(), ""
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"


def _size(response: Response) -> int:
    """Return the bytes of the body on the wire, -1 for a compressed body without a usable Content-Length."""
    if not header(response.headers, "content-encoding"):
        return len(response.body)
    length = header(response.headers, "content-length")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 16 else _UNKNOWN


def _headers(headers: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _named(part: str) -> dict[str, Any]:
    name, _, value = part.partition("=")
    return {"name": name.strip(), "value": value.strip()}


def _set_cookie(value: str) -> dict[str, Any]:
    first, *attributes = value.split(";")
    cookie = _named(first)
    for attribute in attributes:
        name, _, content = attribute.strip().partition("=")
        match name.lower():
            case "path" | "domain":
                cookie[name.lower()] = content
            case "httponly":
                cookie["httpOnly"] = True
            case "secure":
                cookie["secure"] = True
            case "expires":
                cookie |= _expires(content)
            case _:
                pass
    return cookie


def _expires(text: str) -> dict[str, str]:
    try:
        return {"expires": parsedate_to_datetime(text).astimezone(UTC).isoformat().replace("+00:00", "Z")}
    except (ValueError, OverflowError):
        return {}  # the specification makes `expires` optional; an unreadable date is left out


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _time(about: Header, t: int) -> str:
    """Return a time in ISO 8601, to the microsecond; the latest one Python has if the capture is later than that."""
    try:
        moment = _EPOCH + timedelta(microseconds=about.started + t // 1000)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _seconds(about: Header, t: int) -> float:
    return round((about.started + t / 1000) / 1_000_000, 6)
