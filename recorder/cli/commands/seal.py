"""Implement `recorder seal`."""

from __future__ import annotations

from pathlib import Path

import click

from ...printable import counted
from ..loading import rules_of
from ..options import cassette_argument, dialect_option, force_option, output_option
from ..saying import progress, say
from ..writing import must_be_writable


@click.command("seal")
@cassette_argument
@output_option
@click.option("--archive", is_flag=True, help="Compress with zstd: an eighth of the size, but unsuitable for git.")
@dialect_option
@force_option
def command(cassette: Path, *, output: Path | None, archive: bool, dialect: str | None, force: bool) -> None:
    """Seal a finished cassette: canonical, indexed, with its triples and a checksum over the whole file.

    Equal facts and dialect give equal bytes, on any machine. Without -o the cassette is replaced, but only after the
    sealed file is complete on disk.

    \b
    Example:  recorder seal session.cassette
              recorder seal session.cassette -o archive/session.cassette --archive
    """
    from ...cassette.reader import open_cassette
    from ...library.sealing import seal

    if output is not None:
        must_be_writable(output, force=force)
    target = output or cassette
    before = cassette.stat().st_size
    with open_cassette(cassette) as found:
        chosen = rules_of(found.header, dialect)
    with progress(f"{cassette}: seals") as shown:
        watch = shown.feed if shown else None
        seal(cassette, target, dialect=chosen if dialect else None, archive=archive, watch=watch)
    say(f"{target}: sealed, {counted(before, 'byte')} before, {target.stat().st_size} now")
