"""Print messages for people: on stderr, one line each."""

from __future__ import annotations

import click

from ..printable import printable


def say(text: str) -> None:
    """Print one line on stderr, with control characters escaped: file names may hold any character."""
    click.echo(f"recorder: {printable(text)}", err=True)
