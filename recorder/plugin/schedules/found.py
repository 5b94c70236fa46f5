"""Keep the schedule that was found for a test, and say what its exploration found."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ...dialect.carried import dialect_of
from ...dialect.definition import load
from ...errors import RecorderError
from ...explore.files import folder_for, keep
from ...explore.law import forbidden
from ...explore.outcome import Verdict
from ...printable import counted
from ...replay.engine.orders.schedule import Kept, Schedule
from ..telling import temporary

if TYPE_CHECKING:
    from ...explore.outcome import Result
    from ..playing import Playing
    from ..settings import Settings

_NEW_LINE = "\n"
_FOLDER = "cassette-schedules"


def told(result: Result) -> str:
    """Return one line about an exploration, for the summary of a run."""
    runs = counted(result.runs, "run")
    if not result.is_over:
        runs = f"interrupted after {runs}"
    found = "" if result.verdict in {Verdict.PASSED, Verdict.EMPTY} else f"; {_says(result).partition(_NEW_LINE)[0]}"
    return f"{runs}, {result.coverage}{found}"


def written(item: pytest.Item, result: Result, settings: Settings) -> str:
    """Write the schedule that was found beside the cassette, and return the text about it.

    Where nothing can be written there, the schedule is in a temporary folder of pytest.

    Args:
        item: The test.
        result: What its exploration found.
        settings: How the test is played.
    """
    lines = [_says(result), f"{counted(result.runs, 'run')}, seed {settings.explore_seed}; {result.coverage}"]
    schedule = result.schedule or result.passes_with
    if schedule is None or not schedule.deviations:
        return "\n".join(lines)
    kept = result.kept((path.name for path in settings.cassettes), item.nodeid)
    path, problem = _kept(item, kept, settings)
    if problem:
        lines.append(f"it was not written beside the cassette: {problem}")
    again: list[str] = [item.nodeid, "--cassette-schedule", str(schedule) if path is None else schedule.id]
    if path is not None:
        lines.append(f"kept in {path}")
        if problem:
            again[-1] = str(path)
    lines.append(f"again: pytest {shlex.join(again)}")
    return "\n".join(lines)


def unmet(playing: Playing, schedule: Schedule) -> str:
    """Return the warning about a schedule that did not come about, with the rule that forbids it if there is one."""
    given = playing.settings.dialect
    dialect = load(given) if given else dialect_of(playing.recording.header)
    told = "; ".join(sorted(map(str, playing.order.unmet)))
    rule = forbidden(playing.recording, dialect, schedule)
    return f"the schedule was not met, so the run says nothing about it: {told}{f'; {rule}' if rule else ''}"


def _says(result: Result) -> str:
    """Return the sentences about a result, with the option of pytest for that of the command line."""
    return re.sub(r"(?<!\S)--schedule ", "--cassette-schedule ", result.says)


def _kept(item: pytest.Item, kept: Kept, settings: Settings) -> tuple[Path | None, str]:
    """Write a schedule; return its file, and why it is not beside the cassette."""
    problem = ""
    temporary_one = temporary(item)
    wanted = [None] if temporary_one is None else [None, temporary_one.with_name(_FOLDER)]
    for folder in wanted:
        try:
            return keep(kept, folder_for(settings.cassettes[0], folder), settings.cassettes), problem
        except RecorderError as exc:
            problem = problem or str(exc)
    return None, problem
