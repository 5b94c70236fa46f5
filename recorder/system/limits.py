"""Read and set the limits of this process; Windows has none."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # None stands for a system without limits

_SIZES = Path("/proc/self/statm")  # Linux


def most_descriptors() -> int | None:
    """Return how many descriptors this process may open; None without a limit."""
    if resource is None:
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def allow_descriptors(wanted: int) -> None:
    """Raise the limit of descriptors as far as this process may, if it is lower."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def can_limit_memory() -> bool:
    """Return whether `limit_memory` works on this system."""
    return resource is not None and _SIZES.exists()


def limit_memory(more: int) -> None:
    """Let this process take at most `more` bytes of addresses beside those that it has; only Linux can."""
    if resource is None or not can_limit_memory():
        return
    now = int(_SIZES.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))
