"""Time of a run under a schedule, beside a replay on a virtual clock of the same client without one.

    python -m benchmarks --only explore [--smoke]

The client is the desktop of examples/, in this process. Runs take turns: without a schedule, then in the recorded order
as a schedule, then under a schedule that a search draws. Left out are schedules with a late item, which takes real
seconds on purpose, and those that the client does not let come about, where the stand-in waits for what never comes.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

from benchmarks.rows import Row, Scale
from examples.desktop.desktop import work
from recorder import StandIn
from recorder.dialect.carried import dialect_of
from recorder.explore.explorer import Explorer
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.replay.engine.orders.schedule import Kept, Schedule

COMMAND = "python -m benchmarks --only explore"
_CASSETTE = Path(__file__).parents[1] / "cassettes" / "preview-session.cassette"
_SCHEDULES = {Scale.FULL: 120, Scale.SMOKE: 6}
_MOST = 1.2
_PLAIN, _RECORDED, _DRAWN = "without a schedule", "in the recorded order, as a schedule", "under a drawn schedule"


def rows(scale: Scale) -> list[Row]:
    """Measure."""
    recording = load_recording(_CASSETTE)
    explorer = Explorer(recording, dialect_of(recording.header), schedules=_SCHEDULES[scale], delay=0.0)
    spent: dict[str, list[tuple[float, float]]] = defaultdict(list)
    unmet = 0
    while (trial := explorer.next()) is not None:
        spent[_PLAIN].append(_run(recording, None)[0])
        spent[_RECORDED].append(_run(recording, Schedule())[0])
        took, standin = _run(recording, trial.schedule if trial.kept is None else trial.kept)
        order = standin.order
        explorer.ran(passed=True, says="", order=order)
        if order.unmet:
            unmet += 1
        elif trial.schedule.deviations:
            spent[_DRAWN].append(took)
    return [_row(spent, unmet)]


def _run(recording: Recording, schedule: Schedule | Kept | None) -> tuple[tuple[float, float], StandIn]:
    """Let the desktop work once; return the seconds of wall and of CPU time that it took, and its stand-in."""
    wall, cpu = time.perf_counter(), time.process_time()
    with StandIn(recording, clock="virtual", schedule=schedule) as standin:
        asyncio.run(work(standin.url))
    return (time.perf_counter() - wall, time.process_time() - cpu), standin


def _row(spent: dict[str, list[tuple[float, float]]], unmet: int) -> Row:
    walls, cpus = ({name: median(one[place] for one in runs) for name, runs in spent.items()} for place in (0, 1))
    ratio = walls[_DRAWN] / walls[_PLAIN]
    facts = [
        f"{name}: {1000 * walls[name]:.0f} ms of wall, {1000 * cpus[name]:.0f} ms of CPU ({len(spent[name])} runs)."
        for name in (_PLAIN, _RECORDED, _DRAWN)
    ]
    facts.append(
        f"Ratios of CPU: {cpus[_RECORDED] / cpus[_PLAIN]:.2f} recorded, {cpus[_DRAWN] / cpus[_PLAIN]:.2f} drawn."
    )
    facts.append(f"Schedules that the client did not let come about: {unmet}.")
    return Row(
        "a run under a schedule, against a replay on a virtual clock: median of wall",
        f"≤ {_MOST}×",
        f"{ratio:.2f}×",
        ratio <= _MOST,
        COMMAND,
        tuple(facts),
    )
