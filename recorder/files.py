"""Open files that a user named, but only regular files.

A pipe without a writer would block the reader for ever, and a device may never end.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

from .errors import InputError
from .system.opening import SAFELY, read_into


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file for reading.

    Reading raises `InputError` if the disk fails: an error of the system would not tell which file it is about, and
    many callers have an output open meanwhile.

    Raises:
        OSError: If the file cannot be opened, or is not a regular file.
    """
    return io.BufferedReader(_Raw(descriptor_of(path, os.O_RDONLY), str(path)))


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
    try:
        descriptor = os.open(path, flags | SAFELY, mode)
    except PermissionError as exc:
        if path.is_dir():  # Windows opens no folder; elsewhere it is told below
            raise OSError(errno.EINVAL, "is a directory") from exc
        raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not (flags & os.O_WRONLY and stat.S_ISCHR(mode)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is a directory" if stat.S_ISDIR(mode) else "is not a regular file")
    return descriptor


class _Raw(io.RawIOBase):
    """A regular file for Python's buffered reader; an error names the file."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor, self.name = descriptor, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer is one
        try:
            return read_into(self._descriptor, buffer)
        except OSError as exc:
            raise InputError(f"{self.name}: cannot be read: {exc.strerror}; check the disk") from exc

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with suppress(OSError):  # all that was wanted is read
                os.close(self._descriptor)
