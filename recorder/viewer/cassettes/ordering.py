"""Find the schedules that lie beside a cassette, for its page; a page names them by id, never by a path."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import RecorderError, UsageError
from ...explore.files import beside, read
from ...replay.engine.orders.schedule import Kept
from .snapshot import Where

_MOST = 20  # schedules that a page lists


def listed(where: Where) -> list[dict[str, Any]]:
    """Return the schedules beside a cassette: the id of each, and what it says, or why it cannot be read."""
    return [{"id": id_, "says": _says(path)} for id_, path in islice(_files(where).items(), _MOST)]


def kept(where: Where, wanted: str) -> Kept:
    """Return a schedule beside a cassette by its id.

    Raises:
        RecorderError: If there is none, or it cannot be read.
    """
    path = _files(where).get(wanted)
    if path is None:
        raise UsageError(f"schedule {wanted[:20]}: there is none beside {where.name} any more")
    return read(path)


def _files(where: Where) -> dict[str, Path]:
    """Return the files by id; a link could lead out of the folder that is shown."""
    return {id_: path for id_, path in beside([where.path]).items() if not path.is_symlink()}


def _says(path: Path) -> str:
    try:
        found = read(path)
    except RecorderError as exc:
        return str(exc).removeprefix(f"{path}: ")
    return found.says.partition("\n")[0] or str(found.schedule)
