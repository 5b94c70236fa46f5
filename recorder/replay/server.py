"""The stand-in's HTTP front: a pump around the sans-IO engine. Feed, collect, write, re-arm the timer."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from aiohttp import WSCloseCode, WSMsgType, web

from ..errors import UsageError
from . import cors
from .control import Control
from .faults import parse
from .limits import Limits, is_upgrade, listening, read_body, server
from .miss import Miss
from .reactions import Reactions
from .standin import Incoming, Reply, StandIn
from .writing import response

_PASSES = 6  # of the event loop, in which what has arrived gets from its socket to the stand-in
_BROKEN = 503  # in place of a status; not 500: that is what a poll gets that another one replaced
_CLOSE = {400: WSCloseCode.POLICY_VIOLATION, 413: WSCloseCode.MESSAGE_TOO_BIG, _BROKEN: WSCloseCode.INTERNAL_ERROR}
_log = logging.getLogger(__name__)


def new_id() -> str:
    """A fresh id for clientIds and cookies."""
    return secrets.token_hex(16)


def epoch() -> float:
    """What time it is when the clock of event loops, which is the monotonic one, shows 0; in UTC seconds."""
    return time.time() - time.monotonic()


def seeded_ids(seed: int) -> Callable[[], str]:
    """Ids that are the same in each run; no others should be able to reach such a stand-in."""
    numbers = count(1)
    return lambda: hashlib.sha256(f"{seed} {next(numbers)}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and how it is steered from inside its process."""

    host: str
    port: int
    steering: Steering
    connections: web.Server  # takes those that were accepted elsewhere

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Watch:
    """What is told of a stand-in while it serves.

    Attributes:
        miss: Each miss, as it happens.
        idle: Nothing came in for `idle_after` seconds, and nothing is due; told once until something comes in.
        turn: The stand-in has answered what came in.
        idle_after: Seconds.

    """

    miss: Callable[[Miss], None] = lambda _: None
    idle: Callable[[], None] = lambda: None
    turn: Callable[[], None] = lambda: None
    idle_after: float = 5.0


@asynccontextmanager
async def serve(
    standin: StandIn,
    host: str | None = "127.0.0.1",
    port: int = 0,
    *,
    watch: Watch = Watch(),  # frozen
    virtual: bool = False,
    token: str | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> AsyncIterator[Address]:
    """Serve a stand-in; yields where it listens (port 0 takes a free one).

    Args:
        standin: What to serve.
        host: Address to listen on; None for nowhere.
        port: Port to listen on.
        watch: Whom to tell what happens.
        virtual: Time stands still while a client has anything to do, and jumps to what is due next when all wait.
        token: Answer the control API to whoever shows it; where None there is no such API.
        limits: What a client may ask for.

    Raises:
        UsageError: If the address cannot be had.

    """
    limits = replace(limits, body=max(limits.body, 2 * standin.longest_body))  # what was recorded can be played
    pump = _Pump(standin, watch, limits, virtual=virtual)
    # handler_cancellation: a client that goes away must give its poll up, so that the events stay
    served = server(pump.handle, limits, _log, handler_cancellation=True)
    runner = web.ServerRunner(served, shutdown_timeout=0.1)
    await runner.setup()
    try:
        bound = 0 if host is None else await listening(runner, host, port)
        pump.control = Control(token, bound) if token else None
        yield Address(host or "", bound, Steering(standin, pump), served)
    finally:
        pump.close()
        await runner.cleanup()


class _Pump:
    def __init__(self, standin: StandIn, watch: Watch, limits: Limits, *, virtual: bool) -> None:
        self._standin, self._watch, self._limits = standin, watch, limits
        self._loop = asyncio.get_running_loop()
        self._virtual = 0.0 if virtual else None
        self._settled: asyncio.Handle | None = None
        self._reactions = Reactions()
        self._idle: asyncio.TimerHandle | None = None
        self._busy_at = 0.0
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._count = 0
        self._sockets: set[asyncio.Task[Any] | None] = set()
        self._connections: WeakKeyDictionary[asyncio.BaseTransport, str] = WeakKeyDictionary()
        self._told = 0
        self._is_closed = False
        self.control: Control | None = None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await read_body(request, self._limits)
        number = self._count = self._count + 1
        headers = tuple(request.headers.items())
        incoming = Incoming(number, self._connection(request), request.method, request.raw_path, headers, body)
        if self.control is not None and self.control.owns(incoming.target):
            told = self.control.handle(incoming, Steering(self._standin, self))
            self.schedule()
            return response(told, request)
        if (allowed := cors.preflight(incoming)) is not None:
            self._rest()
            return response(allowed, request)
        if request.headers.get("Upgrade", "").lower() == "websocket" and self._standin.owns(incoming.target):
            return await self._socket(request, incoming)
        reply = self._waiting[number] = self._loop.create_future()
        try:
            self._receive(incoming)
            ready = reply.result() if reply.done() else await reply
            answer = response(cors.readable(ready, incoming) if "Origin" in request.headers else ready, request)
            await answer.prepare(request)
            await answer.write_eof()
        except BaseException as exc:
            # the client went away, or we are closing: whatever this reply carried did not arrive
            self._give_up([number])
            if isinstance(exc, ConnectionResetError):  # found out while writing; aiohttp would log a traceback
                raise asyncio.CancelledError from exc
            raise
        finally:
            self._waiting.pop(number, None)
        self._sent(number)
        return answer

    async def _socket(self, request: web.BaseRequest, upgrade: Incoming) -> web.StreamResponse:
        """A WebSocket: each message that comes in is a request, each answer to one is a message that goes out."""
        socket = web.WebSocketResponse(max_msg_size=self._limits.body)
        if not is_upgrade(request, socket):  # nothing may be left of it
            raise web.HTTPBadRequest(text="not a WebSocket handshake\n")
        socket.headers.extend(self._standin.upgrade(upgrade))
        await socket.prepare(request)
        outbox: asyncio.Queue[Reply] = asyncio.Queue()
        unanswered: set[int] = set()
        writer = asyncio.create_task(self._write(socket, outbox, unanswered))
        self._sockets.add(reader := asyncio.current_task())
        try:
            async for frame in socket:
                if outbox.qsize() >= self._limits.unread:
                    await outbox.join()
                if frame.type is WSMsgType.BINARY:
                    await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                elif frame.type is WSMsgType.TEXT:
                    number = self._count = self._count + 1
                    unanswered.add(number)
                    answer = self._waiting[number] = self._loop.create_future()
                    answer.add_done_callback(
                        lambda done: None if done.cancelled() else outbox.put_nowait(done.result())
                    )
                    message = replace(upgrade, number=number, method="POST", body=frame.data.encode(), on_socket=True)
                    self._receive(message)
        finally:
            self._sockets.discard(reader)
            writer.cancel()
            for number in unanswered:
                self._waiting.pop(number, None)
            self._give_up(unanswered)
        return socket

    async def _write(self, socket: web.WebSocketResponse, outbox: asyncio.Queue[Reply], unanswered: set[int]) -> None:
        """Send answers in their order; an error is the end of the socket, but for a poll that another one replaced."""
        with suppress(ConnectionError):  # the reader finds out too, and gives up what is unanswered
            while True:
                reply = await outbox.get()
                if reply.status == 200:
                    await socket.send_str(reply.body.decode())
                elif reply.status != 500:
                    await socket.close(code=_CLOSE.get(reply.status, WSCloseCode.GOING_AWAY))
                outbox.task_done()
                unanswered.discard(reply.number)
                self._waiting.pop(reply.number, None)
                self._sent(reply.number)

    def _sent(self, number: int) -> None:
        self._standin.sent(number)
        if self._virtual is not None:
            self._reactions.sent(self._loop.time())

    def _give_up(self, numbers: Iterable[int]) -> None:
        """A client hung up: those that wait may be all that are left, and time goes on for them."""
        for number in numbers:
            self._standin.abort(number)
        self.schedule()
        self._rest()

    def _receive(self, incoming: Incoming) -> None:
        if self._virtual is not None:
            self._reactions.came(self._loop.time())
        try:
            self._standin.receive(incoming, self.now())
        except Exception:  # noqa: BLE001  # an error of ours must not become a client that waits for ever
            _log.exception("the stand-in broke on %s %s", incoming.method, incoming.target)
            self._break([incoming.number])
        if self._virtual is None:
            self._pump()  # each further turn of the loop asks the kernel what is new
        else:
            self.schedule()
        self._rest()

    def _break(self, numbers: list[int]) -> None:
        """Our fault: tell who waits, rather than let it wait for ever."""
        for number in numbers:
            waiting = self._waiting.get(number)
            if waiting is not None and not waiting.done():
                waiting.set_result(Reply(number, _BROKEN, (), b"the stand-in broke, its log tells why\n"))

    def close(self) -> None:
        """End the timers, the held requests and the WebSockets; the HTTP server would wait for these."""
        self._is_closed = True
        for handle in (self._timer, self._soon, self._settled, self._idle):
            if handle is not None:
                handle.cancel()
        for waiting in (*self._waiting.values(), *self._sockets):
            if waiting is not None:
                waiting.cancel()

    def _connection(self, request: web.BaseRequest) -> str:
        if request.transport is None:
            return ""
        known = self._connections.get(request.transport)
        if known is None:
            known = self._connections[request.transport] = f"c{self._count}"
        return known

    def schedule(self) -> None:
        """Pump at the end of this turn of the loop: requests that come together are answered together."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self._pump_soon)

    def _pump_soon(self) -> None:
        self._soon = None
        self._pump()

    def _pump(self) -> None:
        for reply in self._replies():
            waiting = self._waiting.get(reply.number)
            if waiting is None or waiting.done():
                self._standin.abort(reply.number)
                self.schedule()
            else:
                waiting.set_result(reply)
        while self._told < len(self._standin.misses):
            self._watch.miss(self._standin.misses[self._told])
            self._told += 1
        self._set_timer()
        self._watch.turn()

    def _replies(self) -> list[Reply]:
        try:
            return self._standin.replies(self.now())
        except Exception:  # noqa: BLE001  # likewise
            _log.exception("the stand-in broke")
            self._break(list(self._waiting))
            return []

    def _set_timer(self) -> None:
        deadline = self._standin.deadline() if self._virtual is None else None
        if self._timer is not None:
            if self._timer.when() == deadline:
                return
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._pump_on_time)

    def _pump_on_time(self) -> None:
        self._timer = None
        self._pump()

    # -- time

    def advance(self, seconds: float) -> None:
        """Move the virtual clock, and stop wherever something is due."""
        if self._virtual is None:
            raise UsageError("the clock is the wall's and cannot be moved; start with --clock virtual")
        end = self._virtual + seconds
        while (deadline := self._standin.deadline()) is not None and deadline <= end:
            self._virtual = max(self._virtual, deadline)
            self._pump()
        self._virtual = end
        self._pump()

    def now(self) -> float:
        return self._loop.time() if self._virtual is None else self._virtual

    def _rest(self) -> None:
        """Something came in: begin anew to wait for nothing to come."""
        if self._is_closed:
            return
        self._busy_at = self._loop.time()
        if self._idle is None:
            self._idle = self._loop.call_at(self._busy_at + self._watch.idle_after, self._on_idle)
        if self._virtual is not None:
            if self._settled is not None:
                self._settled.cancel()
            self._settle()

    def _settle(self) -> None:
        self._settled = self._loop.call_later(self._reactions.settle, self._look, _PASSES)

    def _look(self, passes: int) -> None:
        """Let the loop read what lies in the sockets: a request that is there already came before the jump."""
        self._settled = self._loop.call_soon(self._look, passes - 1) if passes else self._loop.call_soon(self._jump)

    def _jump(self) -> None:
        """Move the virtual clock to what is due next, if every client waits."""
        due = self._standin.next_due
        if due is None or self._virtual is None or not self._standin.is_parked:
            return
        self._virtual = max(self._virtual, due)
        self._pump()
        self._settle()

    def _on_idle(self) -> None:
        """The time is over, unless something came in meanwhile, or something will happen by itself."""
        due = self._standin.next_due if self._virtual is None else None
        until = max(self._busy_at, due or 0.0) + self._watch.idle_after
        if until > self._loop.time():
            self._idle = self._loop.call_at(until, self._on_idle)
        else:
            self._idle = None
            self._watch.idle()


class Steering:
    """What the control API steers, or who runs the server: a stand-in by its pump's clock, in its event loop."""

    def __init__(self, standin: StandIn, pump: _Pump) -> None:
        self._standin, self._pump = standin, pump
        self.report, self.inject, self.clear_faults = standin.report, standin.inject, standin.faults.clear
        self.advance = pump.advance

    def state(self) -> dict[str, Any]:
        return self._standin.state(self._pump.now())

    def pause(self) -> None:
        self._standin.pause(self._pump.now())

    def resume(self) -> None:
        self._standin.resume(self._pump.now())
        self._pump.schedule()

    def step(self) -> str | None:
        return self._standin.step(self._pump.now())

    def add_fault(self, text: str) -> None:
        self._standin.faults.add([parse(text)])
