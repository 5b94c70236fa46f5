"""Take what a server of Bayeux advises with care: a client that follows it as it stands may loop or wait for ever."""

from __future__ import annotations

import math
from typing import Any

from ..model import JSON
from . import channels

LONGEST = 600.0  # seconds of an interval or a timeout; a client that waits longer is of no use to a drive
_SHORTEST = 1.0  # seconds that an answer to a poll is waited for at least
_QUICK = 0.2  # seconds; a poll without an event that is answered before is one of a loop
_LOOPS = 4  # polls and handshakes of that kind, one after the other, that are usual: the server has lost a session
_FIRST, _SLOWEST = 0.02, 1.0  # seconds between two of them afterwards, at first and at last


def tamed(message: dict[str, Any]) -> None:
    """Change a message so that a client can take it: its id, and an advice that is none, or without an end."""
    if not isinstance(message.get("id", ""), str | int | float | None):
        del message["id"]
    if message["channel"].startswith(channels.META):
        message["successful"] = message.get("successful") is True
    if "advice" in message:
        advice = advice_of(message)
        del message["advice"]
        if advice is not None:
            message["advice"] = advice


def advice_of(message: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a message advises about the next one, with times in seconds; None if it advises nothing."""
    advice = message.get("advice")
    if not isinstance(advice, dict):
        return None
    return {
        name: advice[name] if name == "reconnect" else seconds(advice[name])
        for name in ("reconnect", "interval", "timeout")
        if name in advice
    }


def seconds(advised: JSON) -> float:
    """Return a time of an advice, which is in milliseconds, in seconds; 0 for what is no time."""
    if isinstance(advised, bool) or not isinstance(advised, int | float) or not advised > 0:
        return 0.0
    return LONGEST if advised >= LONGEST * 1000 else advised / 1000  # before the division: integers have no limit


def waited_for(timeout: float, margin: float) -> float | None:
    """Return how many seconds a poll is waited for if its server holds it so long; None if it does not say."""
    return max(_SHORTEST, timeout * margin) if timeout else None


class Pace:
    """Slows a client down whose polls and handshakes come to nothing at once: its server may advise it for ever."""

    def __init__(self) -> None:
        self._loops, self._last, self._heard, self._paused = 0, -math.inf, 0, 0.0

    def ended(self, now: float, heard: int) -> None:
        """Take the end of a poll or a handshake.

        Args:
            now: The time, in seconds.
            heard: How many events came until then.

        """
        is_quick = now - self._last - self._paused < _QUICK and heard == self._heard
        self._loops = self._loops + 1 if is_quick else 0
        self._last, self._heard, self._paused = now, heard, 0.0

    def pause(self) -> float:
        """Return how many seconds to wait before the next one."""
        over = self._loops - _LOOPS
        self._paused = 0.0 if over < 0 else min(_SLOWEST, _FIRST * 2 ** min(over, 10))
        return self._paused
