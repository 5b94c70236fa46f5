"""Play a driver against a server on gevent: send what is due, tell what comes, and end in order.

This is the pump of `drive.front.run`, for many clients in one thread: it has no event loop, records nothing, and tells
a watch when each thing left and came.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import gevent
from gevent.event import Event as Flag

from ...bayeux.messages import Message
from ...drive.engine.allowing import Allowed
from ...drive.engine.driver import Driver
from ...drive.engine.plan import BAYEUX, Act, Answer, Outgoing, Plan, Step
from ...drive.engine.values import Login, Values
from ...drive.front.requests import PAUSE, answer_of, requests_of, taken, was_redirected
from ...drive.front.tap import Left, Sending, Tap
from ...errors import UpstreamError
from ...model import Event, Record
from ...push.rules import PushRules
from .bayeux import Talk
from .channel import Channel
from .connection import Connection
from .server import Server
from .wire import Unsent, Wire, reason_of

_NANO = 1e9
_SEEN = 0.2  # seconds in which a poll reaches the server, before another window shakes hands on its own connection
_PATIENCE = 5.0  # seconds in which a step that cannot leave is tried again
_SLACK = 60.0  # seconds in which a step leaves: many clients in one thread wait for each other
_LOGIN = 30.0  # seconds for the answer to a login


class Watch(Protocol):
    """A listener to what leaves and comes; all times are seconds of `time.monotonic`."""

    def left(self, step: Step, at: float) -> None:
        """Take it that a step leaves now."""
        ...

    def answered(self, step: Step, answer: Answer, at: float) -> None:
        """Take the answer to a step, or the reason why none came."""
        ...

    def heard(self, told: int | None, at: float) -> None:
        """Take an event: its number in `Plan.told`, None for one that was not recorded."""
        ...


class Player:
    """One run of a plan on gevent."""

    def __init__(
        self,
        driver: Driver,
        plan: Plan,
        server: Server,
        *,
        values: Values,
        allowed: Allowed,
        rules: PushRules | None,
        watch: Watch,
        patience: float = _PATIENCE,
        keep: Callable[[Record], None] | None = None,
    ) -> None:
        """Prepare; `run` plays.

        Args:
            driver: Says what leaves when; not begun.
            plan: The plan that it plays.
            server: The server.
            values: Cookies and logins that the user gave.
            allowed: What the user allowed. It is asked again right before each step leaves, with its live values.
            rules: What the dialect says about push without Bayeux.
            watch: Is told what leaves and comes.
            patience: Seconds in which a step that cannot leave at all is tried again.
            keep: Is called with each record of what is on the wire, in the clear.

        """
        self._driver, self._plan, self._server, self._values = driver, plan, server, values
        self._allowed, self._watch, self._patience = allowed, watch, patience
        self._tap = Tap(rules or PushRules(), time.monotonic_ns, None, self._heard, self._replied, keep)
        self._wires: dict[str, Wire] = {}
        self._talks: dict[str, Talk] = {}
        self._channels: dict[str, Channel] = {}
        self._before: dict[str, Flag] = {}  # by client: its last step has left, or never will
        self._steps: set[gevent.Greenlet] = set()
        self._woken = Flag()
        self._failure: BaseException | None = None

    def run(self, until: float | None = None) -> None:
        """Play to the end of the drive, or to a time; whatever happens, disconnect in order.

        Args:
            until: Time of `time.monotonic` at which nothing more is sent; None for none.

        Raises:
            UpstreamError: If the server cannot be reached at the begin, or a login fails.

        """
        first = Connection(self._server.reach())
        try:
            self._open(first)
            self._play(until)
        finally:
            self._end()

    def _open(self, first: Connection) -> None:
        for name, client in self._plan.clients.items():
            cookies = self._values.cookies(client)
            wire = Wire(name, self._server, self._tap, hosts=self._plan.hosts, cookies=cookies)
            if not self._wires:
                wire.keep(first)
            self._wires[name] = wire
        if not self._wires:
            first.close()
        for name in self._plan.clients:
            login = self._values.login(name)
            if login is not None:
                _log_in(self._wires[name], login, self._values)

    def _play(self, until: float | None) -> None:
        self._driver.on_event, self._driver.slack = self._came, _SLACK
        self._driver.start(time.monotonic())
        while True:
            self._woken.clear()
            now = time.monotonic()
            if until is not None and now >= until:
                return
            for out in self._driver.due(now):
                self._send(out)
            if self._failure is not None:
                raise self._failure
            deadline = self._driver.deadline()
            if deadline is None and not self._driver.is_paused:
                return
            times = [at for at in (deadline, until) if at is not None]
            self._woken.wait(max(0.0, min(times) - time.monotonic()) if times else None)

    def _end(self) -> None:
        """Disconnect in order; the server may be gone, so each step of it has a limit of its own."""
        gevent.killall(list(self._steps))
        ends = [talk.end for talk in self._talks.values()] + [one.close for one in self._channels.values()]
        gevent.joinall([gevent.spawn(end) for end in ends])
        for wire in self._wires.values():
            wire.close()

    # -- steps

    def _send(self, out: Outgoing) -> None:
        """Send a step in a greenlet; its bytes leave after those of the step before it of its client."""
        has_left = Flag()
        before, self._before[out.step.client] = self._before.get(out.step.client), has_left

        def mark() -> None:
            now = time.monotonic()
            self._watch.left(out.step, now)
            self._driver.left(out.step.number, now)
            has_left.set()
            self._woken.set()  # patience begins now, so there is an earlier deadline

        self._steps.add(self._spawn(self._step, Left(out, mark), before, has_left))

    def _spawn(self, function: Callable[..., None], *arguments: object) -> gevent.Greenlet:
        """Run a function in a greenlet; `run` raises what goes wrong in it."""
        greenlet = gevent.spawn(function, *arguments)
        greenlet.rawlink(self._has_ended)
        return greenlet

    def _has_ended(self, greenlet: gevent.Greenlet) -> None:
        self._steps.discard(greenlet)
        if greenlet.exception is not None:
            self._failure = greenlet.exception
            self._woken.set()

    def _step(self, left: Left, before: Flag | None, has_left: Flag) -> None:
        out = left.out
        try:
            if before is not None:
                before.wait()
            if not self._allowed.permits_sent(out):
                self._answered(out, Answer(None, failure="it is not allowed, and was not sent"))
            elif out.step.act in BAYEUX:
                if out.step.act is Act.HANDSHAKE:
                    self._shakes(out.step)
                self._talk(out.step.connection).send(left)
            elif out.step.act is Act.CALL:
                self._ready(out.step.client)
                self._answered(out, self._call(left))
            else:
                self._play_channel(left)
        except UpstreamError as exc:
            self._answered(out, Answer(None, failure=str(exc)))
        finally:
            has_left.set()

    def _call(self, left: Left) -> Answer:
        """Send a step that is a plain request, and return what came back for it."""
        out, wire = left.out, self._wires[left.out.step.client]
        head, until = wire.head(out.headers), time.monotonic() + self._patience
        follows = not was_redirected(self._plan, out.step)
        while True:
            sending = Sending(out.step.client, out.step.request.method, out.target, out.body, left=left)
            try:
                return answer_of(wire.fetch(sending, head, follows=follows))
            except OSError as exc:
                if left.has_left or isinstance(exc, Unsent) or time.monotonic() > until:
                    return Answer(None, failure=reason_of(exc))
            gevent.sleep(PAUSE)

    def _shakes(self, step: Step) -> None:
        """End the session whose place a handshake takes; without one it opens another window of those that are there.

        A server may take the session of a client that shakes hands again, and does not poll, for one that was left.
        """
        before = self._plan.connections[step.connection].replaces
        for key, talk in list(self._talks.items()):
            if key == before:
                talk.abandon()
            elif key != step.connection and talk.connection.client == step.client:
                talk.is_there()
                gevent.sleep(_SEEN)

    def _ready(self, client: str) -> None:
        """Wait until lost connections of a client are there again: the server would have nobody to tell an event."""
        for key in self._plan.clients[client].connections:
            if key in self._talks:
                self._talks[key].is_up()

    def _play_channel(self, left: Left) -> None:
        channel = self._channel(left.out.step.connection)
        match left.out.step.act:
            case Act.MESSAGE:
                channel.send(left)
            case Act.CLOSE:
                left()
                channel.close()
            case act:
                channel.begin(left, is_socket=act is Act.SOCKET)

    def _channel(self, key: str) -> Channel:
        if key not in self._channels:
            connection, requests = self._plan.connections[key], requests_of(self._plan, key)
            events = [told.event for told in self._plan.told if told.connection == key and told.event is not None]
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
                spawn=self._spawn,
                patience=self._patience,
            )
        return self._channels[key]

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
                spawn=self._spawn,
                patience=self._patience,
            )
        return self._talks[key]

    # -- what comes

    def _answered(self, out: Outgoing, answer: Answer) -> None:
        now = time.monotonic()
        self._watch.answered(out.step, answer, now)
        self._driver.answered(out.step.number, answer, now)
        self._woken.set()

    def _heard(self, connection: str, event: Event) -> None:
        self._driver.heard(connection, event, time.monotonic())
        self._woken.set()

    def _came(self, told: int | None, event: Event) -> None:
        self._watch.heard(told, event.t / _NANO)

    def _replied(self, connection: str, reply: Message) -> None:
        talk = self._talks.get(connection)
        if talk is not None:
            talk.replied(reply)

    def _lost(self, connection: str, text: str) -> None:
        self._driver.lost(connection, text, time.monotonic())
        self._woken.set()

    def _gone(self, connection: str, text: str) -> None:
        self._driver.gone(connection, text, time.monotonic())
        self._woken.set()


def _log_in(wire: Wire, login: Login, values: Values) -> None:
    """Send the login of a client; `values` has its token afterwards, and the wire its cookies.

    Raises:
        UpstreamError: If the server refuses it, or its answer has no token. The text has no value.

    """
    sending = Sending(wire.client, login.method, login.target, login.body)
    try:
        found = wire.fetch(sending, wire.head(login.headers), within=_LOGIN)
    except OSError as exc:
        raise UpstreamError(f"the login {login.title} of client {wire.client!r} failed: {reason_of(exc)}") from exc
    taken(wire.client, login, answer_of(found), values)
