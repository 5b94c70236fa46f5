"""Shrink a failing schedule to the fewest and smallest deviations that still fail."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeAlias

from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .choices import Choice
from .law import Law
from .neighbours import speaks_for
from .outcome import Ran

Trying: TypeAlias = Generator[tuple[Schedule, str], Ran, "Found"]

_WHY = "shrinking"
_EACH = 6  # deviations of which each subset is tried
_LIKE = 8  # smaller deviations of its kind that are tried for one
_SHORTEST = 0.05  # seconds: below it a delay is no cause
_HALVES = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A failing schedule and its run."""

    schedule: Schedule
    ran: Ran

    @property
    def shown(self) -> list[Deviation]:
        """The deviations that the run speaks for."""
        return speaks_for(self.ran.order, self.schedule.deviations)

    @property
    def is_shown(self) -> bool:
        """True if the run speaks for all deviations; else the client may have failed because time passed."""
        return len(self.shown) == len(self.schedule.deviations)


@dataclass(frozen=True, slots=True)
class Unsteady:
    """A schedule that failed in some of its runs only.

    Attributes:
        found: The schedule, and the run that failed.
        failed: How many of its runs failed.
        runs: How many there were.
        is_recorded: Whether the recorded order failed later, too, which had passed.
    """

    found: Found
    failed: int
    runs: int
    is_recorded: bool


class Shrinking:
    """The search for a smaller schedule that fails as well."""

    def __init__(self, singles: Sequence[Choice], law: Law, passed: Iterable[Schedule]) -> None:
        """Take the single deviations that there are, the order that the server keeps, and the schedules that passed."""
        self._choices: Mapping[Deviation, Choice] = {one.deviation: one for one in singles}
        self._law, self._passed = law, set(passed)

    def shrink(self, found: Found) -> Trying:
        """Yield schedules to run, with a word for why; return the smallest that failed.

        Where the run fails only with deviations that do not come about, it is returned as it is.
        """
        found = yield from self._without_unmet(found)
        if not found.is_shown:
            return found
        found = yield from self._greedily(found)
        found = yield from self._fewest(found)
        for one in found.schedule.deviations:
            if one in found.schedule.deviations:  # of the smaller one that was found meanwhile
                found = yield from self._smaller(found, one)
        return found

    def _without_unmet(self, found: Found) -> Trying:
        """Leave out at once what did not come about."""
        left = found.shown
        return (yield from self._first(found, [left])) if left else found

    def _greedily(self, found: Found) -> Trying:
        """Leave out one deviation after the other until each subset of the rest can be tried."""
        for one in found.schedule.deviations:
            if len(found.schedule.deviations) > _EACH:
                found = yield from self._first(found, [[other for other in found.schedule.deviations if other != one]])
        return found

    def _fewest(self, found: Found) -> Trying:
        """Try each subset, the smallest first: so the first that fails has the fewest deviations."""
        all_ = sorted(found.schedule.deviations, key=self._measure)
        if len(all_) > _EACH:
            return found
        subsets = (subset for size in range(1, len(all_)) for subset in combinations(all_, size))
        return (yield from self._first(found, subsets))

    def _smaller(self, found: Found, one: Deviation) -> Trying:
        """Put a smaller deviation of its kind in the place of one."""
        rest = [other for other in found.schedule.deviations if other != one]
        if one.kind is Kind.LATE:
            for _ in range(_HALVES):
                shorter = replace(one, seconds=round(one.seconds / 2, 3))
                if shorter.seconds < _SHORTEST:
                    break
                halved = yield from self._first(found, [[*rest, shorter]])
                if halved is found:
                    break
                found, one = halved, shorter
            return found
        if one.kind in (Kind.TOGETHER, Kind.APART):
            ordered = yield from self._first(found, ([*rest, like] for like in self._orders_of(one)), without=one)
            if ordered is not found:
                return ordered
        return (yield from self._first(found, ([*rest, like] for like in self._like(one))))

    def _like(self, one: Deviation) -> Iterator[Deviation]:
        """Yield the smaller deviations of the kind of one: about nearer items, or the same names earlier."""
        measure = self._measure(one)
        known = (other for other in self._choices if other.kind is one.kind and self._measure(other) < measure)
        yield from sorted(known, key=self._measure)[:_LIKE]

    def _orders_of(self, one: Deviation) -> Iterator[Deviation]:
        """Yield reversals that hold back what a batch holds back: by them the client may fail, and not by the batch."""
        held = one.other if one.kind is Kind.TOGETHER else one.item
        known = [other for other in self._choices if other.kind is Kind.BEFORE and other.other == held]
        yield from sorted(known, key=self._measure)[:_LIKE]

    def _measure(self, one: Deviation) -> tuple[int, int, int, str]:
        """Return how large a deviation is: the smaller, the better it tells a cause."""
        choice = self._choices.get(one)
        if choice is None:
            return 1 << 30, 0, 0, str(one)
        return choice.rank, choice.distance, choice.place, str(one)

    def _first(
        self, found: Found, candidates: Iterable[Sequence[Deviation]], *, without: Deviation | None = None
    ) -> Trying:
        """Return the first candidate that fails and shows all its deviations; else what was found before.

        Args:
            found: The smallest so far.
            candidates: Sets of deviations.
            without: A batch that must not come about by the way.
        """
        for candidate in candidates:
            schedule = Schedule.of(candidate)
            if schedule == found.schedule or schedule in self._passed or not self._law.allows(schedule.deviations):
                continue
            ran = yield schedule, _WHY
            tried = Found(schedule, ran)
            if not ran.passed and tried.is_shown and not (without and _came_about(without, ran.order)):
                return tried
            self._passed.add(schedule)
        return found


def _came_about(batch: Deviation, order: Order) -> bool:
    """Return whether two events came in one answer, or in two, as a batch wants it; one alone is in neither."""
    answers = {act.name: act.answer for act in reversed(order.acts)}
    first, second = answers.get(str(batch.item)), answers.get(str(batch.other))
    is_one = first is not None and first == second != 0
    return is_one == (batch.kind is Kind.TOGETHER)
