"""Check TOML files of settings, for the commands `dialect check` and `policy check`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import SettingsError
from .verdict import announce

T = TypeVar("T")


def checked(file: Path, load: Callable[[str], T]) -> T | None:
    """Return the settings in a file, or None after printing every mistake with its line.

    Args:
        file: The TOML file.
        load: Parses the file of this path; raises SettingsError for a file with mistakes.
    """
    try:
        return load(str(file.absolute()))  # an absolute path, because `load` takes a bare word for a shipped name
    except SettingsError as exc:
        for problem in exc.problems:
            announce(str(problem))
        return None
