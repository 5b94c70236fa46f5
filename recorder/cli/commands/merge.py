"""Implement `recorder merge`."""

from __future__ import annotations

from pathlib import Path

import click

from ..options import cassettes_argument, force_option


@click.command("merge")
@cassettes_argument
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Cassette to write."
)
@force_option
def command(cassettes: tuple[Path, ...], *, output: Path, force: bool) -> None:
    """Merge several cassettes into one, in the order of the wall clock.

    Records are renumbered. Sessions stay apart: if two cassettes use the same clientId, cookie or credentials, those of
    the later cassette are renamed.

    \b
    Example:  recorder merge morning.cassette noon.cassette -o day.cassette
    """
    from ...library.select import merge_records
    from ..loading import read
    from ..writing import write_journal

    header, records = merge_records([read(path) for path in cassettes])
    write_journal(output, header, records, force=force)
