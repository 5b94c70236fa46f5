"""When a capture goes on in a new file, and what that is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_QUIET = 2.0  # seconds without an operation or event after which nothing is torn apart
_PATIENCE = 1.25  # times a limit that is waited for quiet; then a part ends in the middle


@dataclass(frozen=True, slots=True)
class Limits:
    """How large (bytes) and how long (seconds) a part may get; None for no limit."""

    size: int | None = None
    duration: float | None = None

    def reached(self, size: int, duration: float, quiet: float) -> bool:
        """Whether a part of this size and duration should end, `quiet` seconds after the last operation or event."""
        shares = [
            measured / limit for measured, limit in ((size, self.size), (duration, self.duration)) if limit is not None
        ]
        share = max(shares, default=0.0)
        return share >= _PATIENCE or (share >= 1.0 and quiet >= _QUIET)


def part_path(path: Path, part: int) -> Path:
    """The file of a part: the first has the name that was asked for, the second gets `-2`, and so on."""
    return path if part == 1 else path.with_name(f"{path.stem}-{part}{path.suffix}")
