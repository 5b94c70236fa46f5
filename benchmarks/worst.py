"""Measure each reader of a text that somebody else chose on the worst texts known for it.

python -m benchmarks.worst              # the worst row of each reader, and all that miss their bound
python -m benchmarks.worst --all        # every row
python -m benchmarks.worst --only WORD  # the rows with a word in part or name
python -m benchmarks.worst --hunt 60    # look for worse texts of random pieces, for so many seconds
python -m benchmarks --only worst       # measure all, and write the worst rows of each part into docs/benchmarks.md

CPU time at 250 KB and at 1 MB. Four times the text takes four times as long where a reader is linear, sixteen times
where it is quadratic. A reader may take a second of CPU for 1 MB. Redaction, scans, links and cassettes are held to
linear growth instead: a text of two-byte names, or one in which each word is another value, has so many of them that
what is done for each makes the time. Their rate is printed. Exit code 1 if a row misses its bound.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks import rows as report
from benchmarks import worst_files, worst_texts
from benchmarks.worst_rows import Row
from benchmarks.worst_texts import PIECES, VALUES

ROWS = (*worst_texts.ROWS, *worst_files.ROWS)
SMALL, LARGE = 250_000, 1_000_000  # bytes
MOST = 1.0  # seconds of CPU for the large text
MOST_GROWTH = 8.0  # for four times the text; a quadratic reader takes sixteen times as long
DENSE = frozenset(("redaction", "scan", "first scan", "links", "cassette", "correlation"))  # by the number of tokens
COMMAND = "python -m benchmarks --only worst"
_SHOWN = 5  # rows of each part on the page
_SHORT = 20_000, 80_000  # bytes of the texts that all rows are measured with
_PARTS = {
    "detector": "each detector of secrets and personal values, also with a hit in each word",
    "policy pattern": "the patterns of each shipped policy",
    "users' pattern": "patterns of users' policies",
    "filter": "each operator of filters",
    "dialect": "routes and JSON of dialects",
    "hosts": "patterns of hosts",
    "importer": "each importer",
    "pseudonym": "one value that is the whole text",
    "terminal": "what is printed",
    "redaction": "records redacted",
    "scan": "records of a redacted cassette scanned",
    "first scan": "records of a cassette that was not redacted scanned",
    "links": "links rewritten, and looked at",
    "cassette": "cassettes opened, sealed, archived, recovered",
    "correlation": "records linked",
}
_SURE = 0.02  # seconds that a clock measures well


@dataclass(frozen=True, slots=True)
class Measured:
    """A row, and its CPU time for a small and a large text, in seconds."""

    row: Row
    small: float
    large: float

    @property
    def ratio(self) -> float:
        """Time of the large text, divided by that of the small one."""
        return self.large / max(self.small, _SURE / 4)

    @property
    def holds(self) -> bool:
        """Whether it is within its bound."""
        if self.row.part in DENSE:
            return self.large <= MOST or self.ratio <= MOST_GROWTH
        return self.large <= MOST

    @property
    def rate(self) -> str:
        """Pieces of the large text that are read in a second; "" if they are not alike."""
        if not self.row.unit or self.large < _SURE:
            return ""
        return f", {LARGE / self.row.unit / self.large / 1000:,.0f},000 a second"

    def __str__(self) -> str:
        times = f"{self.small:7.3f} {self.large:7.3f} {self.ratio:6.1f}×"
        return f"{times}  {self.row.part}: {self.row.name}{self.rate if self.large > MOST else ''}"


def seconds(row: Row, text: bytes) -> float:
    """Return the CPU time that a row takes for a text."""
    begin = time.thread_time()
    row.act(text)
    return time.thread_time() - begin


def measured(row: Row, small: int = SMALL, large: int = LARGE) -> Measured:
    """Measure a row at two sizes, in bytes."""
    short = seconds(row, row.make(small))
    return Measured(row, short, seconds(row, row.make(large)))


def rows(scale: report.Scale) -> list[report.Row]:
    """A row of the table for each part, with the worst of its own rows.

    All are measured for short texts; those that are among the slowest, or grow more than a linear reader, for long ones
    too: all rows for 1 MB take half an hour.
    """
    sizes = _SHORT if scale is report.Scale.FULL else (500, 2_000)
    found: dict[str, list[Measured]] = {part: [] for part in _PARTS}
    for row in ROWS:
        found[row.part].append(measured(row, *sizes))
    return [_reported(part, found[part], scale) for part in _PARTS]


def _reported(part: str, short: list[Measured], scale: report.Scale) -> report.Row:
    by_time = sorted(short, key=lambda one: -one.large)
    if scale is report.Scale.FULL:
        late = [one for one in by_time[_SHOWN:] if one.ratio > MOST_GROWTH and one.large > _SURE]
        if part not in DENSE:
            late += [one for one in by_time[_SHOWN:] if 2 * one.large * LARGE / _SHORT[1] > MOST]
        chosen = {id(one.row): one.row for one in (*by_time[:_SHOWN], *late)}
        by_time = sorted(map(measured, chosen.values()), key=lambda one: -one.large)
    target = f"≤ {MOST_GROWTH:g}× for 4× the text" if part in DENSE else f"≤ {MOST:g} s"
    worst = by_time[0]
    measured_as = f"{worst.large:.2f} s, {worst.ratio:.1f}× for 4×" if part in DENSE else f"{worst.large:.2f} s"
    facts = [
        f"`{one.row.name[:90].replace('`', chr(39))}`: {one.large:.2f} s, {one.ratio:.1f}× for 4×{one.rate}"
        for one in by_time[:_SHOWN]
    ]
    return report.Row(
        f"CPU time for 1 MB of the worst text: {_PARTS[part]}", target, f"{measured_as}; of {len(short)} texts",
        all(one.holds for one in by_time), COMMAND, tuple(facts),
    )  # fmt: skip


def hunted(rows: Sequence[Row], limit: float, seed: int) -> Iterable[Measured]:
    """Yield rows with texts of random pieces for which a reader takes longer than for any before.

    Args:
        rows: The rows whose readers are tried.
        limit: Seconds.
        seed: Of the random pieces.

    """
    drawn, ends, worst = random.Random(seed), time.monotonic() + limit, dict[str, float]()
    readers = {(row.part, row.name.partition(":")[0]): row for row in rows}
    while time.monotonic() < ends:
        (part, name), row = drawn.choice(list(readers.items()))
        unit = "".join(drawn.choices((*PIECES, *VALUES), k=drawn.randint(1, 4)))
        head, tail = ("".join(drawn.choices(PIECES, k=drawn.randint(0, 2))) for _ in range(2))

        def make(size: int, unit: str = unit, head: str = head, tail: str = tail) -> bytes:
            return (head + unit * (size // len(unit) + 1) + tail).encode()

        found = measured(Row(part, f"{name}: {head!r} + {unit!r} repeated + {tail!r}", make, row.act), 6_000, 24_000)
        if found.large > max(_SURE, 1.5 * worst.get(part + name, 0)):
            worst[part + name] = found.large
            yield found


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser("python -m benchmarks.worst", description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="print every row")
    parser.add_argument("--only", default="", metavar="WORD", help="the rows with this word in part or name")
    parser.add_argument("--hunt", type=float, default=0, metavar="SECONDS", help="look for worse texts")
    parser.add_argument("--seed", type=int, default=1, help="of the hunt")
    options = parser.parse_args(arguments)
    chosen = [row for row in ROWS if options.only in f"{row.part}: {row.name}"]
    if options.hunt:
        for found in hunted(chosen, options.hunt, options.seed):
            print(found, flush=True)
        return 0
    worst: dict[tuple[str, str], Measured] = {}
    missed = 0
    print(f"{'250 KB':>7} {'1 MB':>7} {'ratio':>7}  reader: text, seconds of CPU")
    for row in chosen:
        found = measured(row)
        key = row.part, row.name.partition(":")[0]
        if key not in worst or worst[key].large < found.large:
            worst[key] = found
        missed += not found.holds
        if options.all or not found.holds:
            print(found, flush=True)
    if not options.all:
        print(*(one for one in worst.values() if one.holds), sep="\n")
    print(f"{len(chosen)} rows, {missed} of them beyond their bound")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
