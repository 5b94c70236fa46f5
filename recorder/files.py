"""Open files that a user named, but only regular files.

A pipe without a writer would block the reader for ever, and a device may never end.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import IO


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file for reading.

    Raises:
        OSError: If the file cannot be opened, or is not a regular file.
    """
    return os.fdopen(descriptor_of(path, os.O_RDONLY), "rb")


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with CRLF line ends turned into LF.

    Raises:
        OSError: If the file cannot be opened, or is not a regular file.
        UnicodeDecodeError: If the content is not UTF-8.
    """
    with open_regular(path) as file:
        return file.read().decode().replace("\r\n", "\n")


def descriptor_of(path: Path, flags: int, mode: int = 0o644) -> int:
    """Return a descriptor of a file, opened with `flags` of `os.open`; a new file gets the access rights `mode`.

    The caller closes the descriptor. For writing, a character device (e.g. /dev/stdout) is accepted too.

    Raises:
        OSError: If the file cannot be opened, or is not a regular file.
    """
    # O_NONBLOCK: without it, open() of a pipe blocks until another process opens the other end
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, mode)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not (flags & os.O_WRONLY and stat.S_ISCHR(mode)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is a directory" if stat.S_ISDIR(mode) else "is not a regular file")
    return descriptor
