"""Count and list findings within bounds: a capture of a week may have as many different ones as it likes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..printable import counted

_KEPT = 50  # different texts that are counted one by one
_SHOWN = 5  # of these
_LISTED = 20  # items of a list
_REMEMBERED = 10_000  # names

Item = TypeVar("Item")


@dataclass(slots=True)
class Tally:
    """Counts texts, each with the record that it was first seen with.

    Attributes:
        total: Number of all texts.
        first: The record of the first text.
    """

    total: int = 0
    first: int = 0
    _counts: dict[str, list[int]] = field(default_factory=dict)  # text → its number, first record

    def add(self, text: str, seq: int) -> None:
        """Count a text that was seen with record `seq`."""
        self.first = self.first if self.total else seq
        self.total += 1
        if text in self._counts:
            self._counts[text][0] += 1
        elif len(self._counts) < _KEPT:
            self._counts[text] = [1, seq]

    def drop(self, text: str) -> None:
        """Take a text back that was counted last."""
        self.total -= 1
        if text in self._counts:
            self._counts[text][0] -= 1
            if not self._counts[text][0]:
                del self._counts[text]

    def __str__(self) -> str:
        """Return the texts with their numbers, the most frequent ones first."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1][0], item[1][1]))[:_SHOWN]
        shown = [
            f"{text} ({count}, from record {seq} on)" if count > 1 else f"{text} (record {seq})"
            for text, (count, seq) in ordered
        ]
        more = self.total - sum(count for _, (count, _) in ordered)
        return "; ".join([*shown, *([f"and {more} more"] if more else [])])

    @property
    def texts(self) -> str:
        """The texts without their numbers, in the order they came."""
        shown, more = list(self._counts)[:_SHOWN], len(self._counts) - _SHOWN
        return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


@dataclass(slots=True)
class Listing(Generic[Item]):
    """The first items of a kind, and the number of those that came after them."""

    items: list[Item] = field(default_factory=list)
    more: int = 0

    def add(self, item: Item) -> None:
        """Append an item, or count it where there are enough."""
        if len(self.items) < _LISTED:
            self.items.append(item)
        else:
            self.more += 1

    def drop(self, item: Item) -> None:
        """Take an item back that was added last."""
        if self.items[-1:] == [item]:
            self.items.pop()
        else:
            self.more -= 1

    def rest(self, kind: str) -> Iterator[tuple[str, str, str]]:
        """Yield one finding for all items that are only counted."""
        if self.more:
            yield kind, "all", f"and {counted(self.more, 'time')} more"


def remember(names: dict[str, None], name: str) -> None:
    """Add a name to a set of names in the order they came; the oldest one goes where there are too many."""
    names[name] = None
    if len(names) > _REMEMBERED:
        del names[next(iter(names))]
