"""Make the trouble that a schedule asks for: lost polls and sessions, cut WebSockets, lost confirmations.

Nothing is lost by it. The events of a poll that broke off, and those behind the end of a session or a WebSocket, come
when the client is there again. All events that a client with `ext.ack` did not confirm come again in its next answer
(AcknowledgedMessagesSessionExtension.java).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ....bayeux import channels
from ....bayeux.extensions import batch_of
from ....bayeux.messages import Message
from ....bayeux.server import BayeuxServer
from ..sessions.playhead import Playhead
from .deviations import Deviation, Kind
from .holding import Gate, Held
from .items import Item
from .played import Log
from .schedule import Schedule

_NONE = -1  # the batch that a client confirms that got none yet


@dataclass(slots=True, eq=False)
class Disturbing:
    """The trouble of one schedule, and how far it has come.

    Attributes:
        broken: ClientIds whose poll broke off, or whose session was lost, until the client is there again.
    """

    schedule: Schedule
    bayeux: BayeuxServer
    gate: Gate
    log: Log
    forget: Callable[[str], None]
    cut: Callable[[Playhead], None]
    broken: set[str] = field(default_factory=set)
    _kinds: frozenset[Kind] = field(init=False)
    _by_item: dict[Item, list[Deviation]] = field(default_factory=dict)
    _done: set[tuple[Deviation, str]] = field(default_factory=set)  # by client
    _lost: defaultdict[str, list[tuple[Deviation, str]]] = field(default_factory=lambda: defaultdict(list))
    _unconfirmed: dict[str, list[Deviation]] = field(default_factory=dict)  # by clientId: what is to come twice

    def __post_init__(self) -> None:
        self._kinds = frozenset(one.kind for one in self.schedule.deviations)
        for one in self.schedule.deviations:
            self._by_item.setdefault(one.item, []).append(one)

    def wants(self, kind: Kind) -> bool:
        """Return whether the schedule has deviations of a kind."""
        return kind in self._kinds

    # -- answers that break off, and confirmations that are lost

    def breaks(self, carried: Iterable[tuple[Item, str]], client_id: str) -> bool:
        """Return whether the answer to a poll breaks off that is to carry some items of clients; it does so once."""
        found = [(one, client) for item, client in carried for one in self._new(Kind.LOST_POLL, item, client)]
        self._done.update(found)
        self.log.done.update(one for one, _ in found)
        if found:
            self.broken.add(client_id)
        return bool(found)

    def carries(self, carried: Iterable[tuple[Item, str]], client_id: str) -> None:
        """Note which items an answer to a poll carries that are to come twice."""
        if self.wants(Kind.TWICE) and self.bayeux.confirms(client_id):
            found = [(one, client) for item, client in carried for one in self._new(Kind.TWICE, item, client)]
            self._done.update(found)
            if found:
                self._unconfirmed[client_id] = [one for one, _ in found]

    def heard(self, message: Message) -> Message:
        """Return a message as the server gets it: a confirmation may be lost."""
        client_id = str(message.get("clientId", ""))
        twice = self._unconfirmed.get(client_id) if self._unconfirmed else None
        batch = batch_of(message)
        if not twice or message["channel"] != channels.CONNECT or batch is None:
            return message
        del self._unconfirmed[client_id]
        self.log.done.update(twice)  # what earlier polls confirmed is gone, and the rest comes again
        return message | {"ext": message["ext"] | {"ack": _NONE}}

    def _new(self, kind: Kind, item: Item, client: str) -> list[Deviation]:
        if kind not in self._kinds:
            return []
        mine = self._by_item.get(item, ())
        return [one for one in mine if one.kind is kind and (one, client) not in self._done]

    # -- sessions and WebSockets that end

    def strike(self, now: float) -> bool:
        """End the sessions and WebSockets that are to end before what waits at the gate; return whether any did.

        A session ends while its client polls and has got all before: what it is told then is the end.
        """
        first = [held for held in self.gate.held if self.gate.is_first(held)]
        struck = [self._strikes(held, wanted, now) for held in first for wanted in held.waits_for]
        return any(struck)

    def _strikes(self, held: Held, wanted: Deviation, now: float) -> bool:
        playhead: Playhead = held.run.owner
        client_id = playhead.client_id
        if (wanted, playhead.name) in self._done or client_id is None or not self.bayeux.holds_poll(client_id):
            return False
        if wanted.kind is Kind.LOST_SESSION:
            self._lost[client_id].append((wanted, playhead.name))
            playhead.loses_session()
            self.forget(client_id)
        elif wanted.kind is Kind.CUT and self.bayeux.poll_on_socket(client_id) is not None:
            playhead.cut = True
            self.cut(playhead)
            self.log.done.add(wanted)
            self.gate.open(wanted, playhead.name, now)
        else:
            return False
        self._done.add((wanted, playhead.name))
        self.broken.add(client_id)
        return True

    def succeeds(self, old: str, now: float) -> None:
        """Note that a client has shaken hands again after it lost a session: what was to come after that may come."""
        self.broken.discard(old)
        self._unconfirmed.pop(old, None)
        for wanted, client in self._lost.pop(old, ()):
            self.log.done.add(wanted)
            self.gate.open(wanted, client, now)
