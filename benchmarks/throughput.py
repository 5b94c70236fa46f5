"""How much of an HTTP server's throughput is left when the stand-in does its work in it?

    python -m benchmarks.throughput [--smoke]

wrk's clients shake hands, and then send an operation and the poll that brings its events, in turn, each under
referenceIds of its own: every request is matched, every event is rewritten. The same requests go to servers that do
nothing but give one stand-in's answers, and the loads take turns. The stand-in's front is its own, so "the same
server" is that front with nothing behind it; aiohttp, which many would take instead, is a row beside it.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from benchmarks import wrk
from benchmarks.profiles import begin, paragraph, under_profiler
from benchmarks.rows import Row, Scale, not_measured
from benchmarks.standins import OPTIONS, Recorded, bare, sample, stand_in
from benchmarks.wrk import Load
from tests.lab.processes import Server, serving

WHAT = "stand-in request throughput, against a do-nothing handler on the same HTTP server"
ALSO = "stand-in request throughput, against a do-nothing handler on aiohttp"
TARGET, LEAST = "≥ 0.8", 0.8
COMMAND = "python -m benchmarks --only throughput"
OURS, BARE, AIOHTTP = "the stand-in", "its own front that does nothing", "aiohttp that does nothing"
_FRONT = (
    "aiohttp makes a task, a Request and a Response for each request. The stand-in answers requests as their bytes come"
    " in, and does not parse a header block twice (recorder/replay/server/parser.py)."
)
_TRIPLES = {Scale.FULL: 1000, Scale.SMOKE: 100}
_OTHERS = {
    AIOHTTP: ("aiohttp", "asyncio"),
    "aiohttp that does nothing, on uvloop": ("aiohttp", "uvloop"),
    "uvicorn that does nothing (uvloop, httptools)": ("uvicorn", "uvloop"),
    "an asyncio.Protocol that does nothing (uvloop, httptools)": ("protocol", "uvloop"),
}
_NEEDS = {"aiohttp": [], "uvicorn": ["uvicorn", "httptools"], "protocol": ["httptools"]}


def rows(scale: Scale) -> list[Row]:
    """The rows of the table."""
    if reason := wrk.missing():
        return [not_measured(what, TARGET, COMMAND, reason) for what in (WHAT, ALSO)]
    rounds, seconds = (7, 4.0) if scale is Scale.FULL else (1, 1.0)
    with tempfile.TemporaryDirectory() as folder:
        recorded = Recorded(Path(folder), _TRIPLES[scale])
        found = measure(recorded, rounds, seconds)
        profile = profile_of(recorded, seconds)
    facts = [
        f"{wrk.CLIENTS} clients, each with a connection and a session; {_TRIPLES[scale]:,} recorded triples.",
        *(f"{name}: {wrk.described(loads)}." for name, loads in found.items()),
    ]
    same = _row(WHAT, found[OURS], found[BARE], scale)
    aiohttp = _row(ALSO, found[OURS], found[AIOHTTP], scale)
    return [replace(same, facts=(*same.facts, *facts), profile=profile), replace(aiohttp, profile=_FRONT)]


def _row(what: str, ours: list[Load], limit: list[Load], scale: Scale) -> Row:
    share = wrk.ratio((one.rate for one in ours), (one.rate for one in limit))
    cpu = wrk.ratio((one.cpu for one in limit), (one.cpu for one in ours))
    spread = sorted(one.rate / other.rate for one, other in zip(ours, limit, strict=True))
    more = statistics.median(one.cpu - other.cpu for one, other in zip(ours, limit, strict=True))
    facts = (
        f"The ratios of {len(spread)} rounds: {spread[0]:.2f} to {spread[-1]:.2f}; of CPU time a request: {cpu:.2f}.",
        f"The stand-in takes {more:.1f} µs more of CPU a request, half of them operations, half polls.",
    )
    holds = share >= LEAST if scale is Scale.FULL else None
    return Row(what, TARGET, f"{share:.2f}", holds, COMMAND, facts)


def measure(recorded: Recorded, rounds: int, seconds: float) -> dict[str, list[Load]]:
    """Load all servers in turn."""
    answers = recorded.folder / "answers.json"
    with ExitStack() as stack:
        servers = {OURS: stack.enter_context(stand_in(recorded.cassette))}
        sample(servers[OURS], recorded, answers)
        servers[BARE] = stack.enter_context(bare("front", answers))
        for title, (name, loop) in _OTHERS.items():
            if all(map(find_spec, _NEEDS[name] + ([loop] if loop == "uvloop" else []))):
                servers[title] = stack.enter_context(bare(name, answers, loop))
        if rounds > 1:
            for server in servers.values():
                _load(server, recorded, 1.0)  # warm
        loads = {title: partial(_load, server, recorded, seconds) for title, server in servers.items()}
        return wrk.in_turn(loads, rounds)


def profile_of(recorded: Recorded, seconds: float) -> str:
    """Where the time of the stand-in goes under this load."""
    with under_profiler("recorder", "replay", str(recorded.cassette), *OPTIONS) as (command, shares):
        with serving(command, ready="listening on ") as server:
            begin(server.process.pid)
            _load(server, recorded, seconds)
        return paragraph(shares(), "the stand-in under this load")


def _load(server: Server, recorded: Recorded, seconds: float) -> Load:
    return wrk.load(server, recorded.requests, "polls", seconds)


if __name__ == "__main__":
    for row in rows(Scale.SMOKE if "--smoke" in sys.argv else Scale.FULL):
        print("\n".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts, row.profile]))
