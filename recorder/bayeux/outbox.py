"""Queue the events for one client and, with the acknowledgement extension, those sent but not confirmed.

With the extension a client names in each /meta/connect the last batch it got. What it does not confirm is delivered
again with the next reply, what it confirms never again (CometD's server, AcknowledgedMessagesSessionExtension).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any


@dataclass(slots=True, eq=False)
class Queued:
    """An event on its way to one client.

    Attributes:
        text: The Bayeux message as JSON.
        owner: Whatever the caller wants to know the event by when it is delivered, or comes back.
        place: Number among all events pushed to the client.

    """

    text: str
    owner: Any = None
    place: int = 0


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

    def take(self) -> tuple[list[Queued], list[Queued]]:
        """Return the events of the next answer: those delivered for the first time, and all."""
        fresh, self._queue = self._queue, []
        if not self.confirms:
            return fresh, fresh
        self._unconfirmed += [(self.batch, event) for event in fresh]
        self.batch += 1
        return fresh, [event for _, event in self._unconfirmed]

    def put_back(self, events: list[Queued]) -> list[Queued]:
        """Queue the events of an answer that did not leave again; return those that wait anew.

        A client that confirms asks for them by itself.
        """
        if self.confirms:
            return []
        self._queue = sorted(events + self._queue, key=attrgetter("place"))
        return events

    def inherit(self, before: Outbox) -> list[Queued]:
        """Queue the events of an earlier session of the client before its own; return those that wait anew."""
        again = [event for _, event in before._unconfirmed]  # of the same class
        self._pushed += before._pushed
        for event in self._queue:
            event.place += before._pushed
        self._queue = [*again, *before._queue, *self._queue]
        before._queue, before._unconfirmed = [], []
        return again
