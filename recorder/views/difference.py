"""Format the differences of two recordings: as text like a unified diff, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..diff.differences import Changed, Difference, What
from ..model import JSON, Triple, listed
from ..printable import printable
from ..requests.bindings import ABSENT
from .data import exchangeable

_LONGEST = 200  # characters of a value
# these kinds get a line of their own, because the lines with - and + do not show them
_NOTED = {What.FIELD_TYPED, What.RENAMED, What.EVENT_MOVED, What.TRIPLE_MOVED, What.LATENCY}


def text(changes: Iterable[Changed], old: str, new: str) -> Iterator[str]:
    """Yield the lines of a unified diff, nothing if there are no differences.

    Args:
        changes: The triples that differ.
        old: Name of the old cassette.
        new: Name of the new cassette.
    """
    for number, change in enumerate(changes):
        if not number:
            yield f"--- {printable(old)}"
            yield f"+++ {printable(new)}"
        yield f"@@ {_place(change)} @@"
        for found in change.differences:
            yield from _lines(found)


def as_json(changes: Iterable[Changed]) -> list[dict[str, Any]]:
    """Return one object per difference, without `old` or `new` if nothing stands on that side."""
    return [_row(change, found) for change in changes for found in change.differences]


def array(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a JSON array of rows, as `json.dumps` writes it with an indentation of two spaces."""
    before = "["
    for row in rows:
        yield before
        before = "  " + json.dumps(row, indent=2, ensure_ascii=False).replace("\n", "\n  ") + ","
    yield "[]" if before == "[" else f"{before.removesuffix(',')}\n]"


@dataclass(slots=True)
class Tally:
    """The number of differences of each kind, and the rows of the first ones, for a page.

    Attributes:
        most: Number of rows to keep.
        counts: Number of differences by kind, in the order the kinds came.
        rows: The first rows.
    """

    most: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def note(self, change: Changed) -> Changed:
        """Count the differences of a triple, and return it."""
        for found in change.differences:
            self.counts[found.what.value] = self.counts.get(found.what.value, 0) + 1
        room = self.most - len(self.rows)
        if room > 0:
            self.rows += as_json([change])[:room]
        return change

    @property
    def total(self) -> int:
        """The number of differences."""
        return sum(self.counts.values())

    def summary(self) -> str:
        """Return the number of differences of each kind, in one line."""
        return ", ".join(f"{count} {what}" for what, count in self.counts.items()) or "no differences"


def _lines(found: Difference) -> Iterator[str]:
    name = found.where or "triple"
    if found.what in _NOTED:
        yield f"  {found.what.value}:"
    unit = " ms" if found.what is What.LATENCY else ""
    for sign, value in (("-", found.old), ("+", found.new)):
        if value is not ABSENT:
            yield f"{sign}   {printable(name)}: {_shown(value)}{unit}"


def _place(change: Changed) -> str:
    item = change.old or change.new
    if item is None:
        return "unsolicited events"
    numbers = _numbers(change.old), _numbers(change.new)
    where = numbers[0] if numbers[0] == numbers[1] else " → ".join(number or "none" for number in numbers)
    keys = "".join(f" {key} {listed(item.keys[key])}" for key in ("handle", "campaign") if key in item.keys)
    title = f"{item.operation}{keys}" if item.operation else f"{item.request.method} {item.request.target}"
    return printable(f"triple {where} {title}" if item.n else title)


def _numbers(item: Triple | None) -> str:
    return str(item.n) if item else ""


def _row(change: Changed, found: Difference) -> dict[str, Any]:
    item = change.old or change.new
    row: dict[str, Any] = {
        "what": found.what.value,
        "operation": item and item.operation,
        "n": {"old": change.old and change.old.n, "new": change.new and change.new.n},
        "where": found.where,
    }
    row |= {name: value for name, value in (("old", found.old), ("new", found.new)) if value is not ABSENT}
    return exchangeable(row)


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return printable(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
