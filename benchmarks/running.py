"""Runs a benchmark in a process of its own, so that none disturbs the next one, and one that breaks is a row."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from benchmarks.rows import Row, Scale, row_of

_LIMITS = {Scale.FULL: 3 * 3600.0, Scale.SMOKE: 100.0}  # seconds


def command_of(name: str) -> str:
    """What measures a benchmark again."""
    return f"python -m benchmarks --only {name}"


def run(name: str, scale: Scale) -> tuple[list[Row], bool]:
    """The rows of a benchmark, and whether it ran; if it broke there is one row that says so."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "benchmarks", "--child", name, "--scale", scale.value, "--into", str(into)]
        with subprocess.Popen(command, stdout=sys.stderr, start_new_session=True) as child:
            try:
                code = child.wait(_LIMITS[scale])
                said = "" if code == 0 else f"exit code {code}"
            except BaseException as exc:  # Ctrl-C too: a bench may have servers running, and they end with it
                os.killpg(child.pid, signal.SIGKILL)
                if not isinstance(exc, subprocess.TimeoutExpired):
                    raise
                said = f"took longer than {_LIMITS[scale]:.0f} s"
        found = json.loads(into.read_text()) if into.exists() else said
    if isinstance(found, str):
        return [Row(name, "", f"broke: {found}", False, command_of(name))], False
    return [row_of(fields) for fields in found], True


def child(name: str, scale: Scale, into: Path) -> int:
    """Be the process of a benchmark: write its rows, or what went wrong, as JSON."""
    try:
        rows = import_module(f"benchmarks.{name}").rows(scale)
        result: object = [asdict(row) for row in rows]
    except Exception as exc:  # noqa: BLE001  # whatever it is, it becomes a row
        traceback.print_exc()
        lines = str(exc).strip().splitlines()
        result = f"{type(exc).__name__}: {lines[0][:200] if lines else ''}"
    into.write_text(json.dumps(result))
    return int(isinstance(result, str))
