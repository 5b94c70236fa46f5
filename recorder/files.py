"""Opens files that were named by somebody: only regular ones, so that nothing waits for ever for a pipe to be written,
or reads without end from a device.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO


def open_regular(path: Path) -> IO[bytes]:
    """Open a file to read it.

    Raises:
        OSError: If it cannot be opened, or is no regular file.
    """
    return os.fdopen(descriptor_of(path, os.O_RDONLY), "rb")


def read_text(path: Path) -> str:
    """The text of a file, which must be UTF-8.

    Raises:
        OSError: If it cannot be opened, or is no regular file.
        UnicodeDecodeError: If it is not UTF-8.
    """
    with open_regular(path) as file:
        return file.read().decode().replace("\r\n", "\n")


def descriptor_of(path: Path, flags: int) -> int:
    """A descriptor, opened with these flags of `os.open`.

    Raises:
        OSError: If it cannot be opened, or is no regular file; what is written may also go to a device.
    """
    # a pipe with no other end would make open() wait for one
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, 0o644)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not (flags & os.O_WRONLY and stat.S_ISCHR(mode)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is a directory" if stat.S_ISDIR(mode) else "is no regular file")
    return descriptor
