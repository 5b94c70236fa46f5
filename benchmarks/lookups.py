"""One look-up in this process: vcrpy's cassette, and the engine.

Both hold the same exchanges, and are asked for each under the recorded body. vcrpy compares method, URI and body; its
cassette is asked directly, without the HTTP client that it usually stands in front of.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.engine import engine
from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale, not_measured
from benchmarks.standins import Recorded
from recorder.model import Triple
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.sessions.playhead import Policy, Repeat

WHAT = "a look-up in one process, against vcrpy"
COMMAND = "python -m benchmarks --only lookups"
_URL = "http://gws.example:8090"


def rows(scale: Scale) -> list[Row]:
    """A row without a target in the design."""
    if find_spec("vcr") is None:
        return [not_measured(WHAT, "", COMMAND, "vcrpy is not installed (pip install vcrpy)")]
    exchanges, rounds = (1000, 5) if scale is Scale.FULL else (100, 1)
    with tempfile.TemporaryDirectory() as folder:
        recorded = Recorded(Path(folder), exchanges, events=False)
    held = recorded.recording.triples
    asked = held[:: exchanges // 50 | 1]  # odd: all kinds of operations come
    ours, theirs = _ours(recorded), _theirs(held)
    found = [(_spend(ours, asked), _spend(theirs, asked)) for _ in range(rounds)]
    times = median(other / own for own, other in found)
    facts = (
        f"The engine: {median(own for own, _ in found):.1f} µs of CPU, from the request to the reply.",
        f"vcrpy: {median(other for _, other in found):.1f} µs of CPU; it goes through all {exchanges:,} exchanges.",
    )
    _, shares = profiled(lambda: _spend(ours, asked))
    return [Row(WHAT, "", f"{times:.0f}× as fast", None, COMMAND, facts, paragraph(shares, "the engine's look-ups"))]


def _ours(recorded: Recorded) -> Callable[[Triple], bytes]:
    standin = engine(recorded.recording, Policy(repeat=Repeat.CYCLE))
    numbers = count(1)
    headers = (("Host", "gws.example:8090"), ("Content-Type", "application/json;charset=UTF-8"))

    def look_up(triple: Triple) -> bytes:
        request = triple.request
        standin.receive(HttpRequest(next(numbers), "c", request.method, request.target, headers, request.body), 0.0)
        (reply,) = standin.replies(0.0)
        standin.sent(reply.number)
        return reply.body

    return look_up


def _theirs(triples: tuple[Triple, ...]) -> Callable[[Triple], bytes]:
    from vcr import matchers
    from vcr.cassette import Cassette
    from vcr.request import Request

    headers = {"Content-Type": "application/json;charset=UTF-8"}

    def request_of(triple: Triple) -> Request:
        return Request(triple.request.method, _URL + triple.request.target, triple.request.body, headers)

    compared = (matchers.method, matchers.uri, matchers.body)
    cassette = Cassette("unused", match_on=compared, allow_playback_repeats=True)
    for triple in triples:
        content = triple.ack.body if triple.ack is not None else b""
        cassette.append(request_of(triple), {"status": {"code": 200, "message": "OK"}, "body": {"string": content}})
    return lambda triple: cassette.play_response(request_of(triple))["body"]["string"]


def _spend(look_up: Callable[[Triple], bytes], asked: tuple[Triple, ...]) -> float:
    """CPU time of a look-up (µs); each must give the recorded ack."""
    began = time.process_time()
    answers = [look_up(triple) for triple in asked]
    spent = time.process_time() - began
    if answers != [triple.ack.body for triple in asked if triple.ack is not None]:
        raise RuntimeError("a look-up gave another answer than the recorded one")
    return spent / len(asked) * 1e6


if __name__ == "__main__":
    for row in rows(Scale.SMOKE if "--smoke" in sys.argv else Scale.FULL):
        print("\n".join([f"{row.what}: {row.measured}", *row.facts, row.profile]))
