"""Decide which sets of deviations a server is allowed, by the order that it has to keep (docs/races.md).

What keeps its recorded order is a chain (`placed.py`):

- the events of one triple on one channel, and unsolicited events on one channel;
- an event stream, or a WebSocket without Bayeux, is one channel, whatever the topics of its events: no protocol says
  that they come from several sources; events with an id keep their order in the stream, whatever caused them;
- events with a replay id on one channel;
- all acks and events that fit one entry of the dialect's `ordered`.

The replies to the publishes of one body leave at once. All else is free. A set of deviations is legal if some order has
all of them and breaks no chain.

That nothing comes before its request or anchor is no matter of a schedule: the client decides when it asks, and the
stand-in waits for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.items import Item
from .placed import Chain, Placed

_NO_POLL = frozenset({Kind.IN_REPLY, Kind.CUT})  # another way than a poll
_OF_A_POLL = frozenset({Kind.LOST_POLL, Kind.TWICE})


class Law:
    """The order that a server has to keep in one recording."""

    def __init__(self, items: Sequence[Placed]) -> None:
        """Take the acks and events of the recording, in recorded order."""
        self._chains = {one.item: one.chains for one in items}
        self._places = {one.item: place for place, one in enumerate(items)}
        self._members: defaultdict[Chain, list[Item]] = defaultdict(list)
        for one in items:
            for chain in one.chains:
                self._members[chain].append(one.item)
        self._is_simple = all(len(one.chains) < 2 for one in items)
        self._bodies: defaultdict[int, list[Item]] = defaultdict(list)
        for one in items:
            if one.body is not None:
                self._bodies[one.body].append(one.item)
        self._body = {item: body for body, found in self._bodies.items() for item in found if len(found) > 1}

    def knows(self, deviation: Deviation) -> bool:
        """Return whether the recording has the items of a deviation."""
        return deviation.item in self._chains and (deviation.other is None or deviation.other in self._chains)

    def is_free(self, first: Item, second: Item) -> bool:
        """Return whether the second item may come before the first, which was recorded before it."""
        if not self._chains[first].isdisjoint(self._chains[second]):
            return False
        return (self._is_simple and not self._body) or self.allows((Deviation(Kind.BEFORE, second, first),))

    def allows(self, deviations: Iterable[Deviation]) -> bool:
        """Return whether some legal order has all these deviations."""
        found = tuple(deviations)
        return all(map(self.knows, found)) and _are_single(found) and not self._is_circle(found)

    def is_spare(self, deviations: Sequence[Deviation]) -> bool:
        """Return whether the other deviations already bring about one of these, which changes nothing then."""
        items = _related(deviations)
        for one in deviations:
            if one.kind is Kind.BEFORE:
                edges, _ = self._edges([other for other in deviations if other is not one], items)
                if one.other in _reached(edges, one.item):
                    return True
        return False

    def brought_about(self, deviations: Sequence[Deviation]) -> Iterator[tuple[Item, Item]]:
        """Yield the pairs of items of which the first comes before the second, or with it, if all these are met."""
        items = _related(deviations)
        edges, _ = self._edges(deviations, items)
        for first in items:
            yield from ((first, second) for second in _reached(edges, first) & items if second != first)

    def _is_circle(self, deviations: Sequence[Deviation]) -> bool:
        """Return whether an item would have to come strictly before itself."""
        edges, strict = self._edges(deviations, _related(deviations))
        return any(first == second or first in _reached(edges, second) for first, second in strict)

    def _edges(
        self, deviations: Iterable[Deviation], items: set[Item]
    ) -> tuple[dict[Item, set[Item]], list[tuple[Item, Item]]]:
        """Return what comes after each item, and the pairs whose second item comes in a later answer than the first.

        Args:
            deviations: The deviations.
            items: The items between which chains count.
        """
        edges: defaultdict[Item, set[Item]] = defaultdict(set)
        strict: list[tuple[Item, Item]] = []
        for one in deviations:
            if one.other is None:
                continue
            match one.kind:
                case Kind.TOGETHER:
                    edges[one.item].add(one.other)
                    edges[one.other].add(one.item)
                case Kind.APART:
                    strict.append((one.other, one.item))
                case _:
                    strict.append((one.item, one.other))
        for first, second in strict:
            edges[first].add(second)
        bodies = sorted({self._body[item] for item in items if item in self._body})
        for body in bodies:
            for first, second in pairwise((*self._bodies[body], self._bodies[body][0])):
                edges[first].add(second)
        for chain in self._linked(items | {item for body in bodies for item in self._bodies[body]}):
            for first, second in pairwise(chain):
                edges[first].add(second)
        return edges, strict

    def _linked(self, items: set[Item]) -> list[list[Item]]:
        """Return the chains between these items, directly or by way of other chains."""
        chains = {chain for item in items for chain in self._chains[item]}
        if not self._is_simple:  # an item may be in several chains, so that one chain leads to another
            waiting = list(chains)
            while waiting:
                for item in self._members[waiting.pop()]:
                    new = self._chains[item] - chains
                    chains |= new
                    waiting.extend(new)
            return [self._members[chain] for chain in sorted(chains)]
        return [
            sorted((item for item in items if chain in self._chains[item]), key=self._places.__getitem__)
            for chain in sorted(chains)
        ]


def _related(deviations: Iterable[Deviation]) -> set[Item]:
    """Return the items whose order to another one these deviations change."""
    return {item for one in deviations if one.other is not None for item in (one.item, one.other)}


def _are_single(deviations: Sequence[Deviation]) -> bool:
    """Return whether nothing is asked for twice of an item, nor two ways of one event that exclude each other."""
    kinds: defaultdict[Item, list[Kind]] = defaultdict(list)
    for one in deviations:
        if one.other is None:
            kinds[one.item].append(one.kind)
    return all(
        len(set(found)) == len(found) and (_NO_POLL.isdisjoint(found) or _OF_A_POLL.isdisjoint(found))
        for found in kinds.values()
    )


def _reached(edges: dict[Item, set[Item]], start: Item) -> set[Item]:
    """Return the items that come after one, or with it."""
    found: set[Item] = set()
    waiting = [start]
    while waiting:
        new = edges.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found
