"""Keep data in temporary files that have no name: they are gone when they are closed, or when their process ends.

An error of such a file names its folder. From the system it would have no name, and be taken for one of stdout, or of
the output that is being written meanwhile.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from .errors import OutputError
from .system.opening import read_into

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def temporary(folder: Path | None = None) -> IO[bytes]:
    """Open a temporary file for reading and writing.

    Args:
        folder: Folder of the file; None takes the system's (TMPDIR).

    Raises:
        OutputError: If the file cannot be made; so does each call of the file if the file cannot be written or read.
    """
    return cast(IO[bytes], io.BufferedRandom(_Raw(folder)))


def temporary_text() -> IO[str]:
    """Open a temporary file of UTF-8 text in the system's folder; the errors are those of `temporary`."""
    return cast(IO[str], io.TextIOWrapper(cast(io.BufferedRandom, temporary()), encoding="utf-8"))


class Spooled:
    """Bytes in memory as long as they are few, then in a temporary file; deleted by `close`."""

    def __init__(self, most: int, folder: Path | None = None) -> None:
        """Begin empty.

        Args:
            most: Bytes that are kept in memory.
            folder: Folder of the temporary file; None takes the system's.
        """
        self._most, self._folder = most, folder
        self._file: IO[bytes] = io.BytesIO()
        self._is_in_memory = True

    def write(self, content: bytes) -> None:
        """Write at the position.

        Raises:
            OutputError: If the temporary file cannot be written.
        """
        if self._is_in_memory and self._file.tell() + len(content) > self._most:
            held, at = cast(io.BytesIO, self._file).getvalue(), self._file.tell()
            self._file, self._is_in_memory = temporary(self._folder), False
            self._file.write(held)
            self._file.seek(at)
        self._file.write(content)

    def seek(self, offset: int) -> None:
        """Go to a byte."""
        self._file.seek(offset)

    def read(self, size: int) -> bytes:
        """Return the next bytes.

        Raises:
            OutputError: If the temporary file cannot be read.
        """
        return self._file.read(size)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


class _Raw(io.RawIOBase):
    """A temporary file for Python's buffered reader and writer."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        with self._told():
            # unbuffered: what is buffered here would be written by a call that tells no folder
            self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115  # closed by close()
        self._descriptor = self._file.fileno()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer is one
        with self._told():
            return read_into(self._descriptor, buffer)

    def write(self, data: ReadableBuffer, /) -> int:
        with self._told():
            return os.write(self._descriptor, data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with self._told():
            return os.lseek(self._descriptor, offset, whence)

    def truncate(self, size: int | None = None) -> int:
        size = self.tell() if size is None else size
        with self._told():
            os.ftruncate(self._descriptor, size)
        return size

    def close(self) -> None:
        if not self.closed:
            super().close()
            with suppress(OSError):  # nobody will read what it held
                self._file.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            where = self._folder or tempfile.gettempdir()
            hint = "" if self._folder else "; TMPDIR names another folder"
            raise OutputError(f"{where}: cannot hold temporary data: {exc.strerror}{hint}") from exc
