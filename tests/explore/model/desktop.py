"""Desktops that play the client's side of a recording in front of a stand-in, without sockets and on one virtual clock.

A desktop does what the recorded client did, in its order. When it goes on is a matter of its manners: at once, after
the answers to what it sent, or after all that the recorded client had got by then; and so is how it is connected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.cookies import SimpleCookie
from itertools import count
from random import Random
from typing import Any, NamedTuple

from recorder.bayeux.client import LONG_POLLING, WEBSOCKET, BayeuxClient, State
from recorder.dialect.definition import Dialect
from recorder.model import AnchorKind, Headers, Recording
from recorder.replay.engine.http import HttpRequest, HttpResponse, Piece
from recorder.replay.engine.standin import ReplayEngine
from tests.explore.model.facts import Facts, facts_of
from tests.explore.model.moments import (
    Answers,
    Asks,
    Breaks,
    Hears,
    Message,
    Moment,
    Pieces,
    Reader,
    Says,
    bayeux,
    is_event,
)
from tests.explore.model.naming import Names

URL = "/api/v2/notifications"
_PATIENCE = 20.0  # seconds of the clock that a patient desktop waits for something, then it goes on
_HELD = 0.1  # seconds without a request until the stand-in lets go what it holds
_LONG = 100_000  # turns of a run; more of them would be a loop
_SENT = ("content-type", "accept", "upgrade", "connection")  # headers that a request has as recorded
_LATE = 4  # requests before the subscriptions of a desktop that subscribes late
_LOGIN = "/token"  # ends the path of a login whose answer would have to be read


@dataclass(frozen=True, slots=True)
class Manners:
    """How a desktop behaves.

    Attributes:
        waits: `nothing`, `answers`, `all` that the recorded client had got, or `mixed`: one of them before each act.
        transport: `long-polling` or `websocket`.
        confirms: Whether it asks for `ext.ack`.
        falls_back: Whether it polls over HTTP once its WebSocket was cut; else it opens another.
        leaves: Whether it disconnects after its last act, whatever is still to come.
        subscribes_late: Whether it subscribes only after its first operations.
    """

    waits: str = "answers"
    transport: str = LONG_POLLING
    confirms: bool = False
    falls_back: bool = False
    leaves: bool = False
    subscribes_late: bool = False


class Act(NamedTuple):
    """What the recorded client did, at its place on the wire; `got` are the items that it had got by then."""

    at: tuple[int, int]
    what: str  # "request", "subscribe", "unsubscribe" or "publish"
    name: str
    place: int
    data: Any
    got: frozenset[str]


def acts_of(recording: Recording, facts: Facts, session: str) -> list[Act]:
    """What the client of a recorded session did, without its handshakes and polls, in order."""
    found = list[tuple[tuple[int, int], str, str, int, Any]]()
    for place, triple in enumerate(facts.requests):
        request = triple.request
        is_mine = triple.session in (session, None)
        if is_mine and request.method == "PUBLISH":
            data = json.loads(request.body) if request.body else None
            found.append(((request.seq, request.message), "publish", request.target, place, data))
        elif is_mine and not request.target.partition("?")[0].endswith(_LOGIN):
            found.append(((request.seq, 0), "request", "", place, None))
    words = {
        AnchorKind.SUBSCRIPTION: "subscribe",
        AnchorKind.UNSUBSCRIPTION: "unsubscribe",
        AnchorKind.PUBLISH: "publish",
    }
    found += [
        (one.at, words[one.kind], one.name, -1, one.data)
        for one in recording.messages
        if one.kind in words and one.session in (session, None) and not _is_again(recording, one)
    ]
    heard = [(fact.at, fact.name) for fact in facts.events if fact.session in (session, None)]
    heard += [(fact.at, fact.name) for fact in facts.answers if fact.session in (session, None)]
    return [
        Act(*one, got=frozenset(name for at, name in heard if at < one[0]))
        for one in sorted(found, key=lambda one: one[0])
    ]


def _with_late_subscriptions(acts: list[Act]) -> list[Act]:
    others = [act for act in acts if act.what != "subscribe"]
    return [*others[:_LATE], *(act for act in acts if act.what == "subscribe"), *others[_LATE:]]


def _is_again(recording: Recording, message: Any) -> bool:
    """Whether a subscription is of a later session of the client, which the desktop renews by itself."""
    starts = [one for one in recording.messages if one.kind is AnchorKind.START and one.session == message.session]
    later = {one.client_id for one in starts if one.renews}
    return message.client_id in later


class World:
    """A stand-in and the desktops in front of it; `run` plays until nothing more comes."""

    def __init__(self, recording: Recording, dialect: Dialect, *, facts: Facts | None = None, **options: Any) -> None:
        ids = count(1)
        self.recording, self.dialect = recording, dialect
        self.facts = facts or facts_of(recording, dialect)
        self.engine = ReplayEngine(recording, dialect, new_id=lambda: f"live{next(ids)}", rate=1.0, **options)
        self.now = 100.0
        self.moments: list[Moment] = []
        self.desks: list[Desktop] = []
        self._numbers = count(1)
        self._owners: dict[int, Desktop] = {}
        self._over: dict[int, str] = {}  # requests that got all of their answers: names of their desktops
        self._quiet_since = self.now

    def desk(
        self, session: str, manners: Manners, seed: int = 0, got: Mapping[int, frozenset[str]] | None = None
    ) -> Desktop:
        """Add a desktop that does what the client of a recorded session did.

        `got` says what a patient one waits for before the request of an operation, by its number; None is what the
        recorded client had got.
        """
        desk = Desktop(self, session, manners, Random(seed), len(self.desks) + 1)
        desk.waits_for(got or {})
        self.desks.append(desk)
        return desk

    def run(self) -> list[Moment]:
        """Play until nothing more comes; return what the desktops sent and got."""
        for _ in range(_LONG):
            if sum(desk.acts() for desk in self.desks) or self._hand_out():  # each of them acts
                continue
            if not self._goes_on():
                return self.moments
        raise AssertionError("the run does not end")

    @property
    def misses(self) -> list[str]:
        """What the stand-in had no answer to."""
        return [miss.summary for miss in self.engine.misses]

    def sends(self, desk: Desktop, request: HttpRequest) -> int:
        number = next(self._numbers)
        self._owners[number] = desk
        self._quiet_since = self.now
        self.engine.receive(request._replace(number=number), self.now)
        return number

    def leaves(self, number: int) -> None:
        """Give a request up."""
        self._owners.pop(number, None)
        self._over.pop(number, None)
        self.engine.abort(number)

    def _hand_out(self) -> bool:
        replies = self.engine.replies(self.now)
        for reply in replies:
            desk = self._owners[reply.number] if reply.more else self._owners.pop(reply.number, None)
            self.engine.sent(reply.number)
            if desk is not None:
                desk.gets(reply)
                self._over |= {} if reply.more else {reply.number: desk.name}
            elif reply.number in self._over:
                self._notes_once_more(reply)
        return bool(replies)

    def _notes_once_more(self, reply: HttpResponse | Piece) -> None:
        """Note what came for a request that was answered to its end."""
        status = reply.status if isinstance(reply, HttpResponse) else 0
        self.moments.append(Answers(self._over[reply.number], reply.number, self.now, status, reply.body))

    def _goes_on(self) -> bool:
        """Let time pass until something happens; return False if nothing will."""
        times = [desk.deadline() for desk in self.desks]
        step = self.engine.next_due
        ordered = getattr(self.engine, "ordered", None)
        if ordered is not None and ordered.is_stuck:
            if self.now >= self._quiet_since + _HELD:
                ordered.give_up()
                self._quiet_since = self.now
                return True
            times.append(self._quiet_since + _HELD)
        is_over = step is None and all(at is None for at in times)
        if not is_over:
            times += [step, self.engine.deadline()]
        known = [at for at in times if at is not None]
        if not known:
            return False
        self.now = max(self.now, min(known))
        return True


@dataclass(slots=True)
class _Waiting:
    """Messages on their way: which of them, and whether they are what the client polls with."""

    messages: tuple[Message, ...]
    is_poll: bool


class Desktop:
    """One desktop; what it sends and gets is written into the moments of its world."""

    def __init__(self, world: World, session: str, manners: Manners, random: Random, number: int) -> None:
        self.name, self.session, self._world, self._manners, self._random = (
            f"desk{number}",
            session,
            world,
            manners,
            random,
        )
        self._client = BayeuxClient(acknowledges=manners.confirms)
        self._transport = manners.transport
        self._acts = acts_of(world.recording, world.facts, session)
        if manners.subscribes_late:
            self._acts = _with_late_subscriptions(self._acts)
        starts = world.recording.session_starts if world.dialect.bayeux_prefix else {}
        self._start = starts.get(session)  # of its Bayeux session, if it has one
        self._streams: dict[int, tuple[int, HttpRequest]] = {}  # by the recorded exchange that opened it
        self._readers: dict[int, Reader] = {}
        self._next = 0
        self._waits: str | None = None
        self._since = world.now
        self._jar: dict[str, str] = {}
        self._shown = _identity(world.recording, session, number)
        self._waiting: dict[int, _Waiting] = {}  # requests with Bayeux messages
        self._asked: dict[int, int] = {}  # requests without: their place
        self._sockets, self._socket = count(1), 0
        self._got: set[str] = set()
        self._names = Names(f for f in world.facts.events if f.session in (session, None))
        self._again: list[Message] = []  # what was said to a session that was lost
        self._publishes: dict[str, str] = {}  # the ack that the reply with an id is
        self._has_left = False

    def waits_for(self, got: Mapping[int, frozenset[str]]) -> None:
        """Let it wait for other items than the recorded client had got, before the operations of these numbers."""
        requests = self._world.facts.requests
        self._acts = [
            act._replace(got=got.get(requests[act.place].n, act.got)) if act.place >= 0 else act for act in self._acts
        ]

    # -- what it does

    def acts(self) -> bool:
        """Send what it sends now; return whether that was anything."""
        if self._has_left:
            return False
        return self._polls() or self._says_again() or self._acts_next()

    def deadline(self) -> float | None:
        """When it does something by itself; None if it only waits for the stand-in, or has nothing left to do."""
        times = [self._client.deadline() if not self._has_left else None]
        if self._next < len(self._acts) and not self._has_left:
            times.append(self._since + _PATIENCE)
        return min((at for at in times if at is not None), default=None)

    def _polls(self) -> bool:
        if self._is_polling():
            return False
        due = self._client.due(self._world.now)
        if due:
            self._say(due, is_poll=True)
        return bool(due)

    def _is_polling(self) -> bool:
        return any(one.is_poll for one in self._waiting.values())

    def _says_again(self) -> bool:
        if not self._again or self._client.state is not State.CONNECTED:
            return False
        again, self._again = self._again, []
        for message in again:
            self._say(
                [self._client.say({k: v for k, v in message.items() if k not in ("id", "clientId")}, self._world.now)]
            )
        return True

    def _acts_next(self) -> bool:
        if self._next >= len(self._acts):
            return self._leaves()
        act = self._acts[self._next]
        is_before = act.what == "request" and self._start is not None and act.at < self._start
        if not is_before and self._start is not None and self._client.state is State.NEW:
            if not self._is_polling():
                self._shakes_hands()
                return True
            return False
        if not is_before and self._start is not None and self._client.state is not State.CONNECTED:
            return False
        if not self._may(act):
            return False
        self._next, self._waits, self._since = self._next + 1, None, self._world.now
        if act.what == "request":
            self._asks(act.place)
        elif act.what == "publish":
            message = self._client.say({"channel": act.name, "data": act.data}, self._world.now)
            asked = (t for t in self._world.recording.triples if (t.request.seq, t.request.message) == act.at)
            self._publishes |= {str(message["id"]): f"ack {triple.n}" for triple in asked}
            self._say([message])
        else:
            message = {"channel": f"/meta/{act.what}", "subscription": act.name}
            self._say([self._client.say(message, self._world.now)])
        return True

    def _leaves(self) -> bool:
        if not self._manners.leaves or self._client.state is not State.CONNECTED:
            return False
        self._say([self._client.say({"channel": "/meta/disconnect"}, self._world.now)])
        self._has_left = True
        return True

    def _may(self, act: Act) -> bool:
        """Whether its manners let it do something now."""
        request = self._world.facts.requests[act.place].request if act.place >= 0 else None
        if request is not None and request.method == "MESSAGE":
            number, _ = self._streams.get(request.exchange, (0, None))
            if number not in self._readers:
                return False  # its WebSocket is not open yet
        if self._waits is None:
            waits = self._manners.waits
            self._waits = self._random.choice(["nothing", "answers", "all"]) if waits == "mixed" else waits
        if self._waits == "nothing" and self._next == 1:
            return not self._asked  # the first answer may tell it who it is
        if self._waits == "nothing" or self._world.now >= self._since + _PATIENCE:
            return True
        if any(not one.is_poll for one in self._waiting.values()) or self._asked:
            return False
        return self._waits == "answers" or act.got <= self._got

    # -- what it sends

    def _shakes_hands(self) -> None:
        shake: Message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": [self._transport]}
        if self._manners.confirms:
            shake["ext"] = {"ack": True}
        self._say([self._client.open(shake, self._transport)], is_poll=True)

    def _say(self, messages: Sequence[Message], *, is_poll: bool = False) -> None:
        on_socket = self._transport == WEBSOCKET
        content = json.dumps(list(messages)).encode()
        if on_socket and not self._socket:
            self._socket = next(self._sockets)
        connection = f"{self.name} socket {self._socket}" if on_socket else f"{self.name} {len(self._world.moments)}"
        method = "GET" if on_socket else "POST"
        headers = (*self._headers(), ("Content-Type", "application/json"))
        at = len(self._world.moments)
        number = self._world.sends(self, HttpRequest(0, connection, method, URL, headers, content, on_socket=on_socket))
        said = Says(self.name, number, self._world.now, tuple(messages), on_socket, self._transport)
        self._world.moments.insert(at, said)
        self._waiting[number] = _Waiting(tuple(messages), is_poll)

    def _asks(self, place: int) -> None:
        request = self._world.facts.requests[place].request
        own = tuple(
            one for one in request.headers if one[0].lower() in _SENT or one[0].lower().startswith("sec-websocket")
        )
        connection = f"{self.name} {len(self._world.moments)}"
        live = HttpRequest(0, connection, request.method, request.target, (*self._headers(), *own), request.body)
        is_message = request.method == "MESSAGE"
        if is_message:
            socket, upgrade = self._streams[request.exchange]
            live = upgrade._replace(method="MESSAGE", body=request.body, on_socket=True, socket=socket)
        at = len(self._world.moments)
        number = self._world.sends(self, live)
        asked = Asks(self.name, number, self._world.now, request.method, request.target, request.body)
        self._world.moments.insert(at, asked)
        if not is_message:
            self._asked[number] = place
            self._streams[request.exchange] = number, live

    def _headers(self) -> Headers:
        cookies = "; ".join(f"{name}={value}" for name, value in self._jar.items())
        return (("Host", "localhost"), *self._shown, *((("Cookie", cookies),) if cookies else ()))

    # -- what it gets

    def gets(self, reply: HttpResponse | Piece) -> None:
        """Take an answer, or a piece of one."""
        if isinstance(reply, Piece):
            self._note(Pieces(self.name, reply.number, self._world.now, reply.body, not reply.more))
            for data in self._readers[reply.number].data(reply.body) if reply.number in self._readers else ():
                self._recognises({"channel": "", "data": data})
            return
        if reply.status == 0:
            self._loses(reply.number)
            return
        for name, value in reply.headers:
            if name.lower() == "set-cookie":
                self._jar |= {cookie: morsel.value for cookie, morsel in SimpleCookie(value).items()}
        if reply.number in self._asked:
            self._answered(reply)
        else:
            self._hears(reply)

    def _answered(self, reply: HttpResponse) -> None:
        place = self._asked.pop(reply.number)
        self._note(Answers(self.name, reply.number, self._world.now, reply.status, reply.body, reply.more))
        if reply.more:
            self._readers[reply.number] = Reader(reply.status == 101)
        self._got.add(self._world.facts.answer(place))

    def _hears(self, reply: HttpResponse) -> None:
        waiting = self._waiting.pop(reply.number)
        messages = bayeux(reply.body) or ()
        self._note(Hears(self.name, reply.number, self._world.now, messages, reply.status))
        events = [message for message in messages if is_event(message)]
        for event in events:
            self._recognises(event)
        self._got |= {self._publishes.get(str(one.get("id")), "") for one in messages if "successful" in one}
        taken = [dict(message) for message in messages]
        self._client.receive(taken, self._world.now, len(self._got))
        if not messages and waiting.is_poll:
            self._client.failed(f"HTTP {reply.status}", self._world.now)
        lost = {str(one.get("id")) for one in messages if str(one.get("error", "")).startswith(("401", "402"))}
        self._again += [
            one for one in waiting.messages
            if str(one["id"]) in lost and one["channel"] not in ("/meta/connect", "/meta/handshake", "/meta/disconnect")
        ]  # fmt: skip

    def _recognises(self, event: Message) -> None:
        found = self._names.of(
            event["channel"], event.get("data"), may=lambda _: True, came=lambda fact: fact.name in self._got
        )
        if found is not None:
            self._got.add(found.name)

    def _loses(self, number: int) -> None:
        """Take it that the connection of a request broke."""
        self._note(Breaks(self.name, number, self._world.now))
        waiting = self._waiting.pop(number, None)
        self._asked.pop(number, None)
        if self._transport == WEBSOCKET:
            self._socket = 0
            if self._manners.falls_back:
                self._transport = self._client.transport = LONG_POLLING
            left, self._waiting = self._waiting, {}
            for other, one in left.items():
                self._note(Breaks(self.name, other, self._world.now))
                self._world.leaves(other)
                self._again += [m for m in one.messages if not one.is_poll]
            self._client.broke("the WebSocket was cut", self._world.now)
        elif waiting is not None and waiting.is_poll:
            self._client.failed("the connection broke", self._world.now)
        if waiting is not None and not waiting.is_poll:
            self._again += waiting.messages

    def _note(self, moment: Moment) -> None:
        self._world.moments.append(moment)


def _identity(recording: Recording, session: str, number: int) -> Headers:
    requests = [one.request for one in (*recording.triples, *recording.plain) if one.session in (session, None)]
    shown = {name.lower() for one in requests for name, _ in one.headers}
    return (("Authorization", f"Bearer live-token-{number}"),) if "authorization" in shown else ()


def play(
    recording: Recording,
    dialect: Dialect,
    manners: Manners,
    *,
    seed: int = 0,
    facts: Facts | None = None,
    **options: Any,
) -> World:
    """Play a recording to a desktop for each of its sessions, until nothing more comes."""
    world = World(recording, dialect, facts=facts, **options)
    for number, session in enumerate(recording.session_starts or {"": (0, 0)}):
        world.desk(session, manners, seed + number)
    world.run()
    return world


def sessions_of(world: World) -> Iterator[tuple[str, str]]:
    """The name of each desktop, and the recorded session that it follows."""
    return ((desk.name, desk.session) for desk in world.desks)
