"""What was measured, as the page docs/benchmarks.md; kept beside it as JSON, so that one benchmark can be run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import plots
from benchmarks.catalogue import BENCHES
from benchmarks.rows import Row, row_of

_INTRO = """\
# Benchmarks

Written by `make bench`; `python -m benchmarks --help` tells more. Times are ratios of what was measured side by side,
in turn, in one run: absolute figures hold for this machine only. Where the time goes is what a profiler said of a run
of its own; it makes calls look dearer than they are, so that shares of Python code are rather too large.
"""


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a benchmark: when they were measured, on what, with which versions."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    rows: list[Row]


def load(docs: Path) -> dict[str, Result]:
    """What is kept, by benchmark."""
    file = docs / "benchmarks.json"
    if not file.exists():
        return {}
    kept = json.loads(file.read_text())
    return {name: Result(**{**one, "rows": [row_of(row) for row in one["rows"]]}) for name, one in kept.items()}


def write(docs: Path, results: dict[str, Result]) -> None:
    """Keep the results, and write the page and its pictures."""
    ordered = {name: results[name] for name in BENCHES if name in results}
    kept = {name: asdict(result) for name, result in ordered.items()}
    (docs / "benchmarks.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    pictures = {}
    for name, result in ordered.items():
        curves = {title: points for row in result.rows for title, points in row.curves.items()}
        if curves and plots.draw(curves, docs / f"benchmarks-{name}.png"):
            pictures[name] = f"benchmarks-{name}.png"
    (docs / "benchmarks.md").write_text("\n".join(text(ordered, pictures)) + "\n")


def text(results: dict[str, Result], pictures: dict[str, str]) -> Iterator[str]:
    """The lines of the page."""
    yield _INTRO
    yield from _measured_on(results)
    yield "| what | target | measured | holds |"
    yield "| --- | --- | --- | --- |"
    for result in results.values():
        for row in result.rows:
            yield "| " + " | ".join(map(_cell, (row.what, row.target, row.measured, verdict(row)))) + " |"
    for name, result in results.items():
        yield f"\n## {BENCHES[name][0].upper()}{BENCHES[name][1:]}\n"
        yield from (f"`{command}`" for command in dict.fromkeys(row.command for row in result.rows))
        if name in pictures:
            yield f"\n![{BENCHES[name]}]({pictures[name]})"
        for row in result.rows:
            yield from _section(row)


def verdict(row: Row) -> str:
    """Whether a target is met, in a word."""
    return "-" if row.holds is None else "yes" if row.holds else "no"


def _measured_on(results: dict[str, Result]) -> Iterator[str]:
    """Machines and versions; most often all is of one run."""
    runs: dict[tuple[str, str, str], list[str]] = {}
    for name, one in results.items():
        machine = f"{one.machine['processor']}, {one.machine['cores']} cores, {one.machine['memory']}"
        machine += f", {one.machine['kernel']}"
        used = ", ".join(f"{what} {version}" for what, version in one.versions.items())
        runs.setdefault((one.date, machine, used), []).append(name)
    for (date, machine, used), names in runs.items():
        which = "" if len(runs) == 1 else f" ({', '.join(names)})"
        yield f"Measured on {date}{which}: {machine}; {used}.\n"


def _section(row: Row) -> Iterator[str]:
    yield f"\n### {row.what}\n"
    yield (f"{row.measured}; target {row.target}." if row.target else f"{row.measured}.") + "\n"
    yield from (f"- {fact}" for fact in row.facts)
    if row.profile:
        yield f"\n{row.profile}"


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")
