"""Play runs in the order of a schedule: each step that is due passes a gate, and what leaves is noted.

With the empty schedule nothing waits, and all is played as without one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ....bayeux import channels
from ....bayeux.messages import Message
from ....bayeux.session import WEBSOCKET, Answer, Says
from ....model import Headers, Recording
from ..http import HttpRequest, Responses
from ..scheduling.player import Player
from ..sessions.playhead import Playhead
from ..timeline import Run, Step
from .disturbing import Disturbing
from .expected import Expected
from .holding import Gate
from .items import Item
from .lines import Lines
from .naming import Naming
from .played import Log, Order, as_json
from .replying import NOTHING, Asked, Replying, asked_by
from .schedule import Kept, Schedule

_BROKEN = 0  # in place of a status: the connection ends


class Mark(NamedTuple):
    """Stands on an event on its way: the run whose ack waits for it, which item it is, and whose."""

    run: Run | None
    item: Item | None
    client: str
    on_stream: bool


@dataclass(slots=True)
class NotedResponses(Responses):
    """Responses of which the player is told as they become ready."""

    player: OrderedPlayer | None = field(default=None, repr=False)

    def answer(self, answer: Answer, headers: Headers = ()) -> None:
        """Add an answer of the Bayeux server, and note what it carries; or break it off, or let it wait for events."""
        if self.player is not None and self.player.keeps(answer, headers):
            return
        self.finish(answer, headers)

    def finish(self, answer: Answer, headers: Headers) -> None:
        """Add an answer that waits for nothing any more."""
        if self.player is None or self.player.carries(answer):
            super(NotedResponses, self).answer(answer, headers)
        else:
            super(NotedResponses, self).add(answer.request, _BROKEN, (), b"")

    def add(self, number: int, status: int, headers: Headers, body: bytes) -> None:
        """Add any other response, and note the ack that it is."""
        if self.player is not None:
            self.player.acknowledges(number)
        super(NotedResponses, self).add(number, status, headers, body)

    def begin(self, number: int, status: int, headers: Headers) -> None:
        """Add the head of a stream, and note the ack that it is."""
        if self.player is not None:
            self.player.acknowledges(number)
        super(NotedResponses, self).begin(number, status, headers)


class OrderedPlayer(Player):
    """The runs of all clients, in the order of a schedule.

    Attributes:
        clients_now: Time of the clients' own clock, where the stand-in plays by another one; None where it does not.
        schedule: The schedule.
    """

    clients_now: float | None = None

    def obey(self, schedule: Schedule | Kept, recording: Recording, responses: NotedResponses) -> None:
        """Play a recording by a schedule from now on; call it once, before anything is played.

        A schedule from its file also tells in which order it was played then.

        Raises:
            UsageError: If the recording lacks an item of the schedule.

        """
        self._expected = Expected()
        if isinstance(schedule, Kept):
            self._expected, schedule = Expected([name for name, _ in schedule.played]), schedule.schedule
        self.schedule, self._naming = schedule, Naming(recording, self._session_of)
        self._naming.check(schedule)
        self._log = Log(self._naming)
        self._gate = Gate(self._log, Lines(recording, self._dialect, self._windows, self._protocols))
        self._gate.obey(schedule)
        self._trouble = Disturbing(schedule, self._bayeux, self._gate, self._log, self.forget, self.cut)
        self._now = 0.0
        self._asked: dict[int, Asked] = {}  # by request
        self._replying = Replying(schedule, self._gate, self._bayeux, self._subscriptions.covered)
        self._acks: defaultdict[int, list[Mark]] = defaultdict(list)  # by request, until it is answered
        # by clientId, until it polls again: what it was sent, and in which answer
        self._unseen: defaultdict[str, list[tuple[int, Mark]]] = defaultdict(list)
        self._noted, responses.player = responses, self

    # -- what a driver asks

    @property
    def order(self) -> Order:
        """The order in which answers and events were played so far."""
        return self._log.order(self.schedule)

    def as_json(self) -> dict[str, Any]:
        """Return the schedule and the order that it has brought about, as the control API and reports show it."""
        return as_json(self.schedule, self.order)

    @property
    def due(self) -> float | None:
        """Time at which the next step leaves, None where none is left, or only such as wait for something else."""
        due = self._queue.due
        if not self._gate.held:
            return due
        times = [at for at in (due, self._gate.due(self.clients_now)) if at is not None]
        return min(times, default=None)

    @property
    def ripens(self) -> float | None:
        """Time of the clients' clock at which a step is late enough; None where none waits for that."""
        return None if self.clients_now is None else self._gate.ripens(self.clients_now)

    @property
    def is_stuck(self) -> bool:
        """True if nothing is left but steps that wait for what clients may never do."""
        return bool(self._gate.held) and self.due is None and self.ripens is None

    @property
    def is_polled(self) -> bool:
        """True if every client that was sent an answer to its poll has polled again."""
        return not any(self._unseen.values())

    @property
    def is_broken(self) -> bool:
        """True if a client lost its poll, its session or its WebSocket, and is not back yet."""
        return bool(self._trouble.broken)

    @property
    def is_guided(self) -> bool:
        """True while the play goes on as in an earlier run of the schedule, as far as it is known."""
        return bool(self._expected.item)

    @property
    def is_awaited(self) -> bool:
        """True if a client did something in an earlier run of the schedule, before what happens next, and not yet here.

        That is a request, or the poll that a step waits for which left next.
        """
        item = self._expected.item
        return self._expected.is_request or (bool(item) and any(str(one.item) == item for one in self._gate.held))

    def go_astray(self) -> None:
        """Do not expect any more what clients did in an earlier run."""
        self._expected.forget()

    def give_up(self) -> None:
        """Let the earliest step leave that is held back, at the next turn; the order that it waited for is not met."""
        self._gate.give_up()

    # -- steps that leave

    def begin(self, playhead: Playhead, run: Run) -> None:
        """Begin a run."""
        if name := self._naming.request(run):
            self._log.requested(name, playhead.name, run.started)
            self._expected.came(name)
        self._replying.clients[playhead.name] = playhead
        super().begin(playhead, run)

    def play(self, now: float) -> bool:
        """Let the next step that is due leave; return whether there was one."""
        self._now = now
        if self._replying.kept:
            self._finish(now)
            return True
        return (bool(self._gate.held) and self._let_out(now)) or super().play(now)

    def _let_out(self, now: float) -> bool:
        """Let a step leave that waited at the gate, if one may; return whether one did."""
        found = self._gate.let_out(now, self._clock(now))
        if found is not None:
            self._leaves(found.run, found.step, now)
        return found is not None

    def _leaves(self, run: Run, step: Step, now: float) -> None:
        if step.event is not None:
            run.comes_later(now)
        super()._out(run, step, now)
        self._go_on(run, now)

    # -- events in the answers to other messages than polls

    def keeps(self, answer: Answer, headers: Headers) -> bool:
        """Return whether an answer waits until this turn's events are known, one of which it may have to carry."""
        return self._replying.keeps(answer, headers, self._asked.get(answer.request, NOTHING))

    def _finish(self, now: float) -> None:
        """Let the answers leave that waited, with the events that a schedule puts into them."""
        for kept in self._replying.take():
            answer, headers, client_id = kept
            for run, step in self._replying.brings(kept, now):
                run.take_out(step)
                self._leaves(run, step, now)
            while self._gate.held and self._let_out(now):
                pass
            full = self._bayeux.with_events(answer, client_id)
            self._fetched(full.delivered[len(answer.delivered) :], out=True)
            self._noted.finish(full, headers)

    def _clock(self, now: float) -> float:
        return now if self.clients_now is None else self.clients_now

    def _out(self, run: Run, step: Step | None, now: float) -> None:
        self._now = now
        if step is None or not self._gate.takes(run, step, self._naming.of_step(run, step), now, self._clock(now)):
            super()._out(run, step, now)
        elif step.event is not None:
            run.taken(out=True)  # no ack waits for it

    def _go_on(self, run: Run, now: float) -> None:
        if run.step is not None or not self._gate.has(run):
            super()._go_on(run, now)

    def _answered(self, run: Run) -> None:
        super()._answered(run)
        if run.step is None and self._gate.has(run):
            run.owner.begins(run)  # it is still to come

    def let_go(self, playhead: Playhead) -> list[tuple[Step, str]]:
        """Forget a client that nothing is due to; return its events that wait for clients of other sessions."""
        self._gate.forget(playhead.name)
        self._replying.clients.pop(playhead.name, None)
        return super().let_go(playhead)

    # -- what is noted

    def _owner_of(self, playhead: Playhead, run: Run, step: Step) -> Mark:
        on_stream = step.event is not None and step.event.client_id in self._protocols
        return Mark(super()._owner_of(playhead, run, step), self._naming.of_step(run, step), playhead.name, on_stream)

    def _moved(self, run: Any, *, out: bool) -> None:
        mark = run if isinstance(run, Mark) else None
        if mark is not None and mark.on_stream and mark.item is not None:
            if out:
                self._log.left(mark.item, mark.client, self._now)
                self._log.saw(mark.item, mark.client, self._now)
            else:
                self._log.came_back(mark.item, mark.client)
            self._expected.left(self._log.count, self._log.plain)
        super()._moved(run if mark is None else mark.run, out=out)

    def _acknowledge(self, playhead: Playhead, run: Run, now: float) -> None:
        item = self._naming.of_ack(run)
        if item is not None and run.request is not None:
            self._acks[run.request].append(Mark(None, item, playhead.name, on_stream=False))
        super()._acknowledge(playhead, run, now)

    def acknowledges(self, number: int) -> None:
        """Note that the answer to a request leaves, with its ack or with several replies to publishes."""
        for ack in self._acks.pop(number, ()):
            self._notes(ack, number)
            self._sees(ack)

    def carries(self, answer: Answer) -> bool:
        """Note what an answer of the Bayeux server carries; return False where it breaks off."""
        client_id, is_poll, _ = self._asked.pop(answer.request, NOTHING)
        marks = [one.owner for one in self._bayeux.carried(answer.request) if isinstance(one.owner, Mark)]
        if is_poll and marks:
            items = [(mark.item, mark.client) for mark in marks if mark.item is not None]
            if self._trouble.breaks(items, client_id):
                self.abort(answer.request)
                return False
            self._trouble.carries(items, client_id)
        if not is_poll:
            self._replying.carries(mark.item for mark in marks)
        for mark in marks:
            self._notes(mark, answer.request)
            if is_poll and answer.transport != WEBSOCKET:
                self._unseen[client_id].append((answer.request, mark))
            else:
                self._sees(mark)
        self.acknowledges(answer.request)
        return True

    def _notes(self, mark: Mark, answer: int) -> None:
        if mark.item is not None:
            self._log.left(mark.item, mark.client, self._now, answer)
            self._expected.left(self._log.count, self._log.plain)

    def _sees(self, mark: Mark) -> None:
        if mark.item is not None:
            self._log.saw(mark.item, mark.client, self._now)

    def _polls(self, client_id: str) -> None:
        """Note that a client polls again, and so has taken all that it was sent."""
        self._trouble.broken.discard(client_id)
        for _, mark in self._unseen.pop(client_id, ()):
            self._sees(mark)

    def receive(
        self,
        request: HttpRequest,
        messages: list[Message],
        now: float,
        transport: str,
        *,
        later: Collection[int] = (),
        says: Says | None = None,
    ) -> list[Answer]:
        """Hand Bayeux messages to the server; return the answers that are ready, which are still to be sent."""
        self._now = now
        if self._replying.kept:  # the answer to an earlier request must not leave with what comes after this one
            self._finish(now)
        self._asked[request.number] = asked_by(messages)
        for message in messages:
            if message["channel"] == channels.CONNECT:
                self._polls(str(message.get("clientId", "")))
        messages = [self._trouble.heard(message) for message in messages]
        return super().receive(request, messages, now, transport, later=later, says=says)

    def flush(self, now: float) -> bool:
        """Answer the polls that have something to carry, or whose time is over; return whether there was any."""
        self._now = now
        if self._replying.kept:  # also during a pause
            self._finish(now)
            return True
        return super().flush(now) or (bool(self._gate.held) and self._trouble.strike(now))

    def sent(self, number: int) -> None:
        """Note that a response, or the next piece of a stream, has left."""
        self._log.sent(number)
        super().sent(number)

    def abort(self, number: int) -> None:
        """Give a request up, as its client did: the events of a poll wait for the next one."""
        self._asked.pop(number, None)
        self._acks.pop(number, None)
        self._log.lost(number)
        self._expected.left(self._log.count, self._log.plain)
        for client_id, sent in self._unseen.items():
            self._unseen[client_id] = [one for one in sent if one[0] != number]
        super().abort(number)

    def succeed(self, old: str, new: str) -> None:
        """Hand the events of a client's old Bayeux session to its new one."""
        self._polls(old)
        super().succeed(old, new)
        self._trouble.succeeds(old, self._now)
