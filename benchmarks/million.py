"""Seals a million triples and looks some of them up: time and memory, against reading the file through.

    python -m benchmarks.million [--triples N] [--json]

Each step runs in a process of its own, so that its peak memory is its own. Needs about 4 KB of disk a triple in the
folder for temporary files. Exit code 1 if a target is missed. Of design §11; the bound of sealing is in docs/format.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale

MOST_OF_A_READ = 1 / 50  # what showing one triple may take of reading the file through
MOST_OF_LS = 150.0  # MB
_SAMPLES = 15


@dataclass(frozen=True, slots=True)
class Step:
    """One measurement: seconds, peak resident memory (MB), and what else it tells."""

    step: str
    seconds: float
    peak: float
    more: dict[str, Any]


# What the children do


def make(target: Path, triples: int) -> dict[str, Any]:
    """Write a journal, as a capture would."""
    from benchmarks.synthetic import HEADER, records
    from recorder.cassette.codec import encode
    from recorder.cassette.journal import create

    journal, count = create(target, HEADER), 0
    batch: list[bytes] = []
    for record in records(triples):
        batch.append(encode(record))
        count += 1
        if len(batch) == 1000:
            journal.append(batch)
            batch = []
    journal.append(batch)
    journal.close()
    return {"records": count, "size": target.stat().st_size}


def seal(source: Path, target: Path, *, archive: bool) -> dict[str, Any]:
    """Seal it, as `recorder seal` does."""
    from recorder.library.sealing import seal as run

    run(source, target, archive=archive)
    return {"size": target.stat().st_size}


def look_up(path: Path) -> dict[str, Any]:
    """Show one triple, as `recorder show` does, and read the file through in two ways."""
    from recorder.cassette.lookup import Sealed
    from recorder.cassette.store import open_cassette
    from recorder.cli.loading import find

    with Sealed(path) as sealed:
        count = sealed.triples
        rows = [sealed.row(1 + place * (count - 1) // (_SAMPLES - 1)) for place in range(_SAMPLES)]

    def checksum() -> None:
        with Sealed(path) as sealed:
            sealed.verify()

    def frames() -> None:
        with open_cassette(path) as cassette:
            for _ in cassette.frames():
                pass

    def each(key: str) -> float:
        found = [{key: row.keys[key]} for row in rows if key in row.keys]
        return statistics.median(_seconds(partial(find, path, None, number=None, keys=keys)) for keys in found)

    by_number = [_seconds(partial(find, path, None, number=row.n, keys={})) for row in rows]
    return {
        "checksum": min(_seconds(checksum), _seconds(checksum)),
        "frames": _seconds(frames),
        "number": statistics.median(by_number),
        "handle": each("handle"),
        "reference": each("reference"),
    }


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


CHILDREN: dict[str, Callable[..., dict[str, Any]]] = {
    "make": lambda target, triples: make(Path(target), int(triples)),
    "seal": lambda source, target: seal(Path(source), Path(target), archive=False),
    "archive": lambda source, target: seal(Path(source), Path(target), archive=True),
    "show": lambda path: look_up(Path(path)),
}


# What runs and judges them


def measured(step: str, command: list[str]) -> Step:
    """Run a command; its peak memory is what the kernel says (KiB on Linux)."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        out = child.stdout.read() if child.stdout else ""
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {child.returncode}")
    more = json.loads(out) if step != "ls" else {"triples": len(json.loads(out))}
    return Step(step, time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6, more)


def child(name: str, *arguments: object) -> Step:
    return measured(name, [sys.executable, "-m", "benchmarks.million", "--child", name, *map(str, arguments)])


def run(folder: Path, triples: int) -> Iterator[Step]:
    """Yield the rows of one size."""
    journal, sealed, archive = (folder / f"{triples}.{name}" for name in ("journal", "sealed", "archive"))
    yield child("make", journal, triples)
    yield child("seal", journal, sealed)
    yield child("archive", journal, archive)
    journal.unlink()
    for path in (sealed, archive):
        shown = child("show", path)
        yield Step(f"show {path.suffix[1:]}", shown.seconds, shown.peak, shown.more)
    command = [sys.executable, "-m", "recorder", "ls", "--limit", "20", "--json", str(sealed)]
    yield measured("ls", command)
    for path in (sealed, archive):
        path.unlink()


def ratios(row: Step) -> dict[str, float]:
    """What each look-up takes of reading the file through: the plain file's bytes, the archive's frames.

    The bytes of an archive tell nothing before they are decompressed, and a look-up has to decompress some.
    """
    through = row.more["frames"] if "archive" in row.step else min(row.more["checksum"], row.more["frames"])
    return {name: row.more[name] / through for name in ("number", "handle", "reference")}


def missed(rows: list[Step]) -> list[str]:
    """The targets that were missed."""
    found = [
        f"{row.step}: by {name} takes 1/{1 / ratio:.0f} of reading the file through, at most 1/{1 / MOST_OF_A_READ:.0f}"
        for row in rows
        if row.step.startswith("show")
        for name, ratio in ratios(row).items()
        if ratio > MOST_OF_A_READ
    ]
    return found + [f"ls: {row.peak:.0f} MB" for row in rows if row.step == "ls" and row.peak > MOST_OF_LS]


def text(triples: int, rows: list[Step]) -> Iterator[str]:
    """The table for people."""
    yield f"{triples:,} triples"
    for row in rows:
        size = f", {row.more['size'] / 1e6:.0f} MB written" if "size" in row.more else ""
        yield f"  {row.step:13} {row.seconds:8.1f} s, peak {row.peak:6.1f} MB{size}"
        if row.step.startswith("show"):
            through = ", ".join(f"{name} {row.more[name] * 1e3:.0f} ms" for name in ("checksum", "frames"))
            yield f"    read through: {through}"
            for name, ratio in ratios(row).items():
                yield f"    one by {name:9} {row.more[name] * 1e3:7.2f} ms = 1/{1 / ratio:.0f}"


def rows(scale: Scale) -> list[Row]:
    """The row of the table."""
    triples = 1_000_000 if scale is Scale.FULL else 1500  # smaller ones have no index
    profile = ""
    steps = []
    with tempfile.TemporaryDirectory() as folder:
        for step in run(Path(folder), triples):
            steps.append(step)
            print(f"million: {step.step}: {step.seconds:.1f} s", file=sys.stderr)
            if step.step == "show sealed":  # its file is still there
                profile = _profile(Path(folder) / f"{triples}.sealed")
    shown = {step.step: ratios(step) for step in steps if step.step.startswith("show")}
    worst = max(shown["show sealed"].values())
    listed = [
        f"{form}: of reading it through, "
        + ", ".join(f"by {name} 1/{1 / part:.0f}" for name, part in found.items())
        + "."
        for form, found in shown.items()
    ]
    sizes = [f"{one.step}: {one.seconds:.0f} s, peak {one.peak:.0f} MB." for one in steps if "show" not in one.step]
    what = f"open a sealed {triples:,}-triple cassette, show one triple, against reading the file through"
    holds = not missed(steps) if scale is Scale.FULL else None
    command = "python -m benchmarks --only million"
    return [Row(what, "≤ 1/50", f"1/{1 / worst:.0f}", holds, command, (*listed, *sizes), profile)]


def _profile(path: Path) -> str:
    from recorder.cli.loading import find

    _, shares = profiled(lambda: [find(path, None, number=n, keys={}) for n in range(1, 101)])
    return paragraph(shares, "opening a sealed cassette and showing one triple, a hundred times")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        name, *rest = options.child
        print(json.dumps(CHILDREN[name](*rest)))
        return 0
    sizes: dict[int, list[Step]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for triples in (options.triples // 10, options.triples):
            sizes[triples] = []
            for row in run(Path(folder), triples):
                sizes[triples].append(row)
                print(f"{triples:,}: {row.step}: {row.seconds:.1f} s", file=sys.stderr)
    (small, few), (large, many) = sizes.items()
    growth = {
        step: [next(row.peak for row in rows if row.step == step) for rows in (few, many)]
        for step in ("seal", "archive")
    }
    problems = missed(many)
    if options.json:
        rows = {str(size): [asdict(row) for row in found] for size, found in sizes.items()}
        shares = {row.step: ratios(row) for row in many if row.step.startswith("show")}
        print(json.dumps({"rows": rows, "growth": growth, "ratios": shares, "missed": problems}, indent=2))
        return bool(problems)
    for size, found in sizes.items():
        print("\n".join(text(size, found)))
    for step, (less, more) in growth.items():
        each = (more - less) * 1e6 / (large - small)
        print(f"{step}: peak {less:.0f} MB for {small:,}, {more:.0f} MB for {large:,}: {each:.1f} bytes a triple")
    print("\n".join(problems) or "all targets are met")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
