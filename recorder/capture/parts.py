"""Decide when a capture continues in a new file, and name that file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_QUIET = 2.0  # seconds without a call or event, after which a new part separates no request from its events
_PATIENCE = 1.25  # times a limit; a part this large ends even if it is never quiet


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits at which a part of a capture ends.

    Attributes:
        size: Bytes of frames; None for no limit.
        duration: Seconds; None for no limit.

    """

    size: int | None = None
    duration: float | None = None

    def reached(self, size: int, duration: float, quiet: float) -> bool:
        """Return whether a part should end now.

        Args:
            size: Bytes of the part so far.
            duration: Seconds since the part began.
            quiet: Seconds since the last call or event, 0 while a call waits for its response.

        """
        shares = [
            measured / limit for measured, limit in ((size, self.size), (duration, self.duration)) if limit is not None
        ]
        share = max(shares, default=0.0)
        return share >= _PATIENCE or (share >= 1.0 and quiet >= _QUIET)


def part_path(path: Path, part: int) -> Path:
    """Return the path of a part, counted from 1: the first is `path` itself, the second has `-2` before the suffix."""
    return path if part == 1 else path.with_name(f"{path.stem}-{part}{path.suffix}")
