"""Lock open files against other processes; a lock ends with its descriptor, also when the process is killed.

Where there is flock(2), it locks the file and hides nothing of it. The locks of Windows keep other processes from
reading the locked bytes, so there bytes far beyond the end of the file are locked.
"""

from __future__ import annotations

import errno
import io
import os
import time

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # None stands for a system without flock

# first locked byte on Windows; with the 64 KiB of portalocker it stays below 2 GiB, where _locking() of C ends
FAR = 0x7FFE_0000
_TRIES = 5  # on Windows, where a process that only looks holds the lock for a moment
_PAUSE = 0.02  # seconds between two tries


def take(descriptor: int, *, shared: bool = False, waits: bool = False) -> None:
    """Lock an open file.

    Args:
        descriptor: The open file.
        shared: Allow other shared locks; Windows has exclusive ones only.
        waits: Wait until the lock is free; else give up.

    Raises:
        BlockingIOError: If another descriptor holds a lock, and `waits` is False.
        OSError: If the file system has no locks.
    """
    if fcntl is not None:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if waits else fcntl.LOCK_NB))
        return
    tries = 0
    while True:
        try:
            _take_far(descriptor)
        except BlockingIOError:
            tries += 1
            if tries >= _TRIES and not waits:
                raise
            time.sleep(_PAUSE)
        else:
            return


def is_free(descriptor: int) -> bool:
    """Return whether no other descriptor holds an exclusive lock of an open file, which this one does not lock."""
    try:
        take(descriptor, shared=True)
    except OSError:
        return False
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        return True
    from portalocker import unlock  # noqa: PLC0415  # needed on Windows alone

    unlock(_Far(descriptor))
    return True


def _take_far(descriptor: int) -> None:
    from portalocker import AlreadyLocked, LockException, LockFlags, lock  # noqa: PLC0415  # needed on Windows alone

    try:
        lock(_Far(descriptor), LockFlags.EXCLUSIVE | LockFlags.NON_BLOCKING)
    except AlreadyLocked as exc:
        raise BlockingIOError(errno.EAGAIN, "is locked by another process") from exc
    except LockException as exc:
        raise OSError(errno.ENOLCK, f"cannot be locked: {exc}") from exc


class _Far(io.RawIOBase):
    """A view of an open file that begins far beyond the file's end; portalocker locks the first bytes of a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR) - FAR

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset + (FAR if whence == os.SEEK_SET else 0), whence) - FAR
