"""Draw schedules: each single deviation, relations as a whole, pairs of deviations, larger sets at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from operator import itemgetter
from random import Random
from typing import NamedTuple, TypeVar

from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Schedule
from .choices import Choice, Look, Rank
from .curing.relations import relations
from .neighbours import Coverage, not_shown
from .space import Space

_SINGLES, _WHOLE, _PAIRS, _POSTPONED = (
    0.6,
    0.65,
    0.8,
    0.9,
)  # shares of all schedules that are spent until then, if there are so many
_LARGEST = 5  # deviations in a schedule that is drawn at random
_TRIES = 200  # draws in a row that gave nothing new: then all there is was tried
_WIDEST = 150  # single deviations of which each is paired with each
_FEW_LEFT = 5  # deviations of plain answers, in doubt, that are tried all the same if there are no more
_IN_A_ROW = 8  # pairs that look alike before others get their turn
_MANY = 50  # deviations in a larger one
_PAIR = 2
_SMALL = 0.9  # share of the small ones
# Of the deviations in a schedule that is drawn at random, those below are
_FAR = 0.05  # reversals of any two items of a session: so each legal order can be drawn
_UNSEEN = 0.6  # reversals of pairs that were not yet seen in both orders
_USUAL = 0.96  # any that cost no time; the rest may be late

ONE, WHOLE, TWO, RANDOM = "one deviation", "relation", "two deviations", "random"  # how a schedule is found

_T = TypeVar("_T")


class Drawing:
    """The schedules of one search, in the order in which they are tried; none twice.

    Attributes:
        drawn: How many schedules were found in which way, by the word for it.
        is_whole: Whether all schedules with up to two deviations were drawn, or cannot be met; of late items, those
            with one.
    """

    def __init__(self, space: Space, coverage: Coverage) -> None:
        """Take the orders to draw from, and what was seen so far, which the caller keeps up."""
        self._space, self._law, self._coverage = space, space.law, coverage
        self._singles = space.singles
        self._sessions = space.sessions()
        self._tried: set[Schedule] = {Schedule()}
        self._useless: set[Deviation] = set()
        self._doubts = {one.deviation: doubts for one in space.singles if (doubts := _doubts(one))}
        self._shown: Counter[_Doubt] = Counter()
        self._unshown: Counter[_Doubt] = Counter()
        self._known: list[Deviation] | None = None
        self._doubtful: list[Choice] = []  # of plain answers, not tried until now: none of their like came about
        self._is_left_out = False  # some of them are not tried at all
        self._late_left = 0  # schedules with late items that may still be drawn at random
        self.drawn: Counter[str] = Counter()
        self.is_whole = False

    @property
    def has_late(self) -> bool:
        """True if items may be late, each alone."""
        return any(one.rank is Rank.LATE for one in self._singles)

    @property
    def tried(self) -> frozenset[Schedule]:
        """The schedules that were tried, with the recorded order."""
        return frozenset(self._tried)

    def learn(self, schedule: Schedule, order: Order) -> None:
        """Learn from a run that passed, or failed by no order: what alone did not come about is not tried again."""
        self._tried.add(schedule)
        if len(schedule.deviations) != 1:
            return
        unmet = not_shown(order)
        (self._unshown if unmet else self._shown).update(self._doubts.get(schedule.deviations[0], ()))
        if unmet:
            self._useless |= unmet
            self._coverage.unmet(order)
        self._known = None

    def schedules(self, most: int, random: Random) -> Iterator[tuple[Schedule, str]]:
        """Yield at most so many schedules, each with a word for how it was found."""
        left = max(most, 0)
        late = [one for one in self._singles if one.rank is Rank.LATE]
        usual = [one for one in self._singles if one.rank is not Rank.LATE]
        postponed: list[Choice] = []
        whole = len(usual) <= _WIDEST
        self._late_left = len(late)
        for why, last, found in (
            (ONE, round(most * _SINGLES) - len(late), self.single(usual, postponed)),
            (ONE, round(most * _SINGLES), self.single(late)),
            (WHOLE, round(most * _WHOLE), self._relations()),
            (TWO, round(most * _PAIRS), self._pairs()),
            (ONE, round(most * _POSTPONED), self._postponed(postponed)),
            (RANDOM, most, self._random(random)),
        ):
            if why == RANDOM:
                self.is_whole = whole and not self._is_left_out
            end = most - last
            for schedule in found:
                if left <= end or left <= 0:
                    whole = False
                    break
                left -= 1
                self._tried.add(schedule)
                self.drawn[why] += 1
                yield schedule, why

    def _is_new(self, deviations: Sequence[Deviation]) -> Schedule | None:
        """Return the schedule of these deviations; None if it was tried, is illegal or shows no more than another."""
        schedule = Schedule.of(deviations)
        is_new = schedule not in self._tried and len(schedule.deviations) == len(deviations)
        if not is_new or not self._law.allows(deviations) or self._law.is_spare(deviations):
            return None
        is_hopeless = self._coverage.is_hopeless
        return (
            None
            if any(is_hopeless(later, sooner) for sooner, later in self._law.brought_about(deviations))
            else schedule
        )

    def is_useful(self, deviation: Deviation) -> bool:
        """Return whether a deviation is not known to be one that the client does not let come about."""
        is_reversal = deviation.kind is Kind.BEFORE and deviation.other is not None
        is_hopeless = is_reversal and self._coverage.is_hopeless(deviation.other or deviation.item, deviation.item)
        return deviation not in self._useless and not is_hopeless

    def single(self, choices: Iterable[Choice], postponed: list[Choice] | None = None) -> Iterator[Schedule]:
        """Yield the schedules of single deviations that were not tried and are not known to be of no use.

        Args:
            choices: The deviations.
            postponed: Takes those whose like did not come about each time; None to try them all the same.
        """
        for one in choices:
            if postponed is not None and self._is_doubtful(one.deviation):
                self._put_off(one, postponed)
                continue
            schedule = self._is_new((one.deviation,))
            if schedule is not None and self.is_useful(one.deviation):
                yield schedule

    def _put_off(self, one: Choice, postponed: list[Choice]) -> None:
        """Keep a deviation for the end; those of plain answers apart."""
        is_plain = one.rank is Rank.UNSURE and _is_plain(one.deviation)
        (self._doubtful if is_plain else postponed).append(one)

    def _postponed(self, postponed: Iterable[Choice]) -> Iterator[Schedule]:
        """Yield what was kept for the end, without many of plain answers: a client that polls has hundreds."""
        if len(self._doubtful) <= _FEW_LEFT:
            postponed = [*postponed, *self._doubtful]
        else:
            self._is_left_out = True
            for one in self._doubtful:
                self._coverage.leave_out(one.deviation)
        yield from self.single(postponed)

    def _is_doubtful(self, deviation: Deviation) -> bool:
        """Return whether the like of a deviation did not come about, whenever it was tried."""
        doubts = self._doubts.get(deviation, ())
        return any(self._unshown[doubt] >= doubt.enough and not self._shown[doubt] for doubt in doubts)

    def _is_likely(self, deviation: Deviation) -> bool:
        return self.is_useful(deviation) and not self._is_doubtful(deviation)

    def _relations(self) -> Iterator[Schedule]:
        """Yield relations as a whole: a client may fail only if all its operations differ. Two are tried as a pair."""
        space, law = self._space, self._law
        for relation in relations(space.items, space.pairs, law):
            likely = [one for one in relation if self._is_likely(one)][:_MANY]
            schedule = self._is_new(likely) if len(likely) > _PAIR else None
            if schedule is not None:
                yield schedule

    def _pairs(self) -> Iterator[Schedule]:
        for both in self._space.together:
            schedule = self._is_new(both)
            if schedule is not None and (both[1].kind is Kind.IN_REPLY or all(map(self._is_likely, both))):
                yield schedule
        # late ones cost real seconds, and seldom tell more together with another deviation
        usual = [one for one in self._singles if one.rank is not Rank.LATE and self._is_likely(one.deviation)]
        looks: Counter[tuple[str, ...]] = Counter()
        ranked = []
        for one, other in sorted(combinations(usual[:_WIDEST], 2), key=_apart):
            look = _look(one, other)
            ranked.append(((looks[look] // _IN_A_ROW, one.rank + other.rank), one, other))
            looks[look] += 1
        for _, one, other in sorted(ranked, key=itemgetter(0)):
            schedule = self._is_new((one.deviation, other.deviation))
            if schedule is not None and self._is_likely(one.deviation) and self._is_likely(other.deviation):
                yield schedule

    def _random(self, random: Random) -> Iterator[Schedule]:
        failed = 0
        while failed < _TRIES:
            schedule = self._draw(random)
            failed = failed + 1 if schedule is None else 0
            if schedule is not None:
                yield schedule

    def _draw(self, random: Random) -> Schedule | None:
        useful = self._useful()
        usual = [one for one in useful if one.kind is not Kind.LATE]
        useful = useful if self._late_left else usual
        unseen = [one.reversal for one in self._coverage.unseen if self._is_likely(one.reversal)]
        most = _LARGEST if random.random() < _SMALL else max(_LARGEST, min(len(usual), _MANY))
        hope = (self._shown[_UNSURE] + 1) / (self._shown[_UNSURE] + self._unshown[_UNSURE] + 1)
        drawn: list[Deviation] = []
        for _ in range(2 + int(random.random() * (most - 1))):
            chance = random.random()
            if chance < _FAR:
                one = self._far(random, hope)
            else:
                one = _one_of(random, unseen if chance < _UNSEEN else usual if chance < _USUAL else useful)
            if one is None or one in drawn or (_UNSURE in self._doubts.get(one, ()) and random.random() > hope):
                continue
            if self._law.allows((*drawn, one)):
                drawn.append(one)
        schedule = self._is_new(drawn) if drawn else None
        if schedule is not None and any(one.kind is Kind.LATE for one in drawn):
            self._late_left -= 1
        return schedule

    def _useful(self) -> list[Deviation]:
        if self._known is None:  # only runs with one deviation change it
            self._known = [one.deviation for one in self._singles if self._is_likely(one.deviation)]
        return self._known

    def _far(self, random: Random, hope: float) -> Deviation | None:
        """Return the reversal of any two items of a session, however far from each other."""
        if not self._sessions:
            return None
        session = self._sessions[int(random.random() * len(self._sessions))]
        places = sorted(int(random.random() * len(session)) for _ in range(2))
        first, second = (session[place] for place in places)
        if first is second or not self._law.is_free(first.item, second.item):
            return None
        if second.asked >= first.at and random.random() > hope:  # the client may wait, as it was seen to do
            return None
        found = Deviation(Kind.BEFORE, second.item, first.item)
        if second.asked >= first.at and _is_plain(found) and self._unshown[_UNSURE_PLAIN] > self._shown[_UNSURE_PLAIN]:
            return None
        return found if self.is_useful(found) else None


def _one_of(random: Random, items: Sequence[_T]) -> _T | None:
    """Return one of some items, None if there are none. Only `random` is the same in each version of Python."""
    return items[int(random.random() * len(items))] if items else None


class _Doubt(NamedTuple):
    """The features of deviations that clients may not let come about; after so many, others with them are in doubt."""

    like: Look
    enough: int


_UNSURE = _Doubt(("unsure",), 10)
_UNSURE_PLAIN = _Doubt(("unsure", "plain"), 5)


def _doubts(one: Choice) -> tuple[_Doubt, ...]:
    match one.rank:
        case Rank.REPLY | Rank.TROUBLE:
            return (_Doubt((one.deviation.kind.name,), 3),)  # it hangs on the transport
        case Rank.UNSURE if _is_plain(one.deviation):
            return _Doubt(one.look, 1), _UNSURE_PLAIN  # tells nothing of how the client sends its operations
        case Rank.UNSURE:
            return _Doubt(one.look, 1), _UNSURE  # the same code waits, or does not; so do most clients throughout
        case _:
            return ()


def _is_plain(deviation: Deviation) -> bool:
    return any(item is not None and item.plain for item in (deviation.item, deviation.other))


def _look(one: Choice, other: Choice) -> tuple[str, ...]:
    """Return what a pair looks like: equal for those of the same kinds and ranks."""
    return tuple(sorted(f"{choice.deviation.kind.name} {choice.rank}" for choice in (one, other)))


def _apart(pair: tuple[Choice, Choice]) -> int:
    return abs(pair[0].place - pair[1].place)
