"""Follow a recording operation by operation: which one just ended and how, and which are open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ...correlate.engine import Correlator
from ...correlate.operations import Operation
from ...dialect.definition import Dialect
from ...model import Record, State, listed
from ...printable import counted, printable

_KEPT = 500  # operations and events under correlation; a display needs no older ones


@dataclass(frozen=True, slots=True)
class Ended:
    """An operation that ended.

    Attributes:
        at: Seconds since the capture began.
        operation: Its name in the dialect, with its handle or reference if it has one.
        state: How it ended.
        how: The status, the number of events and the time it took, or why there was no answer.

    """

    at: float
    operation: str
    state: State
    how: str


class Progress:
    """The operations of a recording that runs, by the dialect it is recorded under.

    Attributes:
        counts: How many operations ended in each state.

    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._correlator = Correlator(dialect, keep=_KEPT, file=None)
        self._open: dict[Operation, None] = {}  # in the order they began
        self.counts: Counter[State] = Counter()

    def feed(self, record: Record) -> Iterator[Ended]:
        """Take the next record; yield the operations that ended with it."""
        correlator = self._correlator
        correlator.feed(record)
        for op in dict.fromkeys(correlator.changed):
            if op.ack is None and op.failure is None and not op.links:
                self._open[op] = None
            state = correlator.state_of(op)
            is_ended = op.failure is not None or state in (State.COMPLETE, State.FAILED)
            if op in self._open and is_ended:
                del self._open[op]
                self.counts[state] += 1
                yield Ended(record.t / 1e9, self._named(op), state, _how(op, record.t))
        while len(self._open) > _KEPT:  # operations whose end never comes
            del self._open[next(iter(self._open))]
        correlator.discard()

    @property
    def open(self) -> list[tuple[str, State]]:
        """Name and state of each operation that has not ended, the oldest first; of the last 500 at most."""
        return [(self._named(op), self._correlator.state_of(op)) for op in self._open]

    def _named(self, op: Operation) -> str:
        names = ("handle", *self._dialect.exact)
        key = next((listed(op.keys[name]) for name in names if name in op.keys), "")
        return printable(f"{op.name} {key}".rstrip())


def as_line(ended: Ended) -> str:
    """Return an operation that ended as one line, without colours."""
    return f"{ended.at:10.3f}  {ended.state.value:8}  {ended.operation}  {ended.how}"


def _how(op: Operation, t: int) -> str:
    if op.failure is not None:
        return printable(f"no answer: {op.failure.reason}")
    events = counted(len(op.links), "event")
    return f"{op.ack.status if op.ack else '-'}, {events}, {(t - op.request.t) / 1e6:.0f} ms"
