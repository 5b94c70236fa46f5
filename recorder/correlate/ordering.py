"""Put the moments of a recording in the order of the wire without holding all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush, merge
from itertools import chain, count
from operator import itemgetter
from typing import Any, TypeAlias, TypeVar

from ..model import Triple

T = TypeVar("T")
At: TypeAlias = tuple[int, int]


def unfolded(groups: Iterable[Iterable[tuple[At, T]]]) -> Iterator[tuple[At, T]]:
    """Yield the moments of groups by their places; equal places keep their order.

    Memory holds what overlaps: an operation whose last event comes late waits for it.

    Args:
        groups: Moments with their places. The first moment of a group is its earliest; the groups stand in the order of
            their first moments, as triples do.
    """
    waiting: list[tuple[At, int, T]] = []  # the number keeps equal places in order, and moments from being compared
    number = count()
    for group in groups:
        begun = False
        for at, moment in group:
            while not begun and waiting and waiting[0][0] < at:
                early, _, one = heappop(waiting)
                yield early, one
            begun = True
            heappush(waiting, (at, next(number), moment))
    while waiting:
        early, _, one = heappop(waiting)
        yield early, one


def asked(items: Sequence[Triple]) -> Iterable[Triple]:
    """Return triples as they were asked: without their answers and events, where these are kept apart."""
    found: Iterable[Triple] = getattr(items, "asked", items)
    return found


def in_order(*streams: Iterable[tuple[Any, ...]], is_one: bool) -> Iterable[tuple[Any, ...]]:
    """Return what several streams yield by the place that each item begins with; equal places keep their order.

    Args:
        streams: Of one file each is in order.
        is_one: Whether they are of one file. Places of several files that were joined overlap, and are sorted at once.
    """
    if is_one:
        return merge(*streams, key=itemgetter(0))
    return sorted(chain.from_iterable(streams), key=itemgetter(0))
