"""Judge runs of the user's command under schedules, until an explorer has its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...api.standin import StandIn
from ...api.threads import LoopThread
from ...model import Recording
from ...printable import counted, shortened
from ...replay.engine.orders.played import Order
from ...replay.engine.orders.schedule import Kept, Schedule
from ...replay.engine.status import unheard_text
from .program import Ended, Program

if TYPE_CHECKING:
    from ...explore.explorer import Explorer

_LONGEST = 300  # characters of a reason, as it is printed


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of the command under a schedule.

    Attributes:
        says: Reason why it failed; "" if it passed.
        order: The order in which it was played.
        output: What the command wrote last.
    """

    says: str
    order: Order
    output: str

    @property
    def passed(self) -> bool:
        """True if the client got along with the schedule."""
        return not self.says


@dataclass(frozen=True, slots=True)
class Judge:
    """Runs the command against a stand-in of its own, and judges the run.

    Attributes:
        recording: What is played.
        program: The command.
        dialect: Name or file of a dialect; None for that of the recording.
        policy: Name or file of the redaction policy; None for that of the recording.
        fails_unplayed: Whether a run fails that leaves something unplayed.
        thread: Thread that serves.
    """

    recording: Recording
    program: Program
    dialect: str | None
    policy: str | None
    fails_unplayed: bool
    thread: LoopThread

    def run(self, kept: Kept) -> Ran:
        """Run the command once under a schedule.

        Args:
            kept: The schedule, with the order of an earlier run if that is known: then this order is played again.

        Raises:
            UsageError: If the command cannot be run, or the schedule names what the recording lacks.
        """
        standin = StandIn(
            self.recording,
            clock="virtual",
            dialect=self.dialect,
            policy=self.policy,
            schedule=kept,
            thread=self.thread,
        )
        with standin:
            ended = self.program.run(standin.url, kept.schedule.id)
        return Ran("; ".join(self._reasons(ended, standin)), standin.order, ended.output)

    def _reasons(self, ended: Ended, standin: StandIn) -> list[str]:
        reasons = []
        if ended.is_late:
            reasons.append(f"it did not end within {self.program.max_time:g} s")
        elif ended.code:
            reasons.append(f"exit code {ended.code}")
        if (ended.is_late or ended.code) and (last := _last_line(ended.output)):
            reasons[-1] += f": {last}"
        if standin.missed:
            first = standin.misses[0].splitlines()[0]
            reasons.append(f"{counted(standin.missed, 'request')} matched nothing: {shortened(first, _LONGEST)}")
        reasons += [unheard_text(found) for found in standin.unheard]
        if self.fails_unplayed and (standin.unplayed or standin.unplayed_events):
            left = [f"triple {n}" for n in standin.unplayed]
            left += [f"event {one['event']} {one['name']}" for one in standin.unplayed_events]
            reasons.append(shortened(f"not played: {', '.join(left)}", _LONGEST))
        return reasons


class Trials:
    """The runs that an explorer asks for.

    Attributes:
        runs: Number of runs.
        failed: The last run of each schedule that failed.
    """

    def __init__(self, judge: Judge, explorer: Explorer, shown: Callable[[int], None]) -> None:
        """Prepare them.

        Args:
            judge: Runs the command.
            explorer: Draws the schedules.
            shown: Takes the number of runs after each.
        """
        self._judge, self._explorer, self._shown = judge, explorer, shown
        self.runs = 0
        self.failed: dict[Schedule, Ran] = {}

    def run(self) -> None:
        """Run the command until the explorer has its result.

        Raises:
            UsageError: If the command cannot be run.
        """
        while (trial := self._explorer.next()) is not None:
            ran = self._judge.run(trial.kept)
            self.runs += 1
            if not ran.passed:
                self.failed[trial.schedule] = ran
            self._explorer.ran(passed=ran.passed, says=ran.says, order=ran.order)
            self._shown(self.runs)


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return shortened(lines[-1], _LONGEST) if lines else ""
