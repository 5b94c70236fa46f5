"""How often the correlator is right, how well it knows when it is not, and what a record costs it.

    python -m benchmarks.correlation [--quick] [--json] [--seed N] [--sessions N]

Sessions with overlapping operations are made up with their truth (benchmarks/sessions.py) and correlated. Precision is
right links by links made, recall is right links by events that have a cause. Then the recordings of the labs, whose
truth is that of their servers, are linked by the dialects that fit. Exit code 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice, product
from typing import Any

from benchmarks.accuracy import SURE, Outcome, Tally, calibration, missed, tally, varied, with_reference, wrong_links
from benchmarks.labs import CASSETTES, LABS
from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale
from benchmarks.sessions import Shape, sessions
from recorder.correlate.engine import Correlator
from recorder.dialect.definition import Dialect, load
from recorder.model import Record
from tests.lab.truth import calibration as calibrated
from tests.lab.truth import judged, read

MOST_GROWTH = 1.3  # what a record of the longest session may cost, by one of 10^4 records
AGENTS, IN_FLIGHT, MISSING = (1, 2, 8), (1, 5, 20), (0.0, 0.25, 0.5, 1.0)
_LONG = Shape(agents=2, in_flight=5, operations=10**9, missing=0.25)

Cells = list[tuple[Shape, list[Outcome]]]
Calibration = dict[float, tuple[int, int]]  # links of a confidence, and how many of them are right


@dataclass(frozen=True, slots=True)
class Cost:
    """What correlating a session of so many records took: microseconds of CPU a record, and peak memory so far (MB)."""

    records: int
    microseconds: float
    peak: float


def cells(count: int, operations: int, seed: int) -> Cells:
    """Judge so many sessions of each shape."""
    shapes = [
        Shape(agents=agents, in_flight=in_flight, missing=missing, operations=operations)
        for agents, in_flight, missing in product(AGENTS, IN_FLIGHT, MISSING)
    ]
    return [(shape, list(varied(shape, count, seed))) for shape in shapes]


def costs(sizes: Iterable[int], seed: int) -> Iterator[Cost]:
    """Correlate one long session of each size, the small ones a few times; the best counts."""
    for size in sizes:
        rounds = max(1, min(5, 30_000 // size))
        best = min(_correlate(size, seed) for _ in range(rounds))
        yield Cost(size, best / size * 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def _correlate(size: int, seed: int) -> float:
    """Feed a session as sealing does; returns seconds of CPU, without those that make the records."""
    correlator, taken = Correlator(load()), 0.0
    stream = (step.record for step in sessions(_LONG, random.Random(seed)))
    for batch in _batches(islice(stream, size)):
        start = time.process_time()
        for record in batch:
            correlator.feed(record)
            deque(chain(correlator.triples(), correlator.plain(), correlator.unsolicited()), maxlen=0)
        taken += time.process_time() - start
    return taken


def _batches(records: Iterator[Record], size: int = 1000) -> Iterator[list[Record]]:
    while batch := list(islice(records, size)):
        yield batch


def growth(rows: list[Cost]) -> float:
    """What a record of the longest session costs, by one of 10^4 records."""
    return rows[-1].microseconds / next(row.microseconds for row in rows if row.records == 10**4)


def in_labs() -> dict[str, Calibration]:
    """How many links of each confidence there are in the recording of each lab, and how many of them are right."""
    found = {}
    for name, lab in LABS.items():
        cassette = CASSETTES / f"{name}.cassette"
        linked = judged(cassette, Dialect.load(lab.by_hand), read(cassette.with_suffix(".truth.json")))
        found[name] = calibrated(linked)
    return found


def overconfident(labs: dict[str, Calibration]) -> list[str]:
    """The confidences that promise more than they hold, over all labs."""
    total: Counter[float] = Counter()
    right: Counter[float] = Counter()
    for one in labs.values():
        total.update({confidence: links for confidence, (links, _) in one.items()})
        right.update({confidence: good for confidence, (_, good) in one.items()})
    return [
        f"labs: {right[confidence]} of {links} links of {confidence} are right"
        for confidence, links in sorted(total.items())
        if right[confidence] < confidence * links
    ]


def all_missed(found: Cells, rows: list[Cost], labs: dict[str, Calibration]) -> list[str]:
    """The targets that were missed."""
    grown = growth(rows)
    too_much = [f"a record of the longest session costs {grown:.2f}x, at most {MOST_GROWTH}x"]
    return [*missed(found), *overconfident(labs), *(too_much if grown > MOST_GROWTH else [])]


# What is printed


def tables(found: Cells) -> dict[str, list[Tally]]:
    """What is counted of each shape, by title."""
    return {
        "all events": [tally(outcomes) for _, outcomes in found],
        f"links of {SURE} and more": [tally(outcomes, least=SURE) for _, outcomes in found],
        "events of requests with a reference, twins included": [tally(with_reference(some)) for _, some in found],
    }


def _lines(found: Cells, tallies: list[Tally]) -> Iterator[str]:
    """A table: precision and recall by shape."""
    yield f"{'agents':>6} {'in flight':>9} " + " ".join(f"{share:>14.0%}" for share in MISSING)
    for agents, in_flight in product(AGENTS, IN_FLIGHT):
        row = [
            one for (s, _), one in zip(found, tallies, strict=True) if (s.agents, s.in_flight) == (agents, in_flight)
        ]
        yield f"{agents:6} {in_flight:9} " + " ".join(map(_pair, row))


def _pair(found: Tally) -> str:
    return f"{found.precision:7.4f} {found.recall:6.3f}" if found.events else f"{'-':>14}"


def text(found: Cells, rows: list[Cost], labs: dict[str, Calibration]) -> Iterator[str]:
    """The tables for people."""
    outcomes = [outcome for _, some in found for outcome in some]
    for title, tallies in tables(found).items():
        yield f"{title}: precision and recall, by the share of requests without a reference"
        yield from _lines(found, tallies)
    yield f"{'confidence':>10} {'links':>8} {'right':>8} {'precision':>9}"
    for confidence, one in calibration(outcomes).items():
        yield f"{confidence:10.2f} {one.links:8} {one.right:8} {one.precision:9.4f}"
    counted = wrong_links(outcomes)
    yield f"{counted.pop('wrong')} wrong links: " + ", ".join(f"{name} {count}" for name, count in counted.items())
    yield f"{'lab':>10} {'confidence':>10} {'links':>8} {'right':>8}"
    for name, one_lab in labs.items():
        for confidence, (links, right) in one_lab.items():
            yield f"{name:>10} {confidence:10.2f} {links:8} {right:8}"
    yield f"{'records':>9} {'us/record':>9} {'by 10^3':>7} {'peak MB':>7}"
    for row in rows:
        ratio = row.microseconds / rows[0].microseconds
        yield f"{row.records:9,} {row.microseconds:9.1f} {ratio:7.2f} {row.peak:7.0f}"


def numbers(found: Cells, rows: list[Cost], labs: dict[str, Calibration]) -> dict[str, Any]:
    """The same for programs."""
    outcomes = [outcome for _, some in found for outcome in some]
    shapes = [{"agents": s.agents, "in_flight": s.in_flight, "missing": s.missing} for s, _ in found]
    return {
        "tables": {
            title: [shape | _counts(one) for shape, one in zip(shapes, tallies, strict=True)]
            for title, tallies in tables(found).items()
        },
        "calibration": {confidence: _counts(one) for confidence, one in calibration(outcomes).items()},
        "wrong": wrong_links(outcomes),
        "labs": labs,
        "cost": [asdict(row) for row in rows],
        "growth": growth(rows),
    }


def _counts(found: Tally) -> dict[str, Any]:
    return asdict(found) | {"precision": found.precision, "recall": found.recall}


def rows(scale: Scale) -> list[Row]:
    """The rows of the table."""
    full = scale is Scale.FULL
    found = cells(10 if full else 1, 40 if full else 10, 1)
    outcomes = [outcome for _, some in found for outcome in some]
    exact, sure = tally(with_reference(outcomes)), tally(outcomes, least=SURE)
    problems, hidden = [*missed(found), *overconfident(in_labs())], wrong_links(outcomes)["neither"]
    facts = (
        f"{len(outcomes):,} events of sessions with up to {max(AGENTS)} agents, {max(IN_FLIGHT)} operations in flight.",
        f"Of the links of a confidence of {SURE} and more {sure.precision:.2%} are right.",
        f"{hidden} wrong links are sure and do not name the true request as a rival.",
        *problems,
    )
    _, shares = profiled(lambda: _correlate(10_000 if full else 1000, 1))
    return [
        Row(
            "events of requests with a reference that are linked to the right one: precision and recall",
            "1 and 1",
            f"{exact.precision:.4g} and {exact.recall:.4g}",
            not problems,
            "python -m benchmarks --only correlation",
            facts,
            paragraph(shares, "correlating a session, its making included"),
        )
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=10, help="sessions of each shape")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="half the sessions, and a tenth of the records")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    options = parser.parse_args(arguments)
    count = max(1, options.sessions // 2) if options.quick else options.sessions
    rows = list(costs([10**power for power in range(3, 6 if options.quick else 7)], options.seed))
    found = cells(count, 40, options.seed)
    labs = in_labs()
    problems = all_missed(found, rows, labs)
    if options.json:
        print(json.dumps(numbers(found, rows, labs) | {"missed": problems}, indent=2))
        return bool(problems)
    print("\n".join(text(found, rows, labs)))
    print("\n".join(problems) or "all targets are met")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
