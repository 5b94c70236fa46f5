"""What is on its way to one client: a queue, and with the acknowledgement extension what was sent and not confirmed.

With the extension a client names in each /meta/connect the last batch it got. What it does not confirm is delivered
again with the next reply, what it confirms never again (CometD's server, AcknowledgedMessagesSessionExtension).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter

from .messages import Message


@dataclass(slots=True, eq=False)
class Queued:
    """An event on its way to one client; `taken` is told when it is put into an answer, or comes back (False)."""

    message: Message | str  # or its JSON
    taken: Callable[[bool], None]
    place: int = 0  # among all that were pushed to the client


@dataclass(slots=True)
class Outbox:
    """The events for one client, each delivered once, in the order they were pushed.

    Attributes:
        confirms: The client confirms what it got (`ext.ack`).
        batch: The number of the next delivery, where it does.

    """

    confirms: bool = False
    batch: int = 1
    _queue: list[Queued] = field(default_factory=list)
    _unconfirmed: list[tuple[int, Queued]] = field(default_factory=list)
    _pushed: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for its first delivery."""
        return not self._queue

    @property
    def is_confirmed(self) -> bool:
        """Whether all that was delivered is confirmed, or need not be."""
        return not self._unconfirmed

    def push(self, event: Queued) -> None:
        """Add an event at the end."""
        self._pushed += 1
        event.place = self._pushed
        self._queue.append(event)

    def confirmed(self, batch: int) -> None:
        """The client has all up to this batch."""
        self._unconfirmed = [(sent, event) for sent, event in self._unconfirmed if sent > batch]

    def take(self) -> list[Queued]:
        """All that goes into the next answer; what is new in it is told that it is taken."""
        fresh, self._queue = self._queue, []
        for event in fresh:
            event.taken(True)
        if not self.confirms:
            return fresh
        self._unconfirmed += [(self.batch, event) for event in fresh]
        self.batch += 1
        return [event for _, event in self._unconfirmed]

    def put_back(self, events: list[Queued]) -> None:
        """An answer did not leave: its events are the next ones again. A client that confirms will tell by itself."""
        if self.confirms:
            return
        self._queue = sorted(events + self._queue, key=attrgetter("place"))
        for event in events:
            event.taken(False)

    def inherit(self, before: Outbox) -> None:
        """Go on with what was for an earlier session of the client, in its order and before its own."""
        again = [event for _, event in before._unconfirmed]  # of the same class
        for event in again:
            event.taken(False)
        self._pushed += before._pushed
        for event in self._queue:
            event.place += before._pushed
        self._queue = [*again, *before._queue, *self._queue]
        before._queue, before._unconfirmed = [], []
