"""Define how strictly a client is held to the recording.

The pytest plugin reads this module in each run of a user's tests, so it imports nothing of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ...model import Request

# A function of the user: a live request and a recorded one → True if they match, False or a reason if they do not, None
# if the usual rules decide
Match: TypeAlias = "Callable[[Request, Request], bool | str | None]"


class Repeat(Enum):
    """The rule for a request that comes more often than it was recorded: which answer it gets."""

    ERROR = "error"  # a miss
    LAST = "last"  # the last of its recorded answers once more
    CYCLE = "cycle"  # all of its recorded answers, from the first one on


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules by which a client is held to the recording.

    Attributes:
        repeat: What to answer when a request comes more often than it was recorded.
        strict: Operations must come in their recorded order, and be of the recorded session that is followed.
        match: A function of the user that has a say in each match; None if there is none.

    """

    repeat: Repeat = Repeat.ERROR
    strict: bool = False
    match: Match | None = None
