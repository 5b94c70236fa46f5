"""Write the schedule that was found for a test or a command into a file beside its cassette."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..files import Remote
from ..output import refuse, replacing
from ..replay.engine.orders.schedule import Kept, Schedule, to_text
from .files import file_name


def folder_for(cassette: Path, wanted: Path | None) -> Path:
    """Return the folder for the schedules of a cassette, after a look whether a file can be written there.

    Args:
        cassette: The first cassette of a run.
        wanted: The folder that the user names; None for that of the cassette.

    Raises:
        UsageError: If the cassette is at a URL and no folder is named.
        OutputError: If the folder cannot be written.
    """
    if wanted is None and isinstance(cassette, Remote):
        raise UsageError(f"{cassette}: nothing is written beside a cassette at a URL; name a folder")
    folder = cassette.parent if wanted is None else wanted
    refuse(folder / file_name(cassette.name, Schedule()), force=True)
    return folder


def keep(kept: Kept, folder: Path, cassettes: Sequence[Path]) -> Path:
    """Write the file of a schedule, over one that has its name: that is about the same schedule.

    Args:
        kept: The schedule, and what is known about it.
        folder: The folder, which is made if it is missing.
        cassettes: The cassettes; nobody may read the file who may not read them.

    Returns:
        The file.

    Raises:
        OutputError: If it cannot be written.
        UsageError: If its name is taken by a folder or a device.
    """
    path = folder / file_name(cassettes[0].name, kept.schedule)
    if path.is_dir():  # nobody chose this name, so nobody can choose another one
        way = "move it away, or name another folder"
        raise UsageError(f"{path}: is a folder, and the file of the schedule has this name; {way}")
    with replacing(path, force=True, like=cassettes) as file:
        file.write(to_text(kept).encode("utf-8", "backslashreplace"))
    return path
