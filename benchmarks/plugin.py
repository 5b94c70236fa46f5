"""What does a stand-in of its own cost each test?

    python -m benchmarks.plugin [--rounds N] [--json]

Starts and stops, in turn and in one process, an empty aiohttp server and the stand-in of a test, as the fixture does;
prints the medians, what the stand-in costs above that, and the ratio. Exit code 1 if that is 15 ms or more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from recorder.plugin.playing import playing
from recorder.plugin.settings import Settings
from recorder.plugin.threads import LoopThread

CASSETTE = Path(__file__).parents[1] / "cassettes" / "preview-session.cassette"
LIMIT_MS = 15.0


def empty(thread: LoopThread) -> None:
    """A server that does nothing, from its start to its end."""

    async def start() -> web.AppRunner:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner

    thread.run(thread.run(start()).cleanup())


def stand_in(thread: LoopThread) -> None:
    """A stand-in, likewise."""
    with playing(Settings((CASSETTE,)), thread):
        pass


def used(thread: LoopThread) -> None:
    """A stand-in that is asked for something in between."""
    with playing(Settings((CASSETTE,)), thread) as standin:
        urllib.request.urlopen(f"{standin.url}/api/v2/me").read()


def seconds(act: Callable[[LoopThread], None], thread: LoopThread) -> float:
    began = time.perf_counter()
    act(thread)
    return time.perf_counter() - began


def measure(rounds: int) -> dict[str, float]:
    """Medians in milliseconds; A B A B, so that both have the machine's moods."""
    thread = LoopThread()
    try:
        stand_in(thread)  # reads the cassette, which the tests of a run share
        pairs = [(seconds(empty, thread), seconds(stand_in, thread)) for _ in range(rounds)]
    finally:
        thread.stop()
    ours, theirs = (statistics.median(pair[place] for pair in pairs) * 1000 for place in (1, 0))
    return {"empty_ms": round(theirs, 2), "standin_ms": round(ours, 2), "ratio": round(ours / theirs, 1)}


def main(arguments: list[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = measure(options.rounds)
    print(json.dumps(found) if options.json else ", ".join(f"{name} {value}" for name, value in found.items()))
    return found["standin_ms"] >= LIMIT_MS


if __name__ == "__main__":
    sys.exit(main())
