"""Brings cassettes of older formats to the current one, a step a version. A released step is never changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from .codec import FORMAT
from .reader import open_cassette

Step: TypeAlias = Callable[[Path, Path], None]

STEPS: dict[int, Step] = {}  # format → what makes the next format of it; format 1 is the first, so there is none yet


def migrate(source: Path, target: Path) -> int:
    """Write `source` in the current format to `target`; return the format it had, and write nothing if it is current.

    Raises:
        CassetteError: If the file cannot be read, or is of a newer format.
    """
    with open_cassette(source) as cassette:
        found = cassette.header.format
    for version in range(found, FORMAT):
        STEPS[version](source, target)
        source = target
    return found
