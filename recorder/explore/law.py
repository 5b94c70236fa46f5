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

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ..dialect.definition import Dialect
from ..model import Recording
from ..replay.engine.orders.deviations import Deviation, Kind
from ..replay.engine.orders.items import Item
from ..replay.engine.orders.schedule import Schedule
from .placed import Chain, Placed, placed

_NO_POLL = frozenset({Kind.IN_REPLY, Kind.CUT})  # another way than a poll
_BODY = "body"  # kind of a chain: see `placed.py`
_OF_A_POLL = frozenset({Kind.LOST_POLL, Kind.TWICE})


class Law:
    """The order that a server has to keep in one recording."""

    def __init__(self, items: Sequence[Placed]) -> None:
        """Take the answers and events of the recording, in recorded order."""
        self._placed = items
        self._chains = {one.item: one.chains for one in items}
        self._items = [one.item for one in items]
        self._places = {item: place for place, item in enumerate(self._items)}
        self._members: defaultdict[Chain, list[Item]] = defaultdict(list)
        for one in items:
            for chain in one.chains:
                self._members[chain].append(one.item)
        self._is_simple = all(len(one.chains) < 2 for one in items)
        self._bodies: defaultdict[tuple[str, int], list[Item]] = defaultdict(list)  # cassettes have numbers in common
        for one in items:
            if one.body is not None:
                self._bodies[one.session, one.body].append(one.item)
        self._body = {item: body for body, found in self._bodies.items() for item in found if len(found) > 1}

    def knows(self, deviation: Deviation) -> bool:
        """Return whether the recording has the items of a deviation."""
        return deviation.item in self._chains and (deviation.other is None or deviation.other in self._chains)

    def is_free(self, first: Item, second: Item) -> bool:
        """Return whether the second item may come before the first, which was recorded before it."""
        if self._body:
            return self.allows((Deviation(Kind.BEFORE, second, first),))
        chains = set(self._chains[first])
        if not self._is_simple:  # chains lead on from each item that they lead to
            for item in self._items[self._places[first] + 1 : self._places[second]]:
                if not chains.isdisjoint(self._chains[item]):
                    chains |= self._chains[item]
        return chains.isdisjoint(self._chains[second])

    def allows(self, deviations: Iterable[Deviation]) -> bool:
        """Return whether some legal order has all these deviations."""
        found = tuple(deviations)
        return all(map(self.knows, found)) and _are_single(found) and not self._is_circle(found)

    def forbids(self, deviations: Iterable[Deviation]) -> str:
        """Return in one sentence why no legal order has all these deviations; "" if one has, or if items are unknown.

        It names the fewest of them that do not go together, and the rule.
        """
        core = list(deviations)
        if not all(map(self.knows, core)) or self.allows(core):
            return ""
        for one in tuple(core):
            rest = [other for other in core if other != one]
            if not self.allows(rest):
                core = rest
        told = _listed([*map(str, core)])
        if not self._only(None).allows(core):
            return f"{told} contradict each other"
        chains = sorted({chain for item in _related(core) for chain in self._chains[item]})
        broken = next((chain for chain in chains if not self._only(chain).allows(core)), None)
        return f"no server may send {told}: {_rule(broken)}"

    def _only(self, chain: Chain | None) -> Law:
        """Return the law that knows one chain, or none."""
        has_body = chain is not None and chain[0] == _BODY
        return Law(
            [replace(one, chains=one.chains & {chain}, body=one.body if has_body else None) for one in self._placed]
        )

    def is_spare(self, deviations: Sequence[Deviation]) -> bool:
        """Return whether the other deviations already bring about one of these, which changes nothing then."""
        items = _related(deviations)
        for one in deviations:
            if one.other is None or one.kind is Kind.APART:
                continue
            rest = self._graph([other for other in deviations if other is not one], items)
            is_there = one.other in _reached(rest.answers, one.item)
            if one.kind is Kind.TOGETHER:
                is_there = is_there and one.item in _reached(rest.answers, one.other)
            elif _is_in_one(one, deviations):
                is_there = one.other in _reached(rest.order, one.item)
            if is_there:
                return True
        return False

    def brought_about(self, deviations: Sequence[Deviation]) -> Iterator[tuple[Item, Item]]:
        """Yield the pairs of items of which the first comes before the second, or with it, if all these are met."""
        items = _related(deviations)
        answers = self._graph(deviations, items).answers
        for first in items:
            yield from ((first, second) for second in _reached(answers, first) & items if second != first)

    def _is_circle(self, deviations: Sequence[Deviation]) -> bool:
        """Return whether an item would have to come before itself, or in a later answer than itself."""
        graph = self._graph(deviations, _related(deviations))
        return any(first in _reached(graph.answers, second) for first, second in graph.later) or any(
            first in _reached(graph.order, second) for first, second in graph.within
        )

    def _graph(self, deviations: Sequence[Deviation], items: set[Item]) -> _Graph:
        """Return what deviations and chains say of these items, and of those that chains lead to."""
        graph = _Graph()
        for one in deviations:
            if one.other is None:
                continue
            match one.kind:
                case Kind.TOGETHER:
                    graph.together(one.item, one.other)
                case Kind.APART:
                    graph.later.append((one.other, one.item))
                case _:
                    (graph.within if _is_in_one(one, deviations) else graph.later).append((one.item, one.other))
        for first, second in (*graph.later, *graph.within):
            graph.before(first, second)
        bodies = {self._body[item] for item in items if item in self._body}
        for body in bodies:
            for one_ack, other_ack in pairwise(self._bodies[body]):
                graph.together(one_ack, other_ack)
        for chain in self._linked(items.union(*(self._bodies[body] for body in bodies))):
            for first, second in pairwise(chain):
                graph.before(first, second)
        return graph

    def _linked(self, items: set[Item]) -> list[list[Item]]:
        """Return the chains between these items, directly or by way of other chains."""
        chains = {chain for item in items for chain in self._chains[item]}
        if self._is_simple:
            found = {chain: [item for item in items if chain in self._chains[item]] for chain in chains}
            return [sorted(found[chain], key=self._places.__getitem__) for chain in sorted(chains)]
        # an item may be in several chains, so that one chain leads to another: all between the first and the last item
        places = [self._places[item] for item in items] or [0]
        between = slice(min(places), max(places) + 1)
        waiting = list(chains)
        members = {chain: self._between(chain, between) for chain in chains}
        while waiting:
            for item in members[waiting.pop()]:
                for chain in self._chains[item] - members.keys():
                    members[chain] = self._between(chain, between)
                    waiting.append(chain)
        return [members[chain] for chain in sorted(members)]

    def _between(self, chain: Chain, places: slice) -> list[Item]:
        """Return the items of a chain between two places of the recording."""
        found, place = self._members[chain], self._places.__getitem__
        return found[bisect_left(found, places.start, key=place) : bisect_left(found, places.stop, key=place)]


@dataclass(slots=True)
class _Graph:
    """The acks and events that must not change places.

    Attributes:
        order: The items that come after each item.
        answers: The same, and those that come in one answer with it.
        later: Pairs whose second item comes in a later answer than the first.
        within: Pairs whose second item comes after the first in one answer.
    """

    order: defaultdict[Item, set[Item]] = field(default_factory=lambda: defaultdict(set))
    answers: defaultdict[Item, set[Item]] = field(default_factory=lambda: defaultdict(set))
    later: list[tuple[Item, Item]] = field(default_factory=list)
    within: list[tuple[Item, Item]] = field(default_factory=list)

    def before(self, first: Item, second: Item) -> None:
        self.order[first].add(second)
        self.answers[first].add(second)

    def together(self, one: Item, other: Item) -> None:
        self.answers[one].add(other)
        self.answers[other].add(one)


def forbidden(recording: Recording, dialect: Dialect, schedule: Schedule) -> str:
    """Return in one sentence why no server may show a schedule; "" if one may, or if the recording lacks its items.

    Args:
        recording: The recording that is played.
        dialect: Its dialect, which tells what keeps its order.
        schedule: The schedule.
    """
    wanted = {item for one in schedule.deviations for item in (one.item, one.other) if item is not None}
    if not wanted:
        return ""
    # of a long recording the first are not all
    found = {one.item: one for one in (*placed(recording, dialect), *placed(recording, dialect, wanted))}
    return Law(sorted(found.values(), key=lambda one: one.at)).forbids(schedule.deviations)


def _rule(chain: Chain | None) -> str:
    """Return what a chain says, in words; None is for several of them, one after the other."""
    if chain is None:
        return "what stands between them keeps its order"
    (kind, _, number), where = chain[0].partition(" of "), chain[2]
    events = f"the events of triple {number}" if number != "0" else "unsolicited events"
    return {
        "events": f"{events} on {where} keep their order",
        "stream": f"{events} on one stream keep their order",
        "ids": "events with an id keep their order on their stream",
        "replay": f"events with a replay id keep their order on {where}",
        _BODY: "the answers to the publishes of one body leave together, in their order",
    }.get(kind) or f"the dialect keeps them in order (entry {int(where) + 1} of its `ordered`)"


def _listed(texts: Sequence[str]) -> str:
    """Return texts as a list in a sentence."""
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))


def _is_in_one(reversal: Deviation, deviations: Iterable[Deviation]) -> bool:
    """Return whether the items of a reversal are to come in one answer."""
    both = {reversal.item, reversal.other}
    return any(one.kind is Kind.TOGETHER and {one.item, one.other} == both for one in deviations)


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


def _reached(edges: Mapping[Item, set[Item]], start: Item) -> set[Item]:
    """Return the items that come after one, or with it."""
    found: set[Item] = set()
    waiting = [start]
    while waiting:
        new = edges.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found
