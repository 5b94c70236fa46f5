"""What is on its way to all clients: which step leaves next, and when."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf
from typing import Generic, TypeVar

from ..timeline import Run

Whose = TypeVar("Whose")

_MANY = 64  # that are due at once


class StepQueue(Generic[Whose]):
    """All runs by when their next step may leave; of several that may, the one that was first on the recorded wire.

    A run that changes is put in anew; what was put in of it before is passed over when its turn comes.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._waiting: list[tuple[float, tuple[int, int], int, Whose, Run]] = []  # by time
        self._ready: list[tuple[tuple[int, int], tuple[int, int], int, Whose, Run]] = []  # by place on the wire

    def put(self, whose: Whose, run: Run, now: float = -inf) -> None:
        """A run began, or its next step is another one, or leaves at another time; it is `now`, if that is known."""
        run.version += 1
        due = run.due()
        if due is None or run.step is None:
            return
        if due <= now:
            heappush(self._ready, (run.step.order, run.rank, run.version, whose, run))
        else:
            heappush(self._waiting, (due, run.rank, run.version, whose, run))

    def next(self, now: float) -> tuple[Whose, Run] | None:
        """The run whose step leaves now; it is to be put in again."""
        waiting, ready = self._waiting, self._ready
        moved = 0
        while waiting and waiting[0][0] <= now:
            moved += 1
            if moved > _MANY:
                self._move_all(now)
                break
            _, rank, version, whose, run = heappop(waiting)
            if version == run.version and run.step is not None:
                if not ready and not (waiting and waiting[0][0] <= now):
                    return whose, run  # it is the only one, as most often
                heappush(ready, (run.step.order, rank, version, whose, run))
        while ready:
            *_, version, whose, run = heappop(ready)
            if version == run.version:
                return whose, run
        return None

    def _move_all(self, now: float) -> None:
        """Of very many that are due, say after a pause, each is not taken out by itself."""
        due = [entry for entry in self._waiting if entry[0] <= now]
        self._waiting = [entry for entry in self._waiting if entry[0] > now]
        heapify(self._waiting)
        for _, rank, version, whose, run in due:
            if version == run.version and run.step is not None:
                self._ready.append((run.step.order, rank, version, whose, run))
        heapify(self._ready)

    def has_before(self, run: Run, now: float) -> bool:
        """Whether something is to leave now before the next step of a run that is in no more."""
        if self._waiting and self._waiting[0][0] <= now:
            return True
        return bool(self._ready) and run.step is not None and self._ready[0][:2] < (run.step.order, run.rank)

    @property
    def due(self) -> float | None:
        """When the next step leaves, None where none is left."""
        while self._ready and self._ready[0][2] != self._ready[0][4].version:
            heappop(self._ready)
        while self._waiting and self._waiting[0][2] != self._waiting[0][4].version:
            heappop(self._waiting)
        if self._ready:
            return self._ready[0][4].due()
        return self._waiting[0][0] if self._waiting else None
