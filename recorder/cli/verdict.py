"""Print the findings of a command whose exit code is a verdict: no reader that hangs up turns findings into success."""

from __future__ import annotations

import os
import sys

import click

from ..errors import OutputError
from .saying import say

_OWED = f"{__name__}.owed"


def announce(text: str) -> None:
    """Print a finding, and go on without a reader: once stdout fails (`| head`, a full disk), print to nowhere.

    The command ends with the exit code of its verdict; a command without findings ends with the code of the failure.
    """
    try:
        click.echo(text)
    except OSError as exc:
        owe(failed(exc))


def flush() -> None:
    """Flush stdout; a failure decides the exit code only if the command would end with 0."""
    try:
        sys.stdout.flush()  # Python's own flush, at its end, would print a traceback
    except OSError as exc:
        owe(failed(exc))


def owe(code: int) -> None:
    """Remember the exit code of a command that goes on after a failure; the first code other than 0 counts."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_OWED] = owed(context) or code


def owed(context: click.Context) -> int:
    """Return the exit code of a command that went on after a failure; 0 if nothing failed."""
    return int(context.meta.get(_OWED, 0))


def failed(error: OSError) -> int:
    """Print an error of the system as one line, and return the exit code."""
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else None
    if where is None:  # what is still buffered goes to nowhere: Python's flush at the end of the process would fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 0  # the reader of the output closed the pipe (`| head`)
    say(f"{where or 'stdout'}: {error.strerror or error}")
    return OutputError.exit_code
