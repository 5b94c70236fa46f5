"""What a recorder keeps in memory over a long capture: eight hours of a floor of agents, and many exchanges for real.

    python -m benchmarks.shift [--smoke]

The eight hours are simulated: the clock is an argument, everything else is real. The hooks get mitmproxy's flows, what
they see is redacted, and the writer's thread puts it into a journal on the disk.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tracemalloc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.floor import HOURS, Clock, hours, recording, shift
from benchmarks.kept import Kept, after_exchanges, after_messages
from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale
from recorder.cassette.store import open_cassette
from recorder.cassette.writer import QUEUE
from recorder.model import Request, Response

COMMAND = "python -m benchmarks --only shift"
FLAT = 0.05  # of the memory at the end of the first hour
_TRIPLES = {Scale.FULL: 160_000, Scale.SMOKE: 400}  # 55 agents with an operation every ten seconds
_QUIET = 8  # times fewer, on a quiet floor
_EXCHANGES = {Scale.FULL: 16_000, Scale.SMOKE: 320}  # and as many messages of a WebSocket
_SMALL_QUEUE = 64 << 10  # bytes
_PAGE = os.sysconf("SC_PAGE_SIZE")
_OURS = re.compile(r"/(recorder|benchmarks)/(.*)\.py$")


@dataclass(frozen=True, slots=True)
class Shift:
    """What a shift took: bytes of memory at its start and at the end of each hour, of the journal, and in the queue."""

    memory: tuple[int, ...]
    size: int
    most_queued: int
    seen: int
    recorded: int

    @property
    def drift(self) -> float:
        """The largest difference from the end of the first hour, as a share of it."""
        first = self.memory[1]
        return max((later - first for later in self.memory[1:]), key=abs) / first


def rows(scale: Scale) -> list[Row]:
    """The rows of the table."""
    triples, exchanges = _TRIPLES[scale], _EXCHANGES[scale]
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole = _alone(folder / "whole.cassette", triples, QUEUE)
        quiet = _alone(folder / "quiet.cassette", triples // _QUIET, _SMALL_QUEUE)
        flows = asyncio.run(after_exchanges(folder / "flows.cassette", exchanges))
        messages = asyncio.run(after_messages(folder / "socket.cassette", exchanges))
        memory = _memory_profile(folder, triples // 40)
        _, times = profiled(lambda: asyncio.run(work(folder / "timed.cassette", triples // 80)))
    full = scale is Scale.FULL
    time = paragraph(times, "the simulated floor, making its flows included")
    lost = whole.seen - whole.recorded
    return [
        Row(
            f"memory of an {HOURS}-hour capture, from hour 1 to hour {HOURS}", f"± {FLAT:.0%}", f"{whole.drift:+.1%}",
            (abs(whole.drift) <= FLAT and not lost) if full else None, COMMAND,
            (
                f"{triples:,} triples; of {whole.seen:,} requests and answers {lost} were lost.",
                f"MB at the start and after each hour: {', '.join(f'{size / 1e6:.1f}' for size in whole.memory)}.",
                f"With an eighth of the operations, where redaction's memory fills up to the end: {quiet.drift:+.1%}.",
                f"The journal takes {whole.size / triples:.0f} bytes a triple, {whole.size / 1e6:.0f} MB in all.",
            ),
            f"{memory} What redaction remembers is bounded, and full after some 16,000 triples. {time}",
        ),
        Row(
            "frames that wait for the disk at most, by the bound of the queue", "≤ 1",
            f"{whole.most_queued / QUEUE:.4f}", whole.most_queued <= QUEUE if full else None, COMMAND,
            (
                f"{whole.most_queued:,} of {QUEUE:,} bytes, though the floor's eight hours took minutes.",
                f"Of a queue of {_SMALL_QUEUE:,} bytes: {quiet.most_queued:,}; the frame that fills it is taken.",
            ),
            time,
        ),
        _kept_row("flows that mitmproxy keeps of exchanges that are over", "exchanges", flows, full=full),
        _kept_row("messages that mitmproxy keeps of a WebSocket that is open", "messages", messages, full=full),
    ]  # fmt: skip


def _kept_row(what: str, unit: str, kept: Kept, *, full: bool) -> Row:
    grown = kept.memory[1] / kept.memory[0] - 1
    early, late = (size / 1e6 for size in kept.memory)
    facts = (
        f"Through `recorder record`: {kept.passed:,} {unit}, {kept.recorded:,} of them recorded.",
        f"The process had {early:.1f} MB after the first quarter, {late:.1f} MB at the end.",
    )
    profile = f"Counted by the garbage collector's list of all objects; memory grew by {grown:+.1%} meanwhile."
    return Row(what, "≤ 1", str(kept.alive), kept.alive <= 1 if full else None, COMMAND, facts, profile)


def _alone(path: Path, triples: int, queue_limit: int) -> Shift:
    """A shift in a process of its own, whose memory nobody used before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_work, path, triples, queue_limit).result()


def _work(path: Path, triples: int, queue_limit: int) -> Shift:
    return asyncio.run(work(path, triples, queue_limit=queue_limit))


async def work(path: Path, triples: int, **options: int) -> Shift:
    """Let a floor work through a shift."""
    clock, ends = Clock(), hours()
    end, memory = next(ends), [resident()]
    async with recording(path, clock, **options) as floor:
        for at, record in shift(triples):
            while at >= end:
                memory.append(resident())
                end = next(ends)
            clock.now = at
            await floor.sees(record)
        most = floor.recorder.most_queued
    return Shift(tuple(memory), path.stat().st_size, most, floor.seen, _recorded(path))  # noqa: ASYNC240  # it is over


def _recorded(path: Path) -> int:
    with open_cassette(path) as cassette:
        return sum(isinstance(record, Request | Response) for record in cassette.records())


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _memory_profile(folder: Path, triples: int) -> str:
    """Who allocated what is there at the end of a short shift, and was not at its start."""

    async def run() -> Counter[str]:
        clock = Clock()
        async with recording(folder / "memory.cassette", clock) as floor:
            tracemalloc.start()
            for at, record in shift(triples):
                clock.now = at
                await floor.sees(record)
            taken = tracemalloc.take_snapshot()
            tracemalloc.stop()
        found: Counter[str] = Counter()
        for statistic in taken.statistics("filename"):
            ours = _OURS.search(statistic.traceback[0].filename)
            found[f"{ours[1]}.{ours[2].replace('/', '.')}" if ours else "mitmproxy and others"] += statistic.size
        return found

    found = asyncio.run(run())
    named = ", ".join(f"{name} {size / sum(found.values()):.0%}" for name, size in found.most_common(5))
    return f"What {triples:,} triples leave in memory, {sum(found.values()) / 1e6:.1f} MB (tracemalloc): {named}."


def main(arguments: list[str] | None = None) -> int:
    """Run it; exit code 1 if a target is missed."""
    found = rows(Scale.SMOKE if "--smoke" in (sys.argv[1:] if arguments is None else arguments) else Scale.FULL)
    for row in found:
        print("\n  ".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts, row.profile]))
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    sys.exit(main())
