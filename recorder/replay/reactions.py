"""How long a virtual clock stands still: until clients have reacted to what they were sent, at their pace."""

from __future__ import annotations

_LEAST, _MOST = 0.002, 0.01  # seconds without a request after which they have reacted
_TIMES = 2  # what they lately took, for that tells how fast they and the machine are
_THOUGHT = 0.1  # seconds from which on it was no reaction
_MEMORY = 0.8  # of the slowest reaction is left after each further one


class Reactions:
    """Measures how soon a request follows an answer."""

    def __init__(self) -> None:
        """Clients are slow until they show otherwise."""
        self._slowest = _MOST / _TIMES
        self._sent: float | None = None

    def sent(self, now: float) -> None:
        """An answer left, at `now` seconds of a monotonic clock."""
        self._sent = now

    def came(self, now: float) -> None:
        """A request came; the first one after an answer is a reaction to it."""
        if self._sent is not None and now - self._sent < _THOUGHT:
            self._slowest = max(now - self._sent, _MEMORY * self._slowest)
        self._sent = None

    @property
    def settle(self) -> float:
        """Seconds without a request after which nobody is about to send one."""
        return min(_MOST, max(_LEAST, _TIMES * self._slowest))
