"""Plays runs to clients: events go into their Bayeux queues, acks out as answers, each when its turn has come."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from math import inf

from ....bayeux.outbox import Queued
from ....bayeux.session import BayeuxServer
from ....dialect.definition import Dialect
from ....model import Event, Recording
from ..http import Responses
from ..matching.matcher import Matcher
from ..rewriting.responses import Ack, ack, refused
from ..sessions.playhead import Playhead
from ..timeline import Run, Step, anchored
from .prepared import PreparedTriples
from .queue import StepQueue
from .windows import copies

_CUT = 0  # in place of a status: the socket ends


def _nothing(_: bool) -> None:  # noqa: FBT001  # as Queued calls it
    """Nobody waits for an event to be fetched."""


class Player:
    """What is on its way to all clients of one stand-in.

    Attributes:
        unasked: Events that nobody asked for.
        prepared: What the recorded requests bring.

    """

    def __init__(
        self, recording: Recording, matcher: Matcher, dialect: Dialect, bayeux: BayeuxServer, replies: Responses
    ) -> None:
        """Start with nothing on its way; what leaves goes to `bayeux` and `replies`."""
        self._matcher, self._dialect, self._bayeux, self._replies = matcher, dialect, bayeux, replies
        self._windows, self._copies = recording.windows, copies(recording)
        self._queue: StepQueue[Playhead] = StepQueue()
        self._unacked: dict[int, tuple[Playhead, Run]] = {}  # by request
        self.unasked = anchored(recording)
        self.prepared = PreparedTriples(matcher.triples, dialect, self.unasked.after_triple)

    @property
    def due(self) -> float | None:
        """When the next step leaves, None where none is left."""
        return self._queue.due

    def begin(self, playhead: Playhead, run: Run) -> None:
        """A run begins."""
        playhead.begun_runs += 1
        run.rank = playhead.number, playhead.begun_runs
        playhead.runs.append(run)
        if run.request is not None:
            self._unacked[run.request] = playhead, run
        self._queue.put(playhead, run)

    def play(self, now: float) -> bool:
        """Let the next step that is due leave; of several, the one that was first on the recorded wire."""
        queue = self._queue
        found = queue.next(now)
        if found is None:
            return False
        playhead, run = found
        self._leave(playhead, run, now)
        while run.is_due(now) and not queue.has_before(run, now):  # most runs leave in one go
            self._leave(playhead, run, now)
        self._go_on(playhead, run, now)
        return True

    def leave(self, playhead: Playhead, run: Run, now: float) -> None:
        """The next step of a run leaves, whenever it is due."""
        self._leave(playhead, run, now)
        self._go_on(playhead, run)

    def shift(self, playheads: Iterable[Playhead], paused_at: float, now: float) -> None:
        """After a pause all that is to leave leaves so much later; what was asked for meanwhile begins now."""
        for playhead in playheads:
            for run in playhead.runs:
                run.shift(now - max(paused_at, run.started))
                self._queue.put(playhead, run)

    def abort(self, number: int) -> None:
        """A client gave a request up."""
        self._bayeux.abort(number)
        self._replies.drop(number)
        if number in self._unacked:
            self._answered(*self._unacked[number])

    def forget(self, client_id: str) -> None:
        """Lose a Bayeux session, as a server does that is restarted: its client is told to shake hands again."""
        for answer in self._bayeux.forget(client_id):
            self._replies.answer(answer)

    def cut(self, playhead: Playhead) -> None:
        """Cut the WebSocket of a client that is to lose it, as soon as it holds a poll on one."""
        number = self._bayeux.cut(playhead.client_id) if playhead.cut and playhead.client_id is not None else None
        if number is not None:
            playhead.cut = False
            self._replies.add(number, _CUT, (), b"")

    def flush(self, now: float) -> bool:
        """Answer the polls that have something to carry, or whose time is over; whether there was any."""
        answers = self._bayeux.flush(now)
        for answer in answers:
            self._replies.answer(answer)
        return bool(answers)

    def deliver(self, playhead: Playhead, queued: Queued) -> None:
        """Queue an event for a client, which may have to shake hands yet."""
        if playhead.client_id is None:
            playhead.backlog.append(queued)
        else:
            self._bayeux.push(playhead.client_id, queued)

    def _leave(self, playhead: Playhead, run: Run, now: float) -> None:
        step = run.step
        run.advance(now)
        if step is not None and step.event is not None:
            self._push(playhead, run, step, step.event)
        else:
            self._acknowledge(playhead, run)

    def _go_on(self, playhead: Playhead, run: Run, now: float = -inf) -> None:
        """Steps of a run have left."""
        self._queue.put(playhead, run, now)
        if run.step is None and run.request is None and run in playhead.runs:
            playhead.runs.remove(run)

    def _push(self, playhead: Playhead, run: Run, step: Step, event: Event) -> None:
        # an ack waits for the events before it to be fetched; not if it has left, or there is none
        taken = _nothing if run.acked or run.request is None else partial(self._taken, playhead, run)
        queued = Queued(self.prepared.message(step, event, run.rewriting), taken)
        if not self._windows:
            self.deliver(playhead, queued)
            return
        window = self._windows.get(event.client_id, 0)
        if window in playhead.other_windows:
            self._bayeux.push(playhead.other_windows[window], queued)
        elif (event.seq, event.index) in self._copies:
            queued.taken(True)  # for a window that this client does not have
        else:
            self.deliver(playhead, queued)

    def _taken(self, playhead: Playhead, run: Run, out: bool) -> None:  # noqa: FBT001  # as Queued calls it
        """An event was put into an answer, or came back: an ack that waits for it may leave sooner, or later."""
        run.taken(out=out)
        if run.step is not None and run.step.event is None:
            self._queue.put(playhead, run)

    def _acknowledge(self, playhead: Playhead, run: Run) -> None:
        if run.request is not None:
            self._replies.add(run.request, *self._told(playhead, run))
            self._answered(playhead, run)
        if run.forget and playhead.client_id is not None:
            self.forget(playhead.client_id)
        playhead.cut |= run.cut
        if playhead.cut:
            self.cut(playhead)

    def _told(self, playhead: Playhead, run: Run) -> Ack:
        """The answer to the request of a run."""
        if run.refusal is not None:
            return refused(*run.refusal)
        if run.plain is not None and run.rewriting.texts is not None:
            return run.plain
        rewriter = run.rewriting.rewriter
        told = None if run.ready is None else run.ready.to(rewriter)
        return told or ack(self._matcher.triples[run.place or 0], rewriter, playhead.cookie, self._dialect)

    def _answered(self, playhead: Playhead, run: Run) -> None:
        """Nobody waits for the answer of a run any more."""
        self._unacked.pop(run.request or 0, None)
        run.request = None
        if run.step is None:
            playhead.runs.remove(run)
