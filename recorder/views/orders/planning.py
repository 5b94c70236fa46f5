"""Work out the order that a schedule asks for, where no run of it is known.

A client decides itself when it sends its next request: what is drawn is the recorded order with the items moved that
the schedule moves, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...replay.engine.orders.deviations import Deviation, Kind
from ...replay.engine.orders.schedule import Schedule
from .acts import ALONE, Act, Known

_AGAIN = frozenset({Kind.TWICE, Kind.LOST_POLL})  # what comes a second time


def planned(recorded: Sequence[Act], schedule: Schedule, acts: Mapping[str, Known]) -> list[Act]:
    """Return the recorded acts in the order that a schedule asks for; the times are the recorded ones.

    Args:
        recorded: The recorded order.
        schedule: The schedule; `acts` has its items.
        acts: The acts of the recording.
    """
    order = [*recorded]
    for number, deviation in enumerate(schedule.deviations, len(recorded)):
        _apply(order, deviation, acts, number)
    for deviation in schedule.deviations:
        if deviation.kind in _AGAIN:
            at = _place(order, str(deviation.item))
            order.insert(at + 1, order[at]._replace(answer=ALONE))
    return order


def _apply(order: list[Act], deviation: Deviation, acts: Mapping[str, Known], number: int) -> None:
    item, other = str(deviation.item), "" if deviation.other is None else str(deviation.other)
    match deviation.kind:
        case Kind.BEFORE:
            _behind(order, other, item, acts)
        case Kind.APART:
            _behind(order, item, other, acts)
            _parted(order, item, other)
        case Kind.TOGETHER:
            earlier, later = sorted((item, other), key=lambda name: _place(order, name))
            _behind(order, earlier, later, acts, is_beside=True)
            _together(order, earlier, later, number)
        case Kind.LATE:
            due = order[_place(order, item)].at + round(deviation.seconds * 1e6)
            last = next((act.name for act in reversed(order) if act.at <= due), item)
            _behind(order, item, last, acts)


def _behind(order: list[Act], name: str, other: str, acts: Mapping[str, Known], *, is_beside: bool = False) -> None:
    """Move an act, and those of its chain that follow it, behind another act; nothing moves that is there already.

    Args:
        order: The order, which is changed.
        name: The act to move.
        other: The act that it must follow.
        acts: The acts of the recording.
        is_beside: Move it next to the other one, and before it.
    """
    begin, end = _place(order, name), _place(order, other)
    chain = acts[name].chain
    if begin >= end or acts[other].chain == chain:
        return
    moved = [act for act in order[begin:end] if acts[act.name].chain == chain]
    rest = [act for act in order[begin:end] if acts[act.name].chain != chain]
    order[begin : end + 1] = [*rest, *moved, order[end]] if is_beside else [*rest, order[end], *moved]


def _parted(order: list[Act], item: str, other: str) -> None:
    at = _place(order, item)
    if order[at].answer == order[_place(order, other)].answer:
        order[at] = order[at]._replace(answer=ALONE)


def _together(order: list[Act], one: str, other: str, number: int) -> None:
    answers = [answer for name in (one, other) if (answer := order[_place(order, name)].answer) != ALONE]
    for name in (one, other):
        at = _place(order, name)
        order[at] = order[at]._replace(answer=answers[0] if answers else number)


def _place(order: Sequence[Act], name: str) -> int:
    return next(at for at, act in enumerate(order) if act.name == name)
