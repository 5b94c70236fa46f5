"""Search for an order of answers and events that a client does not bear.

The search knows no client. It says which schedule to run next, and is told what came of it:

    explorer = Explorer(recording, dialect, schedules=200, seed=0)
    while (trial := explorer.next()) is not None:
        passed, says, order = run_the_test(trial.schedule)
        explorer.ran(passed=passed, says=says, order=order)
    print(explorer.result.says)

First comes the recorded order. What the client got there is what the search is about: a recording may hold more. Then
come single deviations, relations as a whole, pairs of deviations, and larger sets at random (`drawing`). The first
schedule that fails each time is shrunk and confirmed; one that fails now and then is kept, and the search goes on. So
it does for a while where a client fails that got an answer staler than a server's (`stale`).
Where the recorded order fails, the search is for one that passes (`curing`).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from dataclasses import replace
from random import Random
from typing import TypeAlias

from ..dialect.definition import Dialect
from ..errors import UsageError
from ..model import Recording
from ..replay.engine.orders.deviations import Disturbance
from ..replay.engine.orders.items import REQUEST, Item, triple_of
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .choices import Rank
from .curing.search import CONFIRMING, Curing
from .drawing import Drawing
from .neighbours import Coverage, Pair
from .outcome import Ran, Result, Trial
from .placed import MOST
from .shrinking import Found, Shrinking, Unsteady
from .space import Space
from .stale import Staleness
from .telling import Telling
from .words import Words

_Search: TypeAlias = Generator[tuple[Schedule, str], Ran, Result]
_Runs: TypeAlias = Generator[tuple[Schedule, str], Ran, int]
_Shrunk: TypeAlias = Generator[tuple[Schedule, str], Ran, Found]
_Deciding: TypeAlias = Generator[tuple[Schedule, str], Ran, bool]

_RECORDED = "recorded order"
_CONFIRM = 2  # more runs of a failing schedule; and as many for each that failed now and then
_UNSTEADY = 5  # schedules that failed now and then, after which the search ends
_CLEAN = 60  # more runs, where a client failed with a stale answer, in which it may fail without one
_LATE = 0.04  # share of late items among the schedules; each costs real seconds
_FEWEST_LATE = 4
_CURES = 0.25  # share of the schedules that may get no further, where the recorded order fails
_FEWEST_CURES = 20
_NEXT = 5  # answers to requests that are no operations, from one on that the client sent
_AHEAD = 500  # answers and events that a client did not get yet, which a relation as a whole may move


class Explorer:
    """A search for the order that a client does not bear, one run after the other."""

    def __init__(
        self,
        recording: Recording,
        dialect: Dialect,
        *,
        schedules: int = 200,
        seed: int = 0,
        disturb: Collection[Disturbance] = frozenset(),
        delay: float = 1.0,
    ) -> None:
        """Begin a search.

        Args:
            recording: The recording that the stand-in plays.
            dialect: Its dialect, which tells what keeps its order (`ordered`).
            schedules: How many schedules are tried at most, with the recorded order. One that fails twice is shrunk
                and confirmed in some more runs, about 40 at most.
            seed: Decides what is drawn at random. The same seed draws the same schedules for the same outcomes.
            disturb: Kinds of trouble that may happen on the way.
            delay: Seconds by which an answer or event may be late; 0 for none. Each costs so long.

        Raises:
            UsageError: If a number is too small.
        """
        if schedules < 1:
            raise UsageError(f"{schedules} schedules are none to try; give 1 or more")
        if not 0 <= delay <= 3600:
            raise UsageError(f"a delay of {delay:g} seconds cannot be played; give 0 to 3600")
        self._recording, self._dialect = recording, dialect
        self._most, self._random = schedules, Random(seed)  # noqa: S311  # draws orders, no secrets
        self._disturb, self._delay = frozenset(disturb), delay
        self._coverage, self._words = Coverage(), Words(())
        self._runs, self._is_running = 0, False
        self._failing: Found | None = None
        self._unsteady: list[Unsteady] = []
        self._unmet: list[Found] = []  # failed, and did not come about
        self._staleness = Staleness()
        self._with_stale: Found | None = None  # fails, with an answer that is stale
        self._until = 0  # runs after which the search is over, where there is one
        self._confirmed_order = Order()
        self._is_cut = False
        self._failed: Ran | None = None  # the run of the recorded order, where it failed
        self._cures = Curing(self._looked_ahead, 0, 0)
        self._pairs: Sequence[Pair] = ()
        self._looked: set[Item] = set()
        self._orders: list[Order] = []  # of all runs, where the recorded order fails
        self._search = self._searching()
        self._next: tuple[Schedule, str] | None = next(self._search)
        self._result: Result | None = None

    def next(self) -> Trial | None:
        """Return the schedule to run next; None if the search is over. Tell its outcome by `ran`."""
        if self._next is None:
            return None
        self._is_running = True
        schedule, why = self._next
        cure = self._cures.cure
        is_cure = why == CONFIRMING and schedule == cure.schedule
        return Trial(schedule, why, self._runs + 1, cure.order if is_cure else self._confirmed_order)

    def ran(self, passed: bool, says: str, order: Order) -> None:  # noqa: FBT001  # the first thing to be told
        """Take the outcome of the run that `next` asked for.

        Args:
            passed: Whether the client bore the order.
            says: The message of the failure; "" if there is none.
            order: What happened in the run.

        Raises:
            UsageError: If no run was asked for.
        """
        if self._next is None or not self._is_running:
            raise UsageError("no run was asked for: call next() first")
        self._is_running = False
        self._runs += 1
        self._coverage.add(order)
        if self._failed is not None or (not passed and self._runs == 1):
            self._orders.append(order)
        try:
            self._next = self._search.send(Ran(passed, says, order))
        except StopIteration as exc:
            self._next, self._result = None, exc.value

    @property
    def result(self) -> Result:
        """The outcome; while the search goes on, that of the runs so far (`is_over` is False)."""
        if self._result is not None:
            return self._result
        if self._failed is not None:
            return self._of_recorded(self._failed, is_over=False)
        return self._ended(None)

    def _telling(self) -> Telling:
        return Telling(
            self._words, self._coverage, self._runs, self._unsteady, self._unmet, self._is_cut, self._disturb
        )

    def _searching(self) -> _Search:
        recorded = yield Schedule(), _RECORDED
        space = self._laid_out(recorded.order)
        drawing = Drawing(space, self._coverage)
        if not recorded.passed:
            return (yield from self._curing(recorded))
        for schedule, why in drawing.schedules(self._most - 1, self._random):
            if self._with_stale is not None and self._runs >= self._until:
                break
            ran = yield schedule, why
            found = Found(schedule, ran)
            if self._with_stale is not None and not ran.passed and self._staleness.of(ran.order):
                continue  # as is known
            if ran.passed or not found.shown:
                drawing.learn(schedule, ran.order)
                self._unmet += [] if ran.passed else [found]
            elif (yield from self._has_failed(found, space, drawing)):
                break
        return self._ended(drawing)

    def _ended(self, drawing: Drawing | None) -> Result:
        """Return the outcome; without what was drawn that of a search which goes on."""
        told, failing = self._telling(), self._failing or self._with_stale
        if failing is not None:
            stale = self._staleness.of(failing.ran.order)
            return told.failed(failing, stale, is_over=drawing is not None)
        return told.broken_off() if drawing is None else told.passed(drawing)

    def _laid_out(self, order: Order) -> Space:
        """Lay out what the client got in the recorded order, and what may be different about it."""
        wanted = _items(order)
        space = self._space(wanted)
        self._is_cut = len(space.items) < len(wanted) and len(space.items) == MOST
        self._coverage, self._words, self._pairs = Coverage(space.pairs), Words(space.items), space.pairs
        self._coverage.add(order)
        self._staleness = Staleness(space.items, order)
        return space

    def _space(self, wanted: Collection[Item]) -> Space:
        """Lay out answers and events, with few late ones."""
        space = Space.of(self._recording, self._dialect, wanted=wanted, disturb=self._disturb, delay=self._delay)
        most = max(min(_FEWEST_LATE, self._most // 10), round(self._most * _LATE))
        late = [one for one in space.singles if one.rank is Rank.LATE][:most]
        return replace(space, singles=(*(one for one in space.singles if one.rank is not Rank.LATE), *late))

    def _has_failed(self, found: Found, space: Space, drawing: Drawing) -> _Deciding:
        """Run a schedule that failed again, shrink and confirm it; return whether the search is over."""
        self._failing = found
        runs, failed, recorded = 2, 1 + (yield from self._confirmed(found.schedule, 1, found.ran.order)), 0
        if failed == runs:
            found = yield from self._shrunk(found, space, drawing)
            if not found.is_shown:
                self._failing = None
                self._unmet.append(found)
                return False
            runs = 1 + _CONFIRM * (1 + len(self._unsteady))
            failed = 1 + (yield from self._confirmed(found.schedule, runs - 1, found.ran.order))
            recorded = yield from self._confirmed(Schedule(), 1 + len(self._unsteady))
        self._failing = None
        if failed == runs and not recorded:
            return self._is_clean(found)
        self._unsteady.append(Unsteady(found, failed, runs, bool(recorded)))
        return bool(recorded) or len(self._unsteady) == _UNSTEADY

    def _is_clean(self, found: Found) -> bool:
        """Keep a schedule that fails each time; return whether the client got no stale answer, so that it is a find."""
        if not self._staleness.of(found.ran.order):
            self._failing = found
            return True
        if self._with_stale is None:
            self._with_stale, self._until = found, self._runs + _CLEAN
        return False

    def _shrunk(self, found: Found, space: Space, drawing: Drawing) -> _Shrunk:
        useful = [one for one in space.singles if drawing.is_useful(one.deviation)]
        search = Shrinking(useful, space.law, drawing.tried).shrink(found)
        try:
            asked = next(search)
            while True:
                ran = yield asked
                if not ran.passed:
                    self._failing = Found(asked[0], ran)
                asked = search.send(ran)
        except StopIteration as exc:
            smallest: Found = exc.value
        self._failing = smallest
        return smallest

    def _confirmed(self, schedule: Schedule, times: int, order: Order | None = None) -> _Runs:
        """Run a schedule again, as in the run with the order; return how often it failed."""
        failed = 0
        self._confirmed_order = order or Order()
        for _ in range(times):
            ran = yield schedule, CONFIRMING
            failed += not ran.passed
        self._confirmed_order = Order()
        return failed

    def _curing(self, recorded: Ran) -> _Search:
        """Look for the deviations that make the client pass."""
        self._failed = recorded
        if self._most > 1 and not (yield from self._confirmed(Schedule(), 1)):
            return self._telling().recorded_unsteady(recorded)
        most = max(self._most - 1, 0)
        self._cures = Curing(self._looked_ahead, most, min(max(_FEWEST_CURES, round(self._most * _CURES)), most))
        yield from self._cures.search(recorded)
        return self._of_recorded(recorded)

    def _looked_ahead(self, order: Order) -> Space:
        """Lay out what the client got, and what it would get next: it failed, so there may be more."""
        self._looked |= _items(order) | _next_ones(self._recording, order)
        space = self._space(self._looked)
        self._words, self._pairs = Words(space.items), space.pairs
        return space

    def _of_recorded(self, failed: Ran, *, is_over: bool = True) -> Result:
        """Return what is known of a recorded order that fails."""
        seen = frozenset[Item]().union(*map(_items, self._orders))
        self._coverage = Coverage([pair for pair in self._pairs if seen.issuperset(pair.names)])
        for order in self._orders:
            self._coverage.add(order)
        return self._telling().cured(failed, self._cures.cure, is_over=is_over)


def _items(order: Order) -> frozenset[Item]:
    return frozenset(Item.parse(act.name) for act in order.acts if not act.name.startswith(REQUEST))


def _next_ones(recording: Recording, order: Order) -> set[Item]:
    """Return answers and events of the requests that a client sent, and of some that come then."""
    names = [act.name for act in order.acts if act.name.startswith(REQUEST)]
    asked = [n for name in names if (n := triple_of(name))]
    plain = [int(name.removeprefix(f"{REQUEST}p")) for name in names if not triple_of(name)]
    found = {Item(0, plain=number) for first in plain for number in range(first, first + _NEXT)}
    for n in range(min(asked), len(recording.triples) + 1) if asked else ():
        triple = recording.triples[n - 1]
        if len(found) < _AHEAD or n in asked:
            found |= {Item(n, index) for index in range(len(triple.events) + 1)}
    return found
