"""Run one input with limits of time and memory, and tell what went wrong."""

from __future__ import annotations

import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
HANG = 1.0  # seconds of this process' CPU for an input of at most 64 KB
MEMORY = 600 << 20  # bytes this process may need


class Wrong(Exception):
    """Something that must not be; harnesses raise it, `AssertionError` is as good."""


def must(holds: bool, what: str) -> None:
    """Raise `Wrong` where something does not hold, in an `except` block too."""
    if not holds:
        raise Wrong(what)


class Hang(BaseException):
    """Raised inside an input that takes too long; no `except Exception` keeps it."""


class Finding(NamedTuple):
    """What went wrong, and where: findings of one place count once."""

    kind: str
    text: str


def told(
    test: Callable[[bytes], object], data: bytes, seconds: float = HANG, memory: int | None = None
) -> Finding | None:
    """Feed one input; return what went wrong, None if nothing did.

    Args:
        test: The harness.
        data: The input.
        seconds: The most CPU that it may take.
        memory: The most bytes that this process may need for it; None for any.
    """
    most = None if memory is None else max(memory, peak())  # what was needed before, for something else, is no finding
    began = time.process_time()
    try:
        with _alarm(3 * seconds):
            test(data)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as exc:  # noqa: BLE001  # whatever comes is what is looked for
        return Finding(_kind(exc), "".join(traceback.format_exception(exc, limit=-12)))
    took = time.process_time() - began
    if took > seconds:
        return Finding("slow", f"took {took:.2f} s of CPU for {len(data)} bytes\n")
    if most is not None and peak() > most:
        return Finding("memory", f"needed {peak() >> 20} MB\n")
    return None


def peak() -> int:
    """Bytes this process needed at most; not by getrusage, which counts what the parent had before the exec."""
    if sys.platform != "linux":
        return 0
    return int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[0]) << 10


def _kind(exc: BaseException) -> str:
    if isinstance(exc, Hang):
        return "slow"
    places = traceback.extract_tb(exc.__traceback__)
    ours = [place for place in places if "/recorder/" in place.filename] or places
    return f"{type(exc).__name__} {Path(ours[-1].filename).name}:{ours[-1].name}"


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, stack: object) -> None:
        raise Hang(f"takes longer than {seconds:g} s of CPU")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)  # of this process: others may keep the machine busy
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
