"""Print messages for people: on stderr, one line each."""

from __future__ import annotations

from contextlib import suppress

import click

from ..printable import printable


def say(text: str) -> None:
    """Print one line on stderr, with control characters escaped: file names may hold any character."""
    with suppress(OSError):  # stderr is a full disk or a closed pipe: the exit code must still tell what happened
        click.echo(f"recorder: {printable(text)}", err=True)
