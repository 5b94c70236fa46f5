"""Read an HTTP Archive (HAR 1.2), written by a browser, a proxy or `recorder convert`. Sans-IO.

Browsers differ: times of WebSocket messages are seconds in Chromium and milliseconds in Playwright; some browsers leave
bodies out; HTTP/2 adds header names with a colon. Times have milliseconds only, so a response that carries events gets
a time one millisecond later: no event may seem older than the request that caused it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlencode, urlsplit

from ..bayeux.messages import carried, is_event
from ..errors import CassetteError
from ..model import Failure, Headers, Request, Response, SocketMessage
from .ordering import Budget, Imported, Part, in_order

LARGEST_FILE = 64 << 20  # bytes; the parsed JSON takes several times as much memory
_MOST_VALUES = 4_000_000  # objects and arrays; in memory an empty one takes twenty times its text
_MS = 1_000_000  # nanoseconds
_LATEST = 253_402_300_799_000  # milliseconds since the epoch: the year 9999
_ALL = "all"
_SCHEMES = ("http", "https", "ws", "wss")

_Object: TypeAlias = Mapping[str, Any]
_Sequence: TypeAlias = dict[int, int]  # `seq` in the original capture, by place in the list of parts


@dataclass(slots=True)
class _Reading:
    path: str
    budget: Budget
    parts: list[Part] = field(default_factory=list)
    sequence: _Sequence = field(default_factory=dict)
    origins: dict[int, str] = field(default_factory=dict)  # scheme, host and port, by exchange
    bodiless: int = 0

    def wrong(self, exchange: int, problem: str) -> CassetteError:
        return CassetteError(self.path, f"entry {exchange}: {problem}")


def read_har(data: bytes, path: str, origin: str | None = None) -> Imported:
    """Parse the text of an archive.

    Args:
        data: The content of the file.
        path: The name of the file, for errors.
        origin: Import only the exchanges with this server (`https://gws.example`); `all` for every server. By default
            the server with the most Bayeux exchanges, or the most exchanges if none speaks Bayeux.

    Raises:
        CassetteError: If the file is no archive, holds nothing to import, or holds too much.
    """
    if len(data) > LARGEST_FILE:
        raise CassetteError(path, f"is larger than {LARGEST_FILE >> 20} MiB; import it in parts")
    reading = _Reading(path, Budget(path))
    for exchange, entry in enumerate(_entries(data, path)):
        _read(entry, exchange, reading)
    chosen = _origin(reading, origin)
    places = [n for n, part in enumerate(reading.parts) if chosen == _ALL or reading.origins[part.exchange] == chosen]
    parts = [reading.parts[n] for n in places]
    ours = bool(parts) and all(n in reading.sequence for n in places)
    if ours:  # a HAR written by `recorder convert` has the order in `_sequence`
        started, _ = in_order(parts, path)
        ordered = [reading.parts[n] for n in sorted(places, key=reading.sequence.__getitem__)]
        timed = tuple(replace(part, t=max(0, part.t - started * 1000)) for part in ordered)
    else:
        started, timed = in_order(_behind(parts), path)
    upstream = chosen if chosen != _ALL else reading.origins[parts[0].exchange]
    return Imported(started, upstream, timed, tuple(_notes(reading, chosen, ours=ours)))


def _entries(data: bytes, path: str) -> list[_Object]:
    # counted in the text, because parsing would already fill the memory
    if data.count(b"{") + data.count(b"[") > _MOST_VALUES:
        raise CassetteError(path, f"holds more than {_MOST_VALUES} objects; import it in parts")
    try:
        top = json.loads(data.decode("utf-8-sig", "surrogatepass"))
    except (ValueError, RecursionError) as exc:
        raise CassetteError(path, f"is not a HAR: {str(exc)[:80]}") from exc
    entries = _get(_get(top, "log"), "entries")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise CassetteError(path, "is not a HAR: there is no list log.entries")
    return entries


def _read(entry: _Object, exchange: int, reading: _Reading) -> None:
    request, response = _get(entry, "request"), _get(entry, "response")
    parts = _url(request, exchange, reading)
    if parts.scheme not in _SCHEMES:  # browsers also list URLs that no server answers: data:, blob:, file:
        return
    start, total = _start(entry, exchange, reading), _number(_get(entry, "time"))
    # one server has one origin, also for its WebSockets (ws: becomes http:)
    reading.origins[exchange] = f"{parts.scheme.replace('ws', 'http', 1)}://{parts.netloc}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    body = reading.budget.take(_posted(request, exchange, reading))
    connection = str(_get(entry, "connection") or "har")
    asked = Request(0, start, exchange, connection, str(_get(request, "method")), target, _headers(request), body)
    sequence = _get(entry, "_sequence")
    _add(reading, asked, _at(sequence, 0))
    status, messages = _get(response, "status"), _get(entry, "_webSocketMessages")
    is_socket = isinstance(messages, list)
    if is_socket and status in (0, 200, None):
        status = 101  # some browsers write 0 or 200 for an upgrade
    end = start + round(max(0.0, _number(_get(_get(entry, "timings"), "wait")) if is_socket else total) * _MS)
    if isinstance(status, int) and not isinstance(status, bool) and 0 < status < 1000:
        content = reading.budget.take(_content(response, exchange, reading))
        _add(reading, Response(0, end, exchange, status, _headers(response), content), _at(sequence, 1))
    else:
        _failed(response, end, exchange, reading, _at(sequence, 1))
    for message in messages if is_socket else ():
        _told(message, start, exchange, reading)
    closed = _get(entry, "_webSocketClosed")
    if isinstance(closed, dict):
        at = _moment(closed.get("time")) or start + round(total * _MS)
        _add(reading, Failure(0, at, exchange, str(closed.get("reason"))), _at([closed.get("_sequence")], 0))


def _failed(response: Any, end: int, exchange: int, reading: _Reading, place: int | None) -> None:
    reason = _get(response, "_error") or _get(response, "_failureText") or _get(response, "statusText")
    if reason or place is not None:  # an exchange that was still open has neither; it stays open
        _add(reading, Failure(0, end, exchange, str(reason or "no answer")), place)


def _told(message: Any, start: int, exchange: int, reading: _Reading) -> None:
    kind, data = _get(message, "type"), _get(message, "data")
    if kind not in ("send", "receive") or not isinstance(data, str):
        raise reading.wrong(exchange, "holds a WebSocket message without type send or receive, or without a text")
    body = _decoded(data) if _get(message, "opcode") == 2 else _encoded(data)
    if body is None:
        raise reading.wrong(exchange, "holds a binary WebSocket message that is not Base64")
    at = _moment(_get(message, "time")) or start
    told = SocketMessage(0, at, exchange, from_client=kind == "send", body=reading.budget.take(body))
    _add(reading, told, _at([_get(message, "_sequence")], 0))


def _add(reading: _Reading, part: Part, place: int | None) -> None:
    if place is not None:
        reading.sequence[len(reading.parts)] = place
    reading.parts.append(part)


def _behind(parts: list[Part]) -> list[Part]:
    """Return the parts; if all times are cut off at the millisecond, those with events get one millisecond more."""
    if any(isinstance(part, Request) and part.t % _MS for part in parts):
        return parts
    return [replace(part, t=part.t + _MS) if _brings_events(part) else part for part in parts]


def _brings_events(part: Part) -> bool:
    if isinstance(part, Response) or (isinstance(part, SocketMessage) and not part.from_client):
        return any(map(is_event, carried(part) or []))
    return False


def _origin(reading: _Reading, wanted: str | None) -> str:
    if wanted is not None:
        known = set(reading.origins.values())
        if wanted != _ALL and wanted.rstrip("/") not in known:
            there = ", ".join(sorted(known)[:5]) or "none"
            raise CassetteError(reading.path, f"holds no request to {wanted}; servers in the file: {there}")
        return wanted.rstrip("/")
    speaking = (part for part in reading.parts if _is_bayeux(part))
    counts = Counter(reading.origins[part.exchange] for part in speaking) or Counter(reading.origins.values())
    return counts.most_common(1)[0][0] if counts else _ALL


def _is_bayeux(part: Part) -> bool:
    return isinstance(part, Request | SocketMessage) and carried(part) is not None


def _notes(reading: _Reading, chosen: str, *, ours: bool) -> Iterator[str]:
    if ours:
        yield "imported from a HAR of the recorder: records in the recorded order, times to the microsecond"
    else:
        yield "imported from a HAR: records are in the order of a wall clock, to the millisecond"
    others = sum(origin != chosen for origin in reading.origins.values())
    if chosen != _ALL and others:
        yield f"left out: {others} exchanges with other servers"
    if reading.bodiless:
        yield f"missing in the HAR: {reading.bodiless} bodies"


def _start(entry: _Object, exchange: int, reading: _Reading) -> int:
    """Return the start of an entry, in nanoseconds since the epoch."""
    text = _get(entry, "startedDateTime")
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as exc:
        raise reading.wrong(exchange, "has no valid time in startedDateTime") from exc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return max(0, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def _url(request: Any, exchange: int, reading: _Reading) -> SplitResult:
    url = _get(request, "url")
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
    except ValueError:  # urlsplit refuses brackets that hold no IPv6 address
        parts = None
    if parts is None or (parts.scheme in _SCHEMES and not parts.netloc) or not parts.scheme:
        raise reading.wrong(exchange, "has no URL")
    return parts


def _posted(request: Any, exchange: int, reading: _Reading) -> bytes:
    posted = _get(request, "postData")
    text, params = _get(posted, "text"), _get(posted, "params")
    if isinstance(text, str) and _get(posted, "_encoding") == "base64":
        body = _decoded(text)
        if body is None:
            raise reading.wrong(exchange, "has a request body that is not Base64")
        return body
    if isinstance(text, str) and text:
        return _encoded(text)
    pairs = [(str(_get(p, "name")), str(_get(p, "value") or "")) for p in params] if isinstance(params, list) else []
    if not pairs and _number(_get(request, "bodySize")) > 0:
        reading.bodiless += 1
    return urlencode(pairs, errors="replace").encode()


def _content(response: Any, exchange: int, reading: _Reading) -> bytes:
    content = _get(response, "content")
    text = _get(content, "text")
    if not isinstance(text, str):
        reading.bodiless += _number(_get(content, "size")) > 0
        return b""
    if _get(content, "encoding") != "base64":
        return _encoded(text)
    body = _decoded(text)
    if body is None:
        raise reading.wrong(exchange, "has a response body that is not Base64")
    return body


def _headers(message: Any) -> Headers:
    found = _get(message, "headers")
    pairs = ((_get(item, "name"), _get(item, "value")) for item in (found if isinstance(found, list) else ()))
    given = [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]
    headers = tuple((name, value) for name, value in given if name[:1] != ":")
    if any(name.lower() == "host" for name, _ in headers):
        return headers
    # HTTP/2 has `:authority` in place of Host (RFC 9113, section 8.3.1)
    return (*(("Host", value) for name, value in given if name == ":authority"), *headers)


def _moment(value: Any) -> int | None:
    """Return a time in seconds or milliseconds since the epoch as nanoseconds, None if it is out of range."""
    number = _number(value)
    # no time in seconds is above this limit: it is about the year 2772 in seconds, and October 1970 in milliseconds
    ms = number if number > _LATEST / 10_000 else number * 1000
    return round(ms * _MS) if 0 < ms <= _LATEST else None


def _number(value: Any) -> float:
    """Return a number, 0 for any other value and for a number beyond every scale of time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if abs(value) <= _LATEST else 0.0


def _at(sequence: Any, place: int) -> int | None:
    if not isinstance(sequence, list) or len(sequence) <= place:
        return None
    value = sequence[place]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
