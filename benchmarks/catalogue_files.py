"""The cassettes that a catalogue is measured with: many small captures of several days, half of them sealed.

    python -m benchmarks.catalogue_files make FOLDER CASSETTES TRIPLES     # so many triples each
    python -m benchmarks.catalogue_files measure FOLDER OUTPUT             # builds by 1, 2 and 4 processes

Every cassette has other ids; equal arguments give equal bytes.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.synthetic import HEADER, records
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.library.sealing import seal

DAYS = 28
_DAY = 86_400_000_000  # microseconds
_AGENTS = 2


def make(folder: Path, cassettes: int, triples: int) -> None:
    """Write cassettes into folders by day."""
    for n in range(cassettes):
        one(folder / f"day-{n % DAYS:02}" / f"{n:06}.cassette", triples, n)


def one(path: Path, triples: int, n: int) -> None:
    """Write cassette number `n`; those with odd numbers are sealed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two hours for each cassette of a day: the last of them go over midnight.
    started = HEADER.started + n % DAYS * _DAY + n // DAYS % 12 * 2 * 3_600_000_000
    journal = create(path, replace(HEADER, redaction="gws", started=started))
    journal.append([encode(record) for record in records(triples, seed=n, agents=_AGENTS)])
    journal.close()
    if n % 2:
        seal(path, path)


def measure(folder: Path, output: Path) -> None:
    """Build a catalogue by several numbers of processes; print times, and bytes a triple."""
    for jobs in (1, 2, 4):
        shutil.rmtree(output, ignore_errors=True)
        _timed(f"{jobs} processes", folder, output, "--jobs", str(jobs))
    _timed("again, nothing changed", folder, output)
    files = list(output.rglob("*.parquet"))
    for table in ("triples", "events", "sessions", "findings", "cassettes"):
        own = [path.stat().st_size for path in files if path.is_relative_to(output / table)]
        print(f"{table}: {len(own)} files, {sum(own):,} bytes")


def _timed(what: str, folder: Path, output: Path, *options: str) -> None:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "recorder", "catalogue", "build", str(folder), "-o", str(output), *options]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what}: {wall:.1f} s, {cpu:.1f} s of CPU, at most {after.ru_maxrss >> 10} MB a process\n  {told.strip()}")


if __name__ == "__main__":
    what, where, *rest = sys.argv[1:]
    if what == "make":
        make(Path(where), *map(int, rest))
    else:
        measure(Path(where), Path(*rest))
