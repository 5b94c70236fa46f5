"""Write a cassette as an HTTP Archive (HAR 1.2), with pushed messages in the form of Chromium.

The format: http://www.softwareishard.com/blog/har-12-spec/; `_webSocketMessages`: Chromium's DevTools since version
76, with times in seconds since the epoch; `_eventSourceMessages` likewise. `_chunks` has the pieces of a streamed
answer as they were recorded. Fields of our own begin with `_`, as the specification demands. `_sequence`
holds the `seq` of the request and of its response, because times alone do not always give the order.
"""

from __future__ import annotations

import base64
import codecs
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import parse_qsl

from ..formats.streamed import EVENTS, streamed_media
from ..model import Chunk, Failure, Header, Headers, Note, Record, Request, Response, SocketMessage
from ..push.sse import EventStream, ServerSentEvent
from .urls import header, url_of

_MS = 1_000_000  # nanoseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN = -1  # the value of the specification for an unknown size or time
_MANY = 64  # records of an exchange that are in memory together


@dataclass(slots=True)
class _Exchange:
    """An exchange, with all of its messages and chunks in memory, or with those of a long one read when asked for."""

    request: Request
    response: Response | None = None
    failure: Failure | None = None
    messages: Iterable[SocketMessage] = ()
    chunks: Iterable[Chunk] = ()
    is_long: bool = False

    def latest(self) -> int | None:
        """Return the time of the last record after the request; None if there is none."""
        parts = (self.response, self.failure, *self.messages, *self.chunks) if not self.is_long else self._parts()
        return max((record.t for record in parts if record is not None), default=None)

    def _parts(self) -> Iterator[Record | None]:
        yield from (self.response, self.failure)
        yield from self.messages
        yield from self.chunks


@dataclass(frozen=True, slots=True)
class _Again:
    """The records of one kind in a long exchange, which are read anew by each iteration."""

    records: Sequence[Record]
    numbers: array[int]
    kind: type[SocketMessage | Chunk]

    def __iter__(self) -> Iterator[Any]:
        return (record for n in self.numbers if isinstance(record := self.records[n], self.kind))


def har(about: Header, records: Sequence[Record], version: str) -> Iterator[str]:
    """Yield the text of the archive, one entry per line, in the order of the requests.

    Args:
        about: The header of the cassette.
        records: The records of the cassette, in order. They are iterated once, then looked up one by one.
        version: Version of the recorder, for the `creator` field.
    """
    exchanges = _exchanges(records)  # reads all records once, so that damage is told before anything is written
    creator = {"name": "outbound-recorder", "version": version}
    notice = f"recorded with redaction {about.redaction}, dialect {about.dialect}"
    head = json.dumps({"version": "1.2", "creator": creator, "pages": [], "comment": notice})
    yield f'{{"log": {head[:-1]}, "entries": ['
    for place, exchange in enumerate(exchanges):
        yield ("," if place else "") + "\n"
        entry = _entry(exchange, about)
        if exchange.is_long:
            yield from _pieces(entry)
        else:
            yield json.dumps(entry)
    yield "\n]}}\n"


def _exchanges(records: Sequence[Record]) -> Iterator[_Exchange]:
    """Return the exchanges in the order of their requests; only the numbers of their records are in memory together."""
    places: dict[int, int] = {}  # by exchange
    last = array("q")  # by place: number of the last record of the exchange
    before = array("q")  # by record: number of the record before it in its exchange, -1 for none
    for n, record in enumerate(records):
        before.append(-1)
        if isinstance(record, Note):
            continue
        place = places.get(record.exchange)
        if place is None and isinstance(record, Request):
            places[record.exchange] = len(last)
            last.append(n)
        elif place is not None:  # a second request of the exchange begins it anew
            before[n], last[place] = -1 if isinstance(record, Request) else last[place], n
    return (_exchange(records, _numbers(end, before)) for end in last)


def _numbers(end: int, before: array[int]) -> array[int]:
    """Return the numbers of the records of an exchange."""
    numbers = array("q")
    while end >= 0:
        numbers.append(end)
        end = before[end]
    numbers.reverse()
    return numbers


def _exchange(records: Sequence[Record], numbers: array[int]) -> _Exchange:
    # the first record is the request: `_exchanges` begins no exchange with another
    exchange = _Exchange(cast("Request", records[numbers[0]]), is_long=len(numbers) > _MANY)
    messages: list[SocketMessage] = []
    chunks: list[Chunk] = []
    for n in numbers[1:]:
        match records[n]:
            case Response() as response:
                exchange.response = response
            case Failure() as failure:
                exchange.failure = failure
            case SocketMessage() as message if not exchange.is_long:
                messages.append(message)
            case Chunk() as chunk if not exchange.is_long:
                chunks.append(chunk)
            case _:
                pass
    exchange.messages = _Again(records, numbers, SocketMessage) if exchange.is_long else messages
    exchange.chunks = _Again(records, numbers, Chunk) if exchange.is_long else chunks
    return exchange


class _Streamed(list[Any]):
    """A list for JSON whose items are made one at a time."""

    def __init__(self, items: Iterator[Any]) -> None:
        super().__init__()
        self.items = items


class _Text(str):
    """A text for JSON that is made piece by piece."""

    __slots__ = ("pieces",)

    pieces: Iterator[str]

    @classmethod
    def of(cls, pieces: Iterator[str]) -> _Text:
        made = cls()
        made.pieces = pieces
        return made


def _pieces(value: Any) -> Iterator[str]:
    """Yield the JSON of a value, piece by piece, as `json.dumps` writes it."""
    match value:
        case _Text():
            yield '"'
            yield from (json.dumps(piece)[1:-1] for piece in value.pieces)
            yield '"'
        case _Streamed():
            yield "["
            for place, item in enumerate(value.items):
                yield ", " if place else ""
                yield json.dumps(item)
            yield "]"
        case dict():
            for place, (name, member) in enumerate(value.items()):
                yield f"{', ' if place else '{'}{json.dumps(name)}: "
                yield from _pieces(member)
            yield "}" if value else "{}"
        case _:
            yield json.dumps(value)


def _entry(exchange: _Exchange, about: Header) -> dict[str, Any]:
    request, response = exchange.request, exchange.response
    latest = exchange.latest()
    total = max(0.0, round((latest - request.t) / _MS, 6)) if latest is not None else 0.0
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
        messages = _listed((_message(m, about) for m in exchange.messages), exchange)
        entry |= {"_resourceType": "websocket", "_webSocketMessages": messages}
        if exchange.failure is not None:
            entry["_webSocketClosed"] = _closed(exchange.failure, about)
    elif response is not None and response.streamed:
        entry |= _streamed(response, exchange, about)
    return entry


def _streamed(response: Response, exchange: _Exchange, about: Header) -> dict[str, Any]:
    """Return the further fields of an entry whose answer came in chunks."""
    shown: dict[str, Any] = {"_chunks": _listed((_chunk(chunk, about) for chunk in exchange.chunks), exchange)}
    if streamed_media(response.headers) == EVENTS:
        shown |= {"_resourceType": "eventsource"}
        shown |= {"_eventSourceMessages": _listed(_events(exchange.chunks, about), exchange)}
    if exchange.failure is not None:
        shown["_streamBroken"] = _closed(exchange.failure, about)
    return shown


def _listed(items: Iterator[dict[str, Any]], exchange: _Exchange) -> list[dict[str, Any]]:
    return _Streamed(items) if exchange.is_long else list(items)


def _events(chunks: Iterable[Chunk], about: Header) -> Iterator[dict[str, Any]]:
    stream = EventStream()
    for chunk in chunks:
        yield from (_event(found, chunk, about) for found in stream.feed(chunk.body) if found.data is not None)


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
    headers = response.headers
    size, text, encoding = _content(response, exchange)
    content: dict[str, Any] = {"size": size, "mimeType": header(headers, "content-type")}
    if size:
        content["text"] = text
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
        "bodySize": _size(response, size),
    }
    if response.status == 0 and exchange.failure is not None:
        shown["_error"] = exchange.failure.reason
    return shown


def _content(response: Response, exchange: _Exchange) -> tuple[int, str, str]:
    """Return the size, the text and its encoding of the body of a response, which may have come in chunks."""
    if not response.streamed:
        return len(response.body), *_text(response.body)
    if not exchange.is_long:
        body = b"".join(chunk.body for chunk in exchange.chunks)
        return len(body), *_text(body)
    size, decoder, is_text = 0, codecs.getincrementaldecoder("utf-8")(), True
    for chunk in exchange.chunks:
        size += len(chunk.body)
        is_text = is_text and _goes_on(decoder, chunk.body)
    if is_text and _goes_on(decoder, b"", is_last=True):
        return size, _Text.of(_decoded(exchange.chunks)), ""
    return size, _Text.of(_in_base64(exchange.chunks)), "base64"


def _goes_on(decoder: codecs.IncrementalDecoder, data: bytes, *, is_last: bool = False) -> bool:
    try:
        decoder.decode(data, is_last)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(chunks: Iterable[Chunk]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    return (decoder.decode(chunk.body) for chunk in chunks)


def _in_base64(chunks: Iterable[Chunk]) -> Iterator[str]:
    left = b""
    for chunk in chunks:
        data = left + chunk.body
        whole = len(data) // 3 * 3
        left = data[whole:]
        yield base64.b64encode(data[:whole]).decode()
    yield base64.b64encode(left).decode()


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


def _size(response: Response, size: int) -> int:
    """Return the bytes of the body on the wire, -1 for a compressed body without a usable Content-Length.

    Args:
        response: The response.
        size: Bytes of its body.
    """
    if not header(response.headers, "content-encoding"):
        return size
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
