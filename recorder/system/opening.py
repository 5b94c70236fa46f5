"""Open, read, sync, replace and delete files by descriptors and names, as far as each system can."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from . import IS_WINDOWS

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

KEEPS_OPEN_FILES = IS_WINDOWS  # an open file can be neither renamed, nor replaced, nor deleted
_TRIES, _PAUSE = 20, 0.05  # a virus scanner or an indexer of Windows opens each new file for a moment


def flags(*names: str) -> int:
    """Return the union of flags of `os.open`; those that this system does not have are left out."""
    united = 0
    for name in names:
        united |= getattr(os, name, 0)
    return united


# O_NONBLOCK: without it, open() of a pipe blocks until another process opens the other end
# O_BINARY: without it, Windows turns each LF that is written into CRLF
SAFELY = flags("O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")
NO_LINKS = flags("O_NOFOLLOW")


def read_into(descriptor: int, buffer: WriteableBuffer) -> int:
    """Read the next bytes of a file into a buffer; return their number, 0 at the end."""
    if hasattr(os, "readv"):
        return os.readv(descriptor, [buffer])
    view = memoryview(buffer).cast("B")
    found = os.read(descriptor, len(view))
    view[: len(found)] = found
    return len(found)


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Return at most `size` bytes from an offset of a file, and leave its position as it is."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, offset)
    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, size)
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)


def sync_data(descriptor: int) -> None:
    """Put the written bytes of a file on the disk."""
    getattr(os, "fdatasync", os.fsync)(descriptor)  # neither macOS nor Windows has fdatasync


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk; Windows writes them by itself.

    Raises:
        OSError: If the disk fails.
    """
    if IS_WINDOWS:
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | SAFELY)
    except PermissionError:
        return  # a folder that may be written and not read cannot be synced: the system will write it soon
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def persistently(step: Callable[[], None]) -> None:
    """Rename or delete a file; on Windows try again for a second while another program has it open.

    Raises:
        PermissionError: If the file cannot be renamed or deleted.
    """
    for _ in range(_TRIES if KEEPS_OPEN_FILES else 0):
        with suppress(PermissionError):
            step()
            return
        time.sleep(_PAUSE)
    step()
