"""Measure each reader of a text that somebody else chose on the worst texts known for it.

python -m benchmarks.worst              # the worst row of each reader, and all that miss the bound
python -m benchmarks.worst --all        # every row
python -m benchmarks.worst --only WORD  # the rows with a word in part or name
python -m benchmarks.worst --hunt 60    # look for worse texts of random pieces, for so many seconds

CPU time at 250 KB and at 1 MB. Four times the text takes four times as long where a reader is linear, sixteen times
where it is quadratic. Exit code 1 if a row takes more than a second of CPU for 1 MB.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks import worst_files, worst_texts
from benchmarks.worst_rows import Row
from benchmarks.worst_texts import PIECES, VALUES

ROWS = (*worst_texts.ROWS, *worst_files.ROWS)
SMALL, LARGE = 250_000, 1_000_000  # bytes
MOST = 1.0  # seconds of CPU for the large text
_SURE = 0.02  # seconds that a clock measures well


@dataclass(frozen=True, slots=True)
class Measured:
    """A row, and its CPU time for a small and a large text, in seconds."""

    row: Row
    small: float
    large: float

    @property
    def ratio(self) -> float:
        """How many times as long the large text takes."""
        return self.large / max(self.small, _SURE / 4)

    def __str__(self) -> str:
        return f"{self.small:7.3f} {self.large:7.3f} {self.ratio:6.1f}×  {self.row.part}: {self.row.name}"


def seconds(row: Row, text: bytes) -> float:
    """Return the CPU time that a row takes for a text."""
    begin = time.thread_time()
    row.act(text)
    return time.thread_time() - begin


def measured(row: Row, small: int = SMALL, large: int = LARGE) -> Measured:
    """Measure a row at two sizes, in bytes."""
    short = seconds(row, row.make(small))
    return Measured(row, short, seconds(row, row.make(large)))


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
    rows = [row for row in ROWS if options.only in f"{row.part}: {row.name}"]
    if options.hunt:
        for found in hunted(rows, options.hunt, options.seed):
            print(found, flush=True)
        return 0
    worst: dict[tuple[str, str], Measured] = {}
    missed = 0
    print(f"{'250 KB':>7} {'1 MB':>7} {'ratio':>7}  reader: text, seconds of CPU")
    for row in rows:
        found = measured(row)
        key = row.part, row.name.partition(":")[0]
        if key not in worst or worst[key].large < found.large:
            worst[key] = found
        missed += found.large > MOST
        if options.all or found.large > MOST:
            print(found, flush=True)
    if not options.all:
        print(*(one for one in worst.values() if one.large <= MOST), sep="\n")
    print(f"{len(rows)} rows, {missed} of them above {MOST:g} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
