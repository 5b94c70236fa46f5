"""Tell what is different where a client passes that fails in the recorded order, as one relation where it is one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...printable import counted
from ...replay.engine.orders.deviations import Deviation, Kind
from ...replay.engine.orders.items import REQUEST, Item
from ...replay.engine.orders.played import Order
from ...replay.engine.orders.schedule import Schedule
from ..neighbours import first_times
from ..words import Words, listed

_TOLD = 3  # deviations of which each is told
_RUN = "in the run that passes"

_ACKS_FIRST, _EVENTS_FIRST = "the ack arrives before its events", "the events arrive before their ack"


class CureWords:
    """Sentences about the deviations with which a client passes."""

    def __init__(self, words: Words) -> None:
        """Take the names of the answers and events."""
        self._words = words

    def clauses(self, schedule: Schedule, order: Order) -> str:
        """Return all that is different, as what follows `if`; one relation where that says it all.

        Args:
            schedule: The deviations.
            order: What happened under them.
        """
        told = self._words.telling(schedule)
        if len(told) == 1:
            return self._words.clauses(schedule)
        relation = self._of_acks(told, order) or self._of_batches(told, order) or self._of_names(told)
        if relation:
            return relation
        if len(told) <= _TOLD:
            return self._words.clauses(schedule)
        first = ", and if ".join(map(self._words.clause, told[:_TOLD]))
        return f"{first}, and so on"

    def lines(self, schedule: Schedule, order: Order) -> list[str]:
        """Return what follows: times, and what the client seems to take for granted."""
        told = self._words.telling(schedule)
        lines = [self._words.times(one, order, _RUN) for one in told] if len(told) < _TOLD else []
        if len(told) > 1 and (side := _side(told)):
            return [*lines, _ACKS if side == _ACKS_FIRST else _EVENTS]
        return [*lines, *dict.fromkeys(map(self.cause, told[:_TOLD]))]

    def cause(self, one: Deviation) -> str:
        """Return what a client seems to take for granted, which a deviation makes true."""
        match one.kind:
            case Kind.BEFORE if one.other is not None:
                return self._words.cause(replace(one, item=one.other, other=one.item))
            case Kind.TOGETHER:
                return self._words.cause(replace(one, kind=Kind.APART))
            case Kind.APART:
                return self._words.cause(replace(one, kind=Kind.TOGETHER))
            case Kind.LATE:
                name = self._words.short(one.item)
                return f"The client seems not to be ready for {name} where it comes as early as in the recording."
            case Kind.IN_REPLY:
                name = self._words.short(one.item)
                return f"The client seems not to read {name} in the answer to a poll, or to need it before that answer."
            case _:
                return ""

    def _of_acks(self, told: Sequence[Deviation], order: Order) -> str:
        """Return the relation of acks to the events of their own triples, if it is that."""
        side = _side(told)
        if not side:
            return ""
        mine = {one.item.triple for one in told}
        holding, names = _holding(order, is_ack_first=side == _ACKS_FIRST), defaultdict(set)
        for n in holding:
            names[self._words.short(Item(n)).removeprefix("the ack of ")].add(n)
        if all(holding.values()):
            return f"in each operation {side}" if len(holding) > 1 else side
        own = [name for name, found in names.items() if mine <= found and all(holding[n] for n in found)]
        if own and len(mine) > 1:
            return f"in each {own[0]} {side}"
        numbers = f"{'triple' if len(mine) == 1 else 'triples'} {listed([str(n) for n in sorted(mine)])}"
        return f"in {len(mine)} of {counted(len(holding), 'operation')} ({numbers}) {side}"

    def _of_batches(self, told: Sequence[Deviation], order: Order) -> str:
        kinds = {one.kind for one in told}
        if kinds == {Kind.APART}:
            answers = [act.answer for act in order.acts if act.answer]
            if answers and len(set(answers)) == len(answers):
                return "each event comes in an answer of its own"
            return f"in {len(told)} places an event comes in a later answer of the server than the one before it"
        return f"in {len(told)} places two events come in one answer of the server" if kinds == {Kind.TOGETHER} else ""

    def _of_names(self, told: Sequence[Deviation]) -> str:
        """Return the order of two names, if it is that of all."""
        pairs = {
            (self._words.short(one.item), self._words.short(one.other))
            for one in told
            if one.kind is Kind.BEFORE and one.other is not None
        }
        if len(pairs) != 1 or any(one.kind is not Kind.BEFORE for one in told):
            return ""
        ((first, second),) = pairs
        if first == second:
            return ""
        return f"in {len(told)} places {first} arrives before {second}"


_ACKS = (
    "The client seems to count on the ack of each operation coming first. An event may overtake the ack of its own "
    "request: the two come in answers to different requests."
)
_EVENTS = "The client seems to need the events of each operation before its ack, which may come first."


def _side(told: Iterable[Deviation]) -> str:
    """Return which comes first if all deviations are about an ack and an event of one triple, in one way; or ""."""
    sides = set()
    for one in told:
        is_one = one.kind is Kind.BEFORE and one.other is not None and one.item.triple == one.other.triple != 0
        if not is_one or one.other is None or one.item.is_ack == one.other.is_ack:
            return ""
        sides.add(_ACKS_FIRST if one.item.is_ack else _EVENTS_FIRST)
    return sides.pop() if len(sides) == 1 else ""


def _holding(order: Order, *, is_ack_first: bool) -> dict[int, bool]:
    """Return for each triple with an ack and events whether all came in this order."""
    times = first_times(act.name for act in order.acts if not act.name.startswith(REQUEST))
    events: defaultdict[int, list[int]] = defaultdict(list)
    acks: dict[int, int] = {}
    for name, time in times.items():
        item = Item.parse(name)
        if item.is_ack:
            acks[item.triple] = time
        else:
            events[item.triple].append(time)
    return {n: all((ack < time) is is_ack_first for time in events[n]) for n, ack in acks.items() if n and n in events}
