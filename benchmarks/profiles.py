"""Where the time of a process goes: cProfile's seconds, summed up by what the code belongs to.

    python -m benchmarks.profiles FILE recorder replay …     # profiled from SIGUSR1 on; FILE is written at the end

A built-in function counts for the code that called it, but for those that talk to the kernel. Waiting counts for
nothing.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
_Function = tuple[str, int, str]  # file, line, name
_Times = tuple[int, int, float, float, dict[_Function, tuple[float, ...]]]  # calls, own seconds, all, by caller

_WAITING = re.compile(r"'(?:poll|select|acquire|epoll_wait)'|time\.sleep|select\.(?:epoll|select|poll)")
_KERNEL = re.compile(r"_socket\.socket|posix\.(?:read|write|fsync|fdatasync|open|close)|_io\.(?:FileIO|Buffered)")
_MINE = re.compile(r"/(recorder|benchmarks)/(.*)\.py$")
_OTHERS = re.compile(r"/(?:site-packages|python3\.\d+(?!/site-packages))/(\w+)")
_WORTH_NAMING = 0.02


def shares(stats: Mapping[_Function, _Times]) -> Counter[str]:
    """Seconds by group: a module of ours, a package of others, or the kernel."""
    found: Counter[str] = Counter()
    for function, (_, _, own, _, callers) in stats.items():
        if not _is_builtin(function):
            found[_group(function)] += own
        elif _KERNEL.search(function[2]):
            found["sockets and files (the kernel)"] += own
        elif not _WAITING.search(function[2]):
            for caller, numbers in callers.items():
                found[_group(caller)] += numbers[2]
    return found


def paragraph(found: Mapping[str, float], of: str) -> str:
    """The shares as a sentence, the largest first."""
    whole = sum(found.values()) or 1.0
    ranked = sorted(((taken / whole, name) for name, taken in found.items()), reverse=True)
    named = [f"{name} {share:.0%}" for share, name in ranked if share >= _WORTH_NAMING]
    rest = sum(share for share, _ in ranked if share < _WORTH_NAMING)
    return f"The time of {of} (cProfile): " + ", ".join([*named, f"all else {rest:.0%}"]) + "."


def profiled(call: Callable[[], Result]) -> tuple[Result, Counter[str]]:
    """Run something under the profiler; what it gave, and where its time went."""
    profile = cProfile.Profile()
    result = profile.runcall(call)
    return result, shares(pstats.Stats(profile).stats)  # type: ignore[attr-defined]  # typeshed lacks it


@contextmanager
def under_profiler(*command: str) -> Iterator[tuple[list[str], Callable[[], Counter[str]]]]:
    """A command under the profiler: what to run, and what to call for the shares when it has ended."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "profile")
        yield (
            [sys.executable, "-m", "benchmarks.profiles", file, *command],
            lambda: shares(pstats.Stats(file).stats),  # type: ignore[attr-defined]  # typeshed lacks it
        )


def _is_builtin(function: _Function) -> bool:
    return function[0] in ("~", "")


def _group(function: _Function) -> str:
    mine, other = _MINE.search(function[0]), _OTHERS.search(function[0])
    if mine:
        return f"{mine[1]}.{mine[2].replace('/', '.')}"
    if other:
        return other[1]
    return "Python itself"


def begin(pid: int) -> None:
    """Let a command under the profiler be profiled from now on: what it did to get ready plays no role."""
    os.kill(pid, signal.SIGUSR1)


def main(arguments: list[str]) -> None:
    """Be a command: `recorder …`, or `-m MODULE …`."""
    file, *command = arguments
    profile = cProfile.Profile()
    signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    try:
        _run(command)
    finally:
        profile.disable()
        profile.dump_stats(file)


def _run(command: list[str]) -> None:
    import runpy

    if command[0] == "-m":
        sys.argv = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    else:
        from recorder.cli import main as recorder

        sys.argv = command
        recorder()


if __name__ == "__main__":
    main(sys.argv[1:])
