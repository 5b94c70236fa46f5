"""Put events into the answers to subscriptions and publishes, as a server does that has them when it answers.

Java's and nodejs' servers do so (AbstractHttpTransport.java:337), faye never does. With `ext.ack`, and with
callback-polling, events come with polls alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ....bayeux import channels
from ....bayeux.messages import Message
from ....bayeux.server import BayeuxServer
from ....bayeux.session import CALLBACK_POLLING, Answer
from ....model import Headers
from ..sessions.playhead import Playhead
from ..timeline import Run, Step
from .deviations import Deviation, Kind
from .holding import Gate
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
    """An answer that waits for the events of its turn."""

    answer: Answer
    headers: Headers
    client_id: str


@dataclass(slots=True, eq=False)
class Replying:
    """The answers of one schedule that are to carry events.

    Attributes:
        clients: The clients, by their names.
        kept: Answers that wait.
    """

    schedule: Schedule
    gate: Gate
    bayeux: BayeuxServer
    clients: dict[str, Playhead] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    _wanted: dict[Item, Deviation] = field(init=False)

    def __post_init__(self) -> None:
        mine = [one for one in self.schedule.deviations if one.kind is Kind.IN_REPLY]
        self._wanted = {one.item: one for one in mine}

    def keeps(self, answer: Answer, headers: Headers, asked: Asked) -> bool:
        """Return whether an answer waits for the events of its turn."""
        if not self._wanted or not asked.takes_events or answer.texts is None:
            return False
        if answer.transport == CALLBACK_POLLING or self.bayeux.confirms(asked.client_id):
            return False
        self.kept.append(Kept(answer, headers, asked.client_id))
        return True

    def take(self) -> list[Kept]:
        """Return the answers that waited, once."""
        kept, self.kept = self.kept, []
        return kept

    def brings(self, client_id: str, now: float) -> Iterator[tuple[Run, Step]]:
        """Let what waits for an answer leave, and yield what is caused but not due and is to come with this answer."""
        playhead = next((one for one in self.clients.values() if client_id in one.client_ids), None)
        if playhead is None:
            return
        for held in self.gate.held:
            if held.run.owner is playhead and held.item in self._wanted:
                self.gate.open(self._wanted[held.item], playhead.name, now)
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
