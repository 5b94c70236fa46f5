"""Requests that were sent again, byte for byte, because the first attempt got no answer: they are one operation."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

from ..dialect.definition import Dialect
from .operations import Operation, is_over

_Sameness: TypeAlias = tuple[str, str, bytes, frozenset[str]]


class Retries:
    """Knows the operations that failed without an answer and may be sent again."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._failed: dict[_Sameness, Operation] = {}

    def failed(self, op: Operation) -> None:
        """An operation ended without an answer."""
        if op.name is not None:
            self._failed[_sameness(op)] = op

    def sent(self, op: Operation) -> Operation | None:
        """A request leaves: the second attempt of one that failed, if nothing came of that; which is returned."""
        before = self._failed.pop(_sameness(op), None)
        if before is None or before.links or is_over(before, op.request.t, self._dialect):
            return None
        before.again, op.before = op.request, before
        before.before = None  # a client that tries for ever must not leave a chain
        return before

    def forget(self, op: Operation) -> None:
        """It was long ago."""
        if self._failed.get(_sameness(op)) is op:
            del self._failed[_sameness(op)]


def _sameness(op: Operation) -> _Sameness:
    return op.request.method, op.request.target, sha256(op.request.body).digest(), op.tokens
