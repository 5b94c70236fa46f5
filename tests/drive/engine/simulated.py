"""A simulated server and front in memory, and recordings made up for them."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from recorder.drive.engine.driver import Driver
from recorder.drive.engine.plan import (
    Act,
    Answer,
    Cause,
    Client,
    Connection,
    Hole,
    Outgoing,
    Plan,
    Source,
    Step,
    Told,
    Why,
)
from recorder.drive.engine.values import Values
from recorder.model import Event, Request, Response
from recorder.requests.masks import MEMBER

SECOND = 1_000_000_000


def event(channel: str, data, number: int = 0) -> Event:
    return Event(number, 0, 0, 0, "", channel, data)


@dataclass
class Script:
    """A recording that a test writes line by line; times are seconds.

    Each call has the number of its step as the number of its triple.
    """

    steps: list[Step] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    connections: dict[str, Connection] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    waited: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))

    def client(self, name: str, *connections: str) -> None:
        self.clients[name] = Client(name, (), connections)
        for key in connections:
            self.connections[key] = Connection(key, name, "bayeux", "/cometd")

    def step(
        self, client: str, t: float, body=None, *, act: Act = Act.CALL, learned=(), fresh=(), n=None, **more
    ) -> int:
        """Add a step: `learned` are members of its body with the told things and members they come from."""
        number = len(self.steps)
        body = body or {}
        holes = [self._hole(body, name, is_fresh=True) for name in fresh]
        causes = [Cause(None, told.number, told.t, Why.ORDER) for told in self.waited.pop(client, [])]
        for name, sources in dict(learned).items():
            made = tuple(Source(told, (MEMBER, member)) for told, member in sources)
            holes.append(self._hole(body, name, sources=made))
            causes.append(Cause(None, sources[0][0], self.told[sources[0][0]].t, Why.VALUE, (name,)))
        path = more.pop("path", f"/op{number}")
        request = Request(number, 0, number, client, "POST", path, (), json.dumps(body).encode())
        message = {"channel": f"/meta/{act.value}"} if act in (Act.HANDSHAKE, Act.DISCONNECT) else None
        step = Step(
            number, act, client, more.pop("connection", ""), (number, 0), int(t * SECOND), number if n is None else n,
            f"Op{number}", request, message, causes=(*causes, *more.pop("causes", ())), holes=tuple(holes), **more,
        )  # fmt: skip
        self.steps.append(step)
        return number

    def answer(self, step: int, t: float, body=None, *, status: int = 200, is_accepted: bool = True) -> int:
        one = self.steps[step]
        number = len(self.told)
        response = Response(number, 0, step, status, (), json.dumps(body or {}).encode())
        told = Told(
            number, one.client, one.connection, (number, 0), int(t * SECOND), step, one.n, response,
            is_accepted=is_accepted,
        )  # fmt: skip
        self.steps[step] = replace(one, answer=number)
        return self._tell(told)

    def event(self, connection: str, step: int | None, t: float, channel: str, data, *, n=None, is_awaited=True) -> int:
        number = len(self.told)
        triple = n if n is not None else 0 if step is None else self.steps[step].n
        told = Told(
            number, self.connections[connection].client, connection, (number, 0), int(t * SECOND), step, triple,
            event=event(channel, data, number), name=channel, is_awaited=is_awaited,
        )  # fmt: skip
        return self._tell(told)

    def plan(self) -> Plan:
        return Plan(tuple(self.steps), tuple(self.told), self.clients, self.connections, "http://recorded.example")

    def _tell(self, told: Told) -> int:
        self.told.append(told)
        if told.is_awaited:
            self.waited[told.client].append(told)
        return told.number

    def _hole(self, body, name: str, **more) -> Hole:
        recorded = str(body[name])
        return Hole((MEMBER, name), 0, len(recorded), recorded, name, **more)


def new_ids() -> Callable[[Hole], str]:
    numbers = count(1)
    return lambda hole: f"fresh-{next(numbers):04d}"


def driver(plan: Plan, **more) -> Driver:
    return Driver(plan, values=more.pop("values", Values()), new_id=more.pop("new_id", new_ids()), **more)


def sent(outgoing: list[Outgoing]) -> list[int]:
    return [one.step.number for one in outgoing]


def body_of(outgoing: Outgoing):
    return json.loads(outgoing.body)


@dataclass
class Server:
    """A server that tells what the recorded one told, under handles of its own.

    Args:
        plan: What was recorded: bodies and data hold `handle` (which the server mints), and `ref` (which clients do).
        delays: Seconds from a request to something that the server tells, by its number.
        dropped: Numbers of what is never told.
        doubled: Numbers of events that are told twice.
        refused: Numbers of steps that are refused, and cause nothing.
    """

    plan: Plan
    delays: dict[int, float] = field(default_factory=dict)
    dropped: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()
    refs: dict[str, str] = field(default_factory=dict)
    received: list[tuple[int, dict]] = field(default_factory=list)

    def live(self, value):
        """Return a recorded value as this server would tell it."""
        if isinstance(value, dict):
            return {name: self.live(one) for name, one in value.items()}
        if isinstance(value, str) and value.startswith("handle-"):
            return value.replace("handle-", "live-")
        return self.refs.get(value, value)

    def receive(self, outgoing: Outgoing) -> list[tuple[float, int, object]]:
        """Take a request; return what is told: after how many seconds, its number in the plan, and what."""
        step = outgoing.step
        body = body_of(outgoing)
        recorded = json.loads(step.request.body)
        if "ref" in recorded:
            self.refs.setdefault(recorded["ref"], body["ref"])
        assert body == self.live(recorded)
        self.received.append((step.number, body))
        if step.number in self.refused:
            return [] if step.answer is None else [(0.01, step.answer, Answer(409))]
        return [one for told in self.plan.told if told.step == step.number for one in self._tell(told)]

    def _tell(self, told: Told) -> list[tuple[float, int, object]]:
        delay = self.delays.get(told.number, 0.01)
        if told.number in self.dropped:
            return [(delay, told.number, Answer(None, failure="connection reset"))] if told.response else []
        if told.event is None:
            text = json.dumps(self.live(json.loads(told.response.body))).encode()
            return [(delay, told.number, Answer(told.response.status, (), text))]
        live = event(self.live(told.event.channel), self.live(told.event.data), told.number)
        return [(delay, told.number, live)] * (2 if told.number in self.doubled else 1)


@dataclass
class Run:
    """A run to its end: what left and what came, in order, with their times.

    Args:
        driver: The driver.
        server: What it is driven against.
        cuts: Connections that are lost when something of a number comes by them, with whether they come back; all that
            comes by them later and before they are back is lost.
        lag: Seconds by which the front is late.
    """

    driver: Driver
    server: Server
    cuts: dict[int, bool] = field(default_factory=dict)
    lag: float = 0.0
    lost: set[int] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    sent: list[tuple[float, int]] = field(default_factory=list)
    came: dict[int, float] = field(default_factory=dict)
    turns: int = 0
    ended: float = 0.0

    def play(self, begin: float = 100.0) -> Run:
        coming: list[tuple[float, int, int, object]] = []
        now, order = begin, count()
        self.driver.start(now)
        while not self.driver.state(now).is_over:
            self.turns += 1
            assert self.turns < 50 + 20 * (len(self.driver._plan.steps) + len(self.driver._plan.told))
            for outgoing in self.driver.due(now):
                self.sent.append((now, outgoing.step.number))
                for delay, number, what in self.server.receive(outgoing):
                    heapq.heappush(coming, (now + delay, next(order), number, what))
            times = [at for at in (self.driver.deadline(), coming[0][0] if coming else None) if at is not None]
            if not times:
                break
            now = max(now, min(times)) + self.lag
            while coming and coming[0][0] <= now:
                self._tell(*coming[0][2:], now)
                heapq.heappop(coming)
        self.ended = now
        return self

    def _tell(self, number: int, what: object, now: float) -> None:
        told = self.driver._plan.told[number]
        if number in self.cuts and told.event is not None:
            cut = self.driver.lost if self.cuts[number] else self.driver.gone
            cut(told.connection, "reset", now)
            self.gone |= set() if self.cuts[number] else {told.connection}
            self.lost.add(number)
            return
        if told.event is not None and told.connection in self.gone:
            self.lost.add(number)
            return
        self.came.setdefault(number, now)
        if isinstance(what, Answer):
            self.driver.answered(told.step, what, now)
        else:
            self.driver.heard(told.connection, what, now)
