"""Read cassettes as what a dialect is derived from: requests with their answers, and events, each with flat values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import unquote

from ...bayeux.channels import is_meta
from ...bayeux.messages import Message as BayeuxMessage
from ...bayeux.publishes import as_request, as_response
from ...cassette.reader import Cassette
from ...dialect.checks import ACK, REQUEST, mistake
from ...dialect.content import content_of, fields
from ...dialect.mistakes.toml import halved
from ...dialect.paths import EACH, as_key, pair_of, parse_json, path_of
from ...formats.charsets import media_of
from ...model import JSON, Event, Failure, Header, Headers, Record, Request, Response, SocketMessage
from ...push.decoders import Decoders
from ...push.port import BAYEUX, Closed, Observation, Opened, Replied, Sent
from ...push.port import Asked as Message
from ...push.rules import COMMENT, PushRules
from .sessions import Clients, set_by

Leaves: TypeAlias = dict[str, tuple[str, ...]]

BARE = "/"  # at the end of a path: not the value there, but the part after its last slash
_LONGEST, _MOST, _DEEPEST = 256, 3000, 24  # characters of a value, values of a message, levels
_CACHED = 10_000
_APART = frozenset(f".{EACH}{{}}")  # they part a path, or make it a template
# Headers of requests that each client sends, or that a proxy adds: none of them is an id of the API.
_ORDINARY = re.compile(
    r"accept.*|access-control-.*|sec-.*|x-forwarded-.*|if-.*|upgrade.*|authorization|cache-control|connection"
    r"|content-.*|cookie|date|dnt|expect|host|keep-alive|origin|pragma|priority|proxy-authorization|range|referer|te"
    r"|transfer-encoding|user-agent|via|x-requested-with"
)


@dataclass(slots=True, eq=False)
class Asked:
    """A request, a publish with its reply, or a client's message on a plain WebSocket.

    Attributes:
        number: Place among all requests and events of all cassettes.
        cassette: Place of its cassette.
        at: `seq` of the record and place of the message in it.
        t: Nanoseconds after the start of the capture.
        path: The URL path, the channel of a publish, or what a message asks for.
        sent: The values in the request, by their paths.
        answered: The values in the answer.
        status: HTTP status of the answer, None without one.
        session: Number of the session, None if it is unknown.
        operation: Method and template of the path; with the name that the body gives, if any.
        command: The name that the body gives.
        set_cookies: The cookies that the answer sets.
        client_id: Of a message on a WebSocket: the client, by which its session is found; "" for others.
    """

    number: int
    cassette: int
    at: tuple[int, int]
    t: int
    method: str
    path: str
    headers: Headers
    sent: Leaves
    answered: Leaves = field(default_factory=dict)
    status: int | None = None
    session: int | None = None
    operation: str = ""
    command: str = ""
    set_cookies: tuple[tuple[str, str], ...] = ()
    client_id: str = ""

    @property
    def is_good(self) -> bool:
        """True if no answer refused the request."""
        return self.status is None or self.status < 400

    @property
    def sent_values(self) -> frozenset[str]:
        """The values in the request."""
        return frozenset(value for values in self.sent.values() for value in values)


@dataclass(slots=True, eq=False)
class Pushed:
    """An event; as in `Asked`, and `topic` is the template of its channel, `kind` the name it gets."""

    number: int
    cassette: int
    at: tuple[int, int]
    t: int
    channel: str
    client_id: str
    values: Leaves
    session: int | None = None
    topic: str = ""
    kind: str = ""


@dataclass(slots=True)
class Traffic:
    """The requests and events of the cassettes, in the order of the wire."""

    headers: list[Header] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    pushed: list[Pushed] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)  # paths of Bayeux requests and of their WebSockets
    streams: list[str] = field(default_factory=list)  # paths of streams of events and of plain WebSockets
    clients: Clients = field(default_factory=Clients)
    credentials: set[str] = field(default_factory=set)  # values of Authorization headers, without their scheme


def traffic_of(cassettes: Sequence[Cassette], push: PushRules | None = None) -> Traffic:
    """Return what cassettes hold; `push` says where push without Bayeux has its topics."""
    found = Traffic()
    for place, cassette in enumerate(cassettes):
        found.headers.append(cassette.header)
        reader = _Reader(found, place, push or PushRules())
        for record in cassette.records:
            reader.feed(record)
    for one in found.asked:
        if one.client_id:
            one.session = found.clients.of_client(one.cassette, one.client_id)
        one.session = found.clients.of_request(one.cassette, one.headers) if one.session is None else one.session
    for event in found.pushed:
        event.session = found.clients.of_client(event.cassette, event.client_id)
    return found


@dataclass(slots=True)
class _Streams:
    """The streams and plain WebSockets of one cassette; one that is opened again is that of the same client.

    Attributes:
        asked: Requests that may open a stream, by exchange.
    """

    asked: dict[int, Request] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)  # by the key of the stream: that of its first one
    _open: set[str] = field(default_factory=set)
    _at: dict[str, str] = field(default_factory=dict)  # by path: the last stream there

    def opened(self, key: str, path: str) -> str:
        """Take a stream that begins; return its client."""
        before = self._at.get(path)
        self._known[key] = self._known[before] if before is not None and before not in self._open else key
        self._at[path] = key
        self._open.add(key)
        return self._known[key]

    def closed(self, key: str) -> None:
        """Take the end of a stream."""
        self._open.discard(key)

    def of(self, client_id: str) -> str:
        """Return the client of a stream; that of Bayeux is what it is."""
        return self._known.get(client_id, client_id)


class _Reader:
    """Takes the records of one cassette."""

    def __init__(self, found: Traffic, cassette: int, push: PushRules) -> None:
        self._found, self._cassette = found, cassette
        self._decoder = Decoders(push, replies=True)
        self._open: dict[int, Asked] = {}
        self._upgrades: dict[int, Request] = {}
        self._streams = _Streams()
        self._published: dict[tuple[int, str, str], list[Asked]] = defaultdict(list)

    def feed(self, record: Record) -> None:
        seen = self._decoder.feed(record)
        match record:
            case Request() if self._decoder.carries(record):
                self._found.prefixes.append(path_of(record.target))
                client_id = self._decoder.client_of(record)
                self._found.clients.shown(self._cassette, client_id, record.exchange, record.headers)
            case Request():
                self._streams.asked[record.exchange] = record
                self._request(record)
            case Response():
                self._found.clients.answered(self._cassette, record.exchange, record.headers)
                self._answer(record)
            case Failure():
                self._open.pop(record.exchange, None)
            case SocketMessage(from_client=True) if record.exchange in self._upgrades:
                upgrade, client_id = self._upgrades[record.exchange], self._decoder.client_on(record.exchange)
                self._found.clients.shown(self._cassette, client_id, record.exchange, upgrade.headers)
            case _:
                pass
        for observation in seen:
            self._observed(observation, record)
        if isinstance(record, Response) and record.exchange not in self._upgrades:
            self._streams.asked.pop(record.exchange, None)  # it was answered otherwise

    def _next(self) -> int:
        return len(self._found.asked) + len(self._found.pushed)

    def _opened(self, opened: Opened) -> None:
        request = self._streams.asked.pop(opened.exchange, None)
        if request is None:
            return
        path = path_of(request.target)
        client_id = self._streams.opened(opened.client_id, path)
        self._found.streams.append(path)
        self._found.clients.shown(self._cassette, client_id, opened.exchange, request.headers)

    def _request(self, request: Request) -> None:
        names = {name.lower(): value for name, value in request.headers}
        if names.get("upgrade", "").lower() == "websocket":
            self._upgrades[request.exchange] = request
            return
        self._open[request.exchange] = self._add(request, _values_of(request))

    def _add(self, request: Request, values: Leaves) -> Asked:
        at = request.seq, request.message or 0
        path = path_of(request.target)
        shown = (value for name, value in request.headers if name.lower() == "authorization")
        self._found.credentials.update(value.rpartition(" ")[2] for value in shown)
        one = Asked(self._next(), self._cassette, at, request.t, request.method, path, request.headers, values)
        self._found.asked.append(one)
        return one

    def _answer(self, response: Response) -> None:
        one = self._open.pop(response.exchange, None)
        if one is not None:
            one.status, one.answered = response.status, _answered(response)
            one.set_cookies = tuple(cookie for cookie in set_by(response.headers))

    def _observed(self, observation: Observation, record: Record) -> None:
        match observation:
            case Event():
                self._event(observation)
            case Message():
                one = self._add(observation.request, _values_of(observation.request))
                one.client_id = self._streams.of(observation.client_id)
            case Opened(protocol=protocol) if protocol == BAYEUX:
                self._found.clients.handshaken(self._cassette, observation.client_id, observation.exchange)
            case Opened():
                self._opened(observation)
            case Closed():
                self._streams.closed(observation.client_id)
            case Sent() if isinstance(record, Request | SocketMessage) and _is_publish(observation.message):
                headers = record.headers if isinstance(record, Request) else ()
                request = as_request(record, observation.index, observation.message, headers)
                one = self._add(request, flat(observation.message.get("data"), "data"))
                one.session = self._found.clients.of_client(self._cassette, observation.client_id)
                self._published[_asked(record.exchange, observation.message)].append(one)
            case Replied() if isinstance(record, Response | SocketMessage):
                waiting = self._published.get(_asked(record.exchange, observation.message))
                if waiting:
                    reply = as_response(record, observation.index, observation.message)
                    one = waiting.pop(0)
                    one.status, one.answered = reply.status, flat(parse_json(reply.body), "body")
            case _:
                pass

    def _event(self, event: Event) -> None:
        if event.channel == COMMENT:
            return
        client_id = self._streams.of(event.client_id)
        self._found.clients.known(self._cassette, client_id)
        if event.exchange in self._upgrades and event.raw is None:
            self._found.prefixes.append(path_of(self._upgrades[event.exchange].target))
        at = event.seq, event.index
        values = flat(event.data, "data")
        self._found.pushed.append(Pushed(self._next(), self._cassette, at, event.t, event.channel, client_id, values))


def flat(value: JSON, root: str) -> Leaves:
    """Return the texts and numbers in a JSON value by their paths; `*` stands for each element of a list."""
    found: dict[str, dict[str, None]] = {}
    for count, (path, text) in enumerate(_leaves(value, root, 0)):
        if count >= _MOST:
            break
        found.setdefault(path, {})[text] = None
        if "/" in text and not text.endswith("/") and (bare := text.rsplit("/", 1)[-1]):
            found.setdefault(path + BARE, {})[bare] = None
    return {path: tuple(texts) for path, texts in found.items()}


def _leaves(value: JSON, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, item in value.items():
            if _can_be_written(path.partition(".")[0], name):
                yield from _leaves(item, f"{path}.{name}", depth + 1)
    elif isinstance(value, list):
        pairs = [pair_of(item) for item in value]
        for item, pair in zip(value, pairs, strict=True):
            if pair is not None and None not in pairs and not any(name.isdecimal() or not name for name in pair.names):
                yield from _leaves(item[pair.member], ".".join((path, *pair.names)), depth + 1)
            else:
                yield from _leaves(item, f"{path}.{EACH}", depth + 1)
    elif depth and (text := as_key(value)) is not None and len(text) <= _LONGEST:  # no path leads to the whole
        yield path, text


@lru_cache(_CACHED)
def _can_be_written(root: str, name: str) -> bool:
    """Return whether a path of a dialect can lead to a member of this name."""
    is_part = bool(name) and not _APART & set(name) and not name.endswith(BARE) and halved(name) is None
    return is_part and any(mistake(f"{root}.{name}", (root,), side=side) is None for side in (REQUEST, ACK))


def _may_be_an_id(header: str) -> bool:
    return _ORDINARY.fullmatch(header) is None and mistake(f"header.{header}", ("header",)) is None


def _values_of(request: Request) -> Leaves:
    query = fields(request.target.partition("?")[2])
    headers = {name.lower(): value.strip() for name, value in request.headers if _may_be_an_id(name.lower())}
    body = content_of(request.body, media_of(request.headers)) if request.body else None
    return flat(body, "body") | flat(query, "query") | flat(headers, "header")


def _answered(response: Response) -> Leaves:
    location = next((value for name, value in response.headers if name.lower() == "location"), None)
    found = flat(parse_json(response.body, response.headers), "body")
    return found if location is None else found | flat({"location": unquote(location)}, "header")


def _is_publish(message: BayeuxMessage) -> bool:
    return not is_meta(message["channel"])  # also without data: the correlator links events to it as well


def _asked(exchange: int, message: BayeuxMessage) -> tuple[int, str, str]:
    return exchange, message["channel"], str(message.get("id"))
