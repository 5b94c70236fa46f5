"""Print what an exploration found, and write the schedule that makes the command fail."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import RecorderError, UsageError
from ...explore.files import folder_for, keep
from ...explore.outcome import Verdict
from ...files import as_argument
from ...printable import counted, printable, shortened, to_json
from ...replay.engine.orders.schedule import Schedule
from ..saying import say, tell
from ..verdict import announce

if TYPE_CHECKING:
    from ...explore.outcome import Result
    from .trials import Ran

_LINES = 20  # of what the command wrote last
_LONGEST = 1_000  # characters of such a line, as it is printed


@dataclass(frozen=True, slots=True)
class Telling:
    """The outcome of one exploration, for people and programs.

    Attributes:
        cassettes: What was played.
        words: The command.
        folder: Folder for the schedule.
        seed: Seed of the schedules.
    """

    cassettes: Sequence[Path]
    words: Sequence[str]
    folder: Path
    seed: int

    def interrupted(self, result: Result) -> None:
        """Say how far it came until Ctrl-C, and what failed by then."""
        if result.verdict is not Verdict.PASSED:
            say(printable(_says(result, str(_found(result) or "")).partition("\n")[0]))
        say(f"{counted(result.runs, 'run')} so far; {result.coverage}")

    def ended(self, result: Result, failed: Ran | None, *, as_json: bool) -> int:
        """Print the result, and keep the schedule that was found; return the exit code.

        The runs took long: what they found is told also if its file cannot be written.

        Args:
            result: The result.
            failed: The last run that failed under the schedule of the result; None if none did.
            as_json: Print JSON for programs.
        """
        path, problem = self._kept(result)
        schedule = _found(result)
        named = "" if schedule is None else self._named(schedule, path)
        result = replace(result, says=_says(result, named))
        if as_json:
            announce(to_json(self._row(result, failed, path), indent=None))
        else:
            for line in result.says.splitlines():
                announce(printable(line))
        runs = f"{counted(result.runs, 'run')}, seed {self.seed}"
        if result.verdict in {Verdict.PASSED, Verdict.EMPTY}:
            say(runs)  # its sentences tell the coverage
            return 0 if result.verdict is Verdict.PASSED else 1
        say(f"{runs}; {result.coverage}")
        if failed is not None:
            tell_failure(failed)
        if path is not None:
            say(f"{path}: holds the schedule")
        if named:
            self._tell_ways(named)
        if problem is None:
            return 1
        say(str(problem))
        return problem.exit_code

    def _kept(self, result: Result) -> tuple[Path | None, RecorderError | None]:
        """Write the schedule that was found, if there is one; return its file, or why there is none."""
        if _found(result) is None:
            return None, None
        kept = result.kept((path.name for path in self.cassettes), shlex.join(self.words))
        try:
            return keep(kept, self.folder, self.cassettes), None
        except RecorderError as exc:
            return None, exc

    def _named(self, schedule: Schedule, path: Path | None) -> str:
        """Return what finds a schedule again: its id, its file if that lies elsewhere, or else its deviations."""
        if path is None:
            return str(schedule)
        return schedule.id if path.parent == self.cassettes[0].parent else str(path)

    def _tell_ways(self, named: str) -> None:
        """Say how to play a schedule again and how to look at it."""
        again = ["recorder", "explore", *map(as_argument, self.cassettes), "--schedule", named]
        say(f"again: {shlex.join([*again, '--', *self.words])}")
        page = ["recorder", "report", as_argument(self.cassettes[0]), "--schedule", named, "-o", "orders.html"]
        say(f"both orders on a page: {shlex.join(page)}")

    def _row(self, result: Result, failed: Ran | None, path: Path | None) -> dict[str, Any]:
        passing, schedule = result.passes_with, result.schedule
        return {
            "cassettes": [str(one) for one in self.cassettes],
            "verdict": result.verdict.value,
            "says": result.says,
            "runs": result.runs,
            "seed": self.seed,
            "coverage": str(result.coverage),
            "schedule": None if schedule is None else _schedule(schedule),
            "passes_with": None if passing is None else _schedule(passing),
            "reason": None if failed is None else failed.says,
            "file": None if path is None else str(path),
        }


def _found(result: Result) -> Schedule | None:
    """Return the schedule that a result is about; None if it is about the recorded order alone."""
    schedule = result.schedule or result.passes_with
    return schedule if schedule is not None and schedule.deviations else None


def _says(result: Result, named: str) -> str:
    """Return the sentences of a result with the name by which its schedule is found: the search knows no files."""
    schedule = _found(result)
    if schedule is None:
        return result.says
    return result.says.replace(f"--schedule {schedule.id}", f"--schedule {shlex.quote(named)}")


def folder_of(cassettes: Sequence[Path], wanted: Path | None) -> Path:
    """Return the folder for a schedule; refuse one that cannot be written, before the command is run.

    Raises:
        UsageError: If the first cassette is at a URL, or its folder cannot be written, and no other one is named.
        OutputError: If the folder that is named cannot be written.
    """
    try:
        return folder_for(cassettes[0], wanted)
    except RecorderError as exc:
        if wanted is not None:
            raise
        raise UsageError(f"{exc}: -o DIR") from exc


def tell_run(ran: Ran, schedule: Schedule, *, as_json: bool) -> int:
    """Print how one run under a schedule went; return the exit code."""
    unmet = sorted(map(str, ran.order.unmet))
    if as_json:
        announce(
            to_json(
                {
                    "schedule": _schedule(schedule),
                    "passed": ran.passed,
                    "reason": ran.says or None,
                    "met": sorted(map(str, ran.order.met)),
                    "unmet": unmet,
                    "played": [[act.name, act.at] for act in ran.order.acts],
                },
                indent=None,
            )
        )
    else:
        announce(printable(_went(ran, schedule)))
    for text in unmet:
        say(f"was not met, so the run says nothing about it: {text}")
    if ran.passed:
        return 0
    tell_failure(ran)
    return 1


def _went(ran: Ran, schedule: Schedule) -> str:
    """Return how a run went; under a schedule it went only as far as that came about."""
    told = "passes" if ran.passed else "fails"
    unmet = ran.order.unmet.intersection(schedule.deviations)
    met = Schedule.of(one for one in schedule.deviations if one not in unmet)
    if not unmet:
        return f"{told} under {schedule}"
    *others, last = sorted(map(str, unmet))
    lacking = f"{', '.join(others)} and {last}" if others else last
    return f"{told}{f' under {met}' if met.deviations else ''}, but {lacking} did not come about"


def tell_failure(ran: Ran) -> None:
    """Say why a run failed, and print what the command wrote last."""
    lines = ran.output.splitlines()[-_LINES:]
    for line in lines:
        tell(f"  {printable(shortened(line, _LONGEST))}")
    say(ran.says)


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {"id": schedule.id, "deviations": [str(one) for one in schedule.deviations]}
