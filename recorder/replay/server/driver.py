"""Drive a stand-in by a clock: feed requests, collect replies, hand each reply to its waiter, re-arm the timer.

A virtual clock jumps to the next due step when every client waits in a poll. A client that has just got an answer may
be about to send its next request, and the server cannot see that. So the driver waits before each jump a little longer
than clients lately took to react, and reads the sockets empty.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from ...errors import UsageError
from ..engine.faults import parse
from ..engine.http import HttpRequest, HttpResponse, Reply
from ..engine.miss import Miss
from ..engine.orders.deviations import Deviation
from ..engine.orders.played import Order
from ..engine.orders.player import OrderedPlayer
from ..engine.orders.schedule import Kept, Schedule
from ..engine.standin import ReplayEngine
from ..engine.status import unheard_text
from ..engine.witness import Witness
from .clocks.patience import LEAST, MOST, TICK, Patience, ReactionTimes

BROKEN = 503  # status of an error in the stand-in; not 500, which answers a poll that a later poll replaced
_PATIENCE = 2.0  # seconds for a client to shake hands, after an event came due to it
_PASSES = 6  # turns of the event loop that bring bytes from a socket to the stand-in
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Functions that the driver calls while a stand-in serves.

    Attributes:
        miss: Called with each miss, as it happens.
        idle: Called when no request came in for `idle_after` seconds and nothing is due; once until the next request.
        turn: Called after each turn of the driver, when the due replies were handed out.
        idle_after: Seconds without a request before `idle` is called.
        witness: Remembers all requests and replies; None remembers nothing.

    """

    miss: Callable[[Miss], None] = lambda _: None
    idle: Callable[[], None] = lambda: None
    turn: Callable[[], None] = lambda: None
    idle_after: float = 5.0
    witness: Witness | None = None


class Waiter(Protocol):
    """An object that waits for the reply to a request, and its pieces; its methods are those of `asyncio.Future`."""

    def done(self) -> bool:
        """Return whether the object does not wait any more."""

    def set_result(self, reply: Reply, /) -> None:
        """Take the reply, or after one with `more` a piece of the stream or WebSocket."""

    def cancel(self) -> Any:
        """End the waiting without a reply: the server ends."""


class Driver:
    """The driver of a stand-in, on the wall's clock or on a virtual clock."""

    def __init__(self, standin: ReplayEngine, watch: Callbacks, *, virtual: bool) -> None:
        """Start the clock of a stand-in; a virtual clock stands still while a client is busy."""
        self._standin, self._watch, self._witness = standin, watch, watch.witness
        self._loop = asyncio.get_running_loop()
        self._virtual = 0.0 if virtual else None
        self._settled: asyncio.Handle | None = None
        self._reactions = ReactionTimes(is_exact=standin.ordered is not None)
        self._idle: asyncio.TimerHandle | None = None
        self._patience = Patience(is_virtual=virtual)
        self._waiting: dict[int, Waiter] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._count = self.refusals = 0
        self._told = 0
        self._waiting_clients = 0
        self._told_clients: set[str] = set()
        self._unheard: asyncio.Handle | None = None
        self._held: asyncio.TimerHandle | None = None  # looks whether what is held back must be let go
        self._is_closed = False

    def number(self) -> int:
        """Return a number for a new request, unique in this driver."""
        self._count += 1
        return self._count

    @property
    def numbered(self) -> int:
        """Number of requests so far."""
        return self._count

    def take(self, incoming: HttpRequest, waiting: Waiter | None) -> None:
        """Feed a request to the stand-in; `waiting` is given the reply, possibly before this method returns.

        None waits for a message on a plain WebSocket, which gets no reply.
        """
        if waiting is not None:
            self._waiting[incoming.number] = waiting
        now = self.now()
        if self._virtual is not None:
            self._reactions.came(self._loop.time())
            self._standin.dates.ahead = self._loop.time() - self._virtual  # a client's own clock is the wall's
            if self._standin.ordered is not None:
                self._standin.ordered.clients_now = self._loop.time()
        if self._witness is not None:
            self._witness.came(incoming, now)
        try:
            self._standin.receive(incoming, now)
        except Exception:  # noqa: BLE001  # after an error of ours, the client must still get an answer
            _log.exception("the stand-in failed on %s %s", incoming.method, incoming.target)
            self._break([incoming.number])
        if self._virtual is None:
            self._turn(now)  # at once, because each further turn of the event loop costs a system call
        else:
            self.schedule()
        self.rest()

    def hand_over(self, number: int, waiting: Waiter) -> None:
        """Let another object wait for the pieces that follow the reply with a number."""
        if number in self._waiting:
            self._waiting[number] = waiting

    def sent(self, number: int) -> None:
        """Note that the reply with a number, or the next piece of it, has left."""
        self._standin.sent(number)
        if self._virtual is not None:
            self._reactions.sent(self._loop.time())

    def give_up(self, numbers: Iterable[int]) -> None:
        """Give up the requests of a client that hung up."""
        for number in numbers:
            self._waiting.pop(number, None)
            self._standin.abort(number)
            if self._witness is not None:
                self._witness.given_up(number, self.now())
        # if all remaining clients wait in a poll, a virtual clock may jump now
        self.schedule()
        self.rest()

    def closed(self, connection: str) -> None:
        """Note that a connection with a name has ended."""
        self._standin.closed(connection)

    def refused(self, found: Miss) -> None:
        """Report and count a request that cannot be served as a miss."""
        self.refusals += 1
        self._standin.refuse(found)
        self._tell()
        self.rest()

    def turned_away(self, found: Miss, *, is_new: bool) -> None:
        """Count a request that was not admitted, and report it if it is new; strangers keep no clock from moving."""
        self.refusals += 1
        self._standin.refuse(found, is_kept=is_new)
        self._tell()

    def let_go(self, timeout: float, connections: Iterable[str]) -> None:
        """Let the sessions go whose clients sent nothing for some seconds, but for those of some connections.

        The wall's clock counts, also beside a virtual one, which may pass an hour while a client takes a breath.
        """
        names = self._standin.let_go(self._loop.time(), timeout, connections)
        if names:
            _log.info("let go after %g s without a request: %d sessions", timeout, len(names))
            self._told_clients.difference_update(names)
            self._waiting_clients = min(self._waiting_clients, self._standin.waiting)
            self.schedule()

    @property
    def standin(self) -> ReplayEngine:
        """The stand-in that is driven."""
        return self._standin

    def begin_anew(self, standin: ReplayEngine) -> None:
        """Drive another stand-in from now on, with a new time; the requests that wait are cut off.

        Numbers of requests go on, so that nothing of before can be taken for something of the new stand-in.
        """
        waiting, self._waiting = self._waiting, {}
        self._standin = standin
        self._virtual = None if self._virtual is None else 0.0
        if standin.ordered is not None and not self._reactions.is_exact:
            self._reactions = ReactionTimes(is_exact=True)
        self._patience = Patience(is_virtual=self._virtual is not None, busy_at=self._patience.busy_at)
        self._told = self._waiting_clients = 0
        for handle in (self._held, self._unheard):  # these are about clients of before
            if handle is not None:
                handle.cancel()
        self._held = self._unheard = None
        self._told_clients.clear()
        for one in waiting.values():
            one.cancel()
        self.schedule()
        self.rest()

    def close(self) -> None:
        """Cancel the timers, and the waiters whose replies have not come."""
        self._is_closed = True
        for handle in (self._timer, self._soon, self._settled, self._idle, self._unheard, self._held):
            if handle is not None:
                handle.cancel()
        for waiting in list(self._waiting.values()):
            waiting.cancel()

    def schedule(self) -> None:
        """Collect replies in the next turn of the event loop, so that requests which come together are fed before."""
        if self._soon is None:
            self._soon = self._loop.call_soon(self._turn_soon)

    def _turn_soon(self) -> None:
        self._soon = None
        self._turn(self.now())

    def _turn(self, now: float) -> None:
        for reply in self._replies(now):
            waiting = self._waiting.get(reply.number) if reply.more else self._waiting.pop(reply.number, None)
            if waiting is None or waiting.done():
                self._standin.abort(reply.number)
                self.schedule()
            else:
                if self._witness is not None:
                    self._witness.left(reply, now)
                waiting.set_result(reply)
        self._tell()
        self._set_timer()
        if self._standin.ordered is not None:
            self._watch_held(self._standin.ordered)
        self._watch.turn()

    def _tell(self) -> None:
        """Report the misses that were not reported yet."""
        while self._told < len(self._standin.misses):
            self._watch.miss(self._standin.misses[self._told])
            self._told += 1
        if self._standin.waiting > self._waiting_clients and self._unheard is None and not self._is_closed:
            self._unheard = self._loop.call_later(_PATIENCE, self._tell_unheard)

    def _tell_unheard(self) -> None:
        """Log the clients that lack a push session for their events while others have one, each once."""
        self._unheard, self._waiting_clients = None, self._standin.waiting
        for found in self._standin.unheard:
            if found["client"] not in self._told_clients:
                self._told_clients.add(found["client"])
                _log.warning("%s", unheard_text(found))

    def _replies(self, now: float) -> list[Reply]:
        if self._virtual is not None and self._standin.ordered is not None:
            self._standin.ordered.clients_now = self._loop.time()
        try:
            return self._standin.replies(now)
        except Exception:  # noqa: BLE001  # after an error of ours, every client must still get an answer
            _log.exception("the stand-in failed")
            self._break(list(self._waiting))
            return []

    def _break(self, numbers: list[int]) -> None:
        """Answer requests with status 503 after an error of ours, so that no client waits for ever."""
        for number in numbers:
            waiting = self._waiting.pop(number, None)
            if waiting is not None and not waiting.done():
                reply = HttpResponse(number, BROKEN, (), b"the stand-in broke, its log tells why\n")
                if self._witness is not None:
                    self._witness.left(reply, self.now())
                waiting.set_result(reply)

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

    # -- what a schedule holds back

    def _watch_held(self, ordered: OrderedPlayer) -> None:
        """Set the timer for a step that waits for the clients' clock, or for what no client may ever do."""
        if self._held is not None:
            self._held.cancel()
            self._held = None
        at = ordered.ripens
        if at is None and ordered.is_stuck:
            at = self._loop.time() + TICK
        if at is not None and not self._is_closed:
            self._held = self._loop.call_at(at, self._look_at_held, ordered, at)

    def _look_at_held(self, ordered: OrderedPlayer, due: float) -> None:
        """Let a step go that is late enough, or the earliest one if no client does what it waits for."""
        self._held = None
        if ordered.is_stuck:
            now = self._loop.time()
            self._patience.woke(due, now)
            if self._patience.ends(ordered, is_parked=self._standin.is_parked) > now:
                self._held = self._loop.call_at(now + TICK, self._look_at_held, ordered, now + TICK)
                return
            self._patience.given_up(self._loop.time())
            ordered.give_up()
        self._turn(self.now())
        if self._virtual is not None:
            self._restart_settling()

    # -- time

    def now(self) -> float:
        """Return the time of the clock that the stand-in plays by, in seconds."""
        return self._loop.time() if self._virtual is None else self._virtual

    def advance(self, seconds: float) -> None:
        """Move the virtual clock by some seconds; stop on the way at each time when an event, an ack or a poll is due.

        Raises:
            UsageError: If the clock is not virtual.

        """
        if self._virtual is None:
            raise UsageError("the stand-in runs in real time, which cannot be advanced; start it with --clock virtual")
        end = self._virtual + seconds
        while (deadline := self._standin.deadline()) is not None and deadline <= end:
            self._virtual = max(self._virtual, deadline)
            self._turn(self.now())
        self._virtual = end
        self._turn(self.now())

    def rest(self) -> None:
        """Restart the idle time, and the time before a virtual clock jumps, because a client did something."""
        if self._is_closed:
            return
        now = self._loop.time()
        self._patience.came(now)
        if self._idle is None:
            self._idle = self._loop.call_at(now + self._watch.idle_after, self._on_idle)
        if self._virtual is not None:
            self._restart_settling()

    def _restart_settling(self) -> None:
        if self._settled is not None:
            self._settled.cancel()
        self._settle()

    def _settle(self) -> None:
        seconds, ordered = self._reactions.settle, self._standin.ordered
        if ordered is not None and ordered.is_guided:  # it is known what a client is about to do
            seconds = min(seconds, MOST)
        self._settled = self._loop.call_later(seconds, self._look, _PASSES)

    def _look(self, passes: int) -> None:
        """Let the event loop read the sockets for some turns: requests that have arrived come before the jump."""
        self._settled = self._loop.call_soon(self._look, passes - 1) if passes else self._loop.call_soon(self._jump)

    def _jump(self) -> None:
        """Move the virtual clock to the next due event or ack, if every client waits."""
        due = self._standin.next_due
        if due is None or self._virtual is None or not self._standin.is_parked:
            return
        ordered = self._standin.ordered
        if ordered is not None and self._patience.is_awaited(ordered, self._loop.time()):
            self._settled = self._loop.call_later(LEAST, self._look, _PASSES)
            return
        self._virtual = max(self._virtual, due)
        self._patience.jumped(self._loop.time())
        self._turn(self.now())
        self._settle()

    def _on_idle(self) -> None:
        """Call `idle` if no request came and nothing is due for the idle time; else set the timer anew."""
        due = self._standin.next_due if self._virtual is None else None
        until = max(self._patience.busy_at, due or 0.0) + self._watch.idle_after
        if until > self._loop.time():
            self._idle = self._loop.call_at(until, self._on_idle)
        else:
            self._idle = None
            self._watch.idle()


Fresh: TypeAlias = Callable[[Schedule | Kept], ReplayEngine]


class Trials(Protocol):
    """A search for the order that a client does not bear; `recorder.explore` has one."""

    def judge(self, order: Order, misses: Sequence[str], *, passed: bool, says: str) -> None:
        """Take the outcome of the trial that was begun last.

        Args:
            order: What happened in it.
            misses: What was asked for and matched nothing, as texts.
            passed: Whether the client did well, as its test says.
            says: Why not.
        """

    def next(self) -> tuple[Kept | None, dict[str, Any]]:
        """Return the order of the trial that is to be run, None at the end of the search, and both as JSON."""


class ControlledStandIn:
    """The controls of a stand-in, for the control API and for code that runs the server.

    Call its methods in the event loop that serves the stand-in; times are those of the driver's clock. `schedule` lets
    what became due leave, after an action from outside.
    """

    _watcher: Any = None
    _is_tried = False  # a trial was begun, and is not judged yet

    def __init__(
        self,
        driver: Driver,
        *,
        fresh: Fresh | None = None,
        trials: Trials | None = None,
        cut: Callable[[], None] = lambda: None,
    ) -> None:
        """Build the controls of a driver and its stand-in.

        Args:
            driver: The driver.
            fresh: Builds the stand-in that plays another order from the start; None where nothing can begin anew.
            trials: A search that says which orders to play.
            cut: Ends the connections on which nothing waits for an answer, but that belong to a client of before.
        """
        self._driver, self._fresh, self._trials, self._cut = driver, fresh, trials, cut
        self.advance, self.schedule, self.now = driver.advance, driver.schedule, driver.now

    def state(self) -> dict[str, Any]:
        """Return `paused` and the live sessions; see `control.Controlled.state`."""
        return self._standin.state(self.now())

    def report(self) -> dict[str, Any]:
        """Return how the replay went; see `control.Controlled.report`."""
        return self._standin.report()

    def look(self, most: int) -> dict[str, Any]:
        """Return how far the clients are, `most` of them, and the faults, as JSON."""
        faults = [{"fault": text, "hit": count} for text, count in self._standin.faults.report()]
        return self._standin.look(self.now(), most) | {"faults": faults, "now": self.now()}

    def watch(self, watcher: Any) -> None:
        """Let an object see what is played, from now on and after each new beginning."""
        self._watcher = watcher
        self._standin.watch(watcher)

    def pause(self) -> None:
        """Stop the playing of events and acks; see `control.Controlled.pause`."""
        self._standin.pause(self.now())

    def resume(self) -> None:
        """End the pause; see `control.Controlled.resume`."""
        self._standin.resume(self.now())
        self.schedule()

    def step(self) -> str | None:
        """Play the next event or ack during a pause; see `control.Controlled.step`."""
        return self._standin.step(self.now())

    def inject(self, session: str, channel: str, data: Any) -> None:
        """Push an event to a session; see `control.Controlled.inject`."""
        self._standin.inject(session, channel, data)

    def add_fault(self, text: str) -> None:
        """Add a fault; see `control.Controlled.add_fault`."""
        self._standin.faults.add([parse(text)])

    def clear_faults(self) -> None:
        """Remove all faults; see `control.Controlled.clear_faults`."""
        self._standin.faults.clear()

    # -- the order

    def order(self) -> dict[str, Any]:
        """Return the order that is played, and what happened so far; see `control.Controlled.order`."""
        ordered = self._standin.ordered
        if ordered is None:
            raise UsageError("no order is noted; begin anew with one: POST /__recorder/schedule")
        return ordered.as_json()

    def begin_anew(self, deviations: Sequence[str]) -> None:
        """Forget all clients, and play from the start; see `control.Controlled.begin_anew`."""
        self.begin(Schedule.of(map(Deviation.parse, deviations)))

    def next_trial(self, passed: bool | None, says: str, *, minds_misses: bool) -> dict[str, Any]:  # noqa: FBT001  # or None
        """Judge the trial that was run, and begin the next one; see `control.Controlled.next_trial`."""
        if self._trials is None:
            raise UsageError("this stand-in searches for no order; start it with --explore N")
        ordered = self._standin.ordered
        if passed is not None and self._is_tried and ordered is not None:
            self._is_tried = False
            misses = [miss.text for miss in self._standin.misses] if minds_misses else []
            self._trials.judge(ordered.order, misses, passed=passed, says=says)
        schedule, told = self._trials.next()
        if schedule is not None:
            self.begin(schedule)
            self._is_tried = True
        return told

    def begin(self, schedule: Schedule | Kept) -> None:
        """Forget all clients, and play from the start by a schedule.

        Raises:
            UsageError: If the recording lacks an item of the schedule, or nothing can begin anew.

        """
        if self._fresh is None:
            raise UsageError("this stand-in cannot begin anew")
        standin = self._fresh(schedule)
        self._driver.begin_anew(standin)
        self._cut()
        if self._watcher is not None:
            standin.watch(self._watcher)

    @property
    def _standin(self) -> ReplayEngine:
        return self._driver.standin
