"""Know how long to wait for what clients may be about to do, from how fast they lately were.

A stand-in cannot see whether a client thinks, waits for an event, or is only slow because the machine is busy. Whoever
reacted slowly is given more time. A schedule is to show the same order each time, so it gives more time than a plain
replay, but not much: many orders that a search tries are such that no client ever does what they wait for.
"""

from __future__ import annotations

from ...engine.orders.player import OrderedPlayer

LEAST, MOST = 0.002, 0.01  # seconds: bounds of the time without a request before a virtual clock jumps
_TIMES = 2  # that time as a multiple of the slowest recent reaction, which shows the speed of clients and machine
_THOUGHT = 0.1  # seconds; a request that comes later after an answer is no reaction to the answer
_MEMORY = 0.8  # factor by which the slowest reaction shrinks at each faster one
# The same where a schedule is played, which is to show the same order on a busy machine, too.
_MOST_EXACT, _TIMES_EXACT, _MEMORY_BUSY = 0.05, 3, 0.9
# Seconds without a request, until a step goes that a schedule holds back for what no client does; the second on a
# virtual clock, where the clients of a run are given some more, once. Time by which the machine woke the driver too
# late does not count: on a busy one, a fast client needed half a second.
_HELD, _HELD_VIRTUAL, _MORE = 1.0, 0.1, 0.3
TICK, _ON_TIME = 0.005, 0.0015  # seconds after which the driver is to be woken, and that it may be late by
_MOST_LOST = 0.5  # seconds that do not count, at most: many stand-ins of one loop make each other late for ever
_BUSY, _BUSY_VIRTUAL = 10.0, 1.0  # the same for a client that does not wait: it may work, but need not ever poll again
# Seconds for a client to poll again after a poll was answered, to do what it did in an earlier run, and to come back
# after its poll, session or WebSocket was lost: libraries wait a second or two.
_POLL, _AWAITED, _BROKEN = 0.1, 1.0, 5.0


class ReactionTimes:
    """The times that clients take to send a request after an answer.

    Attributes:
        is_exact: A run is to show the same order each time.
    """

    def __init__(self, *, is_exact: bool = False) -> None:
        """Start with the slowest reaction time, until a client shows a faster one.

        If `is_exact`, a run is to show the same order each time, also on a busy machine: then more time is given, and a
        slow reaction is long remembered.
        """
        self._most, self._times = (_MOST_EXACT, _TIMES_EXACT) if is_exact else (MOST, _TIMES)
        self.is_exact = is_exact
        self._slowest = MOST / self._times
        self._sent: float | None = None

    def sent(self, now: float) -> None:
        """Note that an answer left at `now`, in seconds of a monotonic clock."""
        self._sent = now

    def came(self, now: float) -> None:
        """Note that a request came at `now` seconds; the first request after an answer counts as a reaction."""
        if self._sent is not None and now - self._sent < _THOUGHT:
            is_busy = self.is_exact and self._slowest > MOST / self._times
            self._slowest = max(now - self._sent, (_MEMORY_BUSY if is_busy else _MEMORY) * self._slowest)
        self._sent = None

    @property
    def settle(self) -> float:
        """Seconds without a request after which no client is expected to react to an answer any more."""
        return min(self._most, max(LEAST, self._times * self._slowest))


class Patience:
    """The patience with the clients of one run. Times are seconds of a monotonic clock, the wall's."""

    def __init__(self, *, is_virtual: bool, busy_at: float = 0.0) -> None:
        """Begin a run; `is_virtual` is whether the stand-in plays by a virtual clock."""
        self._busy_at = busy_at
        self._is_virtual = is_virtual
        self._given_up_at = self._jumped_at = 0.0
        self._polls_at_once = True
        self._more = _MORE
        self._lost = 0.0  # seconds that do not count

    @property
    def busy_at(self) -> float:
        """Time at which a client did something last."""
        return self._busy_at

    def came(self, now: float) -> None:
        """Note that a client did something."""
        self._busy_at, self._lost = now, 0.0

    def woke(self, due: float, now: float) -> None:
        """Note that the driver was to be woken at `due`, and was at `now`."""
        if now - due > _ON_TIME:
            self._lost = min(_MOST_LOST, self._lost + now - max(due, self._quiet_since))

    def jumped(self, now: float) -> None:
        """Note that the virtual clock moved."""
        self._jumped_at = now

    def given_up(self, now: float) -> None:
        """Note that a step was let go for which no client did what it waited for."""
        self._more = max(0.0, self._more - max(0.0, now - self._quiet_since - self._lost - _HELD_VIRTUAL))
        self._lost = 0.0
        self._given_up_at = now

    def ends(self, ordered: OrderedPlayer, *, is_parked: bool) -> float:
        """Return when a step is to be let go that is held back, if no request comes before.

        Args:
            ordered: What is played.
            is_parked: Whether every client waits for the stand-in.

        """
        if not self._is_virtual:
            patience = _HELD if is_parked else _BUSY
        elif not is_parked:
            patience = _BUSY_VIRTUAL
        else:
            patience = _AWAITED if ordered.is_awaited else _HELD_VIRTUAL + self._more
        return self._quiet_since + self._lost + patience

    def is_awaited(self, ordered: OrderedPlayer, now: float) -> bool:
        """Return whether a virtual clock must not jump yet: a client will do something, and may only be slow."""
        quiet = now - max(self._busy_at, self._jumped_at)
        if ordered.is_broken and quiet < _BROKEN:
            return True
        if self._polls_at_once and not ordered.is_polled:
            self._polls_at_once = quiet < _POLL  # else it may first wait for an ack
            if self._polls_at_once:
                return True
        if ordered.is_awaited:
            if quiet < _AWAITED or ordered.ripens is not None:
                return True
            ordered.go_astray()
        return False

    @property
    def _quiet_since(self) -> float:
        return max(self._busy_at, self._given_up_at)
