"""Place two orders on a page: what the page calls their items, and which of these a schedule moves."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from ...replay.engine.orders.items import Item
from ..pages import problems
from ..pages.columns import Columns, Found
from .alignment import NONE
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
    """Return the orders of what a page shows as JSON, with `unsolicited`: the page's number of each such event.

    A page that shows a choice of these events has numbers of its own for them: there all of them are left out.

    Args:
        orders: The orders.
        sides: The recordings of the page, those of the orders first.
    """
    times = [at + side.offset for side in sides for at in side.columns.unsolicited.at]
    every = sorted(range(len(times)), key=times.__getitem__)
    numbers = dict(zip(every, range(1, len(every) + 1), strict=True))
    shown = [numbers[place] for place in range(orders.unsolicited)] if _are_all(orders, sides) else []
    triples = {n + side.before for side in sides if side.is_drawn for n in side.columns.triples.n}
    kept = _Kept(triples, has_unsolicited=bool(shown))
    return orders.rows | kept.of(orders.rows) | {"unsolicited": shown}


class _Kept:
    """The acts that are of triples of a page, and its unsolicited events if it has all of them."""

    def __init__(self, triples: Container[int], *, has_unsolicited: bool) -> None:
        self._triples, self._has_unsolicited = triples, has_unsolicited

    def of(self, rows: Mapping[str, Any]) -> dict[str, Any]:
        """Return the two orders and their lines without other acts."""
        found, places = {}, []
        for name in ("recorded", "played"):
            kept = [place for place, one in enumerate(rows[name]["name"]) if self._is_shown(one)]
            found[name] = {column: [values[place] for place in kept] for column, values in rows[name].items()}
            places.append({place: number for number, place in enumerate(kept)} | {NONE: NONE})
        left, right = places
        lines = [[left.get(i, NONE), right.get(j, NONE)] for i, j in rows["rows"]]
        return found | {"rows": [line for line in lines if line != [NONE, NONE]]}

    def _is_shown(self, name: str) -> bool:
        number = name.rpartition(" ")[2].partition(".")[0]
        return self._has_unsolicited if number.startswith("u") else int(number) in self._triples


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
