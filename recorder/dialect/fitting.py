"""Find the dialect that fits traffic best, by the requests and events that each dialect names. Sans-IO.

A dialect fits traffic in which it names an operation, or at least half of the events. A match counts as evidence only
if the dialect spells out a part of it: `POST /services/data/{version}/sobjects/{object}` does, while `PUBLISH
/service/{name}` fits any API over CometD. Such a general match decides where no dialect has evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..bayeux.channels import HANDSHAKE, is_meta, matches
from ..bayeux.messages import Message, carried, is_event
from ..bayeux.publishes import PUBLISH, as_request
from ..model import Chunk, Event, Record, Request, Response, SocketMessage, Value
from ..printable import counted
from ..push.decoders import Decoders
from ..push.port import Asked, Observation
from ..push.rules import COMMENT, MESSAGE
from ..push.sockets import as_request as message_of
from .definition import DEFAULT, NOTIFICATION, Dialect, names, shipped
from .paths import path_of

_SURE = 4  # operations and events of one dialect, where no other dialect names anything else
_ENOUGH = 50  # operations and events that any dialect names: the best dialect is chosen, even if it is not sure
_MOST = 1_000  # requests and events of any kind, so that an unknown API does not cost time for ever

_PART = re.compile(r"\(\?P<\w+>.*?\)")  # a named part in the pattern of a route
_SHARED = re.compile(r"service|api|rest|v?\d*")  # path segments that name no API; CometD reserves /service/


@dataclass(frozen=True, slots=True)
class Fit:
    """The best dialect for some traffic, and the evidence.

    Attributes:
        dialect: The dialect; None if no dialect fits.
        requests: Number of requests; a Bayeux publish and a client's message on a plain WebSocket are requests, other
            Bayeux messages are not.
        operations: How many of the requests are operations of the dialect.
        events: Number of events.
        named: How many of the events are named in the dialect.

    """

    dialect: Dialect | None
    requests: int
    operations: int
    events: int
    named: int

    def __str__(self) -> str:
        """Return the evidence in words."""
        if self.dialect is None:
            return f"{counted(self.requests, 'request')}, {counted(self.events, 'event')}"
        if not self.operations:
            return f"of {counted(self.events, 'event')} {_are(self.named)} named in it"
        return f"of {counted(self.requests, 'request')} {_operations(self.operations)} of it"


@dataclass(slots=True)
class _Candidate:
    """The evidence for one dialect.

    Attributes:
        dialect: The dialect.
        operations: Number of requests that are operations, with a part that the dialect spells out.
        general: Number of requests that are operations by a pattern that fits any API.
        events: Number of events that the dialect names.
        ignored: Number of heartbeats and the like.
        spelled: Number of path segments spelled out, over all operations.
        missed: Number of operations and events that another dialect names and this one does not.
        is_at_prefix: True if Bayeux messages went to the path of the dialect.

    """

    dialect: Dialect
    operations: int = 0
    general: int = 0
    events: int = 0
    ignored: int = 0
    spelled: int = 0
    missed: int = 0
    is_at_prefix: bool = False
    nameless: Value | None = field(init=False)
    named: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.nameless = _name(self.dialect, Event(0, 0, 0, 0, "", "/", None))
        self.named = frozenset[str]().union(*(one.events for one in self.dialect.operations.values()))

    @property
    def points(self) -> int:
        return self.operations + self.events

    @property
    def rank(self) -> tuple[object, ...]:
        """The place of the dialect among all: by evidence, then by how much it names, then the default."""
        size, is_default = len(self.dialect.operations) + len(self.named), self.dialect.name == DEFAULT
        return (self.operations, self.events, self.is_at_prefix, self.spelled, self.general, size, is_default)

    def fits(self, events: int) -> bool:
        """Return whether the dialect fits traffic with this number of events."""
        # one API may use some names of another: 3 of 25 events of Genesys' Workspace API are named in gws-outbound
        is_named = self.events and self.events * 2 >= events - self.ignored
        return bool(self.operations or self.general or is_named)

    def reads(self, event: Event) -> Event:
        """Return an event of a stream or a plain WebSocket with the topic that the dialect finds."""
        topic = self.dialect.push.topic(event.data)
        return event if topic is None else replace(event, channel=topic)

    def takes(self, request: Request) -> int | None:
        """Return how many path segments the dialect spells out of an operation, None if the request is none."""
        name = self.dialect.operation_of(request)
        known = self.dialect.operations.get(name) if name is not None else None
        if known is None:
            return _of_publish(self.dialect, request) if name == request.target else None
        by_path = known.route is not None and known.method == request.method
        return _spelled(known.route.pattern) if by_path and known.route is not None else 1

    def names(self, event: Event) -> bool:
        """Return whether the dialect names an event, by a value in the event."""
        name = _name(self.dialect, event)
        return name in self.named and name != self.nameless


class Fitting:
    """Looks for the dialect that fits, record by record, until one is chosen."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        """Begin without evidence; the order of the dialects does not matter."""
        self._candidates = [_Candidate(one) for one in sorted(dialects, key=lambda one: one.name)]
        self._decoder = Decoders()
        self._methods = frozenset[str]().union(*(one.dialect.methods for one in self._candidates))
        self._requests = self._events = self._telling = self._possible = 0

    def feed(self, record: Record) -> Fit | None:
        """Take the next record; return the choice as soon as there is enough evidence, None before."""
        seen = self._decoder.feed(record)
        for request in _requests(record, seen):
            self._asked(request, record if isinstance(record, SocketMessage) and request.method == MESSAGE else None)
        match record:
            case Request():
                self._at(record.target, carried(record))
            case Response() | SocketMessage(from_client=False) | Chunk():
                for event in _events(record, seen):
                    self._pushed(event)
            case _:
                pass
        leader = self._leader()
        is_sure = leader is not None and leader.points >= _SURE and not leader.missed
        return self.best() if is_sure or self._telling >= _ENOUGH or self._possible >= _MOST else None

    def best(self) -> Fit:
        """Return the choice by the evidence so far."""
        leader = self._leader()
        if leader is None:
            return Fit(None, self._requests, 0, self._events, 0)
        return Fit(leader.dialect, self._requests, leader.operations + leader.general, self._events, leader.events)

    def _leader(self) -> _Candidate | None:
        fitting = (one for one in self._candidates if one.fits(self._events))
        return max(fitting, key=lambda one: one.rank, default=None)

    def _asked(self, request: Request, message: SocketMessage | None) -> None:
        self._requests += 1
        if request.method not in self._methods and request.method != PUBLISH:
            return
        self._possible += 1
        taken = []
        for one in self._candidates:
            # each dialect has its own paths to what a message on a plain WebSocket asks for
            own = request if message is None else message_of(message, one.dialect.push)
            if (spelled := one.takes(own)) is not None:
                taken.append((one, spelled))
        for one, spelled in taken:
            one.operations += spelled > 0
            one.general += not spelled
            one.spelled += spelled
        self._count([one for one, spelled in taken if spelled], is_telling=bool(taken))

    def _at(self, target: str, messages: list[Message] | None) -> None:
        path = path_of(target)
        if any(message["channel"] == HANDSHAKE for message in messages or ()):
            for one in self._candidates:
                prefix = one.dialect.bayeux_prefix
                one.is_at_prefix |= bool(prefix) and f"{path}/".startswith(f"{prefix}/")

    def _pushed(self, event: Event) -> None:
        self._events += 1
        self._possible += 1
        read = [(one, one.reads(event) if event.raw is not None else event) for one in self._candidates]
        for one, own in read:
            one.ignored += one.dialect.is_ignored(own)
        naming = [one for one, own in read if one.names(own)]
        for one in naming:
            one.events += 1
        self._count(naming, is_telling=bool(naming))

    def _count(self, explaining: list[_Candidate], *, is_telling: bool) -> None:
        self._telling += is_telling
        for one in self._candidates if explaining else ():
            one.missed += one not in explaining


def every() -> Iterator[Dialect]:
    """Yield the shipped dialects."""
    return map(shipped, names())


def best_fit(records: Iterable[Record], dialects: Iterable[Dialect]) -> Fit:
    """Return which dialect fits records best, of which all are known."""
    fitting = Fitting(dialects)
    for record in records:
        fitting.feed(record)
    return fitting.best()


def has_operation(records: Iterable[Record], dialect: Dialect) -> bool:
    """Return whether any request, publish or message of a client in records is an operation of a dialect."""
    decoder = Decoders(dialect.push)
    requests = (request for record in records for request in _requests(record, decoder.feed(record)))
    return any(dialect.operation_of(request) is not None for request in requests)


def _requests(record: Record, seen: Iterable[Observation]) -> Iterator[Request]:
    """Yield the request in a record that carries no Bayeux messages, or the publishes or the message that it carries.

    Args:
        record: The record.
        seen: The observations that a decoder made in the record.
    """
    asked = [one.request for one in seen if isinstance(one, Asked)]
    if asked:
        yield from asked
        return
    messages = carried(record)
    if isinstance(record, Request) and messages is None:
        yield record
    elif isinstance(record, Request) or (isinstance(record, SocketMessage) and record.from_client):
        for index, message in enumerate(messages or ()):
            if not is_meta(message["channel"]):
                yield as_request(record, index, message, ())


def _events(record: Response | SocketMessage | Chunk, seen: Iterable[Observation]) -> Iterator[Event]:
    """Yield the events in a record: those of a stream or a plain WebSocket without comments, or those of Bayeux.

    The arguments are those of `_requests`.
    """
    plain = [one for one in seen if isinstance(one, Event) and one.raw is not None]
    if plain:
        yield from (one for one in plain if one.channel != COMMENT)
        return
    for index, message in enumerate(carried(record) or ()):
        if is_event(message):
            yield Event(record.seq, index, record.t, record.exchange, "", message["channel"], message.get("data"))


def _name(dialect: Dialect, event: Event) -> Value | None:
    return dialect.keys_of_event(event).get(NOTIFICATION)


def _of_publish(dialect: Dialect, request: Request) -> int | None:
    """Return how many segments of its channel a dialect spells out that lets any publish there be an operation."""
    fitting = [_spelled(pattern) for pattern in dialect.publishes if matches(pattern, request.target)]
    return max(fitting, default=None) if request.method == PUBLISH else None


def _spelled(pattern: str) -> int:
    """Return how many segments of a route or a channel pattern name something that other APIs do not have."""
    segments = re.sub(r"[^\w/]", "", _PART.sub("", pattern)).split("/")
    return sum(_SHARED.fullmatch(segment) is None for segment in segments)


def _are(number: int) -> str:
    return f"{number} {'is' if number == 1 else 'are'}"


def _operations(number: int) -> str:
    return f"{_are(number)} {'an operation' if number == 1 else 'operations'}"
