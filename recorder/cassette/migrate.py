"""Convert cassettes of older formats to the current one, one step per version. A released step is never changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from .codec import FORMAT
from .reader import open_cassette

Step: TypeAlias = Callable[[Path, Path], None]

STEPS: dict[int, Step] = {}  # format → conversion to the next format; empty while format 1 is the only one


def migrate(source: Path, target: Path) -> int:
    """Write `source` in the current format to `target`, and return the format of `source`.

    Nothing is written if `source` has the current format already.

    Raises:
        CassetteError: If `source` cannot be read, or has a newer format than this version knows.
    """
    with open_cassette(source) as cassette:
        found = cassette.header.format
    for version in range(found, FORMAT):
        STEPS[version](source, target)
        source = target
    return found
