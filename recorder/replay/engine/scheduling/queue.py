"""Say which step of all runs leaves next, and when."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import TypeAlias

from ....priority_queue import PriorityQueue
from ..timeline import Run

_Place: TypeAlias = tuple[tuple[int, int], tuple[int, int]]  # on the recorded wire, then among the clients


class StepQueue:
    """All runs in the order in which their steps leave: of the steps that are due, the first on the recorded wire.

    A run that changes is put in again.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: PriorityQueue[Run, float] = PriorityQueue()
        self._ready: list[tuple[_Place, int, Run]] = []  # a heap; the number tells equal places apart
        self._numbers = count()

    def put(self, run: Run, now: float = -inf) -> None:
        """Add a run, or note that its next step is another one or leaves at another time; `now` where it is known."""
        due, step = run.due(), run.step
        if due is None or step is None:
            self._waiting.drop(run)
        elif due <= now:
            heappush(self._ready, ((step.order, run.rank), next(self._numbers), run))
        else:
            self._waiting.put(run, due)

    def next(self, now: float) -> Run | None:
        """Remove and return the run whose step leaves now; put it in again once the step has left."""
        for run in self._waiting.pop_until(now):
            if run.step is not None:
                heappush(self._ready, ((run.step.order, run.rank), next(self._numbers), run))
        while self._ready:
            (order, _), _, run = heappop(self._ready)
            # a run that changed since then was put in again
            if run not in self._waiting and run.step is not None and run.step.order == order:
                return run
        return None

    def is_alone(self, run: Run, now: float) -> bool:
        """Return whether the next step of a run that was taken out leaves now, and no other step does."""
        if self._ready or (due := run.due()) is None or due > now:
            return False
        first = self._waiting.first()
        return first is None or first > now

    @property
    def due(self) -> float | None:
        """Time at which the next step leaves, None where none is left."""
        times = [due for _, _, run in self._ready if run not in self._waiting and (due := run.due()) is not None]
        first = self._waiting.first()
        return min(times if first is None else [*times, first], default=None)
