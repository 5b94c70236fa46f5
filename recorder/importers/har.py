"""Read an HTTP Archive (HAR 1.2), written by a browser, a proxy or `recorder convert`. Sans-IO.

Module `fields` reads what tools write beside the specification. An entry that cannot be used is counted in `losses` and
costs only itself. An archive is read twice, because the server to be imported is known only when all entries were seen:
the first pass looks at URLs and Bayeux messages alone.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import Any, TypeAlias

from ..bayeux.messages import parse, parse_request
from ..dialect.definition import Dialect
from ..errors import CassetteError
from ..formats.streamed import EVENTS, units_of
from ..model import Chunk, Failure, Request, Response, SocketMessage, closed_by
from ..push.sse import EventStream
from . import fields
from .containers import Container, as_utf_8
from .entries import Damage, again, elements, parsed
from .fields import MS, get
from .losses import Guess, Loss, Losses
from .ordering import Imported, as_numbered, in_order
from .spool import UNKNOWN, Item, Part, Spool
from .times import describe, rebuild

_ALL = "all"
_LACKS = {
    Loss.NO_BODY: "the HAR does not hold it",
    Loss.BAD_BODY: "in the HAR it is no valid Base64, or in an unknown encoding",
    Loss.NO_FILE: "the file that the HAR names is not there",
}
_MESSAGES = ("_webSocketMessages", "_websocketMessages", "webSocketMessages", "websocketMessages")
_EVENTS = ("_eventSourceMessages", "_serverSentEvents")
_SENT = {"send", "sent", "out", "outgoing", "client", "request"}
_RECEIVED = {"receive", "received", "in", "incoming", "server", "response"}
_CONTINUATION, _BINARY, _CLOSE, _PING, _PONG = 0, 2, 8, 9, 10  # RFC 6455, section 5.2
_BY_WORKER = "_fetchedViaServiceWorker"  # Chromium
_PHASES = ("blocked", "dns", "connect", "send", "wait", "receive")  # `ssl` is part of `connect`

_Object: TypeAlias = Mapping[str, Any]


@dataclass(slots=True)
class _Survey:
    """The entries of an archive that a server was asked for: places in the text, and which server it was."""

    offsets: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    servers: array[int] = field(default_factory=lambda: array("l"))
    numbers: array[int] = field(default_factory=lambda: array("q"))
    origins: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    speaking: Counter[str] = field(default_factory=Counter)
    zone: timedelta | None = None  # the first offset that a time states
    has_workers: bool = False  # an entry was answered by a service worker


@dataclass(slots=True)
class _Reading:
    container: Container
    spool: Spool
    losses: Losses
    zone: timedelta
    has_workers: bool
    # exchanges that a service worker answered, and the number of all others, by method, URL and body
    by_worker: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(list))
    direct: Counter[bytes] = field(default_factory=Counter)

    def add(self, part: Part, place: int | None, lost: Loss | None = None) -> Item:
        item = self.spool.add(part, self.container.path, place=place, lacks=_LACKS[lost] if lost else None)
        describe(item, part)
        if lost:
            self.losses.lose(lost)
        return item

    def moment(self, value: Any) -> int:
        """Return a time, `UNKNOWN` if there is none; one without a zone has that of the other times."""
        found, zoned = fields.moment(value)
        if found is None:
            return UNKNOWN
        if not zoned:
            self.losses.guess(Guess.NO_ZONE)
            found = max(0, found - round(self.zone.total_seconds()) * 1_000 * MS)
        return found


def read_har(
    container: Container, spool: Spool, origin: str | None = None, choose: Callable[[Spool], Dialect] | None = None
) -> Imported:
    """Read an archive into a spool.

    Args:
        container: The file.
        spool: Keeps the parts until they are in order.
        origin: Import only the exchanges with this server (`https://gws.example`); `all` for every server. By default
            the server with the most Bayeux exchanges, or the most exchanges if none speaks Bayeux.
        choose: Returns the dialect of the parts. The dialect says which ids of operations events repeat: such an event
            never stands before its operation. None to trust all known times.

    Raises:
        CassetteError: If the file is no archive, holds nothing to import, or holds too much.
    """
    losses = Losses("HAR")
    with container.reading() as stream:
        survey = _survey(as_utf_8(stream), container.path, losses)
    chosen = _origin(survey, origin, container.path)
    reading = _Reading(container, spool, losses, survey.zone or timedelta(0), survey.has_workers)
    with container.reading() as stream:
        try:
            for number, text in _chosen(as_utf_8(stream), survey, chosen):
                _read(parsed(text), number, reading)
        except ValueError as exc:  # all texts were parsed before
            raise CassetteError(container.path, "has changed while it was read; import it again") from exc
    if chosen != _ALL and (others := survey.counts.total() - survey.counts[chosen]):
        losses.lose(Loss.OTHER_SERVER, others)
    spool.drop(_lost_copies(reading))
    ours = bool(spool.items) and all(item.place is not None for item in spool.items)
    if ours:  # a HAR written by `recorder convert` has the order in `_sequence`
        started, parts = as_numbered(spool)
        about = "imported from a HAR of the recorder: records in the recorded order, times to the microsecond"
    else:
        rebuild(spool, losses, choose(spool) if choose is not None else None)
        started, parts = in_order(spool, container.path, losses)
        about = "imported from a HAR: records are in the order of a wall clock, to the millisecond"
        if any(guess in losses.guessed for guess in (Guess.NO_END.value, Guess.EQUAL_STARTS.value)):
            about = "imported from a HAR: records are in the order of the requests; when answers came is partly guessed"
    first = next(iter(survey.counts), "") if chosen == _ALL else chosen
    return Imported(started // 1000, first, parts, (about,), losses)


def _survey(stream: Any, path: str, losses: Losses) -> _Survey:
    """Read all entries, and note those that a server was asked for."""
    found, number = _Survey(), -1
    for number, element in enumerate(elements(stream, path)):
        if isinstance(element, Damage):
            losses.stop(number, element.problem)
        elif element.text is None:
            losses.lose(Loss.TOO_LARGE)
        else:
            reason = _look(element.text, element.offset, number, found)
            if reason is not None:
                losses.lose(reason)
                if not found.counts:
                    losses.give_up(number + 1, path)
    if losses.damage and not found.counts:
        raise CassetteError(path, f"is not a HAR, or is damaged: {losses.damage}")
    return found


def _look(text: bytes, offset: int, number: int, found: _Survey) -> Loss | None:
    """Note the place and the server of an entry; return why the entry is left out, None if it is not."""
    try:
        entry = parsed(text)
    except ValueError:
        return Loss.NO_JSON
    if not isinstance(entry, dict):
        return Loss.NO_OBJECT
    request = get(entry, "request")
    if not isinstance(request, dict):
        return Loss.NO_REQUEST
    url, method = fields.url_of(get(request, "url")), fields.method_of(get(request, "method"))
    if method == "CONNECT":
        return Loss.TUNNEL
    if isinstance(url, Loss):
        return url
    if not method:
        return Loss.NO_METHOD
    zone = fields.zone_of(get(entry, "startedDateTime"))
    if found.zone is None and zone is not None:
        found.zone = zone.utcoffset(None)
    found.offsets.append(offset)
    found.sizes.append(len(text))
    found.numbers.append(number)
    found.servers.append(found.origins.setdefault(url.origin, len(found.origins)))
    found.counts[url.origin] += 1
    found.speaking[url.origin] += _speaks(entry, url.target, text)
    found.has_workers |= _is_by_worker(entry)
    return None


def _speaks(entry: _Object, target: str, text: bytes) -> int:
    """Return the number of Bayeux requests and messages in an entry."""
    # a body in Base64 shows no word; else each message has the word "channel", unless it is escaped
    if b"channel" not in text and b"base64" not in text and b"_file" not in text and b"\\u" not in text:
        return 0
    body, _ = fields.posted(get(entry, "request"), (), Container.of_bytes(b"", ""))
    frames = (get(frame, "data") for frame in _frames(entry) or ())
    spoken = sum(isinstance(data, str) and parse(data.encode("utf-8", "replace")) is not None for data in frames)
    return spoken + (parse_request(target, body) is not None)


def _origin(survey: _Survey, wanted: str | None, path: str) -> str:
    if wanted == _ALL:
        return _ALL
    if wanted is not None:
        url = fields.url_of(wanted)
        if isinstance(url, Loss) or url.origin not in survey.origins:
            there = ", ".join(sorted(survey.origins)[:5]) or "none"
            raise CassetteError(path, f"holds no request to {wanted}; servers in the file: {there}")
        return url.origin
    counts = +survey.speaking or survey.counts
    return counts.most_common(1)[0][0] if counts else _ALL


def _chosen(stream: Any, survey: _Survey, chosen: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the text of each entry of the chosen server."""
    server = survey.origins.get(chosen)
    places = [n for n, found in enumerate(survey.servers) if chosen == _ALL or found == server]
    texts = again(stream, ((survey.offsets[n], survey.sizes[n]) for n in places))
    for n, text in zip(places, texts, strict=True):
        yield survey.numbers[n], text


def _read(entry: _Object, exchange: int, reading: _Reading) -> None:
    request = get(entry, "request")
    url = fields.url_of(get(request, "url"))
    if isinstance(url, Loss):  # never: `_look` has let the entry through
        return
    start, headers = reading.moment(get(entry, "startedDateTime")), fields.headers_of(request)
    body, lost = fields.posted(request, headers, reading.container)
    method, connection = fields.method_of(get(request, "method")), str(get(entry, "connection") or "har")
    sequence = get(entry, "_sequence")
    asked = Request(0, start, exchange, connection, method, url.target, headers, body)
    reading.add(asked, _at(sequence, 0), lost)
    if reading.has_workers:
        text = f"{method} {url.origin}{url.target} ".encode("utf-8", "surrogatepass")
        key = blake2b(text + body, digest_size=8).digest()
        if _is_by_worker(entry):
            reading.by_worker[key].append(exchange)
        else:
            reading.direct[key] += 1
    frames = _frames(entry)
    _answer(entry, asked, reading, frames)
    _socket(frames or [], asked, reading)
    closed = get(entry, "_webSocketClosed") or get(entry, "_streamBroken")
    if isinstance(closed, dict):
        at = reading.moment(get(closed, "time"))
        reading.add(Failure(0, at, exchange, str(get(closed, "reason"))), _at([get(closed, "_sequence")], 0))


def _answer(entry: _Object, asked: Request, reading: _Reading, frames: list[Any] | None) -> None:
    """Add the response of an entry, or its failure; nothing for an exchange that was still open."""
    is_socket = _is_open(entry, frames)
    events = _listed(entry, _EVENTS)
    is_stream = events is not None or isinstance(get(entry, "_chunks"), list)
    response, place = get(entry, "response"), _at(get(entry, "_sequence"), 1)
    status = fields.status_of(get(response, "status"))
    if is_socket and status in (0, 200):
        status = 101  # some browsers write 0 or 200 for an upgrade
    took = _took(entry, reading.losses, goes_on=is_socket or is_stream)
    end = UNKNOWN if took is None or asked.t == UNKNOWN else asked.t + took
    if status:
        headers = fields.headers_of(response)
        redirect = get(response, "redirectURL")
        if 300 <= status < 400 and isinstance(redirect, str) and redirect and not fields.header(headers, "location"):
            headers = (*headers, ("Location", redirect))
        body, lost = fields.content(response, headers, reading.container)
        if is_stream:
            reading.add(Response(0, end, asked.exchange, status, headers, b"", streamed=True), place)
            _chunks(entry, events, body, asked, reading)
            return
        reading.add(Response(0, end, asked.exchange, status, headers, body), place, lost)
        if status == 101 and frames is None:
            reading.losses.lose(Loss.NO_MESSAGES)
        return
    reason = _reason(entry)
    # browsers write neither a reason nor a time for an exchange that was still open
    if (reason or took or place is not None) and not frames:
        reading.add(Failure(0, end, asked.exchange, reason or "no answer"), place)


def _chunks(entry: _Object, events: list[Any] | None, body: bytes, asked: Request, reading: _Reading) -> None:
    """Add the pieces of a streamed answer: as we wrote them, else by the events that a browser lists with their times.

    The body has the events as they were sent; where it is missing, or holds others, they are written anew.
    """
    own = get(entry, "_chunks")
    for chunk in own if isinstance(own, list) else ():
        data, at = _data(chunk), reading.moment(get(chunk, "time"))
        if data is None:
            reading.losses.lose(Loss.BAD_MESSAGE)
            continue
        is_last = get(chunk, "last") is True
        reading.add(Chunk(0, at, asked.exchange, data, is_last), _at([get(chunk, "_sequence")], 0))
    if isinstance(own, list):
        return
    units = units_of(body, EVENTS)
    telling = [unit for unit in units if any(found.data is not None for found in EventStream().feed(unit))]
    as_sent = len(telling) == len(events or ())
    place = 0
    for number, event in enumerate(events or ()):
        piece = _block(event)
        if as_sent:  # comments, and what else clients get no event of, come with the next event
            end = units.index(telling[number], place) + 1
            piece, place = b"".join(units[place:end]), end
        reading.add(Chunk(0, reading.moment(get(event, "time")), asked.exchange, piece), None)


def _block(event: Any) -> bytes:
    """Return an event of a browser's list as it is written in a stream."""
    named, own, data = (get(event, name) for name in ("eventName", "eventId", "data"))
    lines = [f"event: {named}"] if isinstance(named, str) and named not in ("", "message") else []
    lines += [f"id: {own}"] if isinstance(own, str) and own else []
    lines += [f"data: {line}" for line in str("" if data is None else data).split("\n")]
    return "".join(f"{line}\n" for line in [*lines, ""]).encode("utf-8", "surrogatepass")


def _reason(entry: _Object) -> str:
    """Return why an exchange got no answer, as Chromium, Playwright or WebKit say it; "" if the entry does not say."""
    response = get(entry, "response")
    for value in (get(response, "_error"), get(response, "_failureText"), get(response, "statusText")):
        if isinstance(value, str) and value:
            return value
    return "aborted" if get(entry, "_wasAborted") is True else ""


def _took(entry: _Object, losses: Losses, *, goes_on: bool) -> int | None:
    """Return how long an exchange took in nanoseconds, None if the archive does not say.

    Of one that goes on after its head, a WebSocket or a stream, it is the time until the head.
    """
    timings = get(entry, "timings")
    phases = {name: fields.duration(get(timings, name)) for name in _PHASES}
    if goes_on:
        return phases["wait"] or 0
    total = fields.duration(get(entry, "time"))
    if not total and (added := sum(value for value in phases.values() if value)):
        losses.guess(Guess.FROM_TIMINGS)
        return added
    return total


def _frames(entry: _Object) -> list[Any] | None:
    """Return the WebSocket messages of an entry; None if it has no list of them."""
    return _listed(entry, _MESSAGES)


def _listed(entry: _Object, names: tuple[str, ...]) -> list[Any] | None:
    """Return the first list that an entry, or its response, has under one of some names."""
    places = ((holder, name) for holder in (entry, get(entry, "response")) for name in names)
    return next((value for holder, name in places if isinstance(value := get(holder, name), list)), None)


def _is_open(entry: _Object, frames: list[Any] | None) -> bool:
    """Return whether an entry is that of a WebSocket that was open: Chromium writes one for a failed WebSocket, too."""
    if frames is None:
        return False
    return any(not _is_end(frame) for frame in frames) or not (frames or _reason(entry))


def _socket(frames: list[Any], asked: Request, reading: _Reading) -> None:
    """Add the messages of a WebSocket, and its end if a close or error frame tells it."""
    for frame in _whole(frames, reading.losses):
        at, place = reading.moment(get(frame, "time")), _at([get(frame, "_sequence")], 0)
        if _is_end(frame):
            reading.add(Failure(0, at, asked.exchange, _end(frame)), place)
            return
        sent, body = _direction(frame), _data(frame)
        if sent is None or body is None:
            reading.losses.lose(Loss.BAD_MESSAGE)
            continue
        is_text = fields.number(get(frame, "opcode")) != _BINARY
        reading.add(SocketMessage(0, at, asked.exchange, from_client=sent, body=body, is_text=is_text), place)


def _whole(frames: list[Any], losses: Losses) -> Iterator[Any]:
    """Yield the frames of a WebSocket with continuations joined to their message; pings and pongs are left out."""
    held: Any = None
    for frame in frames:
        opcode = fields.number(get(frame, "opcode"))
        if opcode in (_PING, _PONG):
            losses.lose(Loss.CONTROL_FRAME)
        elif opcode == _CONTINUATION and _direction(held) == _direction(frame) and isinstance(get(held, "data"), str):
            held = held | {"data": held["data"] + str(get(frame, "data") or "")}
        else:
            if held is not None:
                yield held
            held = frame
    if held is not None:
        yield held


def _direction(frame: Any) -> bool | None:
    """Return whether a WebSocket message is from the client; None if it does not say."""
    kind = str(get(frame, "type") or "").lower()
    return kind in _SENT if kind in _SENT | _RECEIVED else None


def _is_end(frame: Any) -> bool:
    # Chromium's error frames have the opcode -1
    return get(frame, "type") == "error" or fields.number(get(frame, "opcode")) in (_CLOSE, -1)


def _data(frame: Any) -> bytes | None:
    data, encoding = get(frame, "data"), get(frame, "encoding")
    if not isinstance(data, str):
        return None
    if fields.number(get(frame, "opcode")) == _BINARY or (isinstance(encoding, str) and encoding.lower() == "base64"):
        return fields.from_base64(data)
    return data.encode("utf-8", "surrogatepass")


def _end(frame: Any) -> str:
    """Return why a WebSocket ended, by its close or error frame."""
    data, code = get(frame, "data"), fields.number(get(frame, "code"))
    if fields.number(get(frame, "opcode")) != _CLOSE:
        return data if isinstance(data, str) and data else "websocket error"
    text = ""
    if code is None and isinstance(data, str):  # the payload begins with the code (RFC 6455, section 5.5.1)
        payload = fields.from_base64(data) or b""
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else None
        text = payload[2:].decode(errors="replace")
    return closed_by("client" if _direction(frame) else "server", int(code) if code else 1005, text)


def _is_by_worker(entry: _Object) -> bool:
    """Return whether a service worker answered the request: then its own request may be in the archive, too."""
    return any(get(holder, _BY_WORKER) is True for holder in (entry, get(entry, "response")))


def _lost_copies(reading: _Reading) -> set[int]:
    """Return the exchanges of a page with its service worker whose request the worker has sent on."""
    copies = {n for key, found in reading.by_worker.items() for n in found[: reading.direct[key]]}
    reading.losses.lose(Loss.WORKER_COPY, len(copies))
    return copies


def _at(sequence: Any, place: int) -> int | None:
    if not isinstance(sequence, list) or len(sequence) <= place:
        return None
    value = sequence[place]
    return value if isinstance(value, int) and not isinstance(value, bool) else None
