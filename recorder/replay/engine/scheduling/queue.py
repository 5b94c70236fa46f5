"""Say which step of all runs leaves next, and when."""

from __future__ import annotations

from typing import Generic, TypeVar

from ....priority_queue import PriorityQueue
from ..timeline import Run

Owner = TypeVar("Owner")


class StepQueue(Generic[Owner]):
    """All runs by the time at which their next step may leave; of those that may, the first on the recorded wire.

    A run that changes is put in again.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: PriorityQueue[Run, float] = PriorityQueue()
        self._ready: PriorityQueue[Run, tuple[tuple[int, int], tuple[int, int]]] = PriorityQueue()
        self._owners: dict[Run, Owner] = {}

    def put(self, owner: Owner, run: Run) -> None:
        """Add a run, or note that its next step is another one or leaves at another time."""
        due = run.due()
        self._ready.drop(run)
        if due is None:
            self._waiting.drop(run)
            self._owners.pop(run, None)
        else:
            self._waiting.put(run, due)
            self._owners[run] = owner

    def next(self, now: float) -> tuple[Owner, Run] | None:
        """Remove and return the run whose step leaves now; put it in again once the step has left."""
        for run in self._waiting.pop_until(now):
            if run.step is not None:
                self._ready.put(run, (run.step.order, run.rank))
        first = self._ready.pop()
        return None if first is None else (self._owners.pop(first), first)

    @property
    def due(self) -> float | None:
        """When the next step leaves, None where none is left."""
        ready = self._ready.peek()
        return self._waiting.first() if ready is None else ready.due()
