"""Choose what the page of a large cassette shows: what is likely to be looked for, and an even sample of the rest."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from heapq import heappush, heappushpop
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from ..model import State, Triple

# Triples, other exchanges and unsolicited events on one page: of `benchmarks.synthetic`, a page of 10 MB.
MOST = 50_000
MOST_BYTES = 32 << 20  # of packed content on one page: a browser reads as much in a second
WHAT = "those that failed, were slow or have an uncertain link, those beside unsolicited events, and an even sample"
_SHARES = {"failed": 0.3, "doubtful": 0.2, "near": 0.1, "slow": 0.1}  # at most, of all that are chosen
_BESIDE = 0.1  # of other exchanges, and of unsolicited events
_BITS, _GOLDEN = 64, 0x9E3779B97F4A7C15  # the fraction of the golden ratio, in so many bits

T = TypeVar("T")


class Sample(Generic[T]):
    """An even sample of a sequence, taken while it passes."""

    def __init__(self, most: int | None) -> None:
        """Begin empty; `most` is the number of items to keep, None for all."""
        self._most = most
        self._below = 1 << _BITS
        self._passed = 0
        self._kept: list[tuple[int, T]] = []

    def __iter__(self) -> Iterator[T]:
        """Yield the items that are kept, in their order."""
        return (item for _, item in self._kept)

    def add(self, item: T) -> bool:
        """Take the next item of the sequence; return whether it is kept for now."""
        rank = _rank(self._passed)
        self._passed += 1
        if rank >= self._below:
            return False
        self._kept.append((rank, item))
        while self._most is not None and len(self._kept) > self._most:
            self._below = self._below * 3 // 4
            self._kept = [kept for kept in self._kept if kept[0] < self._below]
        return True


class Chosen(NamedTuple):
    """The items of a cassette that a page shows: numbers of triples, and places from 1 of the others."""

    triples: frozenset[int]
    plain: frozenset[int]
    unsolicited: frozenset[int]


class Choice:
    """A choice among the items of one cassette, made while they pass.

    Attributes:
        count: Number of items that passed.
        triples: Number of triples among these.
    """

    def __init__(self, most: int | None, wanted: Container[int] = ()) -> None:
        """Begin without items.

        Args:
            most: Number of items to choose if there are more; None counts them only.
            wanted: Numbers of triples that come before all others.
        """
        self.count = self.triples = 0
        self._most, self._wanted = most, wanted
        self._every: Sample[int] = Sample(most)
        self._plain: Sample[int] = Sample(most)
        self._unsolicited: Sample[int] = Sample(most)
        self._first: Sample[int] = Sample(most)
        self._kinds: dict[str, Sample[int]] = {kind: Sample(_part(most, share)) for kind, share in _SHARES.items()}
        self._slow: list[tuple[int, int]] = []  # a heap by duration

    @property
    def is_full(self) -> bool:
        """True if more items passed than can be shown."""
        return self._most is not None and self.count > self._most

    def triple(self, item: Triple, *, is_doubtful: bool = False, is_near: bool = False) -> None:
        """Take a triple.

        Args:
            item: The triple.
            is_doubtful: Whether one of its links is uncertain.
            is_near: Whether an unsolicited event came while it was open.
        """
        self.count += 1
        self.triples += 1
        if self._most is None:
            return
        has_failed = item.state is not State.COMPLETE or (item.ack is not None and item.ack.status >= 400)
        kinds = {"failed": has_failed, "doubtful": is_doubtful, "near": is_near}
        for kind, is_one in kinds.items():
            if is_one:
                self._kinds[kind].add(item.n)
        if item.n in self._wanted:
            self._first.add(item.n)
        self._every.add(item.n)
        self._note_if_slow(item, self._most)

    def plain(self, place: int) -> None:
        """Take an exchange that is no operation, by its place among those, from 1."""
        self.count += 1
        if self._most is not None:
            self._plain.add(place)

    def unsolicited(self, place: int) -> None:
        """Take an unsolicited event, by its place among those, from 1."""
        self.count += 1
        if self._most is not None:
            self._unsolicited.add(place)

    def chosen(self, room: int) -> Chosen:
        """Return at most `room` of the items; all if there are no more."""
        if self.count <= room:
            return Chosen(*(frozenset(kind) for kind in (self._every, self._plain, self._unsolicited)))
        plain, unsolicited = (_evenly([*kind], int(room * _BESIDE)) for kind in (self._plain, self._unsolicited))
        left = room - len(plain) - len(unsolicited)
        found = {*_evenly([*self._first], left)}
        kinds = {kind: [*items] for kind, items in self._kinds.items()}
        kinds["slow"] = [-n for _, n in self._slow]
        for kind, items in kinds.items():
            more = [n for n in items if n not in found]
            found.update(_evenly(more, min(left - len(found), int(room * _SHARES[kind]))))
        more = [n for n in self._every if n not in found]
        found.update(_evenly(more, left - len(found)))
        return Chosen(frozenset(found), frozenset(plain), frozenset(unsolicited))

    def _note_if_slow(self, item: Triple, most: int) -> None:
        """Note a triple if it is among the slowest so far."""
        ends = chain((link.event.t for link in item.events), (end.t for end in (item.ack, item.failure) if end))
        entry = max(ends, default=item.request.t) - item.request.t, -item.n
        if len(self._slow) < int(most * _SHARES["slow"]):
            heappush(self._slow, entry)
        elif self._slow:
            heappushpop(self._slow, entry)


def _part(most: int | None, share: float) -> int | None:
    return None if most is None else int(most * share)


def _evenly(items: Sequence[T], most: int) -> Sequence[T]:
    """Return at most so many items, spread over all."""
    return items if len(items) <= most else [items[at] for at in sorted(sorted(range(len(items)), key=_rank)[:most])]


def _rank(place: int) -> int:
    """Return the rank of a place: of any stretch, and of each nth place, the same share has a rank below a limit.

    Multiples of the golden ratio, without their whole part, have this property (Knuth, volume 3, section 6.4). Each
    second or fourth place would be those of some agents only, where agents take turns.
    """
    return place * _GOLDEN % (1 << _BITS)
