"""Draw schedules: first each single deviation, then pairs of them, then larger sets at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from operator import itemgetter
from random import Random

from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .choices import Choice, Rank
from .coverage import Coverage
from .law import Law

_SINGLES, _PAIRS = 0.6, 0.85  # shares of all schedules that are spent until then, if there are so many
_LARGEST = 5  # deviations in a schedule that is drawn at random
_TRIES = 200  # draws in a row that gave nothing new: then all there is was tried
_WIDEST = 150  # single deviations of which each is paired with each
_IN_A_ROW = 8  # pairs that look alike before others get their turn
_UNSEEN = 0.6  # of the draws take a pair that was not yet seen in both orders


class Drawing:
    """The schedules of one search, in the order in which they are tried; none twice.

    Attributes:
        drawn: How many schedules have so many deviations, by their number.
        is_whole: Whether all schedules with up to two deviations were drawn, or cannot be met.
    """

    def __init__(
        self, singles: Sequence[Choice], extra: Iterable[tuple[Deviation, Deviation]], law: Law, coverage: Coverage
    ) -> None:
        """Take what there is to draw from.

        Args:
            singles: The single deviations, in the order in which they are tried.
            extra: Pairs that are tried early, although one of the two may be of no use alone.
            law: The order that the server keeps.
            coverage: What was seen so far; the caller keeps it up.
        """
        self._singles, self._extra, self._law, self._coverage = singles, tuple(extra), law, coverage
        self._tried: set[Schedule] = {Schedule()}
        self._useless: set[Deviation] = set()
        self.drawn: Counter[int] = Counter()
        self.is_whole = False

    @property
    def tried(self) -> frozenset[Schedule]:
        """The schedules that were tried, with the recorded order."""
        return frozenset(self._tried)

    def ran(self, schedule: Schedule, order: Order) -> None:
        """Learn from a run: what alone did not come about is not tried again."""
        self._tried.add(schedule)
        if len(schedule.deviations) == 1 and order.unmet:
            self._useless |= order.unmet
            self._coverage.unmet(order)

    def schedules(self, most: int, random: Random) -> Iterator[tuple[Schedule, str]]:
        """Yield at most so many schedules, each with a word for how it was found."""
        left = max(most, 0)
        whole = len(self._singles) <= _WIDEST
        late = [one for one in self._singles if one.rank is Rank.LATE]
        usual = [one for one in self._singles if one.rank is not Rank.LATE]
        for why, last, found in (
            ("one deviation", round(most * _SINGLES) - len(late), self._each(usual)),
            ("one deviation", round(most * _SINGLES), self._each(late)),
            ("two deviations", round(most * _PAIRS), self._pairs()),
            ("random", most, self._random(random)),
        ):
            if why == "random":
                self.is_whole = whole
            end = most - last
            for schedule in found:
                if left <= end or left <= 0:
                    whole = False
                    break
                left -= 1
                self._tried.add(schedule)
                self.drawn[len(schedule.deviations)] += 1
                yield schedule, why

    def _is_new(self, deviations: Sequence[Deviation]) -> Schedule | None:
        """Return the schedule of these deviations, None if it was tried, is illegal or does no more than a smaller."""
        schedule = Schedule.of(deviations)
        is_new = schedule not in self._tried and len(schedule.deviations) == len(deviations)
        return schedule if is_new and self._law.allows(deviations) and not self._law.is_spare(deviations) else None

    def _is_useful(self, deviation: Deviation) -> bool:
        if deviation in self._useless:
            return False
        waits = deviation.kind in (Kind.BEFORE, Kind.TOGETHER) and deviation.other is not None
        return not (waits and self._coverage.is_hopeless(deviation.other or deviation.item, deviation.item))

    def _each(self, choices: Iterable[Choice]) -> Iterator[Schedule]:
        for one in choices:
            schedule = self._is_new((one.deviation,))
            if schedule is not None and self._is_useful(one.deviation):
                yield schedule

    def _pairs(self) -> Iterator[Schedule]:
        for both in self._extra:
            schedule = self._is_new(both)
            if schedule is not None:
                yield schedule
        useful = [one for one in self._singles if self._is_useful(one.deviation)]
        looks: Counter[tuple[str, ...]] = Counter()
        ranked = []
        for one, other in sorted(combinations(useful[:_WIDEST], 2), key=_apart):
            look = _look(one, other)
            is_late = max(one.rank, other.rank) is Rank.LATE
            ranked.append(((is_late, looks[look] // _IN_A_ROW, one.rank + other.rank), one, other))
            looks[look] += 1
        for _, one, other in sorted(ranked, key=itemgetter(0)):
            schedule = self._is_new((one.deviation, other.deviation))
            if schedule is not None and self._is_useful(one.deviation) and self._is_useful(other.deviation):
                yield schedule

    def _random(self, random: Random) -> Iterator[Schedule]:
        failed = 0
        while failed < _TRIES:
            schedule = self._draw(random)
            failed = failed + 1 if schedule is None else 0
            if schedule is not None:
                yield schedule

    def _draw(self, random: Random) -> Schedule | None:
        useful = [one.deviation for one in self._singles if self._is_useful(one.deviation)]
        if not useful:
            return None
        usual = [one for one in useful if one.kind is not Kind.LATE] or useful
        unseen = [one.reversal for one in self._coverage.unseen if self._is_useful(one.reversal)]
        drawn: list[Deviation] = []
        for _ in range(2 + int(random.random() * (_LARGEST - 1))):
            source = unseen if unseen and random.random() < _UNSEEN else usual if random.random() < 0.9 else useful
            one = source[int(random.random() * len(source))]
            if one not in drawn and self._law.allows((*drawn, one)):
                drawn.append(one)
        return self._is_new(drawn)


def _look(one: Choice, other: Choice) -> tuple[str, ...]:
    """Return what a pair looks like: equal for those of the same kinds and ranks."""
    return tuple(sorted(f"{choice.deviation.kind.name} {choice.rank}" for choice in (one, other)))


def _apart(pair: tuple[Choice, Choice]) -> int:
    return abs(pair[0].place - pair[1].place)
