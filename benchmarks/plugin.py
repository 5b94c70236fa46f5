"""What the pytest plugin costs a run of pytest that has no cassette: every run, wherever the package is installed.

Side by side: one test that does nothing, with the plugin as its entry point loads it, and with `-p no:recorder`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.rows import Row, Scale
from benchmarks.running import command_of

TARGET = 0.05  # seconds
_RUNS = {Scale.FULL: 15, Scale.SMOKE: 2}
_WAYS = {"a run": [], "--help": ["--help"], "--collect-only": ["--collect-only"]}


def rows(scale: Scale) -> list[Row]:
    """Return one row: seconds that a start takes longer with the plugin than without."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        found = {way: _compared(folder, options, _RUNS[scale]) for way, options in _WAYS.items()}
    worst = max(wall for wall, _ in found.values())
    facts = tuple(
        f"{way}: {wall * 1000:.0f} ms of wall time and {cpu * 1000:.0f} ms of CPU time more (medians of {_RUNS[scale]})"
        for way, (wall, cpu) in found.items()
    )
    return [
        Row(
            "start of pytest with the plugin, unused, against without",
            f"≤ {TARGET} s more",
            f"{worst:.3f} s",
            worst <= TARGET if scale is Scale.FULL else None,
            command_of("plugin"),
            facts,
            "The plugin's own hooks and the declaration of its options; a test holds it to the modules it loads.",
        )
    ]


def _compared(folder: str, options: list[str], runs: int) -> tuple[float, float]:
    """Return the medians of what the plugin adds: seconds of wall time, and of CPU time."""
    pairs = []
    for _ in range(runs + 1):  # the first pair fills the caches
        mine, its = _start(folder, options), _start(folder, [*options, "-p", "no:recorder"])
        pairs.append((mine[0] - its[0], mine[1] - its[1]))
    return median(wall for wall, _ in pairs[1:]), median(cpu for _, cpu in pairs[1:])


def _start(folder: str, options: list[str]) -> tuple[float, float]:
    command = [sys.executable, "-m", "pytest", "-q", *options]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
