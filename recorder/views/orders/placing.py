"""Put two orders onto a page: what the page calls their items, and which of these a schedule moves."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from ...replay.engine.orders.items import Item
from ..pages import problems
from .alignment import NONE
from .beside import Orders


def with_orders(rows: dict[str, Any], orders: Orders, count: int = 1) -> dict[str, Any]:
    """Return the rows of a page with two orders, and a problem for each item that the schedule moves.

    `unsolicited` of the orders has the page's number of each unsolicited event. A page that shows a choice of these
    events has numbers of its own for them: there all of them are left out, as are triples that it does not show.
    `exchanges` has label, session and the page's number of each exchange that is no operation. On a page that shows a
    choice of them those that the schedule names are drawn without a number, and the others are left out.

    Args:
        rows: The rows of the page.
        orders: The orders.
        count: Number of the page's recordings that the orders are of: the first ones.
    """
    recordings = rows["recordings"]
    pages = [_Page(one) for one in recordings]
    drawn, moved = pages[:count], [*map(_moved, orders.deviations)]
    has_all = sum(len(page.unsolicited) for page in drawn) == orders.unsolicited
    has_plain = sum(len(page.plain) for page in drawn) == orders.plain
    exchanges = _exchanges(orders, _numbers([page.plain for page in pages], orders.plain) if has_plain else None)
    triples = {n for page in drawn for n in page.triples}
    kept = _Kept(triples, exchanges, has_unsolicited=has_all)
    told: list[dict[str, Any]] = []
    before = plain = 0  # unsolicited events and exchanges
    for place, one in enumerate(recordings):
        befores = before if has_all else None, plain if has_plain else None
        found = pages[place].deviating(moved, *befores) if place < count else ()
        told.append(one | {"problems": [*one["problems"], *found]})
        before += len(pages[place].unsolicited)
        plain += len(pages[place].plain)
    numbers = _numbers([page.unsolicited for page in pages], orders.unsolicited) if has_all else []
    both = {"unsolicited": numbers, "exchanges": exchanges}
    return rows | {"recordings": told, "orders": orders.rows | kept.of(orders.rows) | both}


def _exchanges(orders: Orders, numbers: Sequence[int] | None) -> dict[str, list[Any]]:
    """Return label, session and number of the exchanges to draw; without `numbers` those that the schedule names."""
    found: dict[str, list[Any]] = orders.rows["exchanges"]
    if numbers is not None:
        return {name: [*its, numbers[int(name[1:]) - 1]] for name, its in found.items()}
    named = {item.rpartition(" ")[2] for _, items in orders.deviations for item in items}
    return {name: [*its, None] for name, its in found.items() if name in named}


def _moved(deviation: tuple[str, tuple[str, ...]]) -> tuple[Item, problems.Problem]:
    clause, (name, *_) = deviation  # the deviation is about the first
    return Item.parse(name), problems.deviates(clause)


def _numbers(pages: Sequence[Sequence[int]], count: int) -> list[int]:
    """Return the page's number of each of the first items of its recordings: it counts them by their time."""
    times = [at for page in pages for at in page]
    numbers = {place: number for number, place in enumerate(sorted(range(len(times)), key=times.__getitem__), 1)}
    return [numbers[place] for place in range(count)]


class _Page:
    """The rows of one recording of a page.

    Attributes:
        triples: Place of each triple by its number.
        unsolicited: Times of the unsolicited events.
        plain: Times of the exchanges that are no operation.
    """

    def __init__(self, recording: Mapping[str, Any]) -> None:
        self._rows = recording
        self.triples = {n: place for place, n in enumerate(accumulate(recording["triples"]["n"]))}
        self.unsolicited = [*accumulate(recording["unsolicited"]["at"])]
        self.plain = [*accumulate(recording["plain"]["at"])]

    def deviating(
        self, moved: Sequence[tuple[Item, problems.Problem]], before: int | None, plain: int | None
    ) -> Iterator[list[str | int]]:
        """Yield the problems of the items that a schedule moves, as rows.

        Args:
            moved: The items, each with its problem.
            before: Number of the unsolicited events of the recordings before; None if the page shows a choice of them.
            plain: Number of the exchanges before that are no operation; None if the page shows a choice of them.
        """
        times = [*accumulate(self._rows["triples"]["at"])]
        firsts = [0, *accumulate(self._rows["triples"]["events"])]
        for item, problem in moved:
            if item.triple in self.triples:
                place = self.triples[item.triple]
                row = firsts[place] + item.index - 1
                if item.is_ack:
                    yield ["triples", place, *problem, times[place]]
                else:
                    yield ["events", row, *problem, times[place] + self._rows["events"]["at"][row]]
            elif item.plain:
                if plain is not None and 0 < item.plain - plain <= len(self.plain):
                    place = item.plain - plain - 1
                    yield ["plain", place, *problem, self.plain[place]]
            elif not item.triple and before is not None and 0 < item.index - before <= len(self.unsolicited):
                place = item.index - before - 1
                yield ["unsolicited", place, *problem, self.unsolicited[place]]


class _Kept:
    """The acts that are of triples of a page or of exchanges to draw, and its unsolicited events if it has all."""

    def __init__(self, triples: Container[int], exchanges: Container[str], *, has_unsolicited: bool) -> None:
        self._triples, self._exchanges, self._has_unsolicited = triples, exchanges, has_unsolicited

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
        if number.startswith("p"):
            return number in self._exchanges
        return self._has_unsolicited if number.startswith("u") else int(number) in self._triples
