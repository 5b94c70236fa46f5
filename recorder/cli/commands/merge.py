"""Implement `recorder merge`."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from ..loading import facts
from ..options import cassettes_argument, dialect_option, force_option, new_cassette_option
from ..writing import must_be_writable, write_journal


@click.command("merge")
@cassettes_argument
@new_cassette_option
@dialect_option
@force_option
def command(cassettes: tuple[Path, ...], *, output: Path, dialect: str | None, force: bool) -> None:
    """Merge several cassettes into one, in the order of the wall clock.

    Records are renumbered. Sessions stay apart: if two cassettes use the same clientId, cookie or credentials, those of
    the later cassette are renamed. The cassettes must have one dialect, unless --dialect names the dialect of the new
    cassette.

    \b
    Example:  recorder merge morning.cassette noon.cassette -o day.cassette
    """
    from ...dialect.definition import load
    from ...library.select import merge_records

    must_be_writable(output, force=force)
    with ExitStack() as opened:
        found = [opened.enter_context(facts(path)) for path in cassettes]
        header, records = merge_records(found, load(dialect) if dialect else None)
        write_journal(output, header, records, force=force)
