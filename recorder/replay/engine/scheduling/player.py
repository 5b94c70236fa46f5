"""Play runs to clients: events go into their Bayeux queues, acks out as answers, each when its turn has come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from ....bayeux.channels import matches
from ....bayeux.extensions import replay_from
from ....bayeux.messages import Message
from ....bayeux.outbox import Queued
from ....bayeux.server import BayeuxServer
from ....bayeux.session import Answer, Says
from ....correlate.anchors import Subscriptions
from ....dialect.definition import Dialect
from ....dialect.paths import lookup
from ....lazy import shared
from ....links.rewriting import Links
from ....model import AnchorKind, Event, Headers, Recording, Reply
from ....requests.index.making import Index
from ..anchored import Anchored
from ..http import HttpRequest, Responses
from ..matching.matcher import Matcher
from ..recorded_streams import RecordedStreams
from ..rewriting.dates import Dates
from ..rewriting.pushed import written
from ..rewriting.responses import Move, in_pieces, reply_of, respond
from ..rewriting.rewriter import Rewriter
from ..rewriting.templates import encode
from ..sessions.playhead import Held, Playhead, Retained
from ..timeline import BodyPiece, Cuts, Run, Step, Watcher
from .prepared import PreparedTriples
from .pushing import Pusher
from .queue import StepQueue

_NEW, _ALL = -1, -2  # replay ids that stand for no event (Salesforce, Streaming API, "Message Durability")
_CUT = 0  # in place of a status: the socket ends


class Told(NamedTuple):
    """An event, or a cut behind it, that an operation of one client brings to one that follows another session."""

    session: str
    step: Step
    by: Playhead
    rewriter: Rewriter
    at: float


def _is_there(playhead: Playhead | None) -> bool:
    return playhead is not None and not playhead.left


def sessions(recording: Recording) -> dict[str, str]:
    """Return the recorded session of each clientId, and of each key of a stream."""
    shaken = {one.client_id: one.session for one in recording.messages if one.kind is AnchorKind.START}
    found = shaken | {stream.key: stream.session for stream in recording.streams}
    return {client: session for client, session in found.items() if session is not None}


class Player:
    """The runs of all clients of one stand-in.

    Attributes:
        anchored: Unsolicited events by their anchors.
        prepared: Steps and answers of the recorded requests.
        streams: The streams and plain WebSockets of the clients.
        waiting: Numbers of the playheads that an event came due to before they had a push session.

    """

    def __init__(
        self,
        recording: Recording,
        matcher: Matcher,
        dialect: Dialect,
        bayeux: BayeuxServer,
        responses: Responses,
        *,
        index: Index,
        links: Links,
        dates: Dates,
        followers: Callable[[str], Iterable[Playhead]],
    ) -> None:
        """Start with nothing on its way; what leaves goes to `bayeux` and `responses`.

        `followers` gives the clients that follow a recorded session, in the order they came.
        """
        self._dates, self._followers = dates, followers
        self._session_of = sessions(recording)
        self._untold: list[Told] = []
        self._dialect, self._bayeux, self._responses = dialect, bayeux, responses
        self._retains = bool(dialect.replay)
        self._windows = recording.windows
        self._queue = StepQueue()
        self._unacked: dict[int, Run] = {}  # by request
        self._unreplied: dict[int, list[Run]] = {}  # by request: its publishes
        self._subscriptions = Subscriptions(recording.messages)
        self.waiting: set[int] = set()
        self._watcher: Watcher | None = None
        self.pushed = 0  # recorded events that came due, and were handed to a session or a stream, or held for one
        self._triples = matcher.triples
        self._has_pieces: bool = index.summary["has_pieces"]
        recorded = RecordedStreams(recording, matcher.triples, index.summary["streams"])
        self.streams, self._protocols = Pusher(recorded, responses, self._moved), recorded.protocols
        self.anchored = Anchored(recording, index)
        self.prepared = PreparedTriples(
            matcher.triples,
            dialect,
            links,
            self.anchored.after,
            windows=recording.windows,
            last_shown=index.summary["last_shown"],
            dates=dates,
            streams=recorded,
        )

    @property
    def due(self) -> float | None:
        """Time at which the next step leaves, None where none is left."""
        return self._queue.due

    def watch(self, watcher: Watcher | None) -> None:
        """Tell what is played to `watcher`, as it is played; None tells nobody."""
        self._watcher = watcher

    def begin(self, playhead: Playhead, run: Run) -> None:
        """Begin a run."""
        playhead.begun_runs += 1
        run.owner, run.rank = playhead, (playhead.number, playhead.begun_runs)
        playhead.begins(run)
        if self._watcher is not None:
            triple = None if run.place is None else self._triples[run.place]
            self._watcher.began(playhead.name, run, triple, run.started)
        if run.request is not None and run.message is None:
            self._unacked[run.request] = run
        self._queue.put(run, run.started)
        if run.request is not None and run.message is not None:
            self._unreplied.setdefault(run.request, []).append(run)
            self._silence(run)

    def join_stream(self, playhead: Playhead, run: Run, live: HttpRequest, recorded: tuple[Step, ...]) -> None:
        """Let a run that is to begin answer with a stream, or go on with the one of its message, if it was so recorded.

        Args:
            playhead: The client.
            run: The run.
            live: The live request.
            recorded: The steps of the run before faults took some of them away.

        """
        if run.place is not None:
            self.streams.join(playhead, run, run.place, self._triples[run.place].request, live)
        if run.steps is not recorded:
            self.streams.skip(playhead, run, recorded, run.steps)

    def _silence(self, run: Run) -> None:
        """Leave out the reply to a publish that a fault keeps from its client; alone, its request is never answered."""
        never = all(step.event is not None for step in run.steps)
        if never and run.request is not None and run.message is not None and self._bayeux.has_others(run.request):
            self.reply(run.request, run.message, None)
            self._answered(run)

    def play(self, now: float) -> bool:
        """Let the next step that is due leave; return whether there was one."""
        run = self._queue.next(now)
        if run is None:
            return False
        self._leave(run, now)
        while self._queue.is_alone(run, now):
            self._leave(run, now)
        self._go_on(run, now)
        return True

    def leave(self, run: Run, now: float) -> None:
        """Let the next step of a run leave, whenever it is due."""
        self._leave(run, now)
        self._go_on(run, now)

    def _leave(self, run: Run, now: float) -> None:
        step = run.step
        run.advance(now)
        self._out(run, step, now)

    def _out(self, run: Run, step: Step | None, now: float) -> None:
        """Hand out a step of a run."""
        playhead: Playhead = run.owner
        if step is not None and step.is_shared and self._is_told(run, step, now):
            return
        if step is not None and step.event is not None:
            self._push(playhead, run, step, step.event, now)
        elif step is not None and step.said is not None:
            self._reply(playhead, step.said, now)
        elif step is not None and step.on_stream is not None:
            self.streams.leave(playhead, run, step)
        else:
            self._acknowledge(playhead, run, now)

    def _go_on(self, run: Run, now: float) -> None:
        if run.step is not None:
            self._queue.put(run, now)
        elif run.request is None and run in run.owner.runs:
            run.owner.ends(run)

    def shift(self, playheads: Iterable[Playhead], paused_at: float, now: float) -> None:
        """Move all steps by the length of a pause; runs that began in the pause begin now."""
        for playhead in playheads:
            for run in playhead.runs:
                run.shift(now - max(paused_at, run.started))
                self._queue.put(run)

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
        """Hand Bayeux messages to the server; return the answers that are ready, which are still to be sent.

        To the publishes at the places `later` the player replies itself.
        """
        answers = self._bayeux.receive(request.number, messages, now, transport, request.callback, later, says=says)
        for answer in answers:
            self._fetched(answer.delivered, out=True)
        return answers

    def reply(self, number: int, place: int, told: Message | None) -> None:
        """Reply to a publish; the answer leaves with the last reply of its request. None is no reply at all."""
        for answer in self._bayeux.tell(number, place, told):
            self._fetched(answer.delivered, out=True)
            self._responses.answer(answer)

    def abort(self, number: int) -> None:
        """Give a request up, as its client did: the events of a poll wait for the next one."""
        self._fetched(self._bayeux.abort(number), out=False)
        if number in self._unacked:
            self._answered(self._unacked[number])
        for run in list(self._unreplied.get(number, ())):
            self._answered(run)
        self.streams.abort(number)

    def sent(self, number: int) -> None:
        """Note that a response, or the next piece of a stream, has left."""
        self._bayeux.sent(number)
        if self.streams.has_open:
            self.streams.sent(number)

    def succeed(self, old: str, new: str) -> None:
        """Hand the events of a client's old Bayeux session to its new one."""
        self._fetched(self._bayeux.succeed(old, new), out=False)

    def forget(self, client_id: str) -> None:
        """Lose a Bayeux session, as a server does that is restarted: its client is told to shake hands again."""
        for answer in self._bayeux.forget(client_id):
            self._responses.answer(answer)

    def cut(self, playhead: Playhead) -> None:
        """Cut the WebSocket of a client that is to lose it, as soon as it holds a poll on one."""
        if not playhead.cut or playhead.client_id is None:
            return
        number = self._bayeux.poll_on_socket(playhead.client_id)
        if number is not None:
            self.abort(number)
            playhead.cut = False
            self._responses.add(number, _CUT, (), b"")

    def flush(self, now: float) -> bool:
        """Answer the polls that have something to carry, or whose time is over; return whether there was any."""
        answers = self._bayeux.flush(now)
        for answer in answers:
            self._fetched(answer.delivered, out=True)
            self._responses.answer(answer)
        return bool(answers)

    def release(self, playhead: Playhead) -> None:
        """Deliver the events that waited for a handshake or a subscription, if the client made it now."""
        playhead.hears = frozenset()
        if not playhead.has("held"):
            return
        waiting, playhead.held = playhead.held, []
        for held in waiting:
            client_id = playhead.other_windows.get(held.window, playhead.client_id)
            if client_id is not None and (held.channel is None or playhead.progress.hears(held.window, held.channel)):
                self._bayeux.push(client_id, held.queued)
            else:
                playhead.held.append(held)

    def deliver(self, playhead: Playhead, queued: Queued) -> None:
        """Queue an event for a client, which may have to shake hands yet."""
        if playhead.client_id is None:
            playhead.held.append(Held(queued))
        else:
            self._bayeux.push(playhead.client_id, queued)

    def known(self, playhead: Playhead) -> None:
        """Take a client of which it is known now which recorded session it follows."""
        self.streams.known(playhead)
        waiting, self._untold = self._untold, []
        for told in waiting:
            self._tell(told)

    def _tell(self, told: Told) -> None:
        """Push an event to a client of another session than that of its operation; it waits for such a client."""
        one = self._partner(told.by, told.session)
        if one is None:
            self._untold.append(told)
            return
        step = told.step
        if step.event is None:
            self.streams.leave(one, Run((), told.at, 1.0, told.rewriter), step)
            return
        told.rewriter.teach(one.bindings, encode(step.event.data))
        run = Run((), told.at, 1.0, told.rewriter.with_those_of(one.bindings))
        self._push(one, run, step, step.event, told.at)

    def _partner(self, playhead: Playhead, session: str) -> Playhead | None:
        """Return the client of another session that works with this one, and with no other client of its session."""
        mine, one = playhead.recorded or "", playhead.partners.get(session)
        if one is None or one.left:
            free = (other for other in self._followers(session) if not _is_there(other.partners.get(mine)))
            one = next(free, None)
        if one is not None:
            playhead.partners[session], one.partners[mine] = one, playhead
        return one

    def untold(self) -> Iterator[tuple[Step, str]]:
        """Yield the events that wait for a client of another session, and this session."""
        return ((told.step, told.session) for told in self._untold if told.step.event is not None)

    def let_go(self, playhead: Playhead) -> list[tuple[Step, str]]:
        """Forget a client that nothing is due to; return its events that wait for clients of other sessions."""
        mine = [told for told in self._untold if told.by is playhead]
        if mine:
            self._untold = [told for told in self._untold if told.by is not playhead]
        for partner in playhead.partners.values():
            partner.partners = {session: one for session, one in partner.partners.items() if one is not playhead}
        self.waiting.discard(playhead.number)
        return [(told.step, told.session) for told in mine if told.step.event is not None]

    def _is_told(self, run: Run, step: Step, now: float) -> bool:
        """Return whether a step belongs to a client of another session, which gets it now, or when it is there."""
        playhead: Playhead = run.owner
        cut = step.on_stream.key if isinstance(step.on_stream, Cuts) else ""
        session = self._session_of.get(cut if step.event is None else step.event.client_id)
        if session is None or session == playhead.recorded:
            return False
        if step.event is not None:
            run.taken(out=True)  # no ack waits for another client
        self._tell(Told(session, replace(step, is_shared=False), playhead, run.rewriter, now))
        return True

    def _push(self, playhead: Playhead, run: Run, step: Step, event: Event, now: float) -> None:
        self.pushed += 1
        if self._watcher is not None:
            self._watcher.pushed(playhead.name, run, step, now)
        owner = self._owner_of(playhead, run, step)
        text, data, its = step.text or self.prepared.text(event), event.data, run.rewriter
        if self._dates.has_paths and self._dates.is_in_event(event.data):
            data = self._dates.data(event.data, self.shift_of(playhead, now), lambda leaf: its.text(leaf) != leaf)
        if event.client_id in self._protocols:
            protocol = self._protocols[event.client_id]
            self.streams.push(playhead, run, step, written(event, protocol, text, its, data), owner)
            if not (playhead.is_streaming or playhead.client_ids):
                self.waiting.add(playhead.number)
            return
        message = its.encoded(text, data) if data is event.data else text.framed(encode(its.value(data)))
        if step.beside is not None:
            message = _joined(message, run.rewriter.encoded(step.beside, event.beside))
        queued = Queued(message, owner)
        if self._retains:
            self._retain(playhead, event, queued)
        if event.channel in playhead.hears and playhead.client_id is not None:
            self._bayeux.push(playhead.client_id, queued)
        else:
            self._push_checked(playhead, queued, step, event)

    def _owner_of(self, playhead: Playhead, run: Run, step: Step) -> Any:  # noqa: ARG002  # a subclass asks whose it is
        """Return what is told when an event is fetched: the run whose ack waits for that, None where none does."""
        if run.acked or run.request is None:
            return None
        if run.message is not None and self._comes_with_ack(run):
            run.taken(out=True)
            return None
        return run

    def _retain(self, playhead: Playhead, event: Event, queued: Queued) -> None:
        number = lookup(event.data, self._dialect.replay_id)
        if isinstance(number, int):
            playhead.retained.append(Retained(event.channel, number, queued))

    def replay(self, playhead: Playhead, client_id: str, message: Message, answers: list[Answer]) -> None:
        """Push events again that a client subscribes to with an older replay id, if the server took the subscription.

        What waits for the client, or leaves with the answers to the subscription, is not pushed twice.
        """
        subscribed = self._bayeux.subscriptions(client_id)
        coming = {id(one.queued) for one in playhead.held}
        coming |= {id(queued) for answer in answers for queued in answer.delivered}
        for pattern, last in replay_from(message, self._dialect.replay).items():
            places = [
                place
                for place, one in enumerate(playhead.retained)
                if pattern in subscribed and matches(pattern, one.channel) and id(one.queued) not in coming
                if last == _ALL or (last != _NEW and one.replay_id > last)
            ]
            again = self._bayeux.push_again(client_id, [playhead.retained[place].queued for place in places])
            for place, queued in zip(places, again, strict=True):
                playhead.retained[place] = playhead.retained[place]._replace(queued=queued)

    def _reply(self, playhead: Playhead, said: Reply, now: float) -> None:
        """Reply to a poll of a client as the recorded server did, if the client has the window."""
        window = self._windows.get(said.client_id, 0)
        client_id = playhead.other_windows.get(window) if window else playhead.client_id
        if client_id is not None:
            for answer in self._bayeux.reply_to_poll(client_id, said.message, said.pushed, now):
                self._fetched(answer.delivered, out=True)
                self._responses.answer(answer)

    def _push_checked(self, playhead: Playhead, queued: Queued, step: Step, event: Event) -> None:
        """Queue an event if the client is subscribed to its channel as the recorded client was, else hold it."""
        window = self._windows.get(event.client_id, 0)
        if step.is_copy and window not in playhead.other_windows:
            self._fetched([queued], out=True)  # for a window that this client does not have
            return
        client_id = playhead.other_windows.get(window, playhead.client_id)
        covered = self._subscriptions.covered(event)
        if client_id is None or (covered and not playhead.progress.hears(window, event.channel)):
            playhead.held.append(Held(queued, event.channel if covered else None, window, step))
            if not playhead.client_ids:
                self.waiting.add(playhead.number)
            return
        if covered and not self._windows:
            playhead.hears = shared(playhead.hears | {event.channel})
        self._bayeux.push(client_id, queued)

    def _fetched(self, events: Iterable[Queued], *, out: bool) -> None:
        """Note that events were put into an answer, or came back: acks that wait for them leave sooner, or later."""
        for event in events:
            self._moved(event.owner, out=out)

    def _moved(self, run: Run | None, *, out: bool) -> None:
        if run is not None:
            run.taken(out=out)
            if run.step is not None and run.step.event is None:
                self._queue.put(run)

    def shift_of(self, playhead: Playhead, now: float) -> int:
        """Return the seconds by which the dates of a client's session move: since it came, always as many."""
        if playhead.shift is None:
            playhead.shift = self._dates.of_session(now)
        return playhead.shift

    def _acknowledge(self, playhead: Playhead, run: Run, now: float) -> None:
        if self._watcher is not None:
            self._watcher.answered(playhead.name, run, now)
        if run.request is not None and run.response is not None:
            origin, at, move = playhead.origin, run.response.at, None
            if at is not None:
                move = Move(self._dates, self._dates.age(at, now), self.shift_of(playhead, now))
            secure = origin.secure or origin.trusted
            ack = respond(run.response, run.rewriter, playhead.cookie, self._dialect, secure=secure, move=move)
            if run.message is None and (run.opened is not None or self._has_pieces):
                self._answer(run, run.request, *ack)
            elif run.message is None:
                self._responses.add(run.request, *ack)
            else:
                self.reply(run.request, run.message, reply_of(ack))
            self._answered(run)
        if run.forget and playhead.client_id is not None:
            self.forget(playhead.client_id)
        if run.cut:
            self.streams.cut(playhead)
        playhead.cut |= run.cut
        if playhead.cut:
            self.cut(playhead)

    def _answer(self, run: Run, number: int, status: int, headers: Headers, body: bytes) -> None:
        """Answer a request by a stream, by the head of a body that comes in pieces, or whole."""
        recorded = None if run.place is None else self._triples[run.place].ack
        if run.opened is not None:
            self.streams.open(run, status, headers)
        elif (
            recorded is not None
            and recorded.pieces
            and any(isinstance(step.on_stream, BodyPiece) for step in run.steps)
        ):
            self.streams.open_body(run, status, headers, in_pieces(body, recorded, run.rewriter))
        else:
            self._responses.add(number, status, headers, body)

    def _comes_with_ack(self, run: Run) -> bool:
        """Return whether the answer with the reply to a publish also carries its events, so that it need not wait."""
        return run.request is not None and self._bayeux.carries_events(run.request)

    def _answered(self, run: Run) -> None:
        """Note that the request of a run waits no more."""
        if run.message is None:
            self._unacked.pop(run.request or 0, None)
        else:
            left = [other for other in self._unreplied.pop(run.request or 0, ()) if other is not run]
            if left:
                self._unreplied[run.request or 0] = left
        run.request = None
        if run.step is None:
            run.owner.ends(run)


def _joined(message: str, beside: str) -> str:
    """Return an event with further members, both as JSON objects."""
    return message if beside == "{}" else f"{message[:-1]},{beside[1:]}"
