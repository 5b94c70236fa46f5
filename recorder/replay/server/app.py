"""Serve a stand-in over HTTP: plain requests are answered by `connection`, all others by aiohttp, here."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from ..engine.http import HttpRequest, HttpResponse
from ..engine.standin import StandIn
from . import cors
from .connection import Connection, Connections
from .control import Control
from .driver import BROKEN, Callbacks, ControlledStandIn, Driver
from .limits import Limits, is_upgrade, listening, read_body, server
from .writing import response

_CLOSE = {400: WSCloseCode.POLICY_VIOLATION, 413: WSCloseCode.MESSAGE_TOO_BIG, BROKEN: WSCloseCode.INTERNAL_ERROR}
_log = logging.getLogger(__name__)
_SHUTDOWN = 0.1  # seconds in which aiohttp's connections may end


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
    controls: ControlledStandIn
    connections: Callable[[], Connection]  # makes the protocol of one that was accepted elsewhere

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@asynccontextmanager
async def serve(
    standin: StandIn,
    host: str | None = "127.0.0.1",
    port: int = 0,
    *,
    watch: Callbacks = Callbacks(),  # noqa: B008  # frozen
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
    driver = Driver(standin, watch, virtual=virtual)
    others = _Others(standin, driver, limits)
    # handler_cancellation: a client that goes away must give its poll up, so that the events stay
    served = server(others.handle, limits, _log, handler_cancellation=True)
    connections = others.connections = Connections(driver, served, limits, others.owns)
    listener, bound = (None, 0) if host is None else await listening(connections, host, port)
    try:
        others.control = Control(token, bound) if token else None
        yield Address(host or "", bound, ControlledStandIn(standin, driver), connections)
    finally:
        if listener is not None:
            listener.close()
        driver.close()
        others.close()
        connections.close()
        served.pre_shutdown()
        await served.shutdown(_SHUTDOWN)


class _Others:
    """All that is unusual: WebSockets, pages that ask before they send, the control API, and odd HTTP."""

    connections: Connections
    control: Control | None = None

    def __init__(self, standin: StandIn, driver: Driver, limits: Limits) -> None:
        self._standin, self._driver, self._limits = standin, driver, limits
        self._loop = asyncio.get_running_loop()
        self._sockets: set[asyncio.Task[Any] | None] = set()

    def owns(self, target: str) -> bool:
        """Whether a request is never the stand-in's."""
        return self.control is not None and self.control.owns(target)

    def close(self) -> None:
        """End the WebSockets; aiohttp would wait for them."""
        for reader in self._sockets:
            if reader is not None:
                reader.cancel()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await read_body(request, self._limits)
        number = self._driver.number()
        connection = self.connections.names.get(request.transport, "") if request.transport is not None else ""
        headers = tuple(request.headers.items())
        incoming = HttpRequest(number, connection, request.method, request.raw_path, headers, body)
        if self.control is not None and self.control.owns(incoming.target):
            told = self.control.handle(incoming, ControlledStandIn(self._standin, self._driver))
            self._driver.schedule()
            return response(told)
        if (allowed := cors.preflight(incoming)) is not None:
            self._driver.rest()
            return response(allowed)
        if request.headers.get("Upgrade", "").lower() == "websocket" and self._standin.owns(incoming.target):
            return await self._socket(request, incoming)
        return await self._answered(request, incoming)

    async def _answered(self, request: web.BaseRequest, incoming: HttpRequest) -> web.StreamResponse:
        """A request for the stand-in: its answer has left when this returns."""
        reply: asyncio.Future[HttpResponse] = self._loop.create_future()
        try:
            self._driver.take(incoming, reply)
            answer = response(cors.readable(await reply, incoming))
            await answer.prepare(request)
            await answer.write_eof()
        except BaseException as exc:
            # the client went away, or we are closing: whatever this reply carried did not arrive
            self._driver.give_up([incoming.number])
            if isinstance(exc, ConnectionResetError):  # found out while writing; aiohttp would log a traceback
                raise asyncio.CancelledError from exc
            raise
        self._driver.sent(incoming.number)
        return answer

    async def _socket(self, request: web.BaseRequest, upgrade: HttpRequest) -> web.StreamResponse:
        """A WebSocket: each message that comes in is a request, each answer to one is a message that goes out."""
        socket = web.WebSocketResponse(max_msg_size=self._limits.body)
        if not is_upgrade(request, socket):  # nothing may be left of it
            raise web.HTTPBadRequest(text="not a WebSocket handshake\n")
        socket.headers.extend(self._standin.upgrade(upgrade))
        await socket.prepare(request)
        outbox: asyncio.Queue[HttpResponse] = asyncio.Queue()
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
                    number = self._driver.number()
                    unanswered.add(number)
                    answer: asyncio.Future[HttpResponse] = self._loop.create_future()
                    answer.add_done_callback(
                        lambda done: None if done.cancelled() else outbox.put_nowait(done.result())
                    )
                    message = upgrade._replace(number=number, method="POST", body=frame.data.encode(), on_socket=True)
                    self._driver.take(message, answer)
        finally:
            self._sockets.discard(reader)
            writer.cancel()
            self._driver.give_up(unanswered)
        return socket

    async def _write(
        self, socket: web.WebSocketResponse, outbox: asyncio.Queue[HttpResponse], unanswered: set[int]
    ) -> None:
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
                self._driver.sent(reply.number)
