"""Implement `recorder textconv`."""

from __future__ import annotations

from pathlib import Path

import click

from ..loading import load
from ..options import cassette_argument, dialect_option


@click.command("textconv")
@cassette_argument
@dialect_option
def command(cassette: Path, *, dialect: str | None) -> None:
    """Print a cassette as text for `git diff`, without the values that differ in every recording.

    \b
    Example:  recorder textconv session.cassette
              echo '*.cassette diff=cassette' >> .gitattributes
              git config diff.cassette.textconv 'recorder textconv'
    """
    from ...dialect.carried import dialect_of
    from ...views.textconv import textconv

    recording = load([cassette], dialect)
    for line in textconv(recording, dialect_of(recording.header)):
        click.echo(line)
