"""Faults in the functions of `os` that files go through, for a process that is going to end.

`install` replaces these functions, and Python's own `open` by that of `_pyio`, whose files call `os.read`, `os.write`
and `os.close`, where those of `io` call the system past `os`. So each call on a file of this process passes here,
without a compiler and without rights; `test_outputs.py` holds the counted writes to those that the kernel counts.
Calls on files outside a folder are left alone, and not counted: pipes, devices, modules.
"""

from __future__ import annotations

import _pyio  # type: ignore[import-not-found]  # typeshed has no stub of it
import builtins
import errno
import io
import mmap
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITING = (
    "open", "write", "writev", "pwrite", "fsync", "fdatasync", "replace", "rename", "link", "symlink", "unlink",
    "remove", "mkdir", "rmdir", "chmod", "fchmod", "fchown", "chown", "ftruncate", "truncate", "close", "sendfile",
    "copy_file_range", "utime",
)  # fmt: skip
READING = ("open", "read", "readv", "pread", "preadv")
_WRITES = frozenset({"write"})
_SYNCS = frozenset({"fsync", "fdatasync"})
_SLOT = struct.Struct("=q")


class Shared:
    """Numbers that a child counts, and its parent reads when the child is dead."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def __getitem__(self, place: int) -> int:
        return int(_SLOT.unpack_from(self._memory, place * _SLOT.size)[0])

    def __setitem__(self, place: int, value: int) -> None:
        _SLOT.pack_into(self._memory, place * _SLOT.size, value)

    def clear(self) -> None:
        self._memory[:] = bytes(len(self._memory))


CALLS, WRITES, HIT, APPENDED, OPENS = range(5)  # places in Shared; OPENS: the last call with a fault was `open`


@dataclass(frozen=True)
class Fault:
    """What happens at a call.

    Attributes:
        kind: What it is called in the account.
        act: Called in place of the function, with the function and its arguments; returns its result, or raises.
        names: The functions whose calls are counted.
        lasting: Whether all calls from the chosen one on have it.
    """

    kind: str
    act: Callable[..., Any]
    names: tuple[str, ...] = WRITING
    lasting: bool = False


def _failing(number: int) -> Callable[..., Any]:
    def act(name: str, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if name == "close":  # the descriptor is free also after an error, close(2)
            real(*arguments, **options)
        raise OSError(number, os.strerror(number))

    return act


def _full(name: str, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A disk that is full: what is there can be removed, cut and closed."""
    makes = name in ("write", "writev", "pwrite", "mkdir", "link", "symlink", "fsync", "fdatasync", "sendfile")
    if makes or (name == "open" and arguments[1] & os.O_CREAT):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return real(*arguments, **options)


def _short(name: str, real: Callable[..., Any], descriptor: int, data: Any) -> Any:
    """Write a half; the caller must notice."""
    return real(descriptor, memoryview(data).cast("B")[: max(1, memoryview(data).nbytes // 2)])


def _killed(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def _killed_after(name: str, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    real(*arguments, **options)
    _killed()


def _torn(name: str, real: Callable[..., Any], descriptor: int, data: Any) -> Any:
    _short(name, real, descriptor, data)
    _killed()


KILLED = Fault("killed before a call", _killed)
FAULTS = (
    KILLED,
    Fault("killed after a call", _killed_after),
    Fault("killed in the middle of a write", _torn, ("write",)),
    Fault("a short write", _short, ("write",)),
    Fault("the disk is full from a call on", _full, lasting=True),
    *(Fault(f"{errno.errorcode[number]} at a call", _failing(number))
      for number in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EINTR)),
)  # fmt: skip
UNREADABLE = Fault("EIO at a call that reads", _failing(errno.EIO), READING)


def _without_waiting(_: int) -> None:
    """Stand for `os.fsync`."""


def changing(kind: str, change: Callable[[], None]) -> Fault:
    """Return a fault that is none of the call: something happens to a file before it."""

    def act(name: str, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        change()
        return real(*arguments, **options)

    return Fault(kind, act, READING)


def install(folder: Path, shared: Shared, fault: Fault | None = None, at: int = 0) -> None:
    """Let all files of this process go through `os`, and one call on files in a folder fail.

    Args:
        folder: Calls on files in it are counted.
        shared: Takes the counts.
        fault: What happens.
        at: Number of the call at which it happens, from 1.
    """
    inside = f"{folder}{os.sep}"
    readlink = os.readlink
    names = fault.names if fault else WRITING
    is_acting = False

    def concerns(target: Any) -> bool:
        try:
            path = readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else os.path.abspath(target)  # noqa: PTH100
        except OSError:
            return False
        # a temporary file of its own is no input
        return str(path).startswith(inside) and not (names is READING and path.endswith((" (deleted)", ".part")))

    def wrapped(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal is_acting
            if name in _WRITES:
                shared[WRITES] += 1
            if is_acting or name not in names or not concerns(arguments[0]):
                return real(*arguments, **options)
            shared[CALLS] += 1
            if fault is not None and (shared[CALLS] == at or (fault.lasting and shared[CALLS] > at)):
                shared[HIT] += 1
                shared[OPENS] = name == "open"
                is_acting = True  # what a fault does itself is not counted
                try:
                    return fault.act(name, real, *arguments, **options)
                finally:
                    is_acting = False
            result = real(*arguments, **options)
            if name in _WRITES and result == memoryview(arguments[1]).nbytes:
                shared[APPENDED] += result
            return result

        return call

    for name in {*WRITING, *READING}:
        # a process that is killed loses nothing that it wrote: to wait for the disk proves no more, and takes the time
        setattr(os, name, wrapped(name, _without_waiting if name in _SYNCS else getattr(os, name)))
    io.open = builtins.open = _pyio.open  # type: ignore[assignment]  # see above
