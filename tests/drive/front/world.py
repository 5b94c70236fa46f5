"""A world for the front: small servers, steps, and a driver that follows a script."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from recorder.drive.engine.plan import Act, Answer, Client, Connection, Outgoing, Plan, Step, Told
from recorder.drive.front.tap import Left, Tap
from recorder.drive.front.target import Target
from recorder.drive.front.wire import Wire
from recorder.model import Event, Headers, Request, Response
from recorder.push.rules import PushRules

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve all paths by one handler; yield the URL, which names an address, no host."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@dataclass
class Tape:
    """Takes what a tape takes, and keeps it as tuples."""

    lines: list[tuple[Any, ...]] = field(default_factory=list)
    failure: Exception | None = None
    is_open: bool = False

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def request(self, flow, now, *, connection, method, target, headers, body):
        self.lines.append(("request", flow, method, target, body))
        self.headers = headers

    def response(self, flow, now, *, status, headers, body, lacks=None):
        self.lines.append(("response", flow, status, body))

    def stream(self, flow, now, *, status, headers):
        self.lines.append(("stream", flow, status))

    def chunk(self, flow, now, body, *, is_last=False, lacks=None):
        self.lines.append(("chunk", flow, body, is_last))

    def failure_of(self, flow, now, reason):
        self.lines.append(("failure", flow, reason))

    def message(self, flow, now, *, from_client, body, is_text):
        self.lines.append(("message", flow, from_client, body, is_text))

    def closed(self, flow, now, reason):
        self.lines.append(("closed", flow, reason))


@asynccontextmanager
async def wired(
    url: str, *, hosts: frozenset[str] = frozenset(), cookies: dict[str, str] | None = None
) -> AsyncIterator[tuple[Wire, Tape]]:
    """Yield the wire of a client, and the tape of all that is on it."""
    tape = Tape()
    tap = Tap(PushRules(), time.monotonic_ns, tape, lambda _, __: None, lambda _, __: None)  # type: ignore[arg-type]  # has the same methods
    wire = Wire("s1", Target.at(url), tap, hosts=hosts, cookies=cookies or {})
    try:
        yield wire, tape
    finally:
        await wire.close()


def step(
    number: int = 0,
    act: Act = Act.CALL,
    method: str = "GET",
    target: str = "/",
    *,
    headers: Headers = (),
    message: dict[str, Any] | None = None,
    connection: str = "",
    payload: bytes | None = None,
    answer: int | None = None,
) -> Step:
    """Return a step of client s1."""
    request = Request(0, 0, 0, "c", method, target, headers, b"")
    return Step(number, act, "s1", connection, (0, 0), 0, 0, None, request, message, payload, answer=answer)


def out(one: Step, body: bytes = b"") -> Outgoing:
    """Return a step as it is sent: with its recorded values."""
    return Outgoing(one, one.request.target, one.request.headers, one.payload or body, one.message)


def left(one: Step, body: bytes = b"") -> Left:
    """Return a step that is being sent."""
    return Left(out(one, body), lambda: None)


def plan(*steps: Step, connections: tuple[Connection, ...] = (), told: tuple[Told, ...] = ()) -> Plan:
    """Return a plan of client s1."""
    clients = {"s1": Client("s1", connections=tuple(one.key for one in connections))}
    return Plan(steps, told, clients, {one.key: one for one in connections}, "http://gws.example")


def redirected(number: int) -> Told:
    """Return a recorded redirect."""
    return Told(number, "s1", "", (0, 0), 0, 0, response=Response(0, 0, 0, 302, (), b""))


class Script:
    """A driver that sends one step after the other, each once the one before is answered.

    Attributes:
        answers: What came back, by number of the step.
        events: What was heard: connection, channel and data.
        said: What was told of connections.
    """

    def __init__(self, *outs: Outgoing, events: int = 0) -> None:
        """Take the steps, and how many events are waited for before each further one, and at the end."""
        self._outs, self._wanted = list(outs), events
        self._sent = 0
        self.answers: dict[int, Answer] = {}
        self.events: list[tuple[str, str, Any]] = []
        self.said: list[tuple[str, str, str]] = []
        self.order: list[str] = []

    def start(self, now: float) -> None:
        self.now = now

    def due(self, now: float) -> list[Outgoing]:
        self.now = now
        if self._sent > len(self.answers) or self._sent == len(self._outs):
            return []
        self._sent += 1
        one = self._outs[self._sent - 1]
        if one.step.act in (Act.MESSAGE, Act.CLOSE):
            self.answers[one.step.number] = Answer(200)
        return [one]

    def answered(self, number: int, answer: Answer, now: float) -> None:
        self.order.append(f"answer {number}")
        self.answers.setdefault(number, answer)

    def heard(self, connection: str, event: Event, now: float) -> None:
        self.order.append(f"event {event.channel}")
        self.events.append((connection, event.channel, event.data))

    def lost(self, connection: str, text: str, now: float) -> None:
        self.said.append(("lost", connection, text))

    def gone(self, connection: str, text: str, now: float) -> None:
        self.said.append(("gone", connection, text))
        self._wanted = 0

    def deadline(self) -> float | None:
        is_done = len(self.answers) == len(self._outs) and len(self.events) >= self._wanted
        if is_done:
            return None
        may_send = self._sent == len(self.answers) and self._sent < len(self._outs)
        return self.now if may_send else self.now + 30
