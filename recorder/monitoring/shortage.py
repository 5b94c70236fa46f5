"""Say that a server is out of file descriptors or memory and accepts no client for now, but not too often."""

from __future__ import annotations

import errno

# errors of accept(2) that pass when others give back what they hold
SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_EVERY = 10.0  # seconds between two lines; a shortage that comes and goes is told as one
_ADVICE = {
    errno.EMFILE: "close clients, or start it again after a higher `ulimit -n`",
    errno.ENFILE: "close programs, or raise the machine's limit (Linux: `sysctl fs.file-max`)",
}


class Shortage:
    """The shortages of one server, and when the last line about them was written."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        """Start with nothing told."""
        self._last: float | None = None

    def told(self, error: OSError, now: float) -> str | None:
        """Return the line to write about a failed accept; None if one was written in the last 10 seconds.

        Args:
            error: The error of the accept.
            now: Seconds of a monotonic clock.

        """
        if self._last is not None and now - self._last < _EVERY:
            return None
        self._last = now
        what = (
            "the process or the system is out of file descriptors"
            if error.errno in _ADVICE
            else f"the system is short: {error.strerror}"
        )
        advice = _ADVICE.get(error.errno or 0, "free memory")
        return f"{what}: new clients must wait, connected clients are still served; what to do: {advice}"
