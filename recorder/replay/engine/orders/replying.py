"""Put events into the answers to subscriptions and publishes, as a server does that has them when it answers.

Java's and nodejs' servers do so (AbstractHttpTransport.java:337), faye never does. With `ext.ack`, and with
callback-polling, events come with polls alone; on a WebSocket they come in frames of their own.

The answer to a handshake carries events only where a schedule lost the session before: such that need no subscription,
because the new session has none yet. Java's server does so with `allowMessageDeliveryDuringHandshake`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ....bayeux import channels
from ....bayeux.messages import Message
from ....bayeux.server import BayeuxServer
from ....bayeux.session import CALLBACK_POLLING, WEBSOCKET, Answer
from ....model import Event, Headers
from ..sessions.playhead import Playhead
from ..timeline import Run, Step
from .deviations import Deviation, Kind
from .holding import Gate, Held
from .items import Item
from .schedule import Schedule

_WITHOUT = frozenset({channels.HANDSHAKE, channels.CONNECT, channels.DISCONNECT})


class Asked(NamedTuple):
    """A Bayeux request: the clientId of its first message, and what its answer is.

    Attributes:
        is_poll: One of its messages is a poll.
        takes_events: It subscribes, unsubscribes or publishes, and nothing else.
    """

    client_id: str
    is_poll: bool
    takes_events: bool


NOTHING = Asked("", is_poll=False, takes_events=False)


def asked_by(messages: list[Message]) -> Asked:
    """Return what a request with some messages is."""
    names = {message["channel"] for message in messages}
    client_id = str(messages[0].get("clientId", "")) if messages else ""
    return Asked(client_id, channels.CONNECT in names, bool(names) and names.isdisjoint(_WITHOUT))


class Kept(NamedTuple):
    """An answer that waits for the events of its turn; `client_id` is that of its client."""

    answer: Answer
    headers: Headers
    client_id: str

    @property
    def shakes_hands(self) -> bool:
        """True if it is the answer to a handshake."""
        return self.answer.handshaken is not None


@dataclass(slots=True, eq=False)
class Replying:
    """The answers of one schedule that are to carry events.

    Attributes:
        covered: Returns whether an event was recorded under a subscription.
        clients: The clients, by their names.
        kept: Answers that wait.
    """

    schedule: Schedule
    gate: Gate
    bayeux: BayeuxServer
    covered: Callable[[Event], bool]
    clients: dict[str, Playhead] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    _wanted: dict[Item, Deviation] = field(init=False)
    _lost: frozenset[Item] = field(init=False)  # those before which the session is lost

    def __post_init__(self) -> None:
        mine = [one for one in self.schedule.deviations if one.kind is Kind.IN_REPLY]
        self._wanted = {one.item: one for one in mine}
        lost = (one.item for one in self.schedule.deviations if one.kind is Kind.LOST_SESSION)
        self._lost = frozenset(lost) & self._wanted.keys()

    def keeps(self, answer: Answer, headers: Headers, asked: Asked) -> bool:
        """Return whether an answer waits for the events of its turn."""
        client_id = answer.handshaken or asked.client_id
        may = self._may_shake(client_id) if answer.handshaken else asked.takes_events
        if not self._wanted or not may or answer.texts is None:
            return False
        if answer.transport in (CALLBACK_POLLING, WEBSOCKET) or self.bayeux.confirms(client_id):
            return False
        self.kept.append(Kept(answer, headers, client_id))
        return True

    def _may_shake(self, client_id: str) -> bool:
        """Return whether the answer to a handshake is to carry an event."""
        if not self._lost or self.bayeux.has_events(client_id):
            return False
        playhead = self._client(client_id)
        return playhead is not None and any(self._comes_with_handshake(held, playhead) for held in self.gate.held)

    def _comes_with_handshake(self, held: Held, playhead: Playhead) -> bool:
        event = held.step.event
        is_mine = held.run.owner is playhead and held.item in self._lost
        return is_mine and event is not None and not self.covered(event)

    def _client(self, client_id: str) -> Playhead | None:
        return next((one for one in self.clients.values() if client_id in one.client_ids), None)

    def take(self) -> list[Kept]:
        """Return the answers that waited, once."""
        kept, self.kept = self.kept, []
        return kept

    def brings(self, kept: Kept, now: float) -> Iterator[tuple[Run, Step]]:
        """Let what waits for an answer leave, and yield what is caused but not due and is to come with this answer."""
        playhead = self._client(kept.client_id)
        if playhead is None:
            return
        for held in self.gate.held:
            wanted = self._wanted.get(held.item) if held.item is not None and held.run.owner is playhead else None
            if wanted is not None and (not kept.shakes_hands or self._comes_with_handshake(held, playhead)):
                self.gate.open(wanted, playhead.name, now)
        if kept.shakes_hands:  # what is not due yet came about without a loss
            return
        for run in list(playhead.runs):
            for step in list(run.coming):
                item = self.gate.log.naming.of_step(run, step)
                if item is None or item not in self._wanted or self.gate.is_in_line(run, step):
                    continue
                if self.gate.waits_for_a_reply_alone(item, playhead.name):
                    yield run, step

    def carries(self, items: Iterable[Item | None]) -> None:
        """Note which items an answer carries."""
        if self._wanted:
            self.gate.log.done.update(self._wanted[item] for item in items if item in self._wanted)
