"""Sessions of agents with many operations in flight at once, as a recorder sees them, and the truth about each event.

A small simulation of a GWS with its desktops, behind one proxy: each desktop holds a poll, works in some lanes, and an
operation's events are delivered to its own agent. The shapes are those of the API pages and of CometD's Java server:
events stand before the reply to the poll, each record event has its twin on /me/internal without a referenceId. What
may go wrong is what has been seen to go wrong, as often as `Shape` says. Records are made as they are read.
"""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from itertools import count
from typing import Any, Literal, NamedTuple, TypeAlias

from benchmarks.outbound import (
    BY_NUMBER,
    ERRORS,
    INTERNAL,
    LAST_ON_RECORD,
    ON_CAMPAIGN,
    ON_RECORD,
    ON_SESSION,
    Agent,
    Asked,
    Handle,
    Message,
    in_batches,
)
from recorder.model import Failure, Headers, Record, Request, Response

Tokens: TypeAlias = Literal["cookies", "two jars", "user", "one user", "none"]
TOKENS: tuple[Tokens, ...] = ("cookies", "two jars", "user", "one user", "none")

_BAYEUX = "/api/v2/notifications"
_JSON = ("Content-Type", "application/json;charset=UTF-8")
_HELD = 30.0  # seconds: advice.timeout
_REMEMBERED = 10_000_000_000  # ns: longer than any operation takes


@dataclass(frozen=True, slots=True)
class Shape:
    """What sessions are like; a share is a probability between 0 and 1.

    Attributes:
        in_flight: Operations an agent has in flight at once, at most.
        operations: Requests of each agent.
        missing: Share of requests without a referenceId; their events have none either.
        early: Share of operations with events before the ack: the first ones, or all.
        split: Share of events after which the next one waits for another poll.
        duplicate: Share of operations one event of which comes twice, identical.
        reorder: Share of events out of order: the twin first, or after the terminal event; the terminal event too soon.
        failed: Share of operations that are refused; half of them with an ErrorMessage before the ack.
        unsolicited: Pushes nobody asked for, per operation.
        aborted: Share of operations the client gives up; of most of these the events still come.
        retry: Share of the refused and the given up ones that are sent again, byte for byte.
        same_handle: Share of operations on the handle another lane of the agent works on.
        tokens: How requests show whose they are. "two jars": REST and Bayeux have no cookie in common.
        shared: Agents have campaign and application in common, and the same handles and referenceIds by chance.
        think: Seconds between the end of an operation and the next one of its lane, on average.
    """

    agents: int = 1
    in_flight: int = 1
    operations: int = 40
    missing: float = 0.0
    early: float = 0.3
    split: float = 0.3
    duplicate: float = 0.02
    reorder: float = 0.05
    failed: float = 0.06
    unsolicited: float = 0.1
    aborted: float = 0.03
    retry: float = 0.5
    same_handle: float = 0.1
    tokens: Tokens = "cookies"
    shared: bool = False
    think: float = 0.3


class Kind(Enum):
    """What there is to know an event's request by."""

    REFERENCE = "reference"  # its request carried a referenceId; twins included, except …
    ALIKE = "twin like another's"  # … where the same was asked for on the same handle meanwhile: no byte tells them
    AGAIN = "reference sent again"  # likewise, but the same bytes were sent twice
    BARE = "no reference"
    ERROR = "error event"  # these never carry one
    PUSHED = "unsolicited"


@dataclass(frozen=True, slots=True)
class Cause:
    """The truth about an event: `seq` of its request, None where it is unsolicited.

    Attributes:
        same: Attempts of the same operation: the client gave it up and sent it again, so they are one (case 39).
    """

    request: int | None
    kind: Kind
    same: tuple[int, ...] = ()


class Step(NamedTuple):
    """A record, and the truth about the events in it by their index."""

    record: Record
    causes: dict[int, Cause]


def sessions(shape: Shape, rng: random.Random) -> Iterator[Step]:
    """Yield what a recorder sees until all agents have done their work; the polls are still held then."""
    proxy, handles = _Proxy(rng), count(1000)
    for place in range(shape.agents):
        agent = Agent(rng, place, shape.missing, shape.shared, handles)
        proxy.later(place * rng.uniform(0.0, 0.1), _Desk(proxy, shape, agent, place).opens)
    return proxy.run()


class _Proxy:
    """The clock, what is due, and the records of what has happened."""

    def __init__(self, rng: random.Random) -> None:
        self.random = rng
        self.now = 0
        self._order, self._exchanges, self._seqs = count(), count(1), count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._out: list[Step] = []

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + round(seconds * 1e9), next(self._order), action))

    def run(self) -> Iterator[Step]:
        while self._due:
            at, _, action = heapq.heappop(self._due)
            self.now = max(self.now, at)
            action()
            yield from self._out
            self._out.clear()

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def request(self, connection: str, target: str, content: Any, headers: Headers) -> Request:
        method = "GET" if content is None else "POST"
        sent = Request(*self._stamp(), next(self._exchanges), connection, method, target, headers, _body(content))
        self._out.append(Step(sent, {}))
        return sent

    def respond(
        self,
        exchange: int,
        content: Any,
        status: int = 200,
        headers: Headers = (),
        causes: dict[int, Cause] | None = None,
    ) -> None:
        response = Response(*self._stamp(), exchange, status, (_JSON, *headers), _body(content))
        self._out.append(Step(response, causes or {}))

    def fail(self, exchange: int) -> None:
        self._out.append(Step(Failure(*self._stamp(), exchange, "Client disconnected."), {}))

    def _stamp(self) -> tuple[int, int]:
        self.now += 20_000
        return next(self._seqs), self.now


@dataclass(slots=True)
class _Lane:
    """One thing at a time an agent does: a record from its preview to its end, then the next."""

    handle: Handle = None
    coming: Handle = None  # the handle of the preview that was asked for
    again: Asked | None = None  # to be sent once more


class _Flight(NamedTuple):
    """An operation between its request and its last event."""

    what: tuple[str, Handle]
    request: int
    since: int
    until: int


@dataclass(slots=True)
class _Desk:
    """A desktop and what the server does for it."""

    proxy: _Proxy
    shape: Shape
    agent: Agent
    place: int
    client_id: str = ""
    lanes: list[_Lane] = field(default_factory=list)
    left: int = 0  # requests to make
    poll: int = 0  # the exchange of the poll that is held, 0 for none
    queue: list[tuple[Message, Cause]] = field(default_factory=list)
    rest: Headers = ()
    bayeux: Headers = ()
    flights: list[_Flight] = field(default_factory=list)
    messages: Iterator[int] = field(default_factory=lambda: count(1))

    # Its Bayeux session

    def opens(self) -> None:
        """Who am I, handshake, a connect that is answered at once, a subscription, and the poll that is held."""
        self.client_id = self.proxy.random.randbytes(12).hex()
        self.left, self.lanes = self.shape.operations, [_Lane() for _ in range(self.shape.in_flight)]
        cookies = self._signs_in()
        reply = {"successful": True, "clientId": self.client_id, "version": "1.0"}
        advice = {"reconnect": "retry", "interval": 0, "timeout": round(_HELD * 1000)}
        shake = self._says("/meta/handshake", "handshake", version="1.0", supportedConnectionTypes=["long-polling"])
        self.proxy.respond(shake.exchange, [{"channel": "/meta/handshake", "advice": advice} | reply], 200, cookies)
        if cookies:  # one header for all of them
            shown = [value for _, value in self.bayeux] + [value.partition(";")[0] for _, value in cookies]
            self.bayeux = (("Cookie", "; ".join(shown)),)
        connect = self._says("/meta/connect", "connect", connectionType="long-polling", advice={"timeout": 0})
        self.proxy.respond(connect.exchange, [{"channel": "/meta/connect", "successful": True}])
        wish = self._says("/meta/subscribe", "", subscription="/**")
        self.proxy.respond(wish.exchange, [{"channel": "/meta/subscribe", "subscription": "/**", "successful": True}])
        self.polls()
        for lane in self.lanes:
            self._works_on(lane, after=0.0)

    def _signs_in(self) -> Headers:
        """GET /api/v2/me, and what it makes the client show from then on; returns cookies for the handshake to set."""
        mode, session = self.shape.tokens, self.proxy.random.randbytes(8).hex()
        if mode in {"user", "one user"}:
            name = "all" if mode == "one user" else self.place
            self.rest = self.bayeux = (("Authorization", f"Basic user-{name}"),)
        who = self.proxy.request(f"c{self.place}", "/api/v2/me", None, self.rest)
        if mode not in {"cookies", "two jars"}:
            self.proxy.respond(who.exchange, {"statusCode": 0})
            return ()
        self.proxy.respond(who.exchange, {"statusCode": 0}, 200, (("Set-Cookie", f"JSESSIONID={session};Path=/"),))
        self.rest = (("Cookie", f"JSESSIONID={session}"),)
        self.bayeux = self.rest if mode == "cookies" else ()
        return (("Set-Cookie", f"BAYEUX_BROWSER={self.proxy.random.randbytes(8).hex()};Path=/"),)

    def _says(self, channel: str, page: str, **own: Any) -> Request:
        who = {} if channel == "/meta/handshake" else {"clientId": self.client_id}
        message = {"id": str(next(self.messages)), "channel": channel} | who | own
        return self.proxy.request(f"p{self.place}", f"{_BAYEUX}/{page}", [message], self.bayeux)

    def polls(self) -> None:
        """A poll leaves, and is held until there is something to tell, or its time is over."""
        self.poll = poll = self._says("/meta/connect", "connect", connectionType="long-polling").exchange
        self.proxy.later(_HELD, lambda: self._answers(poll))
        if self.queue:
            self._answers(poll)

    def _answers(self, poll: int) -> None:
        if self.poll != poll or not (self.queue or self.left):
            return
        told, self.queue, self.poll = self.queue, [], 0
        reply = {"channel": "/meta/connect", "successful": True}
        causes = {index: cause for index, (_, cause) in enumerate(told)}
        self.proxy.respond(poll, [*(message for message, _ in told), reply], causes=causes)
        self.proxy.later(self.proxy.random.uniform(0.002, 0.02), self.polls)

    def _pushes(self, message: Message, cause: Cause) -> None:
        self.queue.append((message, cause))
        if len(self.queue) == 1 and self.poll:
            poll = self.poll
            self.proxy.later(0.0005, lambda: self._answers(poll))  # what comes at once goes at once

    # What it asks for

    def _works_on(self, lane: _Lane, after: float) -> None:
        self.proxy.later(after + self.proxy.random.expovariate(1 / self.shape.think), lambda: self._step(lane))

    def _step(self, lane: _Lane) -> None:
        if not self.left:
            return
        self.left -= 1
        if lane.coming is not None:
            lane.handle, lane.coming = lane.coming, None
        asked, lane.again = lane.again or self._next(lane), None
        self._works_on(lane, after=self._asks(lane, asked))
        if self.proxy.chance(self.shape.unsolicited):
            self.proxy.later(self.proxy.random.uniform(0.0, 0.5), self._pushes_unasked)

    def _next(self, lane: _Lane) -> Asked:
        """What a lane asks for next."""
        agent, choice, roll = self.agent, self.proxy.random.choice, self.proxy.random.random()
        if roll < 0.04:
            return agent.on_session(choice(ON_SESSION))
        if roll < 0.1:
            return agent.on_campaign(choice(ON_CAMPAIGN))
        if roll < 0.2:
            return agent.by_number(choice(BY_NUMBER))
        others = [other.handle for other in self.lanes if other is not lane and other.handle is not None]
        if others and self.proxy.chance(self.shape.same_handle):
            return agent.on_record(choice(ON_RECORD), choice(others))
        if lane.handle is None:
            lane.coming = agent.new_handle()
            return agent.on_campaign("GetPreviewRecord", lane.coming)
        handle = lane.handle
        if roll < 0.7:
            return agent.on_record(choice(ON_RECORD), handle)
        lane.handle = None
        return agent.on_record(choice(LAST_ON_RECORD), handle)

    # What comes of it

    def _asks(self, lane: _Lane, asked: Asked) -> float:
        """Send a request; returns the seconds until the lane goes on."""
        proxy, shape = self.proxy, self.shape
        request = proxy.request(f"c{self.place}", asked.target, asked.body, self.rest)
        roll = proxy.random.random()
        if roll < shape.failed:
            lane.coming = None
            lane.again = asked if proxy.chance(shape.retry) else None
            return self._refuses(asked, request)
        asked.attempts.append(request.seq)
        if roll < shape.failed + shape.aborted:
            lane.coming = None
            lane.again = asked if proxy.chance(shape.retry) else None
            gives_up = proxy.random.uniform(0.1, 2.0)
            proxy.later(gives_up, lambda: proxy.fail(request.exchange))
            if proxy.chance(0.7):  # it had reached the server
                self._tells(asked, request, after=proxy.random.uniform(0.0, 2 * gives_up))
            return gives_up
        acked, end = self._tells(asked, request, after=0.0)
        proxy.later(acked, lambda: proxy.respond(request.exchange, {"statusCode": 0}))
        return end

    def _refuses(self, asked: Asked, request: Request) -> float:
        status, content = self.proxy.random.choice(ERRORS)
        at = self.proxy.random.uniform(0.02, 0.3)
        self.proxy.later(at, lambda: self.proxy.respond(request.exchange, content, status))
        if status == 500 and "devicePath" in asked.body and self.proxy.chance(0.5):
            told = self.agent.error(), Cause(request.seq, Kind.ERROR)
            self.proxy.later(at - 0.004, lambda: self._pushes(*told))
        return at

    def _tells(self, asked: Asked, request: Request, after: float) -> tuple[float, float]:
        """Push an operation's events; returns the seconds until its ack and until all is over."""
        random = self.proxy.random
        batches = in_batches(
            self.agent.events(asked),
            random,
            duplicate=self.shape.duplicate,
            reorder=self.shape.reorder,
            split=self.shape.split,
        )
        ahead = 0
        if self.proxy.chance(self.shape.early):
            ahead = random.choice((1, len(batches)))
        acked, at = 0.0, after
        since = self.proxy.now
        for place, batch in enumerate([*batches, []]):
            if place == min(ahead, len(batches)):
                at += random.uniform(0.005, 0.08)
                acked = at
            at += random.uniform(0.01, 0.25) if batch else 0.0
            self.proxy.later(at, partial(self._push_all, batch, asked, request))
        self.flights = [one for one in self.flights if one.until > since - _REMEMBERED]
        self.flights.append(_Flight((asked.name, asked.handle), request.seq, since, since + round(at * 1e9)))
        return acked, at

    def _push_all(self, batch: list[Message], asked: Asked, request: Request) -> None:
        for message in batch:
            self._pushes(message, self._cause(message, asked, request))

    def _cause(self, message: Message, asked: Asked, request: Request) -> Cause:
        again = len(asked.attempts) > 1
        if "referenceId" not in asked.body:
            kind = Kind.BARE
        elif again:
            kind = Kind.AGAIN
        else:
            kind = Kind.ALIKE if self._is_alike(message, asked, request) else Kind.REFERENCE
        return Cause(request.seq, kind, tuple(asked.attempts) if again else ())

    def _is_alike(self, message: Message, asked: Asked, request: Request) -> bool:
        """Whether a twin may as well be that of another operation: each but a customer's record is like any other."""
        if message["channel"] != INTERNAL or "GSW_PHONE" in message["data"]["userData"]:
            return False
        others = [one for one in self.flights if one.what == (asked.name, asked.handle) and one.request != request.seq]
        return any(one.until >= request.t for one in others)

    def _pushes_unasked(self) -> None:
        for message in self.agent.pushed():
            self._pushes(message, Cause(None, Kind.PUSHED))


def _body(value: Any) -> bytes:
    if value is None or isinstance(value, str):
        return (value or "").encode()
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
