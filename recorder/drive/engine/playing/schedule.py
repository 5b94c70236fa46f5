"""Keep when each step may leave: after its causes, at the pace of its client, in the order of the recording."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final

from ..plan import Plan, Step, Told
from .causes import causes_of, followers

_NANO: Final = 1e9


class Phase(Enum):
    """How far a step is: see the diagram of `driver`."""

    WAITING = 0
    READY = 1
    SENT = 2
    LEFT_OUT = 3


_UNSENT = frozenset({Phase.WAITING, Phase.READY})


class Schedule:
    """Steps that have not left, and when each of them may.

    Args:
        plan: What is driven.
        rate: Pace of think times; `math.inf` without any.

    Attributes:
        causes: What each step waits for.
        doomed: Why a step will be left out, by its number: then its think time is none.
        limit: Number of the last step that may leave.

    Raises:
        ValueError: If a step waits for something that comes after it.
    """

    def __init__(self, plan: Plan, rate: float) -> None:
        self._plan, self._rate = plan, rate
        self.causes = causes_of(plan)
        self.doomed: dict[int, str] = {}
        self.limit: float = math.inf
        self._after_step, self._after_told = followers(self.causes)
        self._open = [len(causes) for causes in self.causes]
        self._phases = [Phase.WAITING] * len(plan.steps)
        self._ready: list[tuple[float, int]] = []
        self._held: list[tuple[float, int]] = []  # ready, and beyond the limit
        self._leaves_at: dict[int, float] = {}  # of those that are ready
        self._first = 0  # no step before this one is unsent
        self._queues: defaultdict[str, deque[int]] = defaultdict(deque)  # by client; some at the front have left
        for step in plan.steps:
            self._queues[step.client].append(step.number)

    def begin(self, now: float) -> None:
        """Schedule the steps that wait for nothing, at their distance from the first one."""
        first = self._plan.steps[0].t if self._plan.steps else 0
        for step in self._plan.steps:
            if not self.causes[step.number]:
                self._put(step.number, now + self._paced(step.t - first))

    def next_time(self) -> float | None:
        """Return when the next step leaves, as far as that is known."""
        return self._ready[0][0] if self._ready else None

    def pop(self, now: float) -> Step | None:
        """Return a step that leaves now, if there is one; then tell by `passed` that it has left."""
        while self._ready and self._ready[0][0] <= now:
            one = heapq.heappop(self._ready)
            if one[1] <= self.limit:
                return self._plan.steps[one[1]]
            self._held.append(one)
        return None

    def passed(self, step: Step, phase: Phase, now: float) -> None:
        """Note that a step has left or was left out: what waits for its turn may go on."""
        self._phases[step.number] = phase
        del self._leaves_at[step.number]
        self._free(self._after_step.get(step.number, ()), now)

    def settled(self, told: Told, now: float) -> None:
        """Note that something was told, or is not waited for any more."""
        self._free(self._after_told.get(told.number, ()), now)

    def is_waited_for(self, told: Told) -> bool:
        """Return whether any step waits, or waited, for something that is told."""
        return told.number in self._after_told

    def first_waiter(self, told: Told) -> int:
        """Return the number of the first step that waits, or waited, for something that is told; without one a last."""
        return self._after_told.get(told.number, (len(self._phases),))[0]

    def waiters(self, told: Told) -> list[int]:
        """Return the unsent steps that wait for something that is told."""
        return [number for number in self._after_told.get(told.number, ()) if self.is_unsent(number)]

    def is_unsent(self, number: int) -> bool:
        """Return whether a step has neither left nor been left out."""
        return self._phases[number] in _UNSENT

    def was_sent(self, number: int) -> bool:
        """Return whether a step has left."""
        return self._phases[number] is Phase.SENT

    def has_causes(self, number: int) -> bool:
        """Return whether all is there that a step waits for."""
        return not self._open[number]

    def leaves_at(self, number: int) -> float | None:
        """Return when a step leaves, None if that is not known yet."""
        return self._leaves_at.get(number)

    def first_unsent(self) -> int:
        """Return the number of the first step that has not left; that after the last step if all have."""
        while self._first < len(self._phases) and not self.is_unsent(self._first):
            self._first += 1
        return self._first

    def heads(self) -> Iterator[Step]:
        """Yield the next step of each client."""
        for queue in self._queues.values():
            while queue and not self.is_unsent(queue[0]):
                queue.popleft()
            if queue:
                yield self._plan.steps[queue[0]]

    def go_to(self, limit: float) -> None:
        """Let the steps up to a number leave."""
        self.limit = limit
        for one in self._held:
            heapq.heappush(self._ready, one)
        self._held.clear()

    def _paced(self, nanoseconds: int) -> float:
        return 0.0 if math.isinf(self._rate) else max(0, nanoseconds) / _NANO / self._rate

    def _put(self, number: int, at: float) -> None:
        self._phases[number] = Phase.READY
        self._leaves_at[number] = at
        # without think times all that is ready leaves at once, in the order of the recording
        heapq.heappush(self._ready, (-math.inf if math.isinf(self._rate) else at, number))

    def _free(self, numbers: Iterable[int], now: float) -> None:
        """Count one cause of these steps as there; a step without any other is ready."""
        for number in numbers:
            self._open[number] -= 1
            if not self._open[number]:
                think = self._plan.steps[number].t - max(cause.t for cause in self.causes[number].values())
                self._put(number, now if number in self.doomed else now + self._paced(think))
