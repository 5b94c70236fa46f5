"""The operations that can still get an event, found by what an event shows of its cause.

An event is compared with the few operations that share something with it, however many are open elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from ..dialect.definition import Dialect, Keys
from ..model import Event, Failure, Link, Request, Response

_SECOND = 1_000_000_000
REFERENCES = ("reference", "inner_reference")  # keys whose value names one operation, strongest first

Values: TypeAlias = tuple[str | None, ...]


@dataclass(slots=True, eq=False)
class Operation:
    """An operation as it unfolds; the engine's own, mutable.

    Attributes:
        session: Number of its session, None while that is unknown.
        refused: Its ack says no.
        ended: `t` at which its terminal event was seen (ns).
        settled: That event had no rivals; while it may be another's, the operation stays open.
        again: The request with which the client sent it again, after it failed without an answer.
        before: The attempt before this one.

    """

    request: Request
    name: str | None
    keys: Keys
    tokens: frozenset[str]
    session: int | None
    ack: Response | None = None
    failure: Failure | None = None
    refused: bool = False
    ended: int | None = None
    settled: bool = False
    again: Request | None = None
    before: Operation | None = None
    links: list[Link] = field(default_factory=list)
    twin_keys: set[Values] = field(default_factory=set)  # of its events that have a twin, or are one

    @property
    def seq(self) -> int:
        return self.request.seq


@dataclass(frozen=True, slots=True)
class Seen:
    """An event with what the rules look at."""

    event: Event
    keys: Keys
    session: int | None

    @property
    def name(self) -> str:
        return self.keys.get("notification", self.event.channel)


def is_over(op: Operation, now: int, dialect: Dialect) -> bool:
    """Whether events without its id cannot belong to an operation any more."""
    if op.ended is not None and op.settled:
        return now - op.ended > dialect.grace * _SECOND
    return now - op.request.t > dialect.open_for * _SECOND


class Operations:
    """An index of operations; those that are over leave it when they are met."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._groups = [*({name} for name in REFERENCES), *dialect.tuple_enough, frozenset(dialect.error_same)]
        self._by: dict[tuple[int, Values], dict[int, Operation]] = defaultdict(
            dict
        )  # by `seq`: a list is slow to leave

    def add(self, op: Operation, keys: Iterable[str]) -> None:
        """Note an operation, or keys that became known of it."""
        new = set(keys)
        for number, group in enumerate(self._groups):
            if group & new and group <= op.keys.keys():
                self._by[number, _values(group, op.keys)][op.seq] = op

    def with_reference(self, name: str, keys: Keys) -> list[Operation]:
        """Those that carry the id an event carries, oldest first; also those that are over."""
        found = self._by.get((REFERENCES.index(name), (keys.get(name),)), {})
        return [found[seq] for seq in sorted(found)]

    def like(self, seen: Seen) -> list[Operation]:
        """Those in their window that share enough with an event, oldest first."""
        found: dict[int, Operation] = {}
        for number in range(len(REFERENCES), len(self._groups) - 1):
            found |= self._open(number, seen)
        return [found[seq] for seq in sorted(found)]

    def on_device(self, seen: Seen) -> list[Operation]:
        """Those in their window that an error event may be about, oldest first."""
        found = self._open(len(self._groups) - 1, seen)
        return [found[seq] for seq in sorted(found)]

    def forget(self, op: Operation) -> None:
        """It gets no event any more."""
        for number, group in enumerate(self._groups):
            self._leave((number, _values(group, op.keys)), [op])

    def _open(self, number: int, seen: Seen) -> dict[int, Operation]:
        group = self._groups[number]
        if not group or not group <= seen.keys.keys():
            return {}
        place = number, _values(group, seen.keys)
        self._leave(place, [op for op in self._by.get(place, {}).values() if is_over(op, seen.event.t, self._dialect)])
        return self._by.get(place, {})

    def _leave(self, place: tuple[int, Values], ops: Iterable[Operation]) -> None:
        held = self._by.get(place, {})
        for op in ops:
            held.pop(op.seq, None)
        if not held:
            self._by.pop(place, None)


def _values(group: Iterable[str], keys: Keys) -> Values:
    return tuple(keys.get(name) for name in sorted(group))
