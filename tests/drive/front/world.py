"""A world for the front: small servers, steps, and a driver that follows a script."""

from __future__ import annotations

import asyncio
import inspect
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Act, Answer, Client, Connection, Outgoing, Plan, Step, Told
from recorder.drive.engine.values import Values
from recorder.drive.front.run import Front
from recorder.drive.front.tap import Left, Tap
from recorder.drive.front.target import Target
from recorder.drive.front.wire import Wire
from recorder.model import Event, Headers, Request, Response
from recorder.push.rules import PushRules

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve all paths by one handler; yield the URL, which names an address, no host."""
    runner = web.ServerRunner(web.Server(handler, access_log=None, handler_cancellation=True), shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"{'https' if tls else 'http'}://{host}:{port}"
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

    async def room(self) -> None:
        """There is always room."""

    async def drained(self) -> None:
        """All is written at once."""

    def close(self, *, hurries: bool = False) -> None:
        self.is_open, self.has_hurried = False, hurries

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
        is_paused: Whether it waits for a call from outside.
    """

    is_paused = False

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

    def left(self, number: int, now: float) -> None:
        self.now = now

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


class BayeuxServer:
    """A server of Bayeux whose answers a test may change.

    Attributes:
        got: All messages that came.
        on: Answers by channel, in place of the usual ones: functions of a message that return messages, or None.
        events: What the next polls bring.
    """

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.on: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.advice: dict[str, Any] = {"reconnect": "retry", "timeout": 20_000, "interval": 0}
        self._changed, self._holds = asyncio.Event(), asyncio.Event()
        self._handshakes = 0
        self._is_over = False

    def sent_on(self, channel: str) -> list[dict[str, Any]]:
        """Return the messages that came on a channel."""
        return [message for message in self.got if message["channel"] == channel]

    def push(self, channel: str, data: Any) -> None:
        """Bring an event with the next poll."""
        self.events.append({"channel": channel, "data": data})
        self._changed.set()

    async def is_polled(self) -> None:
        """Wait until a poll is held."""
        await self._holds.wait()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade") == "websocket":
            return await self._socket(request)
        messages = await request.json()
        return web.json_response([reply for message in messages for reply in await self._replies(message)])

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async with asyncio.TaskGroup() as group:
            async for text in socket:
                for message in json.loads(text.data):
                    group.create_task(self._answer(socket, message))
            for task in asyncio.all_tasks():
                if task.get_coro().__name__ == "_answer":
                    task.cancel()
        return socket

    async def _answer(self, socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
        replies = await self._replies(message)
        if replies is CLOSE:
            await socket.close()
        elif replies:
            await socket.send_str(json.dumps(replies))

    async def _replies(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        self.got.append(message)
        channel = message["channel"]
        if channel in self.on:
            made = self.on[channel](message)
            if inspect.isawaitable(made):
                made = await made
            if made is not None:
                return made
        if channel == "/meta/connect":
            return await self._held(message)
        reply = ok(message)
        if channel == "/meta/handshake":
            self._handshakes += 1
            reply |= {"clientId": f"c{self._handshakes}", "advice": self.advice}
            reply["supportedConnectionTypes"] = ["long-polling", "websocket"]
        elif channel == "/meta/disconnect":
            self._is_over = True
            self._changed.set()
        return [reply]

    async def _held(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        if message.get("advice", {}).get("timeout") != 0 and not self.events and not self._is_over:
            self._changed.clear()
            self._holds.set()
            await self._changed.wait()
            self._holds.clear()
        events, self.events = self.events, []
        return [*events, ok(message) | {"advice": self.advice}]


CLOSE: list[dict[str, Any]] = []  # in place of replies: ends the WebSocket


def ok(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the reply to a message that is accepted."""
    about = {"subscription": message["subscription"]} if "subscription" in message else {}
    return {"channel": message["channel"], "id": message["id"], "successful": True} | about | more


async def played(
    handler: Handler,
    script: Script,
    recorded: Plan,
    *,
    allowed: Allowed | None = None,
    values: Values | None = None,
    patience: float = 5.0,
) -> Tape:
    """Play a script against a server; return the tape."""
    tape = Tape()
    async with serving(handler) as url:
        front = Front(
            script,  # type: ignore[arg-type]  # has the same methods
            recorded,
            Target.at(url),
            values=values or Values(),
            allowed=allowed or Allowed(everything=True),
            tape=tape,  # type: ignore[arg-type]  # has the same methods
            patience=patience,
        )
        async with asyncio.timeout(20):
            await front.run()
    running = [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    if running:
        raise RuntimeError(f"still running: {running}")
    return tape
