"""What recording costs a proxy: mitmdump alone, mitmdump that records, `recorder record`, and the same in the clear.

    python -m benchmarks.recording [--smoke]

An exchange is an operation or a poll that brings its two events, in turn. The server does nothing but answer; all
proxies are up at the same time and get their load in turn.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.proxies import (
    ALL,
    ALONE,
    CLEAR,
    CONNECTIONS,
    OURS,
    SCRIPT,
    Measured,
    cassette,
    measure,
    profile_of,
)
from benchmarks.rows import Row, Scale
from recorder.cassette.reader import read
from recorder.model import Request, Response

COMMAND = "python -m benchmarks --only recording"
_SIZES = {Scale.FULL: (15, 800), Scale.SMOKE: (1, 160)}  # rounds, exchanges of each


def rows(scale: Scale) -> list[Row]:
    """The rows of the table."""
    rounds, exchanges = _SIZES[scale]
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "other").mkdir()
        found = measure(folder, rounds, exchanges)
        lost = {name: _lost(cassette(folder, name), found[name]) for name in ALL if name != ALONE}
        others = measure(folder / "other", rounds, exchanges, (OURS, CLEAR), "other")
        lost |= {f"{name}, other": _lost(cassette(folder / "other", name), one) for name, one in others.items()}
        profiles = {name: profile_of(name, 2 * exchanges) for name in (SCRIPT, OURS)}
    alone, script, asks_all, ours, clear = (found[name] for name in ALL)
    every = [*(one for name, one in found.items() if name != ALONE), *others.values()]
    recorded, gone = sum(one.exchanges for one in every), sum(lost.values())
    facts = [
        f"{rounds} rounds of {exchanges} exchanges over {CONNECTIONS} connections.",
        *(f"{name}: {one.described()}." for name, one in found.items()),
        f"Of the {recorded} exchanges that were recorded in all, {gone} were lost.",
    ]
    full = scale is Scale.FULL

    def row(what: str, ratio: float, least: float, profile: str, *own: str, most: bool = False) -> Row:
        holds = (ratio <= least if most else ratio >= least) and not gone if full else None
        target = f"{'≤' if most else '≥'} {least}"
        return Row(what, target, f"{ratio:.2f}", holds, COMMAND, (*own, *facts), profile)

    return [
        row("mitmdump with addons/record.py, against mitmdump alone: throughput", _ratio(script.rates, alone.rates),
            0.95, f"{profiles[SCRIPT]} {_SCRIPT}", _cpu(script, alone),
            f"With mitmproxy asking all its addons, as it does by itself: {_ratio(asks_all.rates, alone.rates):.2f}."),
        row("mitmdump with addons/record.py, against mitmdump alone: p99 of the latency",
            _ratio(script.slowest, alone.slowest), 1.1, f"{profiles[SCRIPT]} {_LATENCY}", most=True),
        row("recorder record, against mitmdump alone: throughput", _ratio(ours.rates, alone.rates), 1.5,
            f"{profiles[OURS]} {_OURS}", _cpu(ours, alone)),
        row("recorder record with redaction, against without: throughput", _ratio(ours.rates, clear.rates), 0.88,
            f"{profiles[OURS]} {_REDACTION}", _cpu(ours, clear)),
        row("the same with bodies of XML and server-sent events: throughput",
            _ratio(others[OURS].rates, others[CLEAR].rates), 0.7, _REDACTION, _cpu(others[OURS], others[CLEAR]),
            *(f"{name}: {one.described()}." for name, one in others.items())),
    ]  # fmt: skip


_SCRIPT = (
    "By itself mitmproxy goes to all of its addons at each event; "
    "the addon has it ask only those that listen, which pays for recording and more."
)
_LATENCY = "A hook waits for no disk: frames are queued, and one thread writes what has come in twenty milliseconds."
_OURS = "What is left is mitmproxy's HTTP layers and the sockets; recording is the part under recorder.*."
_REDACTION = "Redaction is recorder.redaction.*: most of it the one pass over the tokens of a body."


def _cpu(one: Measured, other: Measured) -> str:
    return f"CPU time per exchange: {_ratio(one.cpu, other.cpu):.2f} of the other's."


def _ratio(ours: list[float], others: list[float]) -> float:
    """The median of the ratios of each round."""
    return median(one / other for one, other in zip(ours, others, strict=True))


def _lost(path: Path, measured: Measured) -> int:
    """Requests and answers that were sent and are not in the cassette, or twice."""
    kinds = Counter(map(type, read(path).records))
    return sum(abs(measured.exchanges - kinds[kind]) for kind in (Request, Response))


def main(arguments: list[str] | None = None) -> int:
    """Run it; exit code 1 if a target is missed."""
    found = rows(Scale.SMOKE if "--smoke" in (sys.argv[1:] if arguments is None else arguments) else Scale.FULL)
    for row in found:
        print("\n  ".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts, row.profile]))
    return int(any(row.holds is False for row in found))


if __name__ == "__main__":
    sys.exit(main())
