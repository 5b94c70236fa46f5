"""Place two orders on a page: what the page calls their items, and which of these a schedule moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from ...replay.engine.orders.items import Item
from ..pages import problems
from ..pages.columns import Columns, Found
from .beside import Orders


@dataclass(frozen=True, slots=True)
class Side:
    """A recording of the page, in the order of the page.

    Attributes:
        columns: Its rows.
        before: Number of the triples of the recordings before it.
        offset: Microseconds from the begin of the page to that of the capture.
        is_drawn: Whether the orders are of it, and not of what it is compared with.
    """

    columns: Columns
    before: int = 0
    offset: int = 0
    is_drawn: bool = True


def rows(orders: Orders, sides: Sequence[Side]) -> dict[str, Any]:
    """Return the orders as JSON, with `unsolicited`: the number that the page gives each unsolicited event.

    A page that shows a choice numbers those that it shows: there the events of the orders are not told apart.

    Args:
        orders: The orders.
        sides: The recordings of the page, those of the orders first.
    """
    times = [at + side.offset for side in sides for at in side.columns.unsolicited.at]
    every = sorted(range(len(times)), key=times.__getitem__)
    numbers = dict(zip(every, range(1, len(every) + 1), strict=True))
    shown = [numbers[place] for place in range(orders.unsolicited)] if _are_all(orders, sides) else []
    return orders.rows | {"unsolicited": shown}


def deviating(orders: Orders, sides: Sequence[Side], side: int) -> Iterator[Found]:
    """Yield the problems of the items of one recording that the schedule moves.

    Args:
        orders: The orders.
        sides: The recordings of the page, those of the orders first.
        side: Place of the recording.
    """
    columns, before = sides[side].columns, sides[side].before
    if not sides[side].is_drawn:
        return
    places = {n + before: place for place, n in enumerate(columns.triples.n)}
    loose = sum(len(one.columns.unsolicited) for one in sides[:side])
    for sentence, items in orders.deviations:
        problem = problems.deviates(sentence)
        item = Item.parse(items[0])  # the deviation is about the first
        place = item.index - 1 - loose
        if item.triple in places:
            yield _of_triple(columns, places[item.triple], item, problem)
        elif not item.triple and _are_all(orders, sides) and 0 <= place < len(columns.unsolicited):
            yield Found("unsolicited", place, problem, columns.unsolicited.at[place])


def _of_triple(columns: Columns, place: int, item: Item, problem: problems.Problem) -> Found:
    at = columns.triples.at[place]
    if item.is_ack:
        return Found("triples", place, problem, at)
    row = [0, *accumulate(columns.triples.count)][place] + item.index - 1
    return Found("events", row, problem, at + columns.events.at[row])


def _are_all(orders: Orders, sides: Sequence[Side]) -> bool:
    """Return whether the page shows all unsolicited events."""
    return sum(len(side.columns.unsolicited) for side in sides if side.is_drawn) == orders.unsolicited
