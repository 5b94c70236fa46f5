"""Play a recording to live clients by cause. Sans-IO: time and fresh ids come in as arguments.

    standin.receive(request, now); standin.replies(now) → what to write; standin.deadline() → when to ask again

There is no way from here to any server: what is not in the recording is a miss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from typing import Any

from ...bayeux import channels
from ...bayeux.messages import Message, is_empty, parse_request, to_text
from ...bayeux.outbox import Queued
from ...bayeux.publishes import PUBLISH, content
from ...bayeux.replies import Said
from ...bayeux.session import Answer
from ...dialect.definition import Dialect
from ...errors import UsageError
from ...model import JSON, Headers, Recording
from ...push.rules import MESSAGE
from ...push.sockets import asked_for
from ...redaction.policy import Policy as Redaction
from ...requests.asked import AskedLinks
from ...requests.index.foreign import Foreign
from ...requests.index.making import Index, index_of
from ...requests.known import FreshIds
from ...requests.remembered import media_for
from ...requests.request import ParsedRequest, RecordedRequest
from . import miss, parts, status
from .faults import Faults
from .http import HttpRequest, Reply, Responses, origin_of, subprotocol
from .orders.player import NotedResponses, OrderedPlayer
from .orders.schedule import Kept, Schedule
from .policy import Policy
from .rewriting.dates import Dates, Today
from .rewriting.responses import refusal, refused
from .rewriting.rewriter import Rewriter
from .said import RecordedReplies
from .scheduling.follower import Follower
from .scheduling.player import Player
from .sessions import hooked
from .sessions.logins import Logins, Renewed
from .sessions.playhead import Playhead
from .sessions.retired import Retired
from .timeline import Home, Run, Step

_MOST_MESSAGES = 1000  # in a request; clients send some ten
_MOST_MISSES = 1000  # that are kept, with their text
_HEADER_LIMIT = 4000  # characters; clients refuse header lines from 8190 on


class ReplayEngine:
    """Plays one recording to any number of clients at once."""

    _joining: Playhead | None = None  # the client that the current request wants to shake hands for
    _paused_at: float | None = None

    def __init__(
        self,
        recording: Recording,
        dialect: Dialect,
        *,
        new_id: Callable[[], str],
        rate: float = 1.0,
        policy: Policy = Policy(),  # noqa: B008  # frozen
        faults: Faults | None = None,
        epoch: float = 0.0,
        redaction: Redaction | None = None,
        proxied: bool = False,
        today: Today | None = None,
        instance: str | None = None,
        schedule: Schedule | Kept | None = None,
    ) -> None:
        """Start with nothing played.

        Args:
            recording: What to play.
            dialect: How to read requests, recorded and live ones.
            new_id: Gives a fresh id at each call, for clientIds and cookies.
            rate: 1 plays at the recorded pace, 10 ten times as fast; `INSTANT` keeps the order only.
            policy: How strictly clients are held to the recording.
            faults: Faults to play.
            epoch: UTC seconds at which the caller's clock shows 0, for clients that ask for the time.
            redaction: Policy that redacted the recording: live values are matched with pseudonyms.
            proxied: Clients come through a proxy and name the recorded servers themselves.
            today: When it is played, to move the dates that clients act on; None moves none.
            instance: Name that its cookies begin with, among several stand-ins behind a load balancer.
            schedule: Order to play it in, which is noted then (`ordered`); None plays it as recorded and notes nothing.

        Raises:
            UsageError: If the recording lacks an item of the schedule.

        """
        self._recording, self._dialect, self._rate, self._policy = recording, dialect, rate, policy
        self.faults = faults or Faults([], recording)
        index = index_of(recording, dialect, redaction)
        summary = self._summary = index.summary
        self._links = parts.links(recording, summary, proxied=proxied)
        self._asked = AskedLinks(recording.header, self._links, are_there=summary["has_links"])
        self._matcher = parts.matcher(recording, dialect, redaction, index, self._asked, proxied=proxied)
        self._bayeux = parts.bayeux(recording, new_id, epoch, self._links)
        self._logins = Logins(recording, self._matcher, dialect, new_id, summary["logins"])
        self._playheads = parts.registry(recording, dialect, new_id, instance)
        self.dates = Dates(recording, dialect, today)
        self._prepare(index, schedule)
        self._retired, self.missed, self.misses = Retired(), 0, list[miss.Miss]()  # the first ones
        self.watch, self.closed = self._player.watch, self._playheads.closed  # the latter at the end of a connection

    def _prepare(self, index: Index, schedule: Schedule | Kept | None) -> None:
        """Build what plays the runs: in the order of a schedule, if there is one."""
        recording, is_plain = self._recording, schedule is None
        self._replies = Responses(recording.guard) if is_plain else NotedResponses(recording.guard)
        its = recording, self._matcher, self._dialect, self._bayeux, self._replies
        kind, followers = Player if is_plain else OrderedPlayer, self._playheads.following
        self._player = kind(*its, index=index, links=self._links, dates=self.dates, followers=followers)
        self.ordered = parts.ordered(recording, schedule, self._player, self._replies)
        self._said = RecordedReplies(recording, self._dialect, self.faults, self._links)
        self._follower = Follower(self._player, self._matcher, self._bayeux, self._run_unsolicited)

    def receive(self, request: HttpRequest, now: float) -> None:
        """Take a live request; `replies` returns what is to be written because of it."""
        messages = None if request.socket else parse_request(request.target, request.body, request.headers)
        if messages is not None and len(messages) > _MOST_MESSAGES:
            self._refuse(request, 413, "too many Bayeux messages")
        elif messages is not None and (transport := request.transport) is not None:
            self._receive_bayeux(request, messages, now, transport)
        elif request.socket:
            self._receive_message(request, now)
        elif messages is not None or self.owns(request.target) or request.on_socket:
            self._receive_odd(request, now, are_messages=messages is not None)
        else:
            self._receive_call(request, now)
        if self._playheads.is_crowded:
            self._playheads.make_room(self._bayeux)

    @cached_property
    def foreign(self) -> Foreign:
        """Hosts that links of the recording lead to although it cannot answer for them."""
        return Foreign(*map(Counter, self._summary["foreign"])).outside(self._links)

    @property
    def fixed_dates(self) -> Iterator[str]:
        """Warnings, one line each, about dates that the dialect wants to move and that cannot be moved."""
        return self.dates.left(self._summary["tokens"])

    @property
    def largest(self) -> tuple[int, int, int]:
        """The most bytes of a recorded request's body, characters of its target and headers, and headers."""
        return self._summary["longest_body"], self._summary["longest_head"], self._summary["most_headers"]

    def owns(self, target: str) -> bool:
        """Return whether Bayeux messages are sent to a URL, or WebSockets opened there."""
        prefix = self._dialect.bayeux_prefix
        return bool(prefix) and target.partition("?")[0].startswith(prefix)

    def asks(self, target: str) -> bool:
        """Return whether an upgrade at a target is matched like a request: one of a WebSocket without Bayeux."""
        sockets = self._player.streams.recorded.sockets
        return bool(sockets) and (target.partition("?")[0] in sockets or not self.owns(target))

    def upgrade(self, request: HttpRequest) -> Headers:
        """Return the headers to answer a WebSocket upgrade with: the handshake on it comes too late to set a cookie."""
        playhead = self._playheads.upgraded(self._logins.as_recorded(request).headers, request.connection)
        cookie = () if playhead is None else (playhead.set_cookie,)
        return *cookie, *subprotocol(request.headers, self._recording.subprotocols)

    def replies(self, now: float) -> list[Reply]:
        """Return the responses and pieces to write now, in the order they must leave."""
        while (self._paused_at is None and self._player.play(now)) or self._player.flush(now):
            pass
        while self._bayeux.ended:
            self._playheads.ended(self._bayeux.ended.pop())
        return self._replies.take()

    def deadline(self) -> float | None:
        """Return when to call `replies` again without a request; None where only a request can bring anything."""
        poll, step = self._bayeux.deadline(), self.next_due
        if poll is None or step is None:
            return step if poll is None else poll
        return min(poll, step)

    def sent(self, number: int) -> None:
        """Note that a response has left."""
        self._player.sent(number)

    def abort(self, number: int) -> None:
        """Give up a request that its client left, or whose response was not written; events wait for the next poll."""
        self._player.abort(number)

    def forget(self, client_id: str) -> None:
        """Lose a Bayeux session, as a server does that is restarted: its client is told to shake hands again."""
        self._player.forget(client_id)

    @property
    def pseudonyms(self) -> dict[str, str]:
        """Live values that clients sent, each with the pseudonym that it stands for; short values are left out."""
        return {live: its for playhead in self._playheads for live, its in playhead.bindings.pseudonyms().items()}

    @property
    def unplayed(self) -> tuple[int, ...]:
        """Numbers of the triples that no client has asked for."""
        return status.unplayed(self._playheads, self._matcher, self._retired.played)

    @property
    def played(self) -> tuple[int, ...]:
        """Numbers of the triples that any client has asked for."""
        left, numbers = set(self.unplayed), map(self._matcher.number, range(self._matcher.operations))
        return tuple(number for number in numbers if number not in left)

    @property
    def unplayed_events(self) -> list[dict[str, Any]]:
        """Recorded events that wait for something no client did, as JSON; events of unplayed triples are left out."""
        return status.unplayed_events(self._recording, self._follower.unplayed(self._playheads, self._retired))

    @property
    def unsubscribed_events(self) -> list[dict[str, Any]]:
        """Events on channels that a client did not subscribe to, unlike the recorded one, as JSON."""
        return status.unplayed_events(self._recording, self._follower.unsubscribed(self._playheads, self._retired))

    @property
    def unheard(self) -> list[dict[str, Any]]:
        """Clients that events are due to, but that have no push session while others have one, as JSON."""
        return [*self._retired.unheard, *status.unheard(self._playheads)]

    @property
    def waiting(self) -> int:
        """Number of clients that an event came due to before they had a push session."""
        return len(self._player.waiting)

    @property
    def next_due(self) -> float | None:
        """Time at which the next event or ack leaves, None where only a request can bring one."""
        return self._player.due if self._paused_at is None else None

    @property
    def is_parked(self) -> bool:
        """Whether every live client waits for the stand-in, so that a virtual clock may move."""
        return status.is_parked(self._playheads, self._bayeux)

    @property
    def is_over(self) -> bool:
        """Whether all was played and every client left."""
        return not self._playheads.there and self._player.due is None and not self.unplayed

    @property
    def figures(self) -> status.Figures:
        """The numbers for those who watch the replay."""
        own = self.missed, self._player.pushed, self._replies.statuses, self.faults, self._retired.played
        counted = status.Counted(*own, self._paused_at is not None)
        return status.figures(self._playheads, self._matcher, self._bayeux, counted)

    def let_go(self, now: float, timeout: float, connections: Iterable[str] = ()) -> list[str]:
        """Let the sessions go whose clients sent nothing for a time; return their names. A pause does not count.

        A session stays while its client waits for an answer, holds a poll or a stream, or has one of some connections
        (those of WebSockets), and while a step is due to it. A client that comes back all the same is told to shake
        hands, as by a server whose maxInterval is over, and then plays from the start. What the verdicts need is kept.

        Args:
            now: Seconds of a clock on which clients act: the wall's, also where the stand-in plays by a virtual one.
            timeout: Seconds. The calls tell the time: a request counts as made at the next call.
            connections: Names of connections whose clients are there, although they may send nothing.

        """
        holds = partial(status.holds, bayeux=self._bayeux)
        gone = self._playheads.silent(now, timeout, connections, lambda one: self._paused_at is not None or holds(one))
        if not gone:
            return []
        self._retired.add_unheard(found for found in status.unheard(self._playheads) if found["client"] in gone)
        for playhead in gone.values():
            self._retired.add(playhead, *self._follower.let_go(playhead))
            self.faults.let_go(playhead.name)
            for client_id in playhead.client_ids:
                self._bayeux.drop(client_id)
        self._playheads.forget(gone.values())
        return [*gone]

    def state(self, now: float) -> dict[str, Any]:
        """Return the live sessions and their pending steps, as JSON."""
        at = self._paused_at
        found = status.sessions(list(self._playheads), self._matcher, self._bayeux, now if at is None else at)
        return {"paused": at is not None, "sessions": found}

    def pause(self, now: float) -> None:
        """Hold back all recorded events and acks; requests are still taken and matched."""
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        """End the pause; everything leaves later by its length."""
        if self._paused_at is not None:
            self._player.shift(self._playheads, self._paused_at, now)
            self._paused_at = None

    def step(self, now: float) -> str | None:
        """Let the next step leave while paused, whenever it is due; return its description, None if nothing is left.

        Raises:
            UsageError: If there is no pause.

        """
        if self._paused_at is None:
            raise UsageError("a step is taken while paused; POST /__recorder/pause first")
        run = status.next_run(self._playheads)
        if run is None:
            return None
        told = status.described_run(run, self._matcher)
        self._player.leave(run, now)
        return told

    def inject(self, session: str, channel: str, data: JSON) -> None:
        """Push an event to the session of this name."""
        playhead = next(p for p in self._playheads if p.name == session)
        if playhead.client_ids or not self._player.streams.inject(playhead, channel, data):
            self._player.deliver(playhead, Queued(to_text({"data": data, "channel": channel})))

    def report(self) -> dict[str, Any]:
        """Return played and unplayed triples, misses with their text, hits of faults, and the schedule, as JSON."""
        told = status.report(self, self._playheads, self._matcher, self._retired.count, self._retired.played)
        return told if self.ordered is None else told | {"schedule": self.ordered.as_json()}

    def look(self, now: float, most: int) -> dict[str, Any]:
        """Return how far the clients are, `most` of them, as JSON; takes a moment for each."""
        at = now if self._paused_at is None else self._paused_at
        told = {"paused": self._paused_at is not None, "missed": self.missed, "events": self._player.pushed}
        return status.look(self._playheads, self._matcher, self._bayeux, at, most) | told

    def stall(self, idle: float) -> str | None:
        """Explain what the clients would have to send after `idle` seconds of silence; None if all was played."""
        return status.stall(list(self._playheads), self._matcher, self._bayeux, idle, self._retired.played)

    # -- Bayeux

    def _receive_bayeux(self, request: HttpRequest, messages: list[Message], now: float, transport: str) -> None:
        if self._logins.reads:  # what is published is the client's own, and is not compared
            request = request._replace(headers=self._logins.as_recorded(request).headers)
        senders = [(message["channel"], str(message.get("clientId", ""))) for message in messages]
        for _, client_id in senders:
            united = self._playheads.seen(client_id, request.headers, request.connection)
            if united is not None:
                self._player.release(united)
        if self.faults.longest_idle is not None:
            self._expire(senders, now - self.faults.longest_idle)
        asked = self._operations(messages) if self._dialect.publishes else ()
        says = partial(self._says, request) if self._said else None
        self._joining = None
        answers = self._player.receive(request, messages, now, transport, later=asked, says=says)
        for answer in answers:
            is_usual = answer.handshaken is None and self._joining is None
            self._replies.answer(answer, () if is_usual else self._cookies(answer, request, now))
        for place, (channel, client_id) in enumerate(senders):
            if channel == channels.DISCONNECT:
                self._playheads.leaves(client_id)
            playhead = self._playheads.of_client(client_id)
            # a poll in the middle of a session tells nothing new
            if playhead is None or (channel == channels.CONNECT and not (playhead.cut or playhead.shaken)):
                continue
            if asked and place in asked:
                self._publish(playhead, request, place, messages[place], now)
            else:
                self._follow(playhead, messages[place], client_id, answers, now)

    def _follow(self, playhead: Playhead, message: Message, client_id: str, answers: list[Answer], now: float) -> None:
        """Play what a handshake, a subscription, a publish or the first poll of a client brings."""
        channel = message["channel"]
        if playhead.cut and channel in (channels.SUBSCRIBE, channels.CONNECT):
            self._player.cut(playhead)
        if channel == channels.SUBSCRIBE and "ext" in message and playhead.retained:
            self._player.replay(playhead, client_id, message, answers)
        if channel != channels.CONNECT or playhead.shaken:
            self._follower.received(playhead, client_id, message, now)

    def _cookies(self, answer: Answer, request: HttpRequest, now: float) -> Headers:
        """Return the headers that give a client the cookie of the stand-in, with the answer to its handshake."""
        joining = self._joining
        if answer.handshaken:
            return self._handshaken(answer.handshaken, request, now, joining)
        return () if joining is None else (joining.set_cookie,)

    def _expire(self, senders: Iterable[tuple[str, str]], since: float) -> None:
        """Lose the sessions of clients that have held no poll since a time, as a fault says."""
        for _, client_id in senders:
            if self._bayeux.is_idle(client_id, since):
                self.faults.expired()
                self._player.forget(client_id)

    def _says(self, request: HttpRequest, message: Message) -> Said | None:
        """Return what the recorded server, or a fault, says to a message of a client."""
        channel, client_id = message["channel"], str(message.get("clientId", ""))
        if channel == channels.HANDSHAKE:
            if not self._said.to_handshakes:
                return None
            playhead = self._joining = self._playheads.joining(request.headers, request.connection, self._bayeux)
            playhead.origin = origin_of(request.headers)
        elif (known := self._playheads.of_client(client_id)) is not None:
            playhead = known
        else:
            return None
        said = self._said.to(playhead, message, first=not self._bayeux.is_connected(client_id))
        playhead.turned_away |= channel == channels.HANDSHAKE and said is not None and said.refuses
        return said

    def _handshaken(self, client_id: str, request: HttpRequest, now: float, joining: Playhead | None) -> Headers:
        """Join a new clientId to its playhead, which a refusal may have named; return the headers to set."""
        playhead, before = self._playheads.handshaken(
            client_id, request.headers, request.connection, self._bayeux, joining
        )
        renews = before is not None and self._bayeux.is_lost(before)
        if before is not None:
            self._player.succeed(before, client_id)
        elif playhead.strays:
            playhead.begin_anew()
        self._bayeux.belongs_to(client_id, self._playheads.browser_of(request.headers, playhead))
        playhead.origin = origin_of(request.headers)
        if len(self._recording.session_starts) <= 1:
            playhead.recorded = next(iter(self._recording.session_starts), "")
            self._follower.known(playhead)
        self._follower.handshaken(playhead, client_id, now, renews=renews)
        return (playhead.set_cookie,)

    def _operations(self, messages: list[Message]) -> frozenset[int]:
        """Return the places of the publishes that are operations of live sessions; a handshake must be alone."""
        if any(message["channel"] == channels.HANDSHAKE for message in messages):
            return frozenset()
        senders = (str(message.get("clientId", "")) for message in messages)
        known = (self._bayeux.knows(client_id) and self._playheads.of_client(client_id) for client_id in senders)
        return frozenset(
            place
            for place, (message, playhead) in enumerate(zip(messages, known, strict=True))
            if playhead and self._dialect.is_publish(message["channel"])
        )

    def _publish(self, playhead: Playhead, request: HttpRequest, place: int, message: Message, now: float) -> None:
        """Take a publish that is an operation; its reply is the ack."""
        published = content(message)
        if self._asked.are_there:
            _, published = self._asked.as_recorded("", published, (), origin_of(request.headers))
        live, fresh = self._matcher.read(PUBLISH, message["channel"], published, "", request.headers)
        if self._matcher.reads_headers:
            live = self._matcher.shows(live, request.headers)
        found = self._begin(playhead, live, fresh, request, now, message=place)
        if found is not None:
            self.refuse(found)
            self._player.reply(request.number, place, refusal(miss.STATUS, found.summary))

    def _receive_odd(self, request: HttpRequest, now: float, *, are_messages: bool) -> None:
        """Take a request for Bayeux that no transport sends: a heartbeat without messages, or what was recorded."""
        if is_empty(request.target, request.body) and request.transport is not None:
            self._replies.answer(Answer(request.number, [], callback=request.callback))
        elif self._summary["is_odd"] and not are_messages and not request.on_socket:
            self._receive_call(request, now)
        else:
            self._refuse(request, 400, "not Bayeux messages")

    # -- REST

    def _receive_call(self, request: HttpRequest, now: float) -> None:
        if self._logins.reads:
            request = self._logins.as_recorded(request)
        if self._asked.are_there:
            headers = request.headers
            target, body = self._asked.as_recorded(request.target, request.body, headers, origin_of(headers))
            request = request._replace(target=target, body=body)
        live, fresh = self._matcher.read(
            request.method, request.target, request.body, media_for(request.headers, request.body), request.headers
        )
        if self._matcher.reads_headers:
            live = self._matcher.shows(live, request.headers)
        if self._matcher.has_hosts:
            live = self._matcher.at_host(live, request.headers)
        is_login = bool(self._logins.keys) and self._logins.is_login(live)
        playhead = self._playheads.of_request(
            request.headers,
            request.connection,
            lambda p: p.has_new(live, self._matcher),
            lambda p: self._matcher.names(live, p.bindings),
            (lambda p, near: self._logins.takes(p, live, on_its_connection=near)) if is_login else None,
        )
        if playhead is None:
            self._miss(request, miss.no_session(live, len(self._playheads.there)))
            return
        found = self._begin(playhead, live, fresh, request, now)
        playhead.is_late = False  # its messages name its new session
        if found is not None:
            self._miss(request, found)

    def _receive_message(self, request: HttpRequest, now: float) -> None:
        """Take a message on a plain WebSocket, whose upgrade told whose it is; it gets no answer, even on a miss."""
        channel = self._player.streams.on_socket(request.socket)
        if channel is None:
            return
        topic = asked_for(request.body, self._dialect.push, is_text=request.is_text)
        live, fresh = self._matcher.read(MESSAGE, topic, request.body, "", request.headers)
        found = self._begin(channel.owner, live, fresh, request, now)
        if found is not None:
            self.refuse(found)

    def _begin(
        self, playhead: Playhead, live: ParsedRequest, fresh: FreshIds, request: HttpRequest, now: float, *,
        message: int | None = None,
    ) -> miss.Miss | None:  # fmt: skip
        """Begin the recorded request that matches a live one, or a publish in it; return the miss where none does."""
        told: tuple[str, ...] = ()
        if self._policy.match is None:
            entry = playhead.find(live, self._matcher, self._policy)
        else:
            asked = hooked.as_seen(request, live, is_whole=message is None and not request.socket)
            entry, told = hooked.find(playhead, live, asked, self._matcher, self._policy)
        if entry is None:
            return miss.explain(live, playhead, self._matcher, told)
        streams = self._player.streams.recorded
        if streams.sockets and not request.socket:
            entry = playhead.of_kind(entry, live, self._matcher, streams, upgrades=request.upgrades)
        is_login = bool(self._logins.keys) and self._logins.is_login(live)
        if is_login and not playhead.played:
            entry = self._logins.own(entry, live, playhead, self._playheads)
        self._matcher.bind(entry, live, playhead.bindings)
        if is_login:
            given = self._logins.give(playhead, entry.place, self._renewed(playhead, entry, now))
            self._playheads.gave(playhead, given)
            playhead.signed_in = entry.session if given else playhead.signed_in
        origin = playhead.origin = origin_of(request.headers)
        rewriter = Rewriter(self._dialect, playhead.bindings, minted=entry.minted, fresh=fresh)
        part = self._player.prepared.part(entry, origin)
        played = self.faults.play(playhead.name, entry.operation, part.steps, self._rate)
        response = part.response if played.status is None else refused(played.status, played.body)
        number = None if request.socket else request.number
        run = Run(played.steps, now, played.rate, rewriter, number, entry.place, response)
        run.forget, run.cut, run.message = played.forget, played.cut, message
        if played.status is None:
            playhead.plays(entry.place)
            if self._player.streams.recorded.at:
                self._player.join_stream(playhead, run, request, part.steps)
        self._player.begin(playhead, run)
        if played.status is not None:  # nothing was carried out: who tries again shall get on
            return None
        if playhead.recorded is None and entry.session is not None and self._matcher.tells(live, entry):
            playhead.recorded = entry.session
            self._follower.known(playhead)
        if part.then or (not entry.n and self._player.anchored.after_exchanges):
            self._follower.asked(playhead, live, entry, now, run.home)
        if run.opened is not None:
            self._opened(playhead, live, entry, now)
        return None

    def _opened(self, playhead: Playhead, live: ParsedRequest, entry: RecordedRequest, now: float) -> None:
        """Play what came in the recording once its session began, with the first stream of a client."""
        starts = self._recording.session_starts
        if playhead.recorded is None and (len(starts) <= 1 or self._matcher.is_never_told(live)):
            playhead.recorded = next(iter(starts), "") if len(starts) <= 1 else entry.session or ""
            self._follower.known(playhead)
        self._follower.opened(playhead, now)

    def _renewed(self, playhead: Playhead, entry: RecordedRequest, now: float) -> Renewed:
        """Return what gives a client the web tokens of a login with moved dates, each of them another one."""
        answer = self._matcher.triples[entry.place].ack if self.dates.has_paths else None
        if answer is None:
            return lambda _: None
        tokens, seconds = self.dates.tokens_in(answer), self._player.shift_of(playhead, now)
        return lambda token: self.dates.token(token, seconds, jti=self._logins.new_id()) if token in tokens else None

    def _run_unsolicited(
        self, playhead: Playhead, events: tuple[Step, ...], now: float, home: Home | None = None
    ) -> None:
        """Play events that no operation caused, from the time on at which their anchor was reached.

        `home` is the stream of the request that they follow.
        """
        played = self.faults.play(playhead.name, None, events, self._rate)
        run = Run(played.steps, now, played.rate, Rewriter(self._dialect, playhead.bindings), home=home)
        if played.steps is not events:
            self._player.streams.skip(playhead, run, events, played.steps)
        if played.steps:
            self._player.begin(playhead, run)

    def refuse(self, found: miss.Miss, *, is_kept: bool = True) -> None:
        """Count a miss that is answered elsewhere: a request that could not be served; keep it if `is_kept`."""
        self.missed += 1
        if is_kept and len(self.misses) < _MOST_MISSES:
            self.misses.append(found)

    def _refuse(self, request: HttpRequest, code: int, text: str) -> None:
        """Answer a request that cannot be matched with an HTTP error, and count it as a miss."""
        self.refuse(miss.refused(request.place, f"{code}, {text}"))
        self._replies.add(request.number, code, (("Content-Type", "text/plain"),), f"{text}\n".encode())

    def _miss(self, request: HttpRequest, found: miss.Miss) -> None:
        self.refuse(found)
        origin = origin_of(request.headers)
        summary, text = (self._links.rewritten(told, origin) for told in (found.summary, found.text))
        summary = summary.encode("ascii", "backslashreplace").decode()[:_HEADER_LIMIT]
        headers = (("Content-Type", "text/plain; charset=utf-8"), (miss.HEADER, summary))
        self._replies.add(request.number, miss.STATUS, headers, text.encode())
