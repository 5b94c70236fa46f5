"""Let clients of a stand-in ask for the trials of a search, one after the other, by the control API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...dialect.carried import dialect_of
from ...dialect.definition import load
from ...errors import RecorderError
from ...explore.explorer import Explorer
from ...explore.files import folder_for, keep
from ...explore.outcome import Result, Trial
from ...model import Recording
from ...replay.engine.orders.deviations import Disturbance
from ...replay.engine.orders.played import Order
from ...replay.engine.orders.schedule import Kept, Schedule
from ..saying import say


class ServedTrials:
    """The trials of one search; see `recorder.replay.server.driver.Trials`."""

    def __init__(self, explorer: Explorer, keep: Callable[[Result], Path]) -> None:
        """Take a search that has not begun.

        Args:
            explorer: The search.
            keep: Writes the file of the schedule that was found, and returns its path.
        """
        self._explorer, self._keep = explorer, keep
        self._told: dict[str, Any] | None = None  # the result, once it is there

    def judge(self, order: Order, misses: Sequence[str], *, passed: bool, says: str) -> None:
        """Take the outcome of the last trial: a request that matches nothing fails it."""
        says = says if not passed else "".join(misses[:1])
        self._explorer.ran(passed and not misses, says, order)

    def next(self) -> tuple[Kept | None, dict[str, Any]]:
        """Return the next schedule and what the client is told of it; None and the result where none is left."""
        trial = self._explorer.next()
        if trial is not None:
            return trial.kept, {"trial": _trial(trial), "result": None}
        if self._told is None:
            result = self._explorer.result
            self._told = _result(result, self._kept(result))
        return None, {"trial": None, "result": self._told}

    def _kept(self, result: Result) -> Path | None:
        """Write the schedule that was found; None if there is none, or if its file cannot be written."""
        found = result.schedule or result.passes_with
        if found is None or not found.deviations:
            return None
        try:
            return self._keep(result)
        except RecorderError as exc:  # the client is told what its trials found all the same
            say(str(exc))
            return None


def begin(
    recording: Recording,
    dialect: str | None,
    cassettes: Sequence[Path],
    numbers: tuple[int, int, float],
    disturb: Sequence[str],
) -> ServedTrials:
    """Begin a search whose trials are served.

    Args:
        recording: What is played.
        dialect: Name or file of a dialect; None for that of the recording.
        cassettes: Where the recording is; the file of the schedule comes beside the first.
        numbers: How many orders to try, the seed, and the longest delay in seconds.
        disturb: Names of the kinds of trouble to add.

    Raises:
        RecorderError: If the dialect is wrong, or no file can be written beside the cassette.
    """
    schedules, seed, delay = numbers
    folder, names = folder_for(cassettes[0], None), [path.name for path in cassettes]
    rules = load(dialect) if dialect else dialect_of(recording.header)
    kinds = frozenset(map(Disturbance, disturb))
    explorer = Explorer(recording, rules, schedules=schedules, seed=seed, disturb=kinds, delay=delay)
    return ServedTrials(explorer, lambda result: keep(result.kept(names), folder, cassettes))


def _trial(trial: Trial) -> dict[str, Any]:
    schedule = trial.schedule
    return {"number": trial.number, "id": schedule.id, "deviations": _texts(schedule), "why": trial.why}


def _result(result: Result, path: Path | None) -> dict[str, Any]:
    schedule, passing = result.schedule, result.passes_with
    return {
        "verdict": result.verdict.value,
        "id": None if schedule is None else schedule.id,
        "deviations": [] if schedule is None else _texts(schedule),
        "says": result.says,
        "failure": None if result.ran is None else result.ran.says,
        "runs": result.runs,
        "coverage": result.coverage,
        "passes_with": None if passing is None else _texts(passing),
        "file": None if path is None else str(path),
    }


def _texts(schedule: Schedule) -> list[str]:
    return [str(one) for one in schedule.deviations]
