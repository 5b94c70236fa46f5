"""Checks the TOML files of settings for the commands that look after them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from ..errors import SettingsError

T = TypeVar("T")


def checked(file: Path, load: Callable[[str], T]) -> T | None:
    """What a file holds; None if it has mistakes, of which each is told with its line."""
    try:
        return load(str(file.absolute()))  # a bare word would be the name of a shipped one
    except SettingsError as exc:
        for problem in exc.problems:
            click.echo(str(problem))
        return None
