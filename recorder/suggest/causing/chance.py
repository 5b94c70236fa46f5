"""Tell events that requests cause from events that share their values, or come after them, by chance.

Each kind of events is held against each operation that it is assigned to. If the values were equal by chance, the
values of other events of the kind would agree with the requests before an event as often as its own. If the events came
after these requests by chance, they would come as often after any other moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from math import log
from typing import TypeAlias, TypeVar

from ..reading.traffic import Asked, Pushed
from .joins import SECOND, WINDOW, Pair, are_one, leaves

_GAPS = (SECOND // 30, SECOND // 10, SECOND // 3, SECOND, 3 * SECOND, 10 * SECOND, WINDOW)
_LEAST = 4  # events, of fewer nothing can be told
_EVIDENCE = 6.0  # how much better than chance both must be explained: the logarithm of a likelihood ratio
_SAMPLE = 200  # requests and events that are looked at, so that a long recording costs no more than it must
_SHIFTS = 8  # other moments for each request
# Share of the requests with an event; of the events beside others; of the events of the kind; of how many requests.
_REGULAR, _BESIDE, _MINE, _MANY = 0.5, 0.8, 0.5, 5
_LATE = 3  # times the typical delay, after which events are hardly caused

_T = TypeVar("_T")
_Own: TypeAlias = frozenset[tuple[int, str]]  # values, each with the number of its pair of places


def typical(own: Sequence[Asked], events: Sequence[Pushed], pairs: Sequence[Pair]) -> int | None:
    """Return how soon events of a kind come after requests of an operation that cause them; None if it is chance.

    Args:
        own: The requests, in their order.
        events: The events of the kind that are assigned to these requests, in their order.
        pairs: Places whose values they share.
    """
    if len(events) < _LEAST:
        return WINDOW
    asked = [(one, _asked_values(one, pairs)) for one in own]
    pushed = [(event, _values(event, pairs)) for event in events]
    weight, gap = _by_times(_some(asked), pushed)
    return gap if _by_values(asked, _some(pushed)) + weight >= _EVIDENCE else None


def is_rare(own: Sequence[Asked], some: Sequence[tuple[Asked, Pushed]], soon: int, count: int) -> bool:
    """Return whether few of the requests of an operation have such an event in time, and few of the events are these.

    Args:
        own: The requests of the operation.
        some: The events of a kind that are assigned to them, with their requests.
        soon: How soon they come.
        count: How many events of the kind there are.
    """
    timely = [asked.number for asked, event in some if event.t - asked.t <= _LATE * soon]
    often, mine = len(set(timely)) / len(own), len(timely) / count
    return len(own) >= _MANY and count >= _LEAST and often < _REGULAR and mine < _MINE


_Asked: TypeAlias = tuple[Asked, _Own]
_Pushed: TypeAlias = tuple[Pushed, _Own]


def _by_values(asked: Sequence[_Asked], pushed: Sequence[_Pushed]) -> float:
    """Return how much better the values of events agree with the requests before them than those of other events."""
    counts = Counter(own for _, own in pushed)
    numbers = [one.number for one, _ in asked]
    hits, expected = [0.0] * len(_GAPS), [0.0] * len(_GAPS)
    for event, mine in pushed:
        end = bisect_left(numbers, event.number)
        near = [
            (event.t - one.t, own)
            for one, own in asked[max(0, end - _SAMPLE) : end]
            if event.t - one.t <= _GAPS[-1] and are_one(one, event) and one.cassette == event.cassette
        ]
        for place, gap in enumerate(_GAPS):
            there = frozenset[tuple[int, str]]().union(*(own for ago, own in near if ago <= gap))
            hits[place] += not there.isdisjoint(mine)
            expected[place] += sum(n for own, n in counts.items() if not there.isdisjoint(own)) / len(pushed)
    return max(_better(*one, len(pushed)) for one in zip(hits, expected, strict=True))


def _by_times(asked: Sequence[_Asked], pushed: Sequence[_Pushed]) -> tuple[float, int]:
    """Return how much more often such events come soon after requests than after other moments, and how soon."""
    spans: dict[int, list[int]] = defaultdict(list)
    messages: list[Asked | Pushed] = [*(one for one, _ in asked), *(event for event, _ in pushed)]
    for message in messages:
        spans[message.cassette].append(message.t)
    times = [(event.cassette, event.t) for event, _ in pushed]
    best = 0.0, WINDOW
    for gap in _GAPS:
        hits = sum(_follows(one, own, (one.t, one.t + gap), pushed, times) for one, own in asked)
        moments = [
            _follows(one, own, (t, t + gap), pushed, times)
            for one, own in asked
            for t in _moments(one.t, spans[one.cassette])
        ]
        share = (sum(moments) + 0.5) / (len(moments) + 1)
        weight = _better(hits, share * len(asked), len(asked))
        best = (weight, gap) if weight > best[0] else best
    return best


def _moments(t: int, times: Sequence[int]) -> Iterator[int]:
    """Yield other moments of a recording than one moment, all over it."""
    first, whole = min(times), max(SECOND, max(times) - min(times))
    for shift in range(1, _SHIFTS):
        yield first + (t - first + whole * shift // _SHIFTS) % whole


def _follows(
    one: Asked, own: _Own, span: tuple[int, int], pushed: Sequence[_Pushed], times: Sequence[tuple[int, int]]
) -> bool:
    """Return whether an event with a value of a request comes in a span of time."""
    first, end = (bisect_left(times, (one.cassette, t)) for t in span)
    return any(are_one(one, event) and not own.isdisjoint(its) for event, its in pushed[first:end])


def _better(hits: float, expected: float, count: int) -> float:
    """Return by how much a share of hits is more likely if it is none by chance: the logarithm of the ratio."""
    if hits <= expected:
        return 0.0
    missed = count - hits
    return hits * log(hits / expected) + (missed * log(missed / (count - expected)) if missed else 0.0)


def _values(event: Pushed, pairs: Sequence[Pair]) -> _Own:
    return frozenset((place, value) for place, pair in enumerate(pairs) for value in event.values.get(pair.event, ()))


def _asked_values(one: Asked, pairs: Sequence[Pair]) -> _Own:
    """Return the values of a request that events of the kind may have."""
    places: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        places[pair.source.is_answer, pair.source.path].append(place)
    return frozenset(
        (place, value)
        for is_answer, path, values in leaves(one)
        for place in places.get((is_answer, path), ())
        for value in values
    )


def _some(own: list[_T]) -> list[_T]:
    """Return some of many, from all of the recording."""
    return own if len(own) <= _SAMPLE else own[:: len(own) // _SAMPLE]
