"""Says what happened, for people: on stderr, a line each."""

from __future__ import annotations

import click

from ..printable import printable


def say(text: str) -> None:
    """One line, whatever the names of files in it are."""
    click.echo(f"recorder: {printable(text)}", err=True)
