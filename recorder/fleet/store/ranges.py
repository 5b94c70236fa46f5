"""Fetch ranges of bytes of one file in a store, and never of two: a file that was replaced meanwhile is an error.

A connection that ends in the middle is tried again from the bytes that are missing, in smaller steps.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from time import sleep
from typing import TYPE_CHECKING, Any, Protocol

from .filesystem import filesystem_of
from .problems import Kind, Lost, Replaced, kind_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_WAITS = (0.1, 0.3, 1.0, 3.0)  # seconds before each further try
_SMALL = 1 << 16  # bytes that one try of a bad line asks for at least
# what tells one content of a file from another, by the store that says it
_MARKS = ("ETag", "etag", "generation", "md5", "LastModified", "last_modified", "mtime", "modified", "created")


class Source(Protocol):
    """One content of a file, which can be read in ranges."""

    size: int
    mark: str  # tells this content from others of that size; "" where the store does not say

    def fetch(self, start: int, end: int) -> bytes:
        """Return the bytes between two places, once.

        Raises:
            Exception: Any of a library; `problems.kind_of` tells them apart.
        """
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


def patiently(fetch: Callable[[int, int], bytes], start: int, end: int, wait: Callable[[float], None] = sleep) -> bytes:
    """Fetch bytes, again where the connection is lost, and each time in smaller steps.

    Raises:
        Exception: That of the last try.
    """
    found, step, tries = bytearray(), end - start, 0
    while start + len(found) < end:
        begin = start + len(found)
        try:
            found += _some(fetch(begin, min(begin + step, end)))
        except Exception as exc:  # each library has errors of its own
            if kind_of(exc) is not Kind.LOST or tries == len(_WAITS):
                raise
            wait(_WAITS[tries])
            tries, step = tries + 1, max(step // 4, _SMALL)
        else:
            tries = 0
    return bytes(found)


def _some(content: bytes) -> bytes:
    if not content:
        raise Lost(errno.EIO, "the store sent no bytes")
    return content


class Stored:
    """A file of a store that fsspec knows.

    The connection of a library does not survive a fork, so another process opens the file anew.
    """

    def __init__(self, url: str) -> None:
        """Open the file.

        Raises:
            UsageError: If there is no library for its scheme.
            Exception: Any of a library; `problems.kind_of` tells them apart.
        """
        self._url = url
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._fs, self._path = filesystem_of(self._url)
        self._fs.invalidate_cache()
        try:
            self._file = self._fs.open(self._path, "rb", cache_type="none")
        except FileNotFoundError as exc:
            if self._fs.isdir(self._path):
                raise IsADirectoryError(errno.EISDIR, "is a folder") from exc
            raise
        # S3 compares by itself (If-Match), and a file in memory is never changed in place
        self._compares = not {"s3", "memory"}.intersection(protocols(self._fs))
        details: Mapping[str, Any] = getattr(self._file, "details", None) or self._fs.info(self._path)
        if details["type"] == "directory":
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        self.size, self.mark = int(details["size"]), mark(details)

    def fetch(self, start: int, end: int) -> bytes:
        """Return the bytes between two places; see `Source`."""
        if self._process != os.getpid():
            before = self.size, self.mark
            self._open()
            if before != (self.size, self.mark):
                raise Replaced
        self._file.seek(start)
        found: bytes = self._file.read(end - start)
        if self._compares and mark(fresh(self._fs, self._path)) != self.mark:
            raise Replaced
        if len(found) < end - start:
            raise Lost(errno.EIO, f"{end - start - len(found)} bytes are missing")
        return found

    def close(self) -> None:
        """Close the file."""
        if self._process == os.getpid():
            self._file.close()


def fresh(fs: AbstractFileSystem, path: str) -> dict[str, Any]:
    """Return what a store says of a file now, not what it said before."""
    fs.invalidate_cache()
    found: dict[str, Any] = fs.info(path)
    return found


def mark(info: Mapping[str, Any]) -> str:
    """Return what tells this content of a file from another; "" where the store says nothing."""
    return next((str(info[name]) for name in _MARKS if info.get(name)), "")


def protocols(fs: AbstractFileSystem) -> tuple[str, ...]:
    """Return the schemes that a file system has."""
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
