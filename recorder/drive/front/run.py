"""Play a driver against a server: send what is due, tell what comes, and end in order.

This front is a pump. What leaves when is the driver's business (`drive.engine.driver`); how a Bayeux session is kept
is that of aiocometd (`bayeux.py`).
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ...errors import RecorderError, UpstreamError
from ...model import Event, Record
from ...push.rules import PushRules
from ..engine.allowing import Allowed
from ..engine.driver import Driver
from ..engine.plan import BAYEUX, Act, Answer, Outgoing, Plan, Step
from ..engine.values import Values
from .bayeux import Talk
from .http import call
from .login import log_in
from .requests import requests_of
from .streams import Channel
from .tap import Left, Tap
from .tape import Tape
from .target import Target, unreachable
from .wire import Wire

_REACH = 10.0  # seconds for the first connection
_SEEN = 0.2  # seconds in which a poll reaches the server, before another window shakes hands on its own connection
_PATIENCE = 5.0  # seconds in which a step that cannot leave is tried again


class Front:
    """The connections of one drive."""

    def __init__(
        self,
        driver: Driver,
        plan: Plan,
        target: Target,
        *,
        values: Values,
        allowed: Allowed,
        rules: PushRules | None = None,
        tape: Tape | None = None,
        on_turn: Callable[[], None] | None = None,
        patience: float = _PATIENCE,
        keep: Callable[[Record], None] | None = None,
    ) -> None:
        """Prepare; `run` plays.

        Args:
            driver: Says what leaves when; not begun.
            plan: The plan that it plays.
            target: The server.
            values: Cookies and logins that the user gave.
            allowed: What the user allowed. It is asked again right before each step leaves, with its live values.
            rules: What the dialect says about push without Bayeux.
            tape: Records the drive; `run` opens and closes it. None records nothing.
            on_turn: Is called after each turn, in which something was sent or came.
            patience: Seconds in which a step that cannot leave at all is tried again.
            keep: Is called with each record of what is on the wire, in the clear.

        """
        self._driver, self._plan, self._target, self._values = driver, plan, target, values
        self._allowed, self._tape, self._on_turn, self._patience = allowed, tape, on_turn, patience
        self._tap = Tap(rules or PushRules(), time.monotonic_ns, tape, self._heard, self._replied, keep)
        self._wires: dict[str, Wire] = {}
        self._talks: dict[str, Talk] = {}
        self._channels: dict[str, Channel] = {}
        self._events: defaultdict[str, list[Event]] = defaultdict(list)  # recorded, by connection
        for told in plan.told:
            if told.event is not None:
                self._events[told.connection].append(told.event)
        self._before: dict[str, asyncio.Event] = {}  # by client: its last step has left, or never will
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Play to the end of the drive; whatever happens, disconnect in order and close the tape.

        Raises:
            UpstreamError: If the server cannot be reached at the begin, or a login fails.
            UsageError: If the cassette of the tape, or a file of certificates cannot be used.
            CaptureError: If the drive can no longer be recorded.

        """
        await reach(self._target)
        if self._tape is not None:
            self._tape.open()
        is_cancelled = False
        try:
            async with asyncio.TaskGroup() as group:
                try:
                    await self._play(group)
                finally:
                    await self._end()
        except asyncio.CancelledError:
            is_cancelled = True
            raise
        except BaseExceptionGroup as exc:
            raise _first(exc) from exc
        finally:
            await self._close_tape(hurries=is_cancelled)

    async def _close_tape(self, *, hurries: bool) -> None:
        """Write what waits, and close the cassette; the user may interrupt this, too."""
        if self._tape is None:
            return
        try:
            if not hurries:
                await self._tape.drained()
        except asyncio.CancelledError:
            hurries = True
            raise
        finally:
            self._tape.close(hurries=hurries)

    def wake(self) -> None:
        """Ask the driver again what is due: somebody else told it something."""
        self._woken.set()

    async def _play(self, group: asyncio.TaskGroup) -> None:
        for name, client in self._plan.clients.items():
            self._wires[name] = Wire(
                name, self._target, self._tap, hosts=self._plan.hosts, cookies=self._values.cookies(client)
            )
            login = self._values.login(name)
            if login is not None:
                await log_in(self._wires[name], login, self._values)
        self._driver.start(self._now())
        while True:
            self._woken.clear()
            for out in self._driver.due(self._now()):
                self._send(out, group)
            if self._on_turn is not None:
                self._on_turn()
            if self._tape is not None and self._tape.failure is not None:
                raise self._tape.failure
            deadline = self._driver.deadline()
            if deadline is None and not self._driver.is_paused:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await self._woken.wait()

    async def _end(self) -> None:
        """Disconnect in order; the server may be gone, so each step of it has a limit of its own."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(
            *(talk.end() for talk in self._talks.values()), *(channel.close() for channel in self._channels.values())
        )
        await asyncio.gather(*(wire.close() for wire in self._wires.values()))

    # -- steps

    def _send(self, out: Outgoing, group: asyncio.TaskGroup) -> None:
        """Send a step in a task; its bytes leave after those of the step before it of its client."""
        has_left = asyncio.Event()
        before, self._before[out.step.client] = self._before.get(out.step.client), has_left
        task = group.create_task(self._step(Left(out, has_left.set), before, has_left, group))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _step(
        self, left: Left, before: asyncio.Event | None, has_left: asyncio.Event, group: asyncio.TaskGroup
    ) -> None:
        out = left.out
        try:
            if before is not None:
                await before.wait()
            if not self._allowed.permits_sent(out):
                self._answered(out, Answer(None, failure="it is not allowed, and was not sent"))
            elif out.step.act in BAYEUX:
                if out.step.act is Act.HANDSHAKE:
                    await self._shakes(out.step)
                await self._talk(out.step.connection).send(left)
            elif out.step.act is Act.CALL:
                await self._ready(out.step.client)
                self._answered(out, await call(self._wires[out.step.client], self._plan, left, self._patience))
            else:
                await self._play_channel(left, group)
        except UpstreamError as exc:
            self._answered(out, Answer(None, failure=str(exc)))
        finally:
            has_left.set()

    async def _shakes(self, step: Step) -> None:
        """End the session whose place a handshake takes; without one it opens another window of those that are there.

        A server may take the session of a client that shakes hands again, and does not poll, for one that was left.
        """
        before = self._plan.connections[step.connection].replaces
        for key, talk in list(self._talks.items()):
            if key == before:
                await talk.abandon()
            elif key != step.connection and talk.connection.client == step.client:
                await talk.is_there()
                await asyncio.sleep(_SEEN)

    async def _ready(self, client: str) -> None:
        """Wait until lost connections of a client are there again: the server would have nobody to tell an event."""
        for key in self._plan.clients[client].connections:
            if key in self._talks:
                with suppress(TimeoutError):
                    await self._talks[key].is_up()

    async def _play_channel(self, left: Left, group: asyncio.TaskGroup) -> None:
        channel = self._channel(left.out.step.connection)
        match left.out.step.act:
            case Act.MESSAGE:
                await channel.send(left)
            case Act.CLOSE:
                left()
                await channel.close()
            case act:
                channel.begin(left, group, is_socket=act is Act.SOCKET)

    def _talk(self, key: str) -> Talk:
        if key not in self._talks:
            connection = self._plan.connections[key]
            self._talks[key] = Talk(
                connection,
                self._wires[connection.client],
                answered=self._answered,
                lost=self._lost,
                gone=self._gone,
                allows=self._allowed.permits_sent,
                patience=self._patience,
            )
        return self._talks[key]

    def _channel(self, key: str) -> Channel:
        if key not in self._channels:
            connection, requests = self._plan.connections[key], requests_of(self._plan, key)
            events = self._events[key]
            exchanges = {event.exchange for event in events} | {request.exchange for request in requests}
            self._channels[key] = Channel(
                connection,
                self._wires[connection.client],
                requests=requests,
                openings=len(exchanges),
                expected=len(events),
                answered=self._answered,
                lost=self._lost,
                gone=self._gone,
                patience=self._patience,
            )
        return self._channels[key]

    # -- what comes

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _answered(self, out: Outgoing, answer: Answer) -> None:
        self._driver.answered(out.step.number, answer, self._now())
        self._woken.set()

    def _heard(self, connection: str, event: Event) -> None:
        self._driver.heard(connection, event, self._now())
        self._woken.set()

    def _replied(self, connection: str, reply: dict[str, Any]) -> None:
        talk = self._talks.get(connection)
        if talk is not None:
            talk.replied(reply)

    def _lost(self, connection: str, text: str) -> None:
        self._driver.lost(connection, text, self._now())
        self._woken.set()

    def _gone(self, connection: str, text: str) -> None:
        self._driver.gone(connection, text, self._now())
        self._woken.set()


async def reach(target: Target) -> None:
    """Open a connection to a server, and close it.

    Raises:
        UpstreamError: If that is not possible.

    """
    tls, address = target.tls(), target.address
    context: ssl.SSLContext | None = None
    if address.scheme == "https":
        context = tls if isinstance(tls, ssl.SSLContext) else _trusting()
    try:
        async with asyncio.timeout(_REACH):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    except OSError as exc:  # of TLS, too, and timeouts
        raise unreachable(address, exc) from exc
    writer.close()
    with suppress(OSError):  # it was there; how it leaves does not matter
        await writer.wait_closed()


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error of a group that the user should see: one of ours before others."""
    found: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending.extend(error.exceptions)
        else:
            found.append(error)
    return next((error for error in found if isinstance(error, RecorderError)), found[0])
