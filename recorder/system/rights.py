"""Read and set who may read a file, by the mode of a file where systems have modes.

On Windows a list at each file says who may read it, and files below the user's own folder are for the user alone; the
mode that Python makes up there says nothing about it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from . import IS_WINDOWS


def others_can_read(status: os.stat_result) -> bool:
    """Return whether a file's mode lets others than its owner read or change it; False without modes."""
    return not IS_WINDOWS and bool(stat.S_IMODE(status.st_mode) & 0o077)


def group() -> int:
    """Return the group of files that this process makes; 0 without groups."""
    return os.getegid() if hasattr(os, "getegid") else 0


def set_mode(descriptor: int, mode: int) -> None:
    """Set the mode of an open file, where systems have modes."""
    if not IS_WINDOWS:
        os.fchmod(descriptor, mode)


def keep_owner(descriptor: int, old: os.stat_result) -> None:
    """Give an open file the owner and the group of an old one, as far as this process may."""
    if not hasattr(os, "fchown"):
        return
    with suppress(PermissionError):
        os.fchown(descriptor, -1, old.st_gid)
    if os.geteuid() == 0:
        os.fchown(descriptor, old.st_uid, -1)


def is_read_only(path: Path) -> bool:
    """Return whether a path lies on a disk that cannot be written, as far as the system says."""
    return hasattr(os, "statvfs") and bool(os.statvfs(path).f_flag & os.ST_RDONLY)
