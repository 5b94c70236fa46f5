"""Proxies side by side between the same client and the same server: mitmdump alone, and what records.

All are up at the same time and get their load in turn, a little each: what the machine does beside them hits all alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.profiles import begin, paragraph, under_profiler
from tests.lab.processes import RECORDER, Server, serving

_TICK = os.sysconf("SC_CLK_TCK")
ALONE, OURS, CLEAR = "mitmdump alone", "recorder record", "recorder record without redaction"
SCRIPT, ASKS_ALL = "mitmdump that records", "mitmdump that records and asks all its addons"
ALL = (ALONE, SCRIPT, ASKS_ALL, OURS, CLEAR)
_SCRIPTS = {
    SCRIPT: Path(__file__).parents[1] / "addons" / "record.py",
    ASKS_ALL: Path(__file__).with_name("mitmproxy_dispatch.py"),
}
CONNECTIONS = 8


@dataclass(slots=True)
class Measured:
    """What a proxy did, round by round."""

    rates: list[float] = field(default_factory=list)  # exchanges per second
    slowest: list[float] = field(default_factory=list)  # ms in which 99 of 100 exchanges are over
    cpu: list[float] = field(default_factory=list)  # µs of the proxy's CPU time per exchange
    exchanges: int = 0

    def described(self) -> str:
        return (
            f"{median(self.rates):.0f} exchanges/s, p99 {median(self.slowest):.1f} ms, "
            f"{median(self.cpu):.0f} µs of CPU per exchange"
        )


def cassette(folder: Path, name: str) -> Path:
    """What a proxy of that name records into."""
    return folder / f"{name.replace(' ', '-')}.cassette"


def measure(
    folder: Path, rounds: int, exchanges: int, names: Sequence[str] = ALL, bodies: str = "json"
) -> dict[str, Measured]:
    """Load all proxies in turn, so many rounds, after one that does not count."""
    with ExitStack() as stack:
        upstream = stack.enter_context(upstream_server())
        proxies = {name: stack.enter_context(proxy(folder, name, upstream)) for name in names}
        found = {name: Measured() for name in proxies}
        for place in range(rounds + 1):
            for name, server in proxies.items():
                before = _cpu(server)
                seconds, took = load(server, exchanges, bodies)
                one = found[name]
                one.exchanges += len(took)
                if place:
                    one.rates.append(len(took) / seconds)
                    one.slowest.append(1000 * took[len(took) * 99 // 100])
                    one.cpu.append(1e6 * (_cpu(server) - before) / len(took))
    return found


def profile_of(name: str, exchanges: int) -> str:
    """Where the time of a proxy goes under this load."""
    with (
        TemporaryDirectory() as folder,
        upstream_server() as upstream,
        under_profiler(*_command(Path(folder), name, upstream.url)) as (command, shares),
    ):
        with _serving(command) as server:
            load(server, exchanges // 4)
            begin(server.process.pid)
            load(server, exchanges)
        return paragraph(shares(), name)


@contextmanager
def upstream_server() -> Iterator[Server]:
    """The server that does nothing but answer."""
    with _serving([sys.executable, "-m", "benchmarks.wire", "serve"]) as server:
        yield server


@contextmanager
def proxy(folder: Path, name: str, upstream: Server, *options: str) -> Iterator[Server]:
    """One of the proxies, with more options."""
    command = [*_command(folder, name, upstream.url), *options]
    with _serving([RECORDER, *command[1:]] if command[0] == "recorder" else [sys.executable, *command]) as server:
        yield server


def load(server: Server, exchanges: int, bodies: str = "json") -> tuple[float, list[float]]:
    """Seconds in all, and seconds each exchange took, the shortest first."""
    command = [sys.executable, "-m", "benchmarks.wire", "load", server.url]
    counts = ["--exchanges", str(exchanges), "--connections", str(CONNECTIONS), "--bodies", bodies]
    done = subprocess.run([*command, *counts], stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    return found["seconds"], sorted(found["took"])


def _command(folder: Path, name: str, upstream: str) -> list[str]:
    """As the profiler wants it: `recorder …`, or `-m MODULE …`."""
    file = cassette(folder, name)
    if name in (OURS, CLEAR):
        options = ["--no-redaction"] if name == CLEAR else []
        return ["recorder", "record", upstream, "-o", str(file), "--force", "--listen", "127.0.0.1:0", *options]
    sets = ["--set", f"confdir={folder / 'mitmproxy'}", "--set", "flow_detail=0"]
    listen = ["--mode", f"reverse:{upstream}", "--listen-host", "127.0.0.1", "--listen-port", "0"]
    script = ["-s", str(_SCRIPTS[name]), "--set", f"cassette={file}"] if name in _SCRIPTS else []
    return ["-m", "benchmarks.mitmdump", *listen, *sets, *script]


@contextmanager
def _serving(command: list[str]) -> Iterator[Server]:
    with serving(command, ready="listening ", env=os.environ | {"PYTHONUNBUFFERED": "1"}) as server:
        server.url = f"http://127.0.0.1:{server.url.rpartition(':')[2]}"
        yield server


def _cpu(server: Server) -> float:
    """Seconds of CPU time that a process took."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK
