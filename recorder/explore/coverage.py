"""Count which pairs of neighbours were seen in both orders, by what runs showed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.items import Item
from ..replay.engine.orders.played import Order
from .neighbours import Pair


class Coverage:
    """The pairs of neighbours, and in which orders runs showed them."""

    def __init__(self, pairs: Sequence[Pair] = ()) -> None:
        """Take the pairs that may come in either order."""
        self.pairs = pairs
        self._names = [(str(pair.first.item), str(pair.second.item)) for pair in pairs]
        self._as_recorded: set[int] = set()  # places of pairs
        self._reversed: set[int] = set()
        self._waited: set[tuple[Item, int]] = set()  # a client waits for the item before it asks for the triple

    def add(self, order: Order) -> None:
        """Count what a run showed."""
        times = first_times(act.name for act in order.acts)
        for place, (one, other) in enumerate(self._names):
            if one in times and other in times:
                (self._as_recorded if times[one] < times[other] else self._reversed).add(place)

    def unmet(self, order: Order) -> None:
        """Learn from a run whose only deviation did not come about for what the client waits."""
        times = first_times(act.name for act in order.acts)
        for one in order.unmet:
            if one.other is None or one.kind is Kind.APART:
                continue
            held, asked = times.get(str(one.other)), times.get(f"request {one.item.triple}")
            if held is not None and asked is not None and held < asked:
                self._waited.add((one.other, one.item.triple))

    def is_hopeless(self, first: Item, second: Item) -> bool:
        """Return whether a client was seen to wait for the first item before it asks for the second."""
        return (first, second.triple) in self._waited

    @property
    def unseen(self) -> list[Pair]:
        """The pairs that no run showed reversed, and that may be."""
        left = (pair for place, pair in enumerate(self.pairs) if place not in self._reversed)
        return [pair for pair in left if not self.is_hopeless(*pair.names)]

    @property
    def both(self) -> int:
        """Number of pairs that were seen in both orders."""
        return len(self._as_recorded & self._reversed)

    @property
    def waited(self) -> int:
        """Number of pairs that cannot be reversed, because the client waits for the first before it goes on."""
        return len(self.pairs) - len(self._reversed) - len(self.unseen)

    def __str__(self) -> str:
        if not self.pairs:
            return "no two answers or events of this run may come in another order"
        told = f"{self.both} of {_counted(len(self.pairs), 'pair')} of neighbours seen in both orders"
        if self.waited:
            told += f"; {self.waited} cannot be: the client itself waits for the first before it asks for the second"
        return told


def not_shown(order: Order) -> frozenset[Deviation]:
    """Return the deviations that a run did not show.

    An item that came before one that never came is shown: a client that fails on it asks for no more.
    """
    times = first_times(act.name for act in order.acts)
    return frozenset(
        one
        for one in order.unmet
        if not (one.kind is Kind.BEFORE and str(one.item) in times and str(one.other) not in times)
    )


def first_times(names: Iterable[str]) -> dict[str, int]:
    """Return the place of the first act of each name."""
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        found.setdefault(name, place)
    return found


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
