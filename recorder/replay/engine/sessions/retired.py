"""Keep of the sessions that were let go what the verdicts at the end need, in a form that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..anchored import Unplayed
from .playhead import Playhead

_MOST_UNHEARD = 100  # clients without a push session that are remembered


class Retired:
    """The sessions that were let go.

    Attributes:
        count: Number of the sessions.
        played: Places of the recorded requests that any of them asked for.
        begun: Places of the unsolicited events that were begun for any of them.
        unheard: The first hundred of those that events were due to, but that had no push session, as JSON.

    """

    __slots__ = ("_unplayed", "_unsubscribed", "begun", "count", "played", "unheard")

    def __init__(self) -> None:
        """Start without any."""
        self.count = 0
        self.played, self.begun = set[int](), set[int]()
        self.unheard: list[dict[str, Any]] = []
        # by the recorded event, and so no more than these
        self._unplayed: dict[object, Unplayed] = {}
        self._unsubscribed: dict[object, Unplayed] = {}

    @property
    def unplayed(self) -> Iterable[Unplayed]:
        """Events that waited for one of the sessions."""
        return self._unplayed.values()

    @property
    def unsubscribed(self) -> Iterable[Unplayed]:
        """Events on channels that one of the sessions did not subscribe to."""
        return self._unsubscribed.values()

    def add(self, gone: Playhead, unplayed: Iterable[Unplayed], unsubscribed: Iterable[Unplayed]) -> None:
        """Take the results of a session that is let go."""
        self.count += 1
        self.played.update(gone.played)
        self.begun.update(gone.progress.begun)
        for found, kept in ((unplayed, self._unplayed), (unsubscribed, self._unsubscribed)):
            for one in found:
                at = None if one.event is None else (one.event.seq, one.event.index)
                kept.setdefault((one.unsolicited, one.place, at), one)

    def add_unheard(self, found: Iterable[dict[str, Any]]) -> None:
        """Keep clients without a push session, while there is room."""
        self.unheard += list(found)[: _MOST_UNHEARD - len(self.unheard)]
