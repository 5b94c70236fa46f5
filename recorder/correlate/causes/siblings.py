"""Join events of one transaction: what the server did on the way, such as the records that its triggers change.

    [siblings] same = ["transaction"]

An event that has these values in common with an event of a known cause has the same cause, whatever its name and its
record. It may come first: then it waits among the orphans for the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from ...dialect.definition import Dialect
from ...model import Link, agree, values
from ..operations import Operation, Seen, has_ended, is_over
from .rules import ALONE, DOUBTFUL, past

Transaction = tuple[str, ...]


class First(NamedTuple):
    """The surest link of the events of a transaction, and its operation."""

    op: Operation
    link: Link


class Siblings:
    """The transactions of the events that have a cause."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: dict[Transaction, First] = {}
        self._of: dict[Operation, set[Transaction]] = {}

    def linked(self, seen: Seen, op: Operation, link: Link) -> bool:
        """Take an event whose cause is known; return whether that tells the cause of its transaction anew.

        A transaction is of its surest link, until that operation takes no event any more.
        """
        is_new = False
        for one in transactions(seen, self._dialect):
            before = self._known.get(one)
            if (
                before is None
                or before.link.confidence < link.confidence
                or (before.op is not op and is_over(before.op, seen.event.t, self._dialect))
            ):
                self._known[one] = First(op, link)
                self._of.setdefault(op, set()).add(one)
                is_new = True
        return is_new

    def forget(self, op: Operation) -> None:
        """Drop the transactions of an operation that can get no event any more."""
        for one in self._of.pop(op, ()):
            if self._known[one].op is op:
                del self._known[one]

    def first(self, seen: Seen) -> First | None:
        """Return the surest link of an event in the transaction of another one, None if none of them has a cause."""
        if not self._known:
            return None
        found = (self._known.get(one) for one in transactions(seen, self._dialect))
        return max((one for one in found if one is not None), key=lambda one: one.link.confidence, default=None)


def transactions(seen: Seen, dialect: Dialect) -> Iterable[Transaction]:
    """Return the transactions of an event in its session: one, none, or several if a key of it has several values."""
    names = dialect.sibling_same
    if not names or any(name not in seen.keys for name in names):
        return ()
    return product((str(seen.session),), *(values(seen.keys[name]) for name in names))


def by_sibling(seen: Seen, first: First, dialect: Dialect) -> tuple[Operation, Link] | None:
    """Link an event to the operation of an event of its transaction; return None if that takes no event any more."""
    op, link = first
    unlike = (name for name in dialect.exact if name in op.keys and name in seen.keys)
    if next(past(op, seen, dialect), None) or any(not agree(op.keys[name], seen.keys[name]) for name in unlike):
        return None
    same = " and ".join(dialect.sibling_same)
    why = f"has the {same} of {link.name} of request {op.seq}"
    confidence = min(DOUBTFUL if has_ended(op, seen) else ALONE, link.confidence)
    return op, Link(seen.event, seen.name, op.seq, "sibling", confidence, why, link.rivals, op.request.message)


def stronger(
    sibling: tuple[Operation, Link] | None, alike: tuple[Operation, Link] | None, first: First | None
) -> tuple[Operation, Link] | None:
    """Return the surer of the links by a sibling and by common values; that by the sibling if both are equally sure.

    How sure a sibling is that came after the end of its operation says how sure it is to be one of its events, not how
    sure it is of the transaction.
    """
    if sibling is None or alike is None or first is None:
        return sibling or alike
    if sibling[0] is alike[0]:
        return sibling if sibling[1].confidence > alike[1].confidence else alike
    return sibling if min(ALONE, first.link.confidence) >= alike[1].confidence else alike
