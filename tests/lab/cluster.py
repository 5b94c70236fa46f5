"""A Dask cluster on this machine: a scheduler and some workers as processes, on the loopback interface."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.lab.processes import until

_LOOPBACK = "--host", "127.0.0.1", "--no-dashboard"
_WORKER = "--nthreads", "1", "--no-nanny", "--death-timeout", "60"
_END = 20.0  # seconds


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[str]:
    """Run a cluster in a folder; yield the address of its scheduler."""
    with ExitStack() as ending:
        about = folder / "scheduler.json"
        ending.enter_context(_running("dask_scheduler", *_LOOPBACK, "--port", "0", "--scheduler-file", about))
        until(about.exists, "the scheduler is there")
        until(lambda: about.read_text().endswith("}"), "the scheduler has told its address")
        address: str = json.loads(about.read_text())["address"]
        for number in range(workers):
            own = "--local-directory", folder, "--name", f"w{number}"
            ending.enter_context(_running("dask_worker", address, *_LOOPBACK, *_WORKER, *own))
        yield address


@contextmanager
def _running(program: str, *arguments: str | Path) -> Iterator[None]:
    command = [sys.executable, "-m", f"distributed.cli.{program}", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
