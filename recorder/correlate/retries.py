"""Recognise a retry: a request repeated byte for byte after it failed without a response. Both are one operation."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

from ..dialect.definition import Dialect
from .operations import Operation, is_over

_Sameness: TypeAlias = tuple[str, str, bytes, frozenset[str]]


class Retries:
    """The operations that failed without a response and may be sent again."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._failed: dict[_Sameness, Operation] = {}

    def failed(self, op: Operation) -> None:
        """Remember an operation that ended without a response."""
        if op.name is not None:
            self._failed[_sameness(op)] = op

    def sent(self, op: Operation) -> Operation | None:
        """Return the failed operation that a new one repeats, None if the new one is not a retry.

        A failed operation that got an event, or is over, does not count. The two operations are joined by `again` and
        `before`.
        """
        before = self._failed.pop(_sameness(op), None) if self._failed else None
        if before is None or before.links or is_over(before, op.request.t, self._dialect):
            return None
        before.again, op.before = op.request, before
        before.before = None  # else a client that retries without end builds a chain that is never freed
        return before

    def forget(self, op: Operation) -> None:
        """Drop an operation that is too old to be repeated."""
        if self._failed and self._failed.get(_sameness(op)) is op:
            del self._failed[_sameness(op)]


def _sameness(op: Operation) -> _Sameness:
    return op.request.method, op.request.target, sha256(op.request.body).digest(), op.tokens
