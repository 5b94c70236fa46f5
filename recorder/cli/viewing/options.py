"""The options of commands that show on a page what they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def view_options(command: F) -> F:
    """Add `--view`, `--view-port` and `--no-open`."""
    options = (
        click.option(
            "--view", is_flag=True, help="Show a live page in the browser; prints `viewing at URL` on stderr."
        ),
        click.option(
            "--view-port", metavar="N", type=click.IntRange(0, 65535), help="Port of the live page; implies --view."
        ),
        click.option("--no-open", is_flag=True, help="Do not open a browser for the live page."),
    )
    for option in reversed(options):
        command = option(command)
    return command
