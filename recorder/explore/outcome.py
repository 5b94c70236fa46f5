"""Say what a search tries next, what a run showed, and what the search found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from ..replay.engine.orders.played import Order
from ..replay.engine.orders.schedule import Kept, Schedule


class Verdict(Enum):
    """The verdict of a search."""

    PASSED = "passed"  # no schedule made the client fail
    EMPTY = "nothing tried"  # the client got none of the recorded answers and events, so there is no other order
    FAILED = "failed"  # a schedule does, and the recorded order does not
    RECORDED_FAILS = "recorded order fails"
    UNSTEADY = "unsteady"  # a schedule failed, but not each time, or without coming about


@dataclass(frozen=True, slots=True)
class Trial:
    """A schedule that is to be run.

    Attributes:
        why: How it was found: `recorded order`, `one deviation`, `two deviations`, `random`, `shrinking`,
            `confirming`; where the recorded order fails, `relation` (one as a whole) and `further` (a little more than
            what brought the client further).
        number: Number of the run, from 1.
        order: What happened in an earlier run of the schedule that is to be confirmed; empty for the others.
    """

    schedule: Schedule
    why: str
    number: int
    order: Order = field(default_factory=Order)

    @property
    def kept(self) -> Kept:
        """The schedule with the order that it is to show: a stand-in that is given it waits for that run's requests."""
        return Kept(self.schedule, played=tuple((act.name, act.at) for act in self.order.acts))


@dataclass(frozen=True, slots=True)
class Ran:
    """The outcome of a run.

    Attributes:
        passed: Whether the client bore it.
        says: The message of the failure, "" if there is none.
        order: What happened in it.
    """

    passed: bool
    says: str
    order: Order


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a search.

    Attributes:
        schedule: The smallest failing schedule; None if there is none.
        says: What was found, in sentences for people, one a line.
        runs: How many runs there were, with those that shrank and confirmed.
        coverage: How many pairs of neighbours were seen in both orders, in words.
        passes_with: Where the recorded order fails, the smallest schedule that passes; None if none does.
        ran: The failing run of `schedule`, or of the recorded order where that fails; None if none failed.
        order: What happened under `schedule`, or under `passes_with` where the recorded order fails.
        is_over: Whether the search came to its end; False while it goes on, or if it was broken off.
    """

    verdict: Verdict
    schedule: Schedule | None
    says: str
    runs: int
    coverage: str
    passes_with: Schedule | None = None
    ran: Ran | None = None
    order: Order = field(default_factory=Order)
    is_over: bool = True

    def kept(self, cassettes: Iterable[str] = (), test: str = "") -> Kept:
        """Return what the file of the schedule holds; that of `passes_with` where the recorded order fails.

        Args:
            cassettes: Names of the cassettes.
            test: Name of the test, or the command.
        """
        schedule = self.schedule or self.passes_with or Schedule()
        played = tuple((act.name, act.at) for act in self.order.acts)
        answers = tuple(act.answer for act in self.order.acts)
        return Kept(schedule, tuple(cassettes), test, self.says, played, answers)
