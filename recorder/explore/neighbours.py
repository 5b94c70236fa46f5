"""Find the pairs of acks and events that stand near each other and may come in either order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.items import Item
from .law import Law
from .placed import Placed

_NEAR = 8  # acks and events of its session after an item that it is paired with
_NEXT = 3  # the same where the client may have waited for the item before it asked for the other


@dataclass(frozen=True, slots=True)
class Pair:
    """An ack or event, and one that was recorded after it and may come before it.

    Attributes:
        distance: How many acks and events of the session the second was recorded after the first.
        is_sure: The request of the second had left when the first came: so no client can have waited for the first
            before it sent the request.
    """

    first: Placed
    second: Placed
    distance: int
    is_sure: bool

    @property
    def reversal(self) -> Deviation:
        """The deviation that reverses the pair."""
        return Deviation(Kind.BEFORE, self.second.item, self.first.item)

    @property
    def names(self) -> tuple[Item, Item]:
        """The items in recorded order."""
        return self.first.item, self.second.item

    @property
    def is_of_one(self) -> bool:
        """Whether both belong to one triple."""
        return self.first.item.triple == self.second.item.triple != 0


def by_session(items: Sequence[Placed]) -> list[list[Placed]]:
    """Return the items of each session, in recorded order."""
    found: defaultdict[str, list[Placed]] = defaultdict(list)
    for one in items:
        found[one.session].append(one)
    return list(found.values())


def neighbours(items: Sequence[Placed], law: Law) -> tuple[Pair, ...]:
    """Return the pairs of items that stand near each other in their session and may come in either order."""
    return tuple(pair for session in by_session(items) for pair in _pairs(session, law))


def _pairs(session: Sequence[Placed], law: Law) -> Iterator[Pair]:
    for place, first in enumerate(session):
        for distance, second in enumerate(session[place + 1 : place + 1 + _NEAR], 1):
            is_sure = second.asked < first.at
            if (is_sure or distance <= _NEXT) and law.is_free(first.item, second.item):
                yield Pair(first, second, distance, is_sure)
