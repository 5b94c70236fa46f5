"""Find what became slower, without taking chance for a change. Sans-IO.

No two runs take equally long. An operation, or an event of it, counts as slower only if its usual time is beyond a
factor and beyond some milliseconds, and if chance does not explain it:

- it is far beyond all other times of either recording: waiting times have no memory, so that one of N times is f times
  the longest of m others with probability N · Π k/(k+f), k = 1 … m; f grows until that is small; or
- its times in all runs are greater than the recorded ones by the rank test of Mann and Whitney; or
- so many times are beyond the factor that the server as a whole is slower.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from statistics import median
from typing import TypeAlias

from ..frozen import dataclass
from ..model import Recording, Triple
from .evidence import title_of
from .judged import Judged, Place, Rule, Tier

Kind: TypeAlias = tuple[str, str]  # operation and part, as in `Judged`

_MS = 1_000_000  # nanoseconds
_CHANCE = 1e-4  # of an alarm in one verification of a server that did not change
_ALONE = 5.0  # factor for a part that came once: the times of networks have longer tails than waiting times
_EXACT = 30  # samples on a side, up to which the rank test counts all orders
_BEYOND = 0.25  # chance that a waiting time is three times another one
_FEW = 8  # kinds of times, from which on the server as a whole can be judged


@dataclass(frozen=True, slots=True)
class Limit:
    """From where on a time counts as slower: beyond so many times the recorded one, and so many milliseconds more."""

    factor: float = 3.0
    ms: float = 200.0

    def exceeded(self, old: float, new: float) -> bool:
        """Return whether a time exceeds a recorded one; both are milliseconds."""
        return new > old * self.factor and new - old > self.ms


@dataclass(frozen=True, slots=True)
class Sample:
    """How long one part of a triple took.

    Attributes:
        ms: Milliseconds after the request.
        own: Milliseconds after the part before it.
        run: Number of the run; 0 for the recording.
        n: Number of the triple.
        where: Path of the time.
    """

    ms: float
    own: float
    run: int
    n: int
    where: str


def slower(old: Recording, runs: Sequence[Recording], limit: Limit | None = None) -> list[Judged]:
    """Return a warning for each kind of ack or event that became slower.

    Args:
        old: The recording.
        runs: The live recordings of one or more runs.
        limit: From where on a time counts.
    """
    return _Times(old, runs, limit or Limit()).all()


class _Times:
    def __init__(self, old: Recording, runs: Sequence[Recording], limit: Limit) -> None:
        self._limit, self._of = limit, len(runs)
        self._old = _by_kind(old, 0)
        self._new: dict[Kind, list[Sample]] = defaultdict(list)
        for number, run in enumerate(runs, start=1):
            for kind, samples in _by_kind(run, number).items():
                self._new[kind] += samples
        self._kinds = [kind for kind in self._old if kind in self._new]

    def all(self) -> list[Judged]:
        beyond = [kind for kind in self._kinds if self._is_beyond(kind)]
        found = [kind for kind in beyond if self._is_far(kind) or self._ranks(kind)]
        if found or not self._is_slow(len(beyond)):
            return [self._judged(kind) for kind in found]
        text = (
            f"{len(beyond)} of {len(self._kinds)} kinds of answers and events take {self._limit.factor:g} times as long"
        )
        places = self._judged(beyond[0]).places[:1]
        return [Judged(Tier.WARNING, Rule.SLOWER, "", "", "", f"the server as a whole: {text}", places, of=self._of)]

    def _is_beyond(self, kind: Kind) -> bool:
        old, new = self._old[kind], self._new[kind]
        is_total = self._limit.exceeded(_usual(old), _usual(new))
        # a part that is late only because the part before it was late has no change of its own
        return is_total and median(s.own for s in new) - median(s.own for s in old) > self._limit.ms

    def _is_far(self, kind: Kind) -> bool:
        """Return whether a part takes far longer than anything else, beginning with the part before it."""
        is_ack = kind[1] == "ack"
        others = [
            sample.own
            for other, samples in chain(self._old.items(), self._new.items())
            if other != kind and (other[1] == "ack") is is_ack
            for sample in samples
        ]
        reference = [*(sample.own for sample in self._old[kind]), *others]
        usual, longest = median(sample.own for sample in self._new[kind]), max(reference)
        chance = _far_by_chance(len(reference), usual / longest) if longest else 0.0
        if len(self._new[kind]) == 1 and usual < _ALONE * longest:
            return False
        return self._limit.exceeded(longest, usual) and len(self._kinds) * chance < _CHANCE

    def _ranks(self, kind: Kind) -> bool:
        sides = ([sample.ms for sample in side[kind]] for side in (self._old, self._new))
        return greater_by_chance(*sides) * len(self._kinds) < _CHANCE

    def _is_slow(self, beyond: int) -> bool:
        """Return whether so many kinds are beyond the limit that chance does not explain it."""
        of = len(self._kinds)
        tail = sum(math.comb(of, k) * _BEYOND**k * (1 - _BEYOND) ** (of - k) for k in range(beyond, of + 1))
        return of >= _FEW and tail < _CHANCE

    def _judged(self, kind: Kind) -> Judged:
        old, new = self._old[kind], self._new[kind]
        was, now = _usual(old), _usual(new)
        late = [sample for sample in new if self._limit.exceeded(was, sample.ms)] or new
        places = tuple(Place(sample.run, sample.n, sample.where) for sample in late)
        operation, part = kind
        text = f"{was:.0f} ms became {now:.0f} ms"
        if len(new) > 1 or len(old) > 1:
            text += f" (medians of {len(old)} recorded and {len(new)} live)"
        pattern = "ack.ms" if part == "ack" else f"events[{part}].offset_ms"
        return Judged(
            Tier.WARNING,
            Rule.SLOWER,
            operation,
            part,
            pattern,
            text,
            places,
            round(was, 3),
            round(now, 3),
            len(new),
            self._of,
        )


def _by_kind(recording: Recording, run: int) -> dict[Kind, list[Sample]]:
    found: dict[Kind, list[Sample]] = defaultdict(list)
    for item in chain(recording.triples, recording.plain):
        for part, sample in _samples(item, run):
            found[title_of(item), part].append(sample)
    return found


def _samples(item: Triple, run: int) -> Iterator[tuple[str, Sample]]:
    began = item.request.t
    parts = [(link.event.t - began, link.name, f"events[{i}].offset_ms") for i, link in enumerate(item.events)]
    if item.ack is not None:
        parts.append((item.ack.t - began, "ack", "ack.ms"))
    before = 0
    for t, part, where in sorted(parts):
        yield part, Sample(t / _MS, (t - before) / _MS, run, item.n, where)
        before = t


def _usual(samples: Sequence[Sample]) -> float:
    return median(sample.ms for sample in samples)


def _far_by_chance(count: int, factor: float) -> float:
    """Return the probability that a waiting time is so many times the longest of `count` others."""
    return math.exp(sum(math.log(k / (k + factor)) for k in range(1, count + 1)))


def greater_by_chance(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the probability that `new` ranks so far above `old` by chance (H. B. Mann, D. R. Whitney, 1947)."""
    n, m = len(old), len(new)
    u = sum((b > a) + (b == a) / 2 for a in old for b in new)
    if max(n, m) <= _EXACT:
        # ties count half; rounding down makes the probability greater, never smaller
        return sum(_orders(n, m, k) for k in range(math.floor(u), n * m + 1)) / math.comb(n + m, n)
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    return math.erfc((u - 0.5 - n * m / 2) / deviation / math.sqrt(2)) / 2


@lru_cache(1 << 16)
def _orders(n: int, m: int, u: int) -> int:
    """Return in how many orders of n and m samples u pairs have the greater one among the m."""
    if u < 0 or u > n * m:
        return 0
    if not n or not m:
        return 1
    return _orders(n - 1, m, u - m) + _orders(n, m - 1, u)
