"""Runs all benchmarks and writes docs/benchmarks.md.

python -m benchmarks                 # all, at full scale: takes some two hours; `make bench` is this
python -m benchmarks --only NAME     # this one, and its rows of the page
python -m benchmarks --smoke         # seconds each: shows that all run; writes nothing
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import page
from benchmarks.catalogue import BENCHES
from benchmarks.machine import machine, versions
from benchmarks.rows import Row, Scale
from benchmarks.running import child, run

DOCS = Path(__file__).parents[1] / "docs"
_LISTED = "\n".join(f"  {name:12} {what}" for name, what in BENCHES.items())
_EPILOG = f"""\
benchmarks:
{_LISTED}

What is measured is kept in docs/benchmarks.json, of which docs/benchmarks.md and its pictures are written. Numbers are
ratios of what runs side by side; let nothing else run on the machine all the same. A benchmark that needs what is not
installed says so in its row. `make bench` installs all of it.

Exit code 1 if a benchmark broke or a target was missed; --smoke gives no verdict on targets."""


def main(arguments: list[str] | None = None) -> int:
    """Run them; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description="Run all benchmarks, side by side with what they are compared with, and write docs/benchmarks.md.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", metavar="NAME", action="append", choices=list(BENCHES), help="this one; may come again"
    )
    parser.add_argument("--smoke", action="store_true", help="small and short, without a verdict; write nothing")
    parser.add_argument("--page", action="store_true", help="measure nothing: write the page of what is kept")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--scale", type=Scale, default=Scale.FULL, help=argparse.SUPPRESS)
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        return child(options.child, options.scale, options.into)
    names = [] if options.page else options.only or list(BENCHES)
    return smoke(names) if options.smoke else full(names)


def full(names: list[str]) -> int:
    """Run one after the other; after each the page is written, so that nothing is lost by Ctrl-C."""
    kept = page.load(DOCS)
    broke = False
    for name in names:
        tell(f"{name}: {BENCHES[name]}")
        began = time.monotonic()
        rows, ran = run(name, Scale.FULL)
        broke |= not ran
        tell(f"{name}: took {time.monotonic() - began:.0f} s")
        kept[name] = page.Result(f"{datetime.now(UTC):%Y-%m-%d}", machine(), versions(), rows)
        page.write(DOCS, kept)
        show(rows)
    if not names:
        page.write(DOCS, kept)
    return int(broke or any(row.holds is False for name in names or kept for row in kept[name].rows))


def smoke(names: list[str]) -> int:
    """Run as many at a time as there are cores: their timings do not count."""

    def timed(name: str) -> tuple[list[Row], bool]:
        began = time.monotonic()
        result = run(name, Scale.SMOKE)
        tell(f"{name}: took {time.monotonic() - began:.1f} s")
        return result

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(timed, names))
    for rows, _ in results:
        show(rows)
    return int(not all(ran for _, ran in results))


def show(rows: list[Row]) -> None:
    """The rows for whoever waits."""
    for row in rows:
        print(f"{row.what} | {row.target} | {row.measured} | {page.verdict(row)}", flush=True)


def tell(text: str) -> None:
    print(f"benchmarks: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
