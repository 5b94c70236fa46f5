"""Join streams of events and WebSockets to sessions, and those of one client that follow each other to one stream.

A client connects again when its stream was cut, or the server ended it. The later stream has the key of the first one:
its events go to the same client, so a replay plays them on the stream that its client has open. A later one follows an
earlier one that is over if one session asked for both by the same path. For server-sent events the query counts too,
without what the dialect calls volatile: it may ask for something else. A client that shows `Last-Event-ID` says that
it goes on; what the server then sends again counts once. What answers a request with a body, such as a POST, stands
alone.

The tokens in the request of a stream say whose it is. EventSource and WebSocket cannot send headers of their own, so a
stream without tokens belongs to whoever got its URL in an answer.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from os.path import commonprefix
from typing import TypeAlias
from urllib.parse import unquote

from ..dialect.content import fields
from ..dialect.definition import Dialect
from ..dialect.paths import path_of
from ..model import Event, Request, Response, Stream
from ..push.port import WEBSOCKET, Closed, Opened
from ..push.rules import COMMENT
from .operations import Operation
from .sessions import Sessions

_SWITCHING_PROTOCOLS = 101
_ANSWERS = 100
_GIVING = frozenset({"location", "link"})  # headers that give out a URL
_REMEMBERED = 1_000  # events of a stream that its server may send again
_LAST = "last-event-id"  # its header; as a parameter of polyfills it has other cases and no hyphens
_AGAIN = frozenset({"lasteventid", "last_event_id", "last-event-id"})


_Sent: TypeAlias = tuple[str | None, str, bytes | None]
_Whose: TypeAlias = tuple[int | None, ...]  # a session, or none for that of anybody
_Key: TypeAlias = tuple[str, str | None, _Whose]


@dataclass(slots=True, eq=False)
class _Group:
    """The streams of one client that follow each other.

    Attributes:
        key: Key of the first one.
        query: What the query asks for, as far as it tells streams apart.
        place: Where its path is; None for what answers a request with a body.
        number: Its number there, from 0.
        is_open: Whether one of them is open.
        sent: The last events, each as id, topic and data; the id is that of an event before if it has none.
        repeats: Those of them that the server is to send again, oldest first.
    """

    key: str
    session: int | None
    query: str
    place: _Place | None = None
    number: int = 0
    is_open: bool = True
    sent: deque[_Sent] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    repeats: deque[_Sent] = field(default_factory=deque)

    @property
    def latest(self) -> str | None:
        """The last id that the server gave the client to go on from."""
        return self.sent[-1][0] if self.sent else None

    def resumed(self, after: str | None) -> None:
        """Take the client again, which names the event that it heard last."""
        if not self.is_open and self.place is not None:
            self.place.opened(self)
        self.is_open, self.repeats = True, deque()
        ids = [sent[0] for sent in self.sent]
        if after is not None and after in ids:
            heard = len(ids) - ids[::-1].index(after)
            self.repeats.extend(list(self.sent)[heard:])

    def closed(self) -> None:
        """Take the end of the stream that is open."""
        if self.is_open and self.place is not None:
            self.place.closed(self)
        self.is_open = False

    def is_repeated(self, event: Event) -> bool:
        """Take the next event; return whether it was sent before and is only sent again."""
        own = (event.beside or {}).get("id")
        sent = str(own) if own is not None else self.latest, event.channel, event.raw
        if self.repeats:
            if sent == self.repeats.popleft():
                return True
            self.repeats.clear()
        self.sent.append(sent)
        return False


@dataclass(slots=True)
class _Place:
    """The streams of one protocol and path; those that are over are found by what a later one shows.

    Attributes:
        open: How many of its groups have an open stream.
    """

    open: int = 0
    _groups: list[_Group] = field(default_factory=list)
    _over: dict[_Key, list[int]] = field(default_factory=dict)  # numbers of groups, in order
    _keys: dict[_Group, list[_Key]] = field(default_factory=dict)  # under which those that are over stand there

    def closed(self, group: _Group) -> None:
        """Take a group whose stream was open until now."""
        self.open -= 1
        everybody: tuple[_Whose, ...] = (), (group.session,)
        shown = ("last", group.latest), ("query", group.query), ("any", None)
        self._keys[group] = keys = [(kind, value, whose) for kind, value in shown for whose in everybody]
        for key in keys:
            insort(self._over.setdefault(key, []), group.number)

    def opened(self, group: _Group) -> None:
        """Take a new group, or one that goes on."""
        self.open += 1
        for key in self._keys.pop(group, ()):
            numbers = self._over[key]
            del numbers[bisect_left(numbers, group.number)]
            if not numbers:
                del self._over[key]

    def new(self, key: str, session: int, query: str) -> _Group:
        """Return a new group with an open stream."""
        group = _Group(key, session, query, self, len(self._groups))
        self._groups.append(group)
        self.opened(group)
        return group

    def over(self, kind: str, value: str | None, whose: _Whose) -> _Group | None:
        """Return the oldest group that is over, None if there is none.

        Args:
            kind: Whether `value` is the "last" id that it gave out, or its "query"; of "any" value with None.
            value: That value.
            whose: The session, () for that of anybody.
        """
        numbers = self._over.get((kind, value, whose))
        return self._groups[numbers[0]] if numbers else None


@dataclass(slots=True)
class Streams:
    """The streams of a capture, in the order they were opened."""

    _dialect: Dialect
    _sessions: Sessions
    _upgrades: dict[int, Operation] = field(default_factory=dict)  # open WebSockets, until their first message
    _answered: Operation | None = None  # the exchange that was answered last
    _rows: dict[str, Stream] = field(default_factory=dict)  # by the key of the stream itself
    _groups: dict[str, _Group] = field(default_factory=dict)  # of open streams, by the key of the stream itself
    _places: dict[tuple[str, str], _Place] = field(default_factory=dict)  # by protocol and path
    # the last streams that answered requests with a body: a client goes on with one by its Last-Event-ID alone
    _answers: deque[_Group] = field(default_factory=lambda: deque(maxlen=_ANSWERS))
    _askers: dict[int, Operation] = field(default_factory=dict)  # whose open streams are their own answers, by exchange

    def answered(self, op: Operation, response: Response) -> None:
        """Take an answer, which may be a stream, or begin a WebSocket."""
        self._answered = op
        if response.status == _SWITCHING_PROTOCOLS:
            self._upgrades[response.exchange] = op

    def opened(self, opened: Opened, earlier: Iterable[Operation]) -> Operation | None:
        """Take a stream that begins; return the exchange that it answers, if that was seen.

        Args:
            opened: The stream.
            earlier: Exchanges whose answers may have given out its URL.
        """
        op = self._upgrades.pop(opened.exchange, None) or self._answered
        op = op if op is not None and op.request.exchange == opened.exchange else None
        request = op.request if op is not None else None
        tokens = op.tokens if op is not None else frozenset()
        if request is not None and request.method != "GET":
            group = _Group(opened.client_id, self._of_answer(opened, request, tokens), "")
            self._answers.append(group)
            if op is not None and op.name is not None:
                self._askers[opened.exchange] = op
        else:
            group = self._group(opened, request, tokens or _given(request, earlier, self._sessions))
        group.resumed(_last_heard(request))
        self._groups[opened.client_id] = group
        if op is not None and op.session is None:
            op.session = group.session
        at = (opened.seq, opened.t)
        self._rows[opened.client_id] = Stream(
            group.key, opened.exchange, opened.protocol, *at, subprotocol=opened.subprotocol
        )
        return op

    def closed(self, closed: Closed) -> None:
        """Take the end of a stream."""
        group, row = self._groups.pop(closed.client_id), self._rows[closed.client_id]
        group.closed()
        self._askers.pop(closed.exchange, None)
        self._rows[closed.client_id] = replace(
            row, closed=closed.t, ended=closed.ended, code=closed.code, reason=closed.reason, end=closed.seq
        )

    def failed(self, exchange: int) -> None:
        """Take the end of an exchange, which may be a WebSocket."""
        self._upgrades.pop(exchange, None)

    def of(self, event: Event) -> Event | None:
        """Return an event with the key of its stream as its client; None if the server only sent it again.

        An event of Bayeux is returned as it is.
        """
        group = self._groups.get(event.client_id)
        if group is None:
            return event
        # a comment belongs to no place in the stream
        if event.channel != COMMENT and group.is_repeated(event):
            return None
        return event if group.key == event.client_id else replace(event, client_id=group.key)

    def asked_for(self, exchange: int) -> Operation | None:
        """Return the operation that an open stream answers; None if the stream answers none, as after a GET."""
        return self._askers.get(exchange)

    def session_on(self, key: str) -> int | None:
        """Return the session of an open stream."""
        group = self._groups.get(key)
        return None if group is None else group.session

    def discard(self) -> None:
        """Forget the streams that are over."""
        self._rows = {key: row for key, row in self._rows.items() if row.closed is None}

    def all(self, label: Callable[[int | None], str | None], silent: Iterable[Opened]) -> tuple[Stream, ...]:
        """Return all streams.

        Args:
            label: Returns the label of a session.
            silent: Open WebSockets without a message.
        """
        rows = [replace(row, session=label(self._sessions.of_client(row.key))) for row in self._rows.values()]
        for one in silent:
            of_request = self._upgrades.get(one.exchange)
            session = label(self._sessions.of_tokens(of_request.tokens)) if of_request is not None else None
            at = (one.seq, one.t)
            rows.append(
                Stream(
                    one.client_id, one.exchange, one.protocol, *at, None, subprotocol=one.subprotocol, session=session
                )
            )
        return tuple(sorted(rows, key=lambda row: row.seq))

    def _of_answer(self, opened: Opened, request: Request, tokens: frozenset[str]) -> int | None:
        """Return the session of a stream that answers a request with a body; without tokens it is no new one."""
        only = self._sessions.only()
        if tokens or not self._sessions.starts:
            return self._sessions.handshaken(opened.client_id, tokens, _begin(opened, request))
        if only is not None:
            self._sessions.joined(opened.client_id, only)
        return only

    def _group(self, opened: Opened, request: Request | None, tokens: frozenset[str]) -> _Group:
        target = request.target if request is not None else ""
        place = opened.protocol, path_of(target)
        known = self._places.setdefault(place, _Place())
        session = self._sessions.of_tokens(tokens)
        whose = (session,) if tokens else ()
        answers = [one for one in reversed(self._answers) if not one.is_open and (not tokens or one.session == session)]
        group = _resumed(answers, request) or _follower(known, whose, request, self._query(opened, target))
        if group is not None:
            return group
        only = self._sessions.only()
        if not tokens and only is not None and not known.open:
            session = only
            self._sessions.joined(opened.client_id, session)
        else:
            session = self._sessions.handshaken(opened.client_id, tokens, _begin(opened, request))
        return known.new(opened.client_id, session, self._query(opened, target))

    def _query(self, opened: Opened, target: str) -> str:
        """Return the query of a stream of events without what says nothing about its events."""
        if opened.protocol == WEBSOCKET:
            return ""
        given = fields(target.partition("?")[2])
        volatile = {path.removeprefix("query.") for path in self._dialect.volatile if path.startswith("query.")}
        return str(sorted((n, str(v)) for n, v in given.items() if n not in volatile and n.lower() not in _AGAIN))


def _begin(opened: Opened, request: Request | None) -> tuple[int, int]:
    """Return where a session begins that begins with a stream: at its request, if that was seen."""
    return (opened.seq, opened.t) if request is None else (request.seq, request.t)


def _resumed(over: list[_Group], request: Request | None) -> _Group | None:
    """Return the stream that a client goes on with whose last event is the one that it heard last."""
    latest = _last_heard(request)
    return None if latest is None else next((one for one in over if one.latest == latest), None)


def _follower(place: _Place, whose: _Whose, request: Request | None, query: str) -> _Group | None:
    """Return the streams that a new one follows, None if it follows none."""
    latest = _last_heard(request)
    exact = place.over("last", latest, whose) if latest is not None else None
    found = exact or place.over("query", query, whose)
    return found or (place.over("any", None, whose) if latest is not None else None)


def _last_heard(request: Request | None) -> str | None:
    """Return the id of the event that a client heard last, as its request shows it."""
    if request is None:
        return None
    shown = next((value for name, value in request.headers if name.lower() == _LAST), None)
    given = fields(request.target.partition("?")[2]) if shown is None and "?" in request.target else {}
    return next((str(value) for name, value in given.items() if name.lower() in _AGAIN), shown)


def _given(request: Request | None, earlier: Iterable[Operation], sessions: Sessions) -> frozenset[str]:
    """Return the tokens of the only client that got the URL of a stream in an answer, empty if there is none."""
    if request is None or len(request.target) < 2:
        return frozenset()
    path = path_of(request.target)
    for target in dict.fromkeys((request.target, path)):
        owners: dict[object, frozenset[str]] = {}
        for op in _givers(target, request, earlier):
            owners.setdefault(sessions.of_tokens(op.tokens) or op.tokens, op.tokens)
        if owners:
            return next(iter(owners.values())) if len(owners) == 1 else frozenset()
    return frozenset()


def _givers(target: str, request: Request, earlier: Iterable[Operation]) -> Iterator[Operation]:
    spellings = {target, unquote(target), target.replace("/", r"\/"), target.replace("&", "&amp;")}
    # all spellings end so: the search for a plain text comes first, because there may be thousands of answers
    end = commonprefix([one[::-1] for one in spellings])[::-1].encode()  # noqa: RUF071  # no paths of files
    wanted: re.Pattern[bytes] | None = None
    for op in earlier:
        ack = op.ack
        if ack is None or not op.tokens or ack.seq > request.seq:
            continue
        where = [ack.body] if end in ack.body else []
        where += [value.encode() for name, value in ack.headers if name.lower() in _GIVING]
        if where:
            wanted = wanted or _any_of(spellings)
            if any(map(wanted.search, where)):
                yield op


def _any_of(spellings: Iterable[str]) -> re.Pattern[bytes]:
    """Return a pattern that finds any of the spellings of a URL, not as the beginning of a longer one."""
    return re.compile(b"(?:" + b"|".join(re.escape(one.encode()) for one in sorted(spellings)) + rb")(?![\w/%-])")
