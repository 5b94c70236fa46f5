"""Choose what the page of a large cassette shows: what is likely to be looked for, and an even sample of the rest."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from heapq import heappush, heappushpop
from itertools import chain
from typing import Generic, NamedTuple, TypeVar

from ..model import State, Triple, Unsolicited

# Triples, other exchanges and unsolicited events on one page: of `benchmarks.synthetic`, a page of 4 MB, which Chromium
# opens in less than a second.
MOST = 5_000
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
    """The items of a cassette that a page shows."""

    triples: tuple[Triple, ...]
    plain: tuple[Triple, ...]
    unsolicited: tuple[Unsolicited, ...]


class Choice:
    """A choice among the items of one cassette, made while they pass.

    Attributes:
        count: Number of items that passed.
        triples: Number of triples among these.
    """

    def __init__(self, most: int | None, wanted: Container[int] = ()) -> None:
        """Begin without items.

        Args:
            most: Number of items to choose if there are more; None takes all.
            wanted: Numbers of triples that come before all others.
        """
        self.count = self.triples = 0
        self._most, self._wanted = most, wanted
        self._every: Sample[Triple] = Sample(most)
        self._plain: Sample[Triple] = Sample(most)
        self._unsolicited: Sample[Unsolicited] = Sample(most)
        self._first: Sample[Triple] = Sample(most)
        self._kinds: dict[str, Sample[Triple]] = {kind: Sample(_part(most, share)) for kind, share in _SHARES.items()}
        self._slow: list[tuple[int, int, Triple]] = []  # a heap by duration

    def triple(self, item: Triple, *, is_doubtful: bool = False, is_near: bool = False) -> bool:
        """Take a triple; return whether it is kept for now.

        Args:
            item: The triple.
            is_doubtful: Whether one of its links is uncertain.
            is_near: Whether an unsolicited event came while it was open.
        """
        self.count += 1
        self.triples += 1
        if self._most is None:
            return self._every.add(item)
        has_failed = item.state is not State.COMPLETE or (item.ack is not None and item.ack.status >= 400)
        kinds = {"failed": has_failed, "doubtful": is_doubtful, "near": is_near}
        kept = [self._kinds[kind].add(item) for kind, is_one in kinds.items() if is_one]
        if item.n in self._wanted:
            kept.append(self._first.add(item))
        kept += [self._every.add(item), self._is_slow(item, self._most)]
        return any(kept)

    def plain(self, item: Triple) -> None:
        """Take an exchange that is no operation."""
        self.count += 1
        self._plain.add(item)

    def unsolicited(self, item: Unsolicited) -> bool:
        """Take an unsolicited event; return whether it is kept for now."""
        self.count += 1
        return self._unsolicited.add(item)

    def chosen(self, room: int | None) -> Chosen:
        """Return at most `room` of the items, each kind in its order; all if there are no more, or with None."""
        if room is None or self.count <= room:
            return Chosen(tuple(self._every), tuple(self._plain), tuple(self._unsolicited))
        plain, unsolicited = (_evenly([*kind], int(room * _BESIDE)) for kind in (self._plain, self._unsolicited))
        left = room - len(plain) - len(unsolicited)
        found = {item.n: item for item in _evenly([*self._first], left)}
        kinds = {kind: [*items] for kind, items in self._kinds.items()}
        kinds["slow"] = [item for *_, item in self._slow]
        for kind, items in kinds.items():
            more = [item for item in items if item.n not in found]
            found |= {item.n: item for item in _evenly(more, min(left - len(found), int(room * _SHARES[kind])))}
        more = [item for item in self._every if item.n not in found]
        found |= {item.n: item for item in _evenly(more, left - len(found))}
        return Chosen(tuple(found[n] for n in sorted(found)), tuple(plain), tuple(unsolicited))

    def _is_slow(self, item: Triple, most: int) -> bool:
        """Note a triple if it is among the slowest so far; return whether it is."""
        ends = chain((link.event.t for link in item.events), (end.t for end in (item.ack, item.failure) if end))
        entry = max(ends, default=item.request.t) - item.request.t, -item.n, item
        if len(self._slow) < int(most * _SHARES["slow"]):
            heappush(self._slow, entry)
            return True
        return bool(self._slow) and heappushpop(self._slow, entry) is not entry


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
