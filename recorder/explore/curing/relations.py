"""List relations that a client may need throughout: each is a set of deviations that is tried as a whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from ...replay.engine.orders.deviations import Deviation, Kind
from ...replay.engine.orders.items import Item
from ..law import Law
from ..neighbours import Pair, by_session
from ..placed import Placed

Relation: TypeAlias = tuple[Deviation, ...]

_MOST = 200  # deviations that are taken one by one, where not all of a relation are legal together


def relations(items: Sequence[Placed], pairs: Sequence[Pair], law: Law) -> tuple[Relation, ...]:
    """Return the relations that a server may keep throughout and did not keep in the recording.

    First each ack before its events, then the events before their acks, each event in an answer of its own, the events
    of an operation in one answer, and for each two names what was recorded first after the other.

    Args:
        items: The answers and events, in recorded order.
        pairs: Those that may come in either order.
        law: The order that the server keeps.
    """
    found: dict[Relation, None] = {}
    for one in (_acks_first(items), _events_first(items), _apart(items), _together(items), *_by_names(pairs)):
        if legal := _legal(one, law):
            found.setdefault(legal)
    return tuple(found)


def _legal(deviations: Iterable[Deviation], law: Law) -> Relation:
    """Return the deviations that are legal together, the first ones where not all are."""
    wanted = tuple(deviations)
    if law.allows(wanted):
        return wanted
    found: Relation = ()
    for one in wanted[:_MOST]:
        if law.allows((*found, one)):
            found = *found, one
    return found


def _acks_first(items: Sequence[Placed]) -> Iterator[Deviation]:
    """Yield what puts each ack before the events of its triple; the first of a channel leads the others."""
    for ack, events in _triples(items):
        first = {one.channel: one for one in reversed(events) if one.at < ack.at}
        yield from (Deviation(Kind.BEFORE, ack.item, one.item) for one in events if one is first.get(one.channel))


def _events_first(items: Sequence[Placed]) -> Iterator[Deviation]:
    """Yield what puts the events of each triple before its ack; the last of a channel comes after the others."""
    for ack, events in _triples(items):
        last = {one.channel: one for one in events if one.at > ack.at}
        yield from (Deviation(Kind.BEFORE, one.item, ack.item) for one in events if one is last.get(one.channel))


def _triples(items: Sequence[Placed]) -> Iterator[tuple[Placed, list[Placed]]]:
    acks = {one.item.triple: one for one in items if one.item.is_ack}
    events: defaultdict[int, list[Placed]] = defaultdict(list)
    for one in items:
        if not one.item.is_answer:
            events[one.item.triple].append(one)
    return ((ack, events[n]) for n, ack in acks.items() if n in events)


def _apart(items: Sequence[Placed]) -> Iterator[Deviation]:
    for first, second in _in_a_row(items):
        if first.carrier == second.carrier:
            yield Deviation(Kind.APART, second.item, first.item)


def _together(items: Sequence[Placed]) -> Iterator[Deviation]:
    for first, second in _in_a_row(items):
        if first.carrier != second.carrier and first.item.triple == second.item.triple and second.asked < first.at:
            yield Deviation(Kind.TOGETHER, second.item, first.item)


def _in_a_row(items: Sequence[Placed]) -> Iterator[tuple[Placed, Placed]]:
    for session in by_session([one for one in items if one.is_bayeux]):
        yield from pairwise(session)


def _by_names(pairs: Sequence[Pair]) -> list[list[Deviation]]:
    """Return the reversals of pairs whose items have the same names, of one triple and of several.

    Those for which a client may have waited are left out: where one waits, all wait.
    """
    found: defaultdict[tuple[object, ...], list[Deviation]] = defaultdict(list)
    for pair in pairs:
        if pair.is_sure and not (pair.is_of_one and _is_of_ack(*pair.names)):
            found[_name(pair.first), _name(pair.second), pair.is_of_one].append(pair.reversal)
    return list(found.values())


def _is_of_ack(first: Item, second: Item) -> bool:
    return first.is_answer or second.is_answer


def _name(one: Placed) -> tuple[str, str, bool]:
    return one.name, one.channel, one.item.is_answer
