"""What grows with the number of triples: a request, an observation, loading, memory?

    python -m benchmarks.growth [--smoke] [--most N]

Each size is loaded by a process of its own, so that its memory is its own, from a journal of eight agents. One
live client follows each of them, and asks for operations that are spread over all of the recording. All sizes take
turns, and the best round of each counts: it is the one that was least disturbed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict, deque
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from benchmarks.clients import client, exchange
from benchmarks.engine import engine
from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale
from benchmarks.synthetic import HEADER, records
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.cassette.reader import open_cassette
from recorder.cli.commands.replay import collect_rarely
from recorder.cli.loading import load
from recorder.correlate.engine import Correlator
from recorder.dialect.definition import load as load_dialect
from recorder.model import Recording, Triple
from recorder.replay.engine.standin import ReplayEngine

WHAT = "match time, {:,}-triple cassette over {:,}-triple cassette"
TARGET, MOST_GROWTH = "≤ 1.2×", 1.2
FLAT = "request, match, observation, opening and memory by the number of triples"
COMMAND = "python -m benchmarks --only growth"
_ASKED = 2000  # operations of a round
_ROUNDS = 7
_OBSERVED = 100_000  # triples, from which on they are observed once
_CURVES = {
    "match": "taking an operation, µs",
    "first": "taking it for the first time, µs",
    "request": "a request in the engine, µs of CPU",
    "observation": "observing a record, µs of CPU",
    "opening": "opening, µs of CPU a triple",
    "memory": "memory of what is open, KB a triple",
}

# What the children do


def serve(path: Path) -> None:
    """Load a cassette, and tell what that took; then answer each line of stdin with a round."""
    before, began = _resident(), time.process_time()
    recording = load([path], None)
    standin = engine(recording)
    print(json.dumps({"opening": time.process_time() - began, "memory": _resident() - before}), flush=True)
    collect_rarely()  # as the command does
    by_session = _spread(recording)
    for number, line in enumerate(sys.stdin):
        if line.strip() == "profile":
            _, shares = profiled(lambda: _round(standin, by_session, -1))
            print(json.dumps({"profile": paragraph(shares, "a round of requests in the engine")}), flush=True)
        else:
            print(json.dumps(_round(standin, by_session, number)), flush=True)


def _round(standin: ReplayEngine, by_session: list[list[Triple]], number: int) -> dict[str, float]:
    """New clients play spread operations, each with the poll after it; CPU time (µs) by request, and of a match."""
    turns = []
    for again in range(max(1, _ASKED // 2 // sum(map(len, by_session)))):
        for place, triples in enumerate(by_session):
            live = client(standin, f"{number}-{again}-{place}")
            turns.append([(live.operation(triple), live.poll()) for triple in triples])
    matching, count, began = 0.0, 0, time.process_time()
    for operation, poll in chain.from_iterable(zip_longest(*turns, fillvalue=(None, None))):
        if operation is None or poll is None:
            continue
        taken = time.perf_counter()
        standin.receive(operation, 0.0)
        matching += time.perf_counter() - taken
        (ack,) = standin.replies(0.0)
        standin.sent(ack.number)
        exchange(standin, poll)
        count += 1
    spent = time.process_time() - began
    return {"request": spent / count / 2 * 1e6, "match": matching / count * 1e6}


def _spread(recording: Recording) -> list[list[Triple]]:
    """Operations from all over a recording, by the agent who sent them, in their order."""
    found: dict[str | None, list[Triple]] = defaultdict(list)
    step = max(1, len(recording.triples) // _ASKED) | 1  # odd: all agents and all kinds of operations come
    for triple in recording.triples[::step]:
        found[triple.session].append(triple)
    return list(found.values())


def observe(path: Path) -> None:
    """Feed the records of a cassette to the correlator, and tell the CPU time of each (µs)."""
    correlator, spent, count = Correlator(load_dialect()), 0.0, 0
    with open_cassette(path) as cassette:
        records = cassette.records()
        while batch := list(islice(records, 1000)):
            began = time.process_time()
            for record in batch:
                correlator.feed(record)
                deque(chain(correlator.triples(), correlator.plain(), correlator.unsolicited()), maxlen=0)
            spent += time.process_time() - began
            count += len(batch)
    print(json.dumps({"observation": spent / count * 1e6}))


def make(path: Path, triples: int) -> None:
    """Write a journal."""
    journal = create(path, replace(HEADER, redaction="gws"))
    given = map(encode, records(triples))
    while batch := list(islice(given, 1000)):
        journal.append(batch)
    journal.close()


def _resident() -> int:
    """Bytes of memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# What runs and judges them


def measure(sizes: list[int], rounds: int) -> tuple[dict[str, dict[int, float]], str]:
    """Each figure by the number of triples, and where the time goes at the last size."""
    found: dict[str, dict[int, float]] = {name: {} for name in _CURVES}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        loaded: dict[int, subprocess.Popen[str]] = {}
        for size in sizes:
            path = Path(folder) / f"{size}.cassette"
            subprocess.run(_child("make", path, size), check=True)
            observed = [_observed(path) for _ in range(rounds if size < _OBSERVED else 1)]
            found["observation"][size] = min(observed)
            command = _child("serve", path)
            child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            loaded[size] = stack.enter_context(child)
            stack.callback(child.kill)
            first = _said(child)
            found["opening"][size] = first["opening"] / size * 1e6
            found["memory"][size] = first["memory"] / size / 1000
            print(f"growth: {size:,} triples are loaded", file=sys.stderr)
        for number in range(rounds):
            for size, child in loaded.items():
                said = _said(child, "go")
                if number == 0:
                    found["first"][size] = said["match"]
                for name, value in said.items():
                    found[name][size] = min(value, found[name].get(size, math.inf))
        return found, _said(loaded[sizes[-1]], "profile")["profile"]


def _child(what: str, path: Path, *arguments: object) -> list[str]:
    return [sys.executable, "-m", "benchmarks.growth", "--child", what, str(path), *map(str, arguments)]


def _observed(path: Path) -> float:
    done = subprocess.run(_child("observe", path), stdout=subprocess.PIPE, check=True)
    cost: float = json.loads(done.stdout)["observation"]
    return cost


def _said(child: subprocess.Popen[str], ask: str = "") -> dict[str, Any]:
    """The next line of a child, after one was said to it.

    Raises:
        RuntimeError: If it ended.

    """
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("no pipes")
    if ask:
        child.stdin.write(f"{ask}\n")
        child.stdin.flush()
    line = child.stdout.readline()
    if not line:
        raise RuntimeError(f"a child that had loaded a cassette ended with {child.wait()}")
    said: dict[str, Any] = json.loads(line)
    return said


def rows(scale: Scale, most: int = 10**6) -> list[Row]:
    """The row of the table, and one for what is plotted."""
    sizes = [10**power for power in range(2, 7 if scale is Scale.FULL else 4) if 10**power <= most]
    found, profile = measure(sizes, _ROUNDS if scale is Scale.FULL else 1)
    large, small = sizes[-1], sizes[0]
    grown = found["match"][large] / found["match"][small]
    facts = tuple(f"{title}: {_listed(found[name])}." for name, title in _CURVES.items())
    holds = grown <= MOST_GROWTH if scale is Scale.FULL else None
    ratios = ", ".join(f"{name} {values[large] / values[small]:.2f}×" for name, values in found.items())
    curves = {title: tuple(sorted(found[name].items())) for name, title in _CURVES.items()}
    return [
        Row(WHAT.format(large, small), TARGET, f"{grown:.2f}×", holds, COMMAND, facts[:1], profile),
        Row(FLAT, "", f"{large:,} over {small:,}: {ratios}", None, COMMAND, facts, profile, curves),
    ]


def _listed(values: dict[int, float]) -> str:
    return ", ".join(f"{value:.3g} at {size:,}" for size, value in values.items())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="10² and 10³ triples, one round")
    parser.add_argument("--most", type=int, default=10**6, metavar="N", help="triples (default: %(default)s)")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        what, path, *size = options.child
        {"serve": serve, "observe": observe, "make": make}[what](Path(path), *map(int, size))
        return 0
    found = rows(Scale.SMOKE if options.smoke else Scale.FULL, options.most)
    for row in found:
        print("\n".join([f"{row.what}: {row.measured}", *row.facts, row.profile]))
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    sys.exit(main())
