"""Drives a stand-in by a clock: feed, collect, hand replies to who waits for them, re-arm the timer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from ...errors import UsageError
from ..engine.faults import parse
from ..engine.http import HttpRequest, HttpResponse
from ..engine.miss import Miss
from ..engine.standin import ReplayEngine

_LEAST, _MOST = 0.002, 0.01  # seconds without a request after which they have reacted
_TIMES = 2  # what they lately took, for that tells how fast they and the machine are
_THOUGHT = 0.1  # seconds from which on it was no reaction
_MEMORY = 0.8  # of the slowest reaction is left after each further one


class ReactionTimes:
    """Measures how soon a request follows an answer."""

    def __init__(self) -> None:
        """Clients are slow until they show otherwise."""
        self._slowest = _MOST / _TIMES
        self._sent: float | None = None

    def sent(self, now: float) -> None:
        """Note that an answer left, at `now` seconds of a monotonic clock."""
        self._sent = now

    def came(self, now: float) -> None:
        """Note that a request came; the first one after an answer is a reaction to it."""
        if self._sent is not None and now - self._sent < _THOUGHT:
            self._slowest = max(now - self._sent, _MEMORY * self._slowest)
        self._sent = None

    @property
    def settle(self) -> float:
        """Seconds without a request after which nobody is about to send one."""
        return min(_MOST, max(_LEAST, _TIMES * self._slowest))


BROKEN = 503  # in place of a status; not 500: that is what a poll gets that another one replaced
_PASSES = 6  # of the event loop, in which what has arrived gets from its socket to the stand-in
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Callbacks:
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


class Waiter(Protocol):
    """Who waits for a reply; a future is one."""

    def done(self) -> bool:
        """Whether it waits no more."""

    def set_result(self, reply: HttpResponse, /) -> None:
        """Take the reply."""

    def cancel(self) -> Any:
        """There will be none: the server ends."""


class Driver:
    """A stand-in on the wall's clock, or on a virtual one."""

    def __init__(self, standin: ReplayEngine, watch: Callbacks, *, virtual: bool) -> None:
        """Start the clock; `virtual`: it stands still while a client has anything to do."""
        self._standin, self._watch = standin, watch
        self._loop = asyncio.get_running_loop()
        self._virtual = 0.0 if virtual else None
        self._settled: asyncio.Handle | None = None
        self._reactions = ReactionTimes()
        self._idle: asyncio.TimerHandle | None = None
        self._busy_at = 0.0
        self._waiting: dict[int, Waiter] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._count = 0
        self._told = 0
        self._is_closed = False

    def number(self) -> int:
        """Return a number for a request."""
        self._count += 1
        return self._count

    def take(self, incoming: HttpRequest, waiting: Waiter) -> None:
        """Take a request; its waiter gets the reply, perhaps at once."""
        self._waiting[incoming.number] = waiting
        now = self.now()
        if self._virtual is not None:
            self._reactions.came(self._loop.time())
        try:
            self._standin.receive(incoming, now)
        except Exception:  # noqa: BLE001  # an error of ours must not become a client that waits for ever
            _log.exception("the stand-in broke on %s %s", incoming.method, incoming.target)
            self._break([incoming.number])
        if self._virtual is None:
            self._turn(now)  # each further turn of the loop asks the kernel what is new
        else:
            self.schedule()
        self.rest()

    def sent(self, number: int) -> None:
        """Note that a reply has left."""
        self._standin.sent(number)
        if self._virtual is not None:
            self._reactions.sent(self._loop.time())

    def give_up(self, numbers: Iterable[int]) -> None:
        """Give up requests whose client hung up; a virtual clock may go on for the others."""
        for number in numbers:
            self._waiting.pop(number, None)
            self._standin.abort(number)
        self.schedule()
        self.rest()

    def refused(self, found: Miss) -> None:
        """Report and count a request that cannot be served, like a miss."""
        self._standin.refuse(found)
        self._tell()
        self.rest()

    def close(self) -> None:
        """End the timers, and the waiting for replies."""
        self._is_closed = True
        for handle in (self._timer, self._soon, self._settled, self._idle):
            if handle is not None:
                handle.cancel()
        for waiting in list(self._waiting.values()):
            waiting.cancel()

    def schedule(self) -> None:
        """Collect replies at the end of this turn of the loop: requests that come together are answered together."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self._turn_soon)

    def _turn_soon(self) -> None:
        self._soon = None
        self._turn(self.now())

    def _turn(self, now: float) -> None:
        for reply in self._replies(now):
            waiting = self._waiting.pop(reply.number, None)
            if waiting is None or waiting.done():
                self._standin.abort(reply.number)
                self.schedule()
            else:
                waiting.set_result(reply)
        self._tell()
        self._set_timer()
        self._watch.turn()

    def _tell(self) -> None:
        """Tell of the misses that were not told yet."""
        while self._told < len(self._standin.misses):
            self._watch.miss(self._standin.misses[self._told])
            self._told += 1

    def _replies(self, now: float) -> list[HttpResponse]:
        try:
            return self._standin.replies(now)
        except Exception:  # noqa: BLE001  # likewise
            _log.exception("the stand-in broke")
            self._break(list(self._waiting))
            return []

    def _break(self, numbers: list[int]) -> None:
        """Our fault: tell who waits, rather than let it wait for ever."""
        for number in numbers:
            waiting = self._waiting.pop(number, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(HttpResponse(number, BROKEN, (), b"the stand-in broke, its log tells why\n"))

    def _set_timer(self) -> None:
        deadline = self._standin.deadline() if self._virtual is None else None
        if self._timer is not None:
            if self._timer.when() == deadline:
                return
            self._timer.cancel()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._turn_on_time)

    def _turn_on_time(self) -> None:
        self._timer = None
        self._turn(self.now())

    # -- time

    def now(self) -> float:
        """Seconds of the clock that the stand-in plays by."""
        return self._loop.time() if self._virtual is None else self._virtual

    def advance(self, seconds: float) -> None:
        """Move the virtual clock, and stop wherever something is due.

        Raises:
            UsageError: If the clock is the wall's.

        """
        if self._virtual is None:
            raise UsageError("the clock is the wall's and cannot be moved; start with --clock virtual")
        end = self._virtual + seconds
        while (deadline := self._standin.deadline()) is not None and deadline <= end:
            self._virtual = max(self._virtual, deadline)
            self._turn(self.now())
        self._virtual = end
        self._turn(self.now())

    def rest(self) -> None:
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
        self._turn(self.now())
        self._settle()

    def _on_idle(self) -> None:
        """Report idleness, unless a request came in meanwhile or a step will leave by itself."""
        due = self._standin.next_due if self._virtual is None else None
        until = max(self._busy_at, due or 0.0) + self._watch.idle_after
        if until > self._loop.time():
            self._idle = self._loop.call_at(until, self._on_idle)
        else:
            self._idle = None
            self._watch.idle()


class ControlledStandIn:
    """What the control API steers, or who runs the server: a stand-in by its driver's clock, in its event loop."""

    def __init__(self, standin: ReplayEngine, driver: Driver) -> None:
        """Steer the stand-in of a driver."""
        self._standin, self._driver = standin, driver
        self.report, self.inject, self.clear_faults = standin.report, standin.inject, standin.faults.clear
        self.advance = driver.advance

    def state(self) -> dict[str, Any]:
        """See `control.Controlled`."""
        return self._standin.state(self._driver.now())

    def pause(self) -> None:
        """Likewise."""
        self._standin.pause(self._driver.now())

    def resume(self) -> None:
        """Likewise."""
        self._standin.resume(self._driver.now())
        self._driver.schedule()

    def step(self) -> str | None:
        """Likewise."""
        return self._standin.step(self._driver.now())

    def add_fault(self, text: str) -> None:
        """Likewise."""
        self._standin.faults.add([parse(text)])
