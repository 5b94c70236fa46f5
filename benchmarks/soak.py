"""Soak a recorder and a stand-in: clients that work and clients that do not, and nothing grows or is lost.

    python -m benchmarks.soak [--minutes 30] [--keep DIR]

`recorder record` with parts stands before a small server that is killed each minute; `recorder replay` plays a shipped
session at rate 20. Each minute there is a line of each: memory and descriptors with all its child processes, threads,
share of a core, and what its clients have been through. At the end there is a table of all minutes, and the parts are
examined and read: what a client has got of acks and events must be in them once. Exit code 1 unless memory and
descriptors are flat from minute 10 (a third of a shorter run) to the end, nothing is lost, early, wrong or refused, and
no traceback was printed.

Memory is compared by the medians of windows: each must be within 5 % of the first.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiohttp

from benchmarks.servers import ServerError
from benchmarks.soak_clients import Seen, large, misbehaving, operations, played, working
from recorder.cassette.reader import open_cassette
from recorder.cli.loading import load
from recorder.diagnose.check import Level
from recorder.diagnose.doctor import examine
from recorder.library.parts import gathered
from recorder.model import Response

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "cassettes/preview-session.cassette"
FLAT = 0.05  # by which medians of windows may differ
_SAMPLE = 5.0  # seconds between two looks
_WINDOWS = 4
_DESKS = 8  # that work, at each server
_RESTARTS = 60.0  # seconds
_ROTATES = 180.0  # seconds between two SIGHUP
_SPARE = 6  # descriptors by which medians of windows may differ: clients come and go
_START = 60.0
_COLUMNS = (("MB", 8), ("fd", 6), ("requests", 10), ("events", 9), ("lost", 6))
_MARK = re.compile(rb'"mark": ?"([ae]-[0-9a-f]+-[0-9]+)"')


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process and its children; memory in MB, `spent` in CPU seconds so far."""

    at: float
    memory: float
    descriptors: int
    threads: int
    spent: float


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def look(pid: int, began: float) -> Sample:
    """Measure a process and its children."""
    memory, descriptors, threads, spent = 0.0, 0, 0, 0.0
    for one in tree(pid):
        try:
            status = Path(f"/proc/{one}/status").read_text()
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            descriptors += sum(1 for _ in Path(f"/proc/{one}/fd").iterdir())
        except FileNotFoundError:
            continue  # a child that has just ended
        resident = re.search(r"VmRSS:\s+(\d+)", status)
        memory += int(resident[1]) / 1024 if resident else 0.0
        threads += int(fields[17])
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Sample(time.monotonic() - began, memory, descriptors, threads, spent)


class Minute(NamedTuple):
    """One line of the table at the end: a server after a minute, and what its clients had seen until then."""

    memory: float  # MB
    descriptors: int
    requests: int
    events: int
    lost: int


@dataclass(slots=True)
class Watched:
    """A server that is soaked, its clients' account, and what it was seen to take."""

    name: str
    process: asyncio.subprocess.Process
    url: str
    stderr: Path
    seen: Seen = field(default_factory=Seen)
    samples: list[Sample] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)

    def note(self) -> None:
        """Keep the last sample for the table."""
        last, of = self.samples[-1], self.seen.counts
        self.minutes.append(Minute(last.memory, last.descriptors, of["requests"], of["events"], of["lost"]))

    def lines(self) -> int:
        """Lines on stderr so far."""
        return self.stderr.read_bytes().count(b"\n")

    def line(self, minute: float) -> str:
        """Return a line about the last minute."""
        last = self.samples[-1]
        before = next((one for one in reversed(self.samples) if one.at <= last.at - 55), self.samples[0])
        share = (last.spent - before.spent) / max(last.at - before.at, 1e-9)
        of = self.seen.counts
        return (
            f"{minute:5.1f} min  {self.name:<9} {last.memory:6.1f} MB  {last.descriptors:3} fd"
            f"  {last.threads:2} threads  {share:4.0%} CPU  {of['requests']:6} requests  {of['events']:6} events"
            f"  {of['sessions']:5} sessions  {of['cut off']:4} cut off  {faults(of):2} faults  {self.lines():4} lines"
        )


def faults(of: Counter[str]) -> int:
    """Return the number of broken promises."""
    return sum(of[kind] for kind in ("early", "wrong", "lost", "strange", "refused"))


def medians(samples: Sequence[Sample], since: float, name: str) -> list[float]:
    """Return the medians of equal windows from a time on."""
    late = [one for one in samples if one.at >= since]
    width = max(1, len(late) // _WINDOWS)
    windows = [late[place : place + width] for place in range(0, width * _WINDOWS, width)]
    return [statistics.median(getattr(one, name) for one in window) for window in windows if window]


def flat(found: Sequence[float], spare: float) -> bool:
    """Return whether no window is far from the first."""
    return all(abs(one - found[0]) <= spare for one in found)


async def start(stack: ExitStack, folder: Path, name: str, *command: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start a server; return it and its URL."""
    stdout, stderr = (stack.enter_context((folder / f"{name}.{kind}").open("ab")) for kind in ("stdout", "stderr"))
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stderr, env=environment, cwd=folder)
    end = time.monotonic() + _START
    while time.monotonic() < end and process.returncode is None:
        told = re.findall(r"listening on (\S+)", (folder / f"{name}.stdout").read_text())
        if told:
            return process, told[-1]
        await asyncio.sleep(0.05)
    raise ServerError(f"{name} did not get ready: {(folder / f'{name}.stderr').read_text()[-500:]}")


async def restarting(stack: ExitStack, folder: Path, port: int, process: asyncio.subprocess.Process) -> None:
    """Kill the upstream each minute or so, and start it again a moment later."""
    chance = random.Random(3)
    try:
        while True:
            await asyncio.sleep(chance.uniform(0.8, 1.2) * _RESTARTS)
            process.kill()
            await process.wait()
            await asyncio.sleep(chance.uniform(0, 2))
            (folder / "upstream.stdout").write_bytes(b"")
            command = [sys.executable, "-m", "benchmarks.soak_upstream", "--port", str(port)]
            process, _ = await start(stack, folder, "upstream", *command)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def options(command: str) -> str:
    """Return the help of a command: what it offers is used."""
    words = [sys.executable, "-m", "recorder", command, "--help"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


async def controlling(server: Watched, token: str) -> None:
    """Ask the control API now and then, as who watches a stand-in does."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http:
        while True:
            await asyncio.sleep(10)
            async with http.get(f"{server.url}/__recorder/state") as response:
                await response.read()
                if response.status != 200:
                    server.seen.wrong("refused", f"the control API: status {response.status}")


async def rotating(server: Watched) -> None:
    """Ask for a new log file each three minutes."""
    while True:
        await asyncio.sleep(_ROTATES)
        server.process.send_signal(signal.SIGHUP)


async def watching(servers: Sequence[Watched], clients: Sequence[asyncio.Task[None]], minutes: float) -> None:
    """Take samples, and print a line each minute, until the time is over, or a server or a client has ended."""
    began, printed = time.monotonic(), 0
    while (passed := time.monotonic() - began) < minutes * 60:
        await asyncio.sleep(_SAMPLE)
        for client in clients:
            if client.done():
                client.result()
        for server in servers:
            if server.process.returncode is not None:
                raise ServerError(f"{server.name} ended with {server.process.returncode}: {tail(server.stderr)}")
            server.samples.append(look(server.process.pid, began))
        if passed >= printed * 60:
            printed += 1
            for server in servers:
                server.note()
            print("\n".join(server.line(passed / 60) for server in servers), flush=True)
    for server in servers:
        server.note()


def table(minutes: Mapping[str, Sequence[Minute]]) -> str:
    """Return a line for each minute, with the figures of all servers, by their names."""
    columns = "".join(f"{name:>{width}}" for name, width in _COLUMNS)
    lines = ["minute" + "".join(f"{name:>{len(columns)}}" for name in minutes)]
    lines.append("      " + columns * len(minutes))
    for number, row in enumerate(zip(*minutes.values(), strict=True)):
        cells = "".join(f"{cell:>{width}.0f}" for one in row for cell, (_, width) in zip(one, _COLUMNS, strict=True))
        lines.append(f"{number:6}{cells}")
    return "\n".join(lines)


def tail(path: Path) -> str:
    return path.read_text(errors="replace")[-1500:]


@asynccontextmanager
async def soaked(folder: Path) -> AsyncIterator[tuple[list[Watched], list[asyncio.Task[None]]]]:
    """Run both servers, the upstream and all clients until the block ends."""
    token = "soak-control-token-0123456789"
    (folder / "token").write_text(token)
    (folder / "token").chmod(0o600)
    python = [sys.executable, "-m", "recorder"]
    offered = options("replay")
    with ExitStack() as stack:
        upstream, there = await start(stack, folder, "upstream", sys.executable, "-m", "benchmarks.soak_upstream")
        record = ["record", there, "-o", "soak.cassette", "--max-duration", "150", "--max-size", "32M"]
        replay = ["replay", str(SHIPPED), "--rate", "20", "--control-token", "token"]
        replay += ["--log", "replay.log"] if "--log " in offered else []
        replay += ["--session-timeout", "60"] if "--session-timeout" in offered else []
        servers = []
        for name, words in (("recorder", record), ("stand-in", replay)):
            process, url = await start(stack, folder, name, *python, *words)
            servers.append(Watched(name, process, url, folder / f"{name}.stderr"))
        recorder, standin = servers
        triples = load([SHIPPED], None).triples
        chance = random.Random(5)
        running = [
            restarting(stack, folder, int(there.rpartition(":")[2]), upstream),
            controlling(standin, token),
            large(recorder.url, recorder.seen, random.Random(11), every=20.0),
            *([rotating(standin)] if "--log " in offered else []),
            *(misbehaving(one.url, one.seen, random.Random(13), every=0.7) for one in servers),
        ]
        for _ in range(_DESKS):
            own = random.Random(chance.random())
            running.append(working(recorder.url, recorder.seen, operations(recorder.seen, own), own))
            running.append(working(standin.url, standin.seen, played(triples, standin.seen, own), own))
        begun = [asyncio.create_task(one) for one in running]
        try:
            yield servers, begun
        finally:
            await _cancelled(begun)
            for server in servers:
                await _ended(server)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(found, Exception):
            raise found


async def _ended(server: Watched) -> None:
    if server.process.returncode is None:
        server.process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(server.process.wait(), 20)
    except TimeoutError:
        server.seen.wrong("refused", "did not end within 20 s of SIGINT")
        server.process.kill()
        await server.process.wait()


def lost(parts: Sequence[Path], marks: Sequence[str]) -> dict[str, int]:
    """Return of the marks that clients have got: how many are not in the recording, and how many more than once."""
    found: Counter[str] = Counter()
    paths, _ = gathered(list(parts))
    for path in paths:
        with open_cassette(path) as cassette:
            for record in cassette.records():
                if isinstance(record, Response) and len(record.body) < 1 << 20:
                    found.update(mark.decode() for mark in _MARK.findall(record.body))
    got = Counter(marks)
    return {
        "got": len(got),
        "recorded": len(found),
        "lost": sum(not found[mark] for mark in got),
        "recorded twice": sum(count > 1 for count in found.values()),
        "got twice": sum(count > 1 for count in got.values()),
    }


def damaged(parts: Sequence[Path]) -> list[str]:
    """Return what doctor calls damage."""
    return [f"{path.name}: {one.text}" for path in parts for one in examine(path) if one.level is Level.DAMAGE]


def verdict(servers: Sequence[Watched], folder: Path, minutes: float) -> bool:
    """Print the account of the whole run; return whether all promises were kept."""
    since = 600.0 if minutes > 12 else minutes * 60 / 3
    good = True

    def told(text: str, *, holds: bool) -> None:
        nonlocal good
        good = good and holds
        print(f"{'ok    ' if holds else 'NOT OK'} {text}")

    for server in servers:
        memory, open_ = medians(server.samples, since, "memory"), medians(server.samples, since, "descriptors")
        shown = " ".join(f"{one:.1f}" for one in memory)
        told(f"{server.name}: medians of memory, MB: {shown}", holds=flat(memory, FLAT * memory[0]))
        told(f"{server.name}: medians of descriptors: {open_}", holds=flat(open_, _SPARE))
        told(f"{server.name}: {dict(server.seen.counts)}", holds=not faults(server.seen.counts))
        for text in server.seen.told:
            print(f"       {text}")
        told(f"{server.name}: {server.lines()} lines on stderr", holds="Traceback" not in server.stderr.read_text())
    parts = sorted(folder.glob("soak*.cassette"))
    found = lost(parts, servers[0].seen.marks)
    told(f"{len(parts)} parts: {found}", holds=not (found["lost"] or found["recorded twice"] or found["got twice"]))
    wrong = damaged(parts)
    told(f"doctor: {wrong or 'no damage'}", holds=not wrong)
    return good


async def main(minutes: float, folder: Path) -> bool:
    """Soak; return whether all promises were kept."""
    async with soaked(folder) as (servers, clients):
        await watching(servers, clients, minutes)
    print(table({server.name: server.minutes for server in servers}))
    return verdict(servers, folder, minutes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--keep", type=Path, help="keep the files in this folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        there = given.keep or Path(temporary)
        there.mkdir(parents=True, exist_ok=True)
        sys.exit(0 if asyncio.run(main(given.minutes, there)) else 1)
