"""What a request costs the engine alone, without any HTTP?

    python -m benchmarks.engine [--smoke]

Requests and replies are values; CPU time of this process by request, in turn with the CPU time that a do-nothing
handler of aiohttp takes for a request on this machine: the target is a share of that.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from benchmarks import wrk
from benchmarks.clients import client, exchange
from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale, not_measured
from benchmarks.standins import Recorded, bare, sample, stand_in
from recorder.dialect.definition import load
from recorder.model import Recording, Triple
from recorder.redaction.joins import of_cassette
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.policy import Policy
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import new_id

WHAT = "sans-IO engine alone, per request"
TARGET = "≤ 8 µs × (this machine's bare aiohttp handler / 50 µs)"
COMMAND = "python -m benchmarks --only engine"
_MOST, _YARDSTICK = 8.0, 50.0  # µs
_TRIPLES = {Scale.FULL: 1000, Scale.SMOKE: 100}


def rows(scale: Scale) -> list[Row]:
    """The row of the table."""
    if reason := wrk.missing():
        return [not_measured(WHAT, TARGET, COMMAND, reason)]
    rounds = 9 if scale is Scale.FULL else 1
    with tempfile.TemporaryDirectory() as folder:
        recorded = Recorded(Path(folder), _TRIPLES[scale])
        costs, bares = measure(recorded, rounds)
    cost, handler = statistics.median(costs), statistics.median(bares)
    most = _MOST * handler / _YARDSTICK
    share = statistics.median(one / other for one, other in zip(costs, bares, strict=True))
    standin = engine(recorded.recording)
    spend(standin, asked(standin, recorded.recording.triples, "first"))  # what is made ready once is ready now
    operations, polls = asked(standin, recorded.recording.triples, "profiled")
    _, shares = profiled(lambda: spend(standin, [operations, polls]))
    operation, poll = _apart(recorded.recording)
    facts = (
        f"{cost:.1f} µs of CPU a request; aiohttp's bare handler took {handler:.1f} µs beside it: {share:.3f} of that.",
        f"An operation takes {operation:.1f} µs, a poll that brings its events {poll:.1f} µs.",
        f"{_TRIPLES[scale]:,} recorded triples, redacted by the shipped policy; all under ids of the live client.",
    )
    holds = share <= _MOST / _YARDSTICK if scale is Scale.FULL else None
    profile = paragraph(shares, "operations and polls in the engine")
    return [Row(WHAT, f"{TARGET} = {most:.1f} µs", f"{cost:.1f} µs", holds, COMMAND, facts, profile)]


def measure(recorded: Recorded, rounds: int) -> tuple[list[float], list[float]]:
    """CPU time a request (µs): of the engine, and of the bare handler, in turn."""
    answers = recorded.folder / "answers.json"
    costs, bares = [], []
    with ExitStack() as stack:
        with stand_in(recorded.cassette) as server:
            sample(server, recorded, answers)
        server = stack.enter_context(bare("aiohttp", answers))
        standin = engine(recorded.recording)
        for number in range(rounds):
            costs.append(spend(standin, asked(standin, recorded.recording.triples, f"round{number}")))
            bares.append(wrk.load(server, recorded.requests, "polls", 2.0 if rounds > 1 else 1.0).cpu)
    return costs, bares


def engine(recording: Recording, policy: Policy = Policy()) -> ReplayEngine:  # noqa: B008  # frozen
    """A stand-in without its front, at its fastest."""
    redaction = of_cassette(recording.header)
    return ReplayEngine(recording, load(), new_id=new_id, rate=INSTANT, policy=policy, redaction=redaction)


def asked(standin: ReplayEngine, triples: Sequence[Triple], name: str) -> tuple[list[HttpRequest], list[HttpRequest]]:
    """What a new client asks for: all the operations, and the polls between them."""
    live = client(standin, name)
    return [live.operation(triple) for triple in triples], [live.poll() for _ in triples]


def spend(standin: ReplayEngine, requests: Sequence[Sequence[HttpRequest]]) -> float:
    """Send requests in turn; CPU time of each (µs)."""
    order = list(chain.from_iterable(zip(*requests, strict=True)))
    began = time.process_time()
    for request in order:
        exchange(standin, request)
    return (time.process_time() - began) / len(order) * 1e6


def _apart(recording: Recording) -> tuple[float, float]:
    """CPU time (µs) of an operation, and of a poll."""
    standin, taken = engine(recording), [0.0, 0.0]
    spend(standin, asked(standin, recording.triples, "first"))  # what is read once is read now
    for pair in zip(*asked(standin, recording.triples, "apart"), strict=True):
        for place, request in enumerate(pair):
            began = time.process_time()
            exchange(standin, request)
            taken[place] += time.process_time() - began
    operation, poll = (seconds / len(recording.triples) * 1e6 for seconds in taken)
    return operation, poll


if __name__ == "__main__":
    for row in rows(Scale.SMOKE if "--smoke" in sys.argv else Scale.FULL):
        print("\n".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts, row.profile]))
