"""Search for the deviations with which a client passes that fails in the recorded order.

A client that needs something at each of its steps fails at the first, and with the first cured at the second. So what
gets it further is kept, and the search goes on from there. How far a run gets is told by its requests.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ...replay.engine.orders.deviations import Deviation, Kind
from ...replay.engine.orders.items import REQUEST, Item, triple_of
from ...replay.engine.orders.played import Order
from ...replay.engine.orders.schedule import Schedule
from ..choices import Choice, Rank
from ..drawing import ONE, WHOLE
from ..neighbours import not_shown
from ..outcome import Ran
from ..shrinking import Found, Shrinking
from ..space import Space
from .relations import Relation, relations

Trying: TypeAlias = Generator[tuple[Schedule, str], Ran, "Cure"]
_Runs: TypeAlias = Generator[tuple[Schedule, str], Ran, Ran | None]
_Step: TypeAlias = Generator[tuple[Schedule, str], Ran, "_Reached | None"]

FURTHER, SHRINKING, CONFIRMING = "further", "shrinking", "confirming"

_EARLY = 8  # relations that are tried before single deviations
_SHRINK = 40  # runs that look for fewer deviations
_FEW = 2  # deviations in whose place smaller ones are tried


@dataclass(frozen=True, slots=True)
class Cure:
    """A set of deviations with which a client passes, or comes further.

    Attributes:
        schedule: The deviations with which the client passed; None if there are none.
        order: What happened under them.
        further: A schedule with which it sent more requests than in the recorded order, and failed; the best one.
        once: A schedule with which it passed, and failed when it was run again.
        tried: How many orders were tried, without the recorded one.
        is_whole: Whether all was tried that the search knows.
        is_smallest: Whether no deviation can be left out.
    """

    schedule: Schedule | None = None
    order: Order = field(default_factory=Order)
    further: Found | None = None
    once: Schedule | None = None
    tried: int = 0
    is_whole: bool = False
    is_smallest: bool = False


@dataclass(frozen=True, slots=True)
class _Reached:
    """The progress of a run.

    Attributes:
        new: Names of the requests that no run before had sent.
        is_single: Whether it is the recorded order with one deviation.
    """

    schedule: Schedule
    ran: Ran
    new: frozenset[str] = frozenset()
    is_single: bool = False

    @property
    def asked(self) -> frozenset[str]:
        """Names of the requests that it sent."""
        return frozenset(self._requests)

    @property
    def last(self) -> frozenset[str]:
        """Name of the request that it sent last."""
        return frozenset(self._requests[-1:])

    @property
    def far(self) -> tuple[int, int]:
        """The progress that it made: the number of its operations; where that is equal, of all of its requests.

        A client may look for news again and again while it waits, so that other requests alone tell little.
        """
        asked = self.asked
        return sum(triple_of(name) > 0 for name in asked), len(asked)

    @property
    def _requests(self) -> list[str]:
        return [act.name for act in self.ran.order.acts if act.name.startswith(REQUEST)]

    @property
    def got(self) -> frozenset[str]:
        """Names of the answers and events that it got."""
        return frozenset(act.name for act in self.ran.order.acts if not act.name.startswith(REQUEST))


class Curing:
    """The search; `cure` is what is known so far."""

    def __init__(self, lay_out: Callable[[Order], Space], most: int, patience: int) -> None:
        """Prepare a search.

        Args:
            lay_out: Lays out what a client that got this may get, with some of what comes then.
            most: How many orders are tried at most, until one passes.
            patience: How many are tried at most from where the last one got further.
        """
        self._lay_out = lay_out
        self._left, self._most_patience, self._patience = most, patience, patience
        self._tried: set[Schedule] = {Schedule()}
        self._is_short = False
        self._space: Space | None = None
        self._relations: tuple[Relation, ...] = ()
        self.cure = Cure()

    def search(self, recorded: Ran) -> Trying:
        """Yield schedules to run, each with a word for why; return what was found.

        Args:
            recorded: The run of the recorded order, which failed.
        """
        base = _Reached(Schedule(), recorded)
        base = replace(base, new=base.asked)
        first = base
        while True:
            self._space = self._lay_out(base.ran.order)
            self._relations = relations(self._space.items, self._space.pairs, self._space.law)
            reached = yield from self._step(base)
            if reached is None:
                break
            if reached.ran.passed:
                if (yield from self._is_cured(reached)):
                    return self.cure
                continue  # from the same base: what was tried is not tried again
            self._patience = self._most_patience
            base = reached
            if base.far > first.far:
                self.cure = replace(self.cure, further=Found(base.schedule, base.ran))
        self.cure = replace(self.cure, is_whole=not self._is_short)
        return self.cure

    def _run(self, schedule: Schedule, why: str) -> _Runs:
        """Run a schedule that may show where a client passes; None if there were too many."""
        if self._left <= 0 or self._patience <= 0:
            self._is_short = True
            return None
        self._left -= 1
        self._patience -= 1
        self._tried.add(schedule)
        ran = yield schedule, why
        self.cure = replace(self.cure, tried=self.cure.tried + 1)
        return ran

    def _step(self, base: _Reached) -> _Step:
        """Return the first run that passes or gets further than another one; None if none does."""
        some: _Reached | None = None
        for schedule, why in self._candidates(base):
            if schedule is None or schedule in self._tried:
                continue
            ran = yield from self._run(schedule, why)
            if ran is None:
                return None
            is_single = not base.schedule.deviations and len(schedule.deviations) == 1
            reached = _Reached(schedule, ran, is_single=is_single)
            if ran.passed and (set(schedule.deviations) - not_shown(ran.order)):
                return reached
            if not ran.passed and reached.far > base.far:
                return replace(reached, new=reached.asked - base.asked)
            if not ran.passed and some is None and reached.asked == base.asked and reached.got > base.got:
                some = replace(reached, new=base.new)
        return some

    def _joined(self, added: Sequence[Deviation], base: Schedule) -> Schedule | None:
        """Return deviations with those of a base that are legal beside them; None if they are illegal themselves."""
        law = self._laid_out.law
        if not law.allows(added):
            return None
        if law.allows((*base.deviations, *added)):
            return Schedule.of((*base.deviations, *added))
        found = tuple(added)
        for one in base.deviations:
            if law.allows((*found, one)):
                found = *found, one
        return Schedule.of(found)

    @property
    def _laid_out(self) -> Space:
        if self._space is None:
            raise AssertionError("a search lays out its orders first")
        return self._space

    def _candidates(self, base: _Reached) -> Iterator[tuple[Schedule | None, str]]:
        """Yield a base with something more, the most telling first; None for what is illegal."""
        kept = base.schedule.deviations
        alike = [one for one in self._relations if not set(kept).isdisjoint(one)]
        near = [one for one in self._relations if any(_is_about(other, base.new) for other in one)]
        if kept:  # what cured the steps before may be what fails at the last one
            yield Schedule.of(one for one in kept if not _is_about(one, base.last)), FURTHER
        yield from ((self._joined(one, base.schedule), WHOLE) for one in (*alike, *near[:_EARLY]))
        why = FURTHER if kept else ONE
        singles = self._singles(base)
        usual = [one for one in singles if one.rank is not Rank.LATE]
        late = [one for one in singles if one.rank is Rank.LATE]
        yield from ((self._joined((one.deviation,), base.schedule), why) for one in usual)
        yield from ((self._joined(one, base.schedule), WHOLE) for one in near[_EARLY:])
        yield from ((self._joined((one.deviation,), base.schedule), why) for one in late)

    def _singles(self, base: _Reached) -> list[Choice]:
        """Return the single deviations about what the client got or asked for, where it came to an end first."""
        got, names = base.got, {act.name for act in base.ran.order.acts}

        def rank(one: Choice) -> tuple[bool, bool, tuple[int, ...]]:
            return (
                not all(str(item) in got for item in _items(one.deviation)),
                not _is_about(one.deviation, base.new),
                one.order,
            )

        def is_near(one: Choice) -> bool:
            return all(str(item) in got or item.request in names for item in _items(one.deviation))

        usual = (one for one in self._laid_out.singles if one.deviation.disturbance is None)
        return sorted(filter(is_near, usual), key=rank)

    def _is_cured(self, reached: _Reached) -> Generator[tuple[Schedule, str], Ran, bool]:
        """Leave out what a client does not need to pass, and confirm the rest; return whether it passes again."""
        self._keep(reached.schedule, reached.ran)
        left = _SHRINK
        found = Found(reached.schedule, reached.ran)
        search = self._shrunk(found, is_single=reached.is_single)
        is_whole = False
        try:
            asked = next(search)
            while left > 0:
                left -= 1
                self._tried.add(asked[0])
                ran = yield asked
                if ran.passed:
                    self._keep(asked[0], ran)
                asked = search.send(ran)
        except StopIteration as exc:
            found, is_whole = exc.value, True
            self._keep(found.schedule, found.ran)
        schedule = self.cure.schedule
        if schedule is None:
            raise AssertionError("a run that passed has a schedule")
        if (yield schedule, CONFIRMING).passed:
            self.cure = replace(self.cure, is_smallest=is_whole)
            return True
        self.cure = replace(self.cure, schedule=None, order=Order(), once=schedule)
        return False

    def _keep(self, schedule: Schedule, ran: Ran) -> None:
        self.cure = replace(self.cure, schedule=schedule, order=ran.order)

    def _shrunk(self, found: Found, *, is_single: bool) -> Generator[tuple[Schedule, str], Ran, Found]:
        """Yield smaller schedules to run; return the smallest that passed."""
        shown = [one for one in found.schedule.deviations if _came(one, found.ran.order)]
        found = yield from self._first_passing(found, [shown])
        size = (len(found.schedule.deviations) + 1) // 2
        while len(found.schedule.deviations) > 1:
            place = 0
            while place < len(found.schedule.deviations):
                rest = found.schedule.deviations[:place] + found.schedule.deviations[place + size :]
                less = yield from self._first_passing(found, [rest])
                place += size if less is found else 0
                found = less
            if size == 1:
                break
            size = max(1, min(size, len(found.schedule.deviations)) // 2)
        if len(found.schedule.deviations) <= _FEW and not is_single:
            found = yield from self._smaller(found)
        return found

    def _first_passing(
        self, found: Found, candidates: Iterable[Sequence[Deviation]]
    ) -> Generator[tuple[Schedule, str], Ran, Found]:
        for candidate in candidates:
            schedule = Schedule.of(candidate)
            if candidate and schedule not in self._tried and self._laid_out.law.allows(candidate):
                ran = yield schedule, SHRINKING
                if ran.passed:
                    return Found(schedule, ran)
        return found

    def _smaller(self, found: Found) -> Generator[tuple[Schedule, str], Ran, Found]:
        """Put smaller deviations in the place of a few: a failing schedule is shrunk so, with the outcome turned."""
        space = self._laid_out
        search = Shrinking(space.singles, space.law, self._tried).shrink(_turned(found))
        try:
            asked = next(search)
            while True:
                ran = yield asked
                asked = search.send(replace(ran, passed=not ran.passed))
        except StopIteration as exc:
            return _turned(exc.value)


def _turned(found: Found) -> Found:
    return Found(found.schedule, replace(found.ran, passed=not found.ran.passed))


def _items(deviation: Deviation) -> list[Item]:
    return [item for item in (deviation.item, deviation.other) if item is not None]


def _is_about(deviation: Deviation, requests: frozenset[str]) -> bool:
    """Return whether a deviation moves something of these requests, or of none."""
    return any(item.request in requests or not item.request for item in _items(deviation))


def _came(deviation: Deviation, order: Order) -> bool:
    """Return whether a run shows a deviation, with both its items."""
    names = {act.name for act in order.acts}
    is_there = all(str(item) in names for item in _items(deviation))
    return is_there and (deviation in order.met or deviation.kind is Kind.BEFORE) and deviation not in order.unmet
