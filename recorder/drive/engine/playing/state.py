"""Define what a driver is told about patience, and how far it says it has got."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from ....frozen import dataclass
from ....model import Event


class OnMissing(Enum):
    """What to do about steps that wait for something that does not come."""

    STOP = "stop"  # end the run
    SKIP = "skip"  # leave them out, and those that need values of theirs
    SEND = "send"  # send them all the same, if none of their values is missing


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what the server should tell, counted from the step that causes it.

    Attributes:
        least: Seconds at least.
        factor: How many times the recorded latency.
        most: Seconds at most beyond that, for events that no request caused: they may never come again, and half an
            hour before one is no latency of the server.
    """

    least: float = 5.0
    factor: float = 3.0
    most: float = 60.0

    def seconds(self, latency: float, *, is_loose: bool = False) -> float:
        """Return the seconds to wait for something that was recorded with a latency in seconds.

        Args:
            latency: Seconds since its cause.
            is_loose: Whether it is an event that no request caused; then it is the time since the step before.
        """
        long = self.factor * latency
        return max(self.least, min(long, latency + self.most) if is_loose else long)


@dataclass(frozen=True, slots=True)
class State:
    """How far a drive has got.

    Attributes:
        sent: Number of steps that were sent.
        left_out: Number of steps that were left out.
        steps: Number of all steps.
        answered: Number of recorded answers and replies that came.
        answers: Number of all recorded answers and replies.
        heard: Number of recorded events that came, without heartbeats and the like.
        events: Number of all recorded events, without heartbeats and the like.
        waits: What the clients wait for, in sentences: at most some 20.
        is_over: Whether the run has ended; nothing is sent any more, and nothing is waited for.
        has_stalled: Whether the run was stopped because something did not come.
        paired: The live event of each recorded one, by its number.
    """

    sent: int
    left_out: int
    steps: int
    answered: int
    answers: int
    heard: int
    events: int
    waits: tuple[str, ...]
    is_over: bool
    has_stalled: bool
    paired: Mapping[int, Event]
