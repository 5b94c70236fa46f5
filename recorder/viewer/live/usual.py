"""Keep how long operations take, so that one that takes far longer can be told. Times are microseconds."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from math import ceil
from typing import Any

_KEPT = 200  # durations of an operation; older ones say little about now
_ENOUGH = 5  # others of its kind, before an operation can be overdue
_TIMES = 3  # an overdue operation takes longer than so many times the usual,
_MORE = 1_000_000  # and longer than the usual by so many microseconds


@dataclass(slots=True)
class _Durations:
    acks: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))
    wholes: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))
    count: int = 0
    limit: int | None = None
    is_known: bool = False  # whether `limit` is that of these durations


class Usual:
    """The durations of the operations that ended, by name of the operation."""

    def __init__(self) -> None:
        """Begin without any."""
        self._of: defaultdict[str, _Durations] = defaultdict(_Durations)

    def add(self, operation: str, ack: int | None, whole: int) -> None:
        """Take the duration of an operation that ended: to its ack, if one came, and to its end."""
        its = self._of[operation]
        its.count += 1
        its.is_known = False
        its.wholes.append(whole)
        if ack is not None:
            its.acks.append(ack)

    def limit(self, operation: str) -> int | None:
        """Return the duration above which an operation is overdue; None as long as too few have ended."""
        its = self._of.get(operation)
        if its is None or len(its.wholes) < _ENOUGH:
            return None
        if not its.is_known:
            usual = percentile(its.wholes, 95)
            its.limit, its.is_known = max(_TIMES * usual, usual + _MORE), True
        return its.limit

    def of(self, operation: str) -> dict[str, Any] | None:
        """Return the usual durations of an operation as JSON; None if none has ended."""
        its = self._of.get(operation)
        if its is None:
            return None
        acks, wholes = its.acks, its.wholes
        return {
            "count": its.count,
            "ack": [percentile(acks, 50), percentile(acks, 95)] if acks else None,
            "last": [percentile(wholes, 50), percentile(wholes, 95)],
            "limit": self.limit(operation),
        }

    def all(self) -> dict[str, Any]:
        """Return the usual durations of all operations as JSON, by name."""
        return {name: self.of(name) for name in self._of}


def percentile(durations: deque[int], percent: int) -> int:
    """Return the smallest duration that so many percent of all do not exceed."""
    ordered = sorted(durations)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]
