"""Implement `recorder doctor`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import CassetteError, DialectError
from ...printable import printable, to_json
from ..jobs import mapped
from ..loading import hint_if_none, rules_of
from ..options import cassette_argument, dialect_option, jobs_option, json_option, jsonl_option
from ..saying import progress, say
from ..verdict import announce

if TYPE_CHECKING:
    from ...model import Record

_PARTS = 3  # that several processes may examine


@click.command("doctor")
@cassette_argument
@json_option
@jsonl_option
@dialect_option
@jobs_option
def command(cassette: Path, *, as_json: bool, as_lines: bool, dialect: str | None, jobs: int) -> None:
    """Check a cassette: every byte, and whether the recorded session can have happened.

    Up to three processes examine a large sealed cassette; one process examines a journal.

    Exit code 0 for a sound cassette, also with remarks; 1 for problems; 4 for damage.

    \b
    Example:  recorder doctor session.cassette
    """
    from ...diagnose.check import Level
    from ...diagnose.doctor import examine
    from ...dialect.definition import load

    rules = load(dialect) if dialect else None
    jobs = min(jobs, _PARTS) if _has_tables(cassette) else 1
    findings = examine(cassette, time.time(), rules, partial(_shown, cassette), partial(mapped, jobs=jobs))
    if as_json or as_lines:
        rows = [{"level": f.level.value, "kind": f.kind, "where": f.where, "text": f.text} for f in findings]
        for one in rows if as_lines else [rows]:
            announce(to_json(one, indent=None if as_lines else 2))
    else:
        for finding in findings:
            announce(printable(f"{finding.level.value}: {finding.kind} at {finding.where}: {finding.text}"))
    levels = {finding.level for finding in findings}
    if Level.DAMAGE in levels:
        say(f"{cassette}: is damaged; recorder recover saves what is intact")
        raise SystemExit(4)
    _hint(cassette, dialect)
    if Level.PROBLEM in levels:
        raise SystemExit(1)
    if not (as_json or as_lines) and not findings:
        announce("sound")


def _has_tables(path: Path) -> bool:
    """Return whether a cassette has tables that are worth a process; damage is told by who examines it."""
    from ...cassette.reader import open_cassette

    with suppress(CassetteError), open_cassette(path) as cassette:
        return cassette.has_index
    return False


@contextmanager
def _shown(path: Path) -> Iterator[Callable[[Record], None] | None]:
    """Yield what shows the progress; it is made where the records are read, which may be another process."""
    with progress(f"{path}: examines") as shown:
        yield shown.feed if shown else None


def _hint(path: Path, dialect: str | None) -> None:
    """Print a line on stderr if nothing in a sound cassette is an operation."""
    from ...cassette.reader import open_cassette
    from ...dialect.fitting import has_operation

    # the findings report a dialect that is not known or cannot be used
    with open_cassette(path) as cassette, suppress(CassetteError, DialectError):
        chosen = rules_of(cassette.header, dialect)
        if not has_operation(cassette.records(), chosen):
            hint_if_none((), cassette.header, cassette.records(), chosen.name)
