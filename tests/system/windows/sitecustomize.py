"""Let recorder see a system like Windows, as far as Linux can play one; Python imports it first.

Only what recorder, its addons and portalocker import is changed: the standard library and the other packages need the
real modules. What is simulated stands in docs/systems.md; the sources are the "Availability" notes of Python's library
reference, and Microsoft's pages of CreateFile, LockFileEx, MoveFileEx and signal().
"""

from __future__ import annotations

import asyncio.selector_events
import asyncio.unix_events
import builtins
import errno
import fcntl
import os
import select
import signal
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import absent  # type: ignore[import-not-found]  # beside this file, which is on the path

CALLERS = ("recorder", "portalocker", "addons")
SIGBREAK, CTRL_BREAK_EVENT, CTRL_C_EVENT = int(signal.SIGUSR1), 1, 0  # SIGUSR1 is what the tests send as Ctrl-Break


class Changed(ModuleType):
    """A module without some names, and with others changed."""

    def __init__(self, real: ModuleType, missing: frozenset[str], changed: dict[str, Any]) -> None:
        object.__setattr__(self, "_parts", (real, missing, changed))
        super().__init__(real.__name__)

    def __getattribute__(self, name: str) -> Any:
        real, missing, changed = object.__getattribute__(self, "_parts")
        if name in changed:
            return changed[name]
        if name in missing:
            raise AttributeError(f"module {real.__name__!r} has no attribute {name!r} on Windows")
        return getattr(real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_parts")[0], name, value)


def denied(path: object) -> PermissionError:
    return PermissionError(errno.EACCES, "The process cannot access the file because it is being used", path)


def refuse_open(path: Any) -> None:
    """Refuse what needs a file that nobody has open; handles of Python do not share the right to delete."""
    try:
        there = os.lstat(path)
    except OSError:
        return  # the call itself tells
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  # numbers, no Path for each
        try:
            opened = os.fstat(int(name))
        except OSError:
            continue
        if stat.S_ISREG(opened.st_mode) and os.path.samestat(opened, there):
            raise denied(path)


def deleting(real: Callable[..., None]) -> Callable[..., None]:
    def call(path: Any, *rest: Any, **named: Any) -> None:
        if not named:
            refuse_open(path)
        real(path, *rest, **named)

    return call


def moving(real: Callable[..., None], *, replaces: bool) -> Callable[..., None]:
    def call(source: Any, target: Any, *rest: Any, **named: Any) -> None:
        refuse_open(source)
        refuse_open(target)
        if not replaces and os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists", target)
        real(source, target, *rest, **named)

    return call


def opened(path: Any, flags: int, *rest: Any, **named: Any) -> int:
    if os.path.isdir(path):  # noqa: PTH112  # may be bytes
        raise denied(path)
    return os.open(path, flags, *rest, **named)


def status(descriptor: int) -> os.stat_result:
    """Return what Windows makes up: all may read and write each file."""
    found = os.fstat(descriptor)
    return os.stat_result((found.st_mode | 0o666, *found[1:])) if stat.S_ISREG(found.st_mode) else found


def kill(pid: int, number: int) -> None:
    """Send Ctrl-Break, or end a process at once."""
    os.kill(pid, SIGBREAK if number == CTRL_BREAK_EVENT else signal.SIGKILL)


def handle(number: int, handler: Any) -> Any:
    if int(number) != SIGBREAK and signal.Signals(number).name not in absent.KEPT_SIGNALS:
        raise ValueError("invalid signal value")
    return signal.signal(number, handler)


def locking(descriptor: int, mode: int, size: int) -> None:
    """Lock as `msvcrt.locking` does, at the position; the lock must not lie over data, which it would hide."""
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    assert position > 1 << 30, "a lock over the content keeps all others from reading it"
    assert position + size < 1 << 31, "_locking() takes 32 bits"
    try:
        fcntl.flock(descriptor, {0: fcntl.LOCK_UN, 2: fcntl.LOCK_EX | fcntl.LOCK_NB}[mode])
    except OSError as exc:
        raise PermissionError(errno.EACCES, "Permission denied") from exc


def refusing(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the loop as the loop of Windows has it: for asyncio's own use there are others."""

    def call(*given: Any) -> Any:
        if sys._getframe(1).f_globals["__name__"].partition(".")[0] in CALLERS:
            raise NotImplementedError
        return real(*given)

    return call


def waits_for_sockets(*given: Any) -> Any:
    for one in [each for some in given[:3] for each in some]:
        number = one if isinstance(one, int) else one.fileno()
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            raise OSError(10038, "An operation was attempted on something that is not a socket")
    return select.select(*given)


class Child(subprocess.Popen):
    def __init__(self, *rest: Any, creationflags: int = 0, **named: Any) -> None:
        self.is_leader = bool(creationflags & 0x200)
        super().__init__(*rest, **named)

    def send_signal(self, sig: int) -> None:
        if sig in (signal.SIGTERM, signal.SIGKILL):  # as `terminate` and `kill` do: at once
            super().send_signal(signal.SIGKILL)
        elif sig == CTRL_BREAK_EVENT and self.is_leader:
            super().send_signal(SIGBREAK)
        else:
            raise ValueError(f"Unsupported signal: {sig}")


MSVCRT = ModuleType("msvcrt")
MSVCRT.__dict__.update(locking=locking, LK_UNLCK=0, LK_LOCK=1, LK_NBLCK=2, LK_RLCK=3, LK_NBRLCK=4)
MODULES = {
    "os": Changed(
        os,
        absent.OS,
        {"name": "nt", "open": opened, "fstat": status, "kill": kill, "O_BINARY": 0, "cpu_count": lambda: 2},
    ),
    "signal": Changed(
        signal,
        absent.SIGNAL,
        {
            "signal": handle,
            "SIGBREAK": SIGBREAK,
            "CTRL_BREAK_EVENT": CTRL_BREAK_EVENT,
            "CTRL_C_EVENT": CTRL_C_EVENT,
        },
    ),
    "select": Changed(select, frozenset({"poll", "epoll"}), {"select": waits_for_sockets}),
    "sys": Changed(sys, frozenset(), {"platform": "win32"}),
    "msvcrt": MSVCRT,
}
really_import = builtins.__import__


def importing(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:  # noqa: A002
    caller = (globals or {}).get("__name__", "")
    if level or caller.partition(".")[0] not in CALLERS:
        return really_import(name, globals, locals, fromlist, level)
    if name in absent.MODULES:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return MODULES.get(name) or really_import(name, globals, locals, fromlist, level)


builtins.__import__ = importing
for function in ("unlink", "remove"):
    setattr(os, function, deleting(getattr(os, function)))
os.rename, os.replace = moving(os.rename, replaces=False), moving(os.replace, replaces=True)
subprocess.Popen = Child  # type: ignore[misc]
subprocess.CREATE_NEW_PROCESS_GROUP = 0x200  # type: ignore[attr-defined]
for loop, calls in {
    asyncio.unix_events.SelectorEventLoop: ("add_signal_handler", "remove_signal_handler"),
    asyncio.selector_events.BaseSelectorEventLoop: ("add_reader", "remove_reader", "add_writer", "remove_writer"),
}.items():
    for function in calls:
        setattr(loop, function, refusing(getattr(loop, function)))
for stream in (sys.stdin, sys.stdout, sys.stderr):
    if stream is not None and not stream.isatty():  # a pipe has the code page of the system
        stream.reconfigure(encoding="cp1252", newline="\r\n" if stream is not sys.stdin else None)  # type: ignore[union-attr]
if sys.flags.warn_default_encoding:
    warnings.filterwarnings("error", category=EncodingWarning, module="recorder")
