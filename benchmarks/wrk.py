"""Load by wrk, and what it costs the server: requests a second, and CPU time a request."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from recorder.model import Recording
from tests.lab.processes import Server

CLIENTS = 8
_SCRIPT = Path(__file__).with_name("load.lua")
_TICK = os.sysconf("SC_CLK_TCK")

Kind = Literal["polls", "calls", "session"]


class LoadError(RuntimeError):
    """A load did not go as it must, so its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a load was: requests a second, CPU time of the server a request (µs), 99th percentile (ms)."""

    rate: float
    cpu: float
    p99: float


def missing() -> str | None:
    """Why there can be no load here."""
    return None if shutil.which("wrk") else "wrk is not installed (Debian: apt-get install wrk)"


def write_requests(recording: Recording, path: Path) -> None:
    """What load.lua reads: the operations of a recording, in their order."""
    lines = []
    for triple in recording.triples:
        body, reference = triple.request.body.decode(), json.loads(triple.request.body)["referenceId"]
        before, _, after = body.partition(reference)
        lines.append(f"{triple.request.target}\t{before}@{reference}@{after}\n")
    path.write_text("".join(lines))


def load(server: Server, requests: Path, kind: Kind, seconds: float) -> Load:
    """Load a server.

    Raises:
        LoadError: If an answer was no 200, or a poll brought no events.

    """
    url = server.url.replace("localhost", "127.0.0.1")
    command = ["wrk", f"-t{CLIENTS}", f"-c{CLIENTS}", f"-d{max(1, round(seconds))}s", "-s", str(_SCRIPT), url]
    before = cpu_seconds(server.process.pid)
    done = subprocess.run([*command, "--", str(requests), kind], capture_output=True, text=True, check=False)
    spent = cpu_seconds(server.process.pid) - before
    if done.returncode:
        raise LoadError(f"wrk: {done.stderr.strip() or done.stdout.strip()}")
    said = json.loads(done.stdout.splitlines()[-1])
    if said["failed"] or said["empty"] or not said["requests"]:
        raise LoadError(f"{said['failed']} of {said['requests']} answers failed, {said['empty']} polls brought nothing")
    return Load(said["requests"] / said["seconds"], spent / said["requests"] * 1e6, said["p99"])


def in_turn(servers: Mapping[str, Callable[[], Load]], rounds: int) -> dict[str, list[Load]]:
    """Load each in turn, so many times: what disturbs the machine for a while disturbs all."""
    found: dict[str, list[Load]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, once in servers.items():
            found[name].append(once())
    return found


def ratio(of: Iterable[float], by: Iterable[float]) -> float:
    """The median of the ratios of what was measured next to each other."""
    return statistics.median(one / other for one, other in zip(of, by, strict=True))


def described(loads: Iterable[Load]) -> str:
    """The medians, for people."""
    some = list(loads)
    rate, cpu, p99 = (statistics.median(getattr(one, name) for one in some) for name in ("rate", "cpu", "p99"))
    return f"{rate:,.0f} requests/s, {cpu:.1f} µs of CPU a request, p99 {p99:.2g} ms"


def cpu_seconds(pid: int) -> float:
    """What a process took of the processor so far, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
