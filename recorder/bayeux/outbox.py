"""Queue the events for one client and, with the acknowledgement extension, those sent but not confirmed.

With the extension a client names in each /meta/connect the last batch it received. Events that the client does not
confirm are delivered again with the next reply (CometD's server, AcknowledgedMessagesSessionExtension).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, ClassVar

from ..lazy import Lazy, Makes, made_of


@dataclass(slots=True, eq=False)
class Queued:
    """An event on its way to one client.

    Attributes:
        text: The Bayeux message as JSON.
        owner: Any object by which the caller recognises the event when it is delivered or returned.
        place: Number among all events pushed to the client.

    """

    text: str
    owner: Any = None
    place: int = 0


@dataclass(slots=True)
class Outbox(Lazy):
    """The events for one client, each delivered once, in the order they were pushed.

    Attributes:
        confirms: Whether the client confirms what it received (`ext.ack`).
        batch: The number of the next delivery, if the client confirms.

    """

    MAKES: ClassVar[Makes] = {"_unconfirmed": made_of(list)}

    confirms: bool = False
    batch: int = 1
    _queue: list[Queued] | tuple[()] = ()  # an empty tuple is shared by all clients, and takes no memory
    _unconfirmed: list[tuple[int, Queued]] = field(init=False, repr=False)
    _pushed: int = 0

    @property
    def is_empty(self) -> bool:
        """True if the queue holds no event that was never delivered."""
        return not self._queue

    @property
    def is_confirmed(self) -> bool:
        """True if the client has confirmed every delivered event."""
        return not self._unconfirmed

    def push(self, event: Queued) -> None:
        """Add an event at the end."""
        self._pushed += 1
        event.place = self._pushed
        if self._queue:
            self._queue.append(event)
        else:
            self._queue = [event]

    def confirmed(self, batch: int) -> None:
        """Drop the events up to this batch, which the client has confirmed."""
        self._unconfirmed = [(sent, event) for sent, event in self._unconfirmed if sent > batch]

    def take(self) -> tuple[list[Queued], list[Queued]]:
        """Return the events of the next answer: first those delivered for the first time, then all."""
        fresh, self._queue = [*self._queue], ()
        if not self.confirms:
            return fresh, fresh
        self._unconfirmed += [(self.batch, event) for event in fresh]
        self.batch += 1
        return fresh, [event for _, event in self._unconfirmed]

    def put_back(self, events: list[Queued]) -> list[Queued]:
        """Queue again the events of an answer that did not leave; return the events queued.

        With the acknowledgement extension none is queued, because unconfirmed events are delivered again anyway.
        """
        if self.confirms:
            return []
        self._queue = sorted([*events, *self._queue], key=attrgetter("place"))
        return events

    def again(self, events: list[Queued]) -> None:
        """Queue events a second time, each at its place."""
        self._queue = sorted([*events, *self._queue], key=attrgetter("place"))

    def waits(self, event: Queued) -> bool:
        """Return whether an event is queued, or will come again because the client did not confirm it."""
        return any(event is one for one in self._queue) or any(event is one for _, one in self._unconfirmed)

    def inherit(self, before: Outbox) -> list[Queued]:
        """Put the events of the client's earlier session at the front; return those to be delivered a second time."""
        again = [event for _, event in before._unconfirmed]  # a private field, but of this class
        self._pushed += before._pushed
        for event in self._queue:
            event.place += before._pushed
        self._queue = [*again, *before._queue, *self._queue]
        before._queue, before._unconfirmed = (), []
        return again
