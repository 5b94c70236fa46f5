"""Read figures about this process from the system, under the names that all Prometheus clients use for them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..system.limits import most_descriptors
from .openmetrics import Family, counter, gauge

_PROC = Path("/proc/self")  # Linux; elsewhere the figures that need it are left out


def process_families() -> Iterator[Family]:
    """Yield processor time, memory, descriptors and start time of this process, as far as the system tells them."""
    spent = time.process_time()
    yield counter("process_cpu_seconds", "Processor time that the process has taken, in seconds.", spent)
    if not hasattr(os, "sysconf"):  # Windows
        return
    with suppress(OSError, ValueError, IndexError):
        pages = int((_PROC / "statm").read_text(encoding="utf-8").split()[1])
        size = pages * os.sysconf("SC_PAGE_SIZE")
        yield gauge("process_resident_memory_bytes", "Memory that the process holds, in bytes.", size)
    with suppress(OSError):
        yield gauge("process_open_fds", "Open descriptors.", len(os.listdir(_PROC / "fd")))  # noqa: PTH208  # names only, no Path for each
    if (most := most_descriptors()) is not None:
        yield gauge("process_max_fds", "Most descriptors that the process may open.", most)
    with suppress(OSError, ValueError, IndexError):
        began = _started()
        yield gauge("process_start_time_seconds", "Start of the process, in seconds since 1970 (UTC).", began)


def _started() -> float:
    """Return the start of this process: field 22 of /proc/self/stat, in ticks since the machine started (proc(5))."""
    ticks = int((_PROC / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    uptime = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    return round(time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK"), 2)
