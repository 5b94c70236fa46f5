"""Correlate records one at a time: link events to the requests that caused them, and build triples."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TypeAlias

from ..bayeux.publishes import as_request, as_response
from ..dialect.definition import Dialect
from ..model import (
    ClientMessage,
    Event,
    Failure,
    Header,
    Keys,
    Link,
    Record,
    Recording,
    Request,
    Response,
    SocketMessage,
    State,
    Triple,
    Unsolicited,
    values,
)
from ..push.decoders import Decoders
from ..push.pieces import Pieces
from ..push.port import BAYEUX, Advised, Asked, Closed, Guarded, Observation, Opened, Refused, Replied, Sent
from .causes.endings import Endings
from .causes.rules import by_error, by_twin
from .causes.search import Causes
from .causes.siblings import Siblings
from .causes.twins import Twins
from .client_messages import ClientMessages, Publishes
from .lost_polls import LostPolls
from .operations import (
    Operation,
    Operations,
    Seen,
    begin_records,
    changed_by,
    is_done,
    reopen,
    state_of,
    take_answer,
)
from .orphans import Orphans, WeakLinks
from .replies import Replies
from .retries import Retries
from .sessions import Logins, Sessions, Windows, addresses
from .streams import Streams

_SWITCHING_PROTOCOLS = 101
_WHOLE = (Request, SocketMessage)  # they never wait for other records
_EXACT = frozenset({"reference", "inner_reference"})  # rules that link by an exact id
KEEP = 2_000  # operations that can still get an event; older ones are final, which bounds memory

Watch: TypeAlias = Callable[[Seen, Iterable[Operation], Link | None], None]


class Correlator:
    """Links the events of a capture to requests.

    Feed the records in order. Then `finish` returns the recording; for a long capture `triples`, `plain` and
    `unsolicited` hand out what is final on the way.
    """

    def __init__(
        self, dialect: Dialect, *, keep: int = KEEP, watch: Watch | None = None, file: str | None = "cassette"
    ) -> None:
        """Begin without records.

        Args:
            dialect: Says what the requests and events mean.
            keep: How many operations, other exchanges and unsolicited events (each) are kept open at most.
            watch: Called for each event when it is judged, with the open operations and the event's link, if any.
            file: What is read, for errors; None for a display, which keeps so many events of an operation and goes on.

        """
        self._dialect, self._keep, self._watch = dialect, keep, watch
        self._listener: Callable[[Event], None] | None = None
        self._pieces = Pieces()
        self._decoder = Decoders(dialect.push, replies=True)
        self._sessions = Sessions(dialect.session_cookies)
        self._logins = Logins(dialect, self._sessions)
        self._windows = Windows()
        self._streams = Streams(dialect, self._sessions)
        self._operations: deque[Operation] = deque()
        self._plain: deque[Operation] = deque()
        self._final: deque[Triple] = deque()
        self._final_plain: deque[Triple] = deque()
        self._numbered = 0
        self._timeout: float | None = None
        self._guard = ("", "")
        self._addressed: set[tuple[str, str]] = set()
        self._subprotocols: set[str] = set()
        self._asked_at: dict[int, tuple[tuple[str, str], ...]] = {}  # the same, of open exchanges
        self._pending: dict[int, Operation] = {}  # operations and other exchanges without a response, by exchange
        self._bayeux: dict[int, frozenset[str]] = {}  # open Bayeux exchanges and sockets → the session tokens in them
        self._open = Operations(dialect)
        self._twins = Twins(dialect)
        self._orphans = Orphans(dialect, keep)
        self._siblings = Siblings(dialect)
        self._endings = Endings(dialect, file)
        self._weak = WeakLinks(dialect)
        self._retries = Retries(dialect)
        self._again: dict[int, int] = {}
        self._messages = ClientMessages()
        self._publishes = Publishes()
        self._published: list[Operation] = []
        self._changed: list[Operation] = []
        self._replies = Replies()
        self._lost = LostPolls()
        self._attempts: deque[tuple[int, int]] = deque()
        self._causes = Causes(
            dialect, self._open, self._sessions, self._streams, self._siblings, self._twins, self._orphans
        )

    @property
    def dialect(self) -> Dialect:
        """The dialect by which triples are derived."""
        return self._dialect

    @property
    def decoder(self) -> Decoders:
        """The decoder of the messages, which was fed each record that came."""
        return self._decoder

    def listen(self, told: Callable[[Event], None]) -> None:
        """Call `told` with each event, in the order in which events are decoded, before its cause is looked for."""
        self._listener = told

    def feed(self, record: Record) -> list[Link]:
        """Take the next record; return the links that follow from it."""
        self._published, self._changed = [], []
        if isinstance(record, _WHOLE) or (isinstance(record, Response) and not record.streamed):
            return self._fed(record)
        return [link for whole in self._pieces.feed(record) for link in self._fed(whole)]

    def _fed(self, record: Record) -> list[Link]:
        seen = self._decoder.feed(record)
        if not isinstance(record, Request):
            self._lost.ended(record, self.session_of)
        links: list[Link] = []
        match record:
            case Request():
                self._request(record)
            case Response():
                if record.status < 400:  # else any page could make itself known by a request for anything
                    self._addressed.update(self._asked_at.get(record.exchange, ()))
                links += self._answer(record)
            case Failure():
                self._fail(record)
            case SocketMessage(from_client=True):
                self._windows.talks(self._decoder.client_on(record.exchange), record.seq)
            case _:
                pass
        for observation in seen:
            if isinstance(observation, Event):
                event = self._streams.of(observation)
                links += self._event(event) if event is not None else ()
            else:
                links += self._observed(observation, record)
        # An upgraded exchange stays open until its failure, because its socket may carry handshakes.
        if isinstance(record, Failure) or (isinstance(record, Response) and record.status != _SWITCHING_PROTOCOLS):
            links += self._ended(record)
            self._bayeux.pop(record.exchange, None)
            self._asked_at.pop(record.exchange, None)
        if len(self._operations) > self._keep or len(self._plain) > self._keep:
            self._finalise()
        return links

    def _observed(self, observation: Observation, record: Record) -> list[Link]:
        match observation:  # the most frequent ones come first
            case Replied() if self._dialect.is_publish(observation.message["channel"]):
                return self._replied(observation, record)
            case Replied():
                self._replies.replied(observation, self._bayeux.get(observation.exchange, frozenset()))
            case Opened(protocol=protocol) if protocol == BAYEUX:
                self._handshaken(observation, record)
            case Advised():
                self._timeout = observation.timeout
            case Guarded():
                self._guard = observation.guard
            case Sent() if self._dialect.is_publish(observation.message["channel"]):
                self._publish(observation, record)
            case Sent():
                self._messages.sent(observation)
                self._replies.sent(observation)
            case Refused():
                self._messages.refused(observation, self._sessions.of_client(observation.client_id))
            case Opened():
                self._open.changed(self._streams.opened(observation, chain(self._operations, self._plain)))
            case Closed():
                self._streams.closed(observation)
            case Asked():
                self._asked(observation)
            case _:
                pass
        return []

    @property
    def published(self) -> list[Operation]:
        """Publishes in the last record that are operations, and those whose reply or end is in it."""
        return self._published

    @property
    def changed(self) -> list[Operation]:
        """Operations that the last record began, answered or ended, or to which it linked an event."""
        return self._changed

    def state_of(self, op: Operation) -> State:
        """Return how far an operation has got."""
        return state_of(op, self._dialect)

    @property
    def has_final(self) -> bool:
        """True if `triples`, `plain` or `unsolicited` yield anything; cheap enough to be asked after each record."""
        return bool(self._final or self._final_plain or self._orphans.has_final)

    def triples(self) -> Iterator[Triple]:
        """Yield the triples that are final, each once, in the order of their requests."""
        while self._final:
            yield self._final.popleft()

    def plain(self) -> Iterator[Triple]:
        """Yield the final exchanges that are not operations, each once, in the order of their requests."""
        while self._final_plain:
            yield self._final_plain.popleft()

    def unsolicited(self) -> Iterator[Unsolicited]:
        """Yield the final events that no request caused, each once, in the order of the wire."""
        for seen in self._orphans.final():
            yield _unsolicited(seen)

    def messages(self) -> Iterator[ClientMessage]:
        """Yield what clients sent by Bayeux, each once, in the order of the wire; a reply may still refuse the last."""
        for message in self._messages.take():
            yield replace(message, session=self.session_of(message.client_id))

    def lost_polls(self) -> Iterator[tuple[str | None, int]]:
        """Yield the session and the `seq` of the failure of each Bayeux request that got no answer, each once."""
        return self._lost.take()

    def attempts(self) -> Iterator[tuple[int, int]]:
        """Yield the `seq` of a request that got no answer and that of the request that repeats it, each pair once."""
        while self._attempts:
            yield self._attempts.popleft()

    def discard(self) -> None:
        """Drop what is final; for a reader that shows links as they are made, and must not grow with the capture."""
        handed: tuple[Iterator[object], ...] = (self.triples(), self.plain(), self.unsolicited(), self.messages())
        for final in (*handed, self.lost_polls(), self.attempts()):
            deque(final, maxlen=0)
        self._streams.discard()

    @property
    def session_starts(self) -> dict[str, tuple[int, int]]:
        """`seq` and `t` of the handshake of each session so far, by label."""
        return {f"s{session}": at for session, at in self._sessions.starts.items()}

    def session_of(self, client_id: str) -> str | None:
        """Return the label of the session of a clientId, None if no handshake gave out that clientId."""
        return _label(self._sessions.of_client(client_id))

    @property
    def attempt(self) -> dict[int, int]:
        """`seq` of the failed attempt → `seq` of the last operation, if that is a retry; else empty."""
        return self._again

    def finish(self, header: Header) -> Recording:
        """Return everything not handed out so far, in the order of the wire; the correlator stays unchanged."""
        counted = (op for op in self._operations if op.again is None)
        open_ = (self.triple_of(op, n) for n, op in enumerate(counted, self._numbered + 1))
        plain = (self.triple_of(op, 0) for op in self._plain if not self._is_carrier(op))
        windows = self._windows.numbers()
        return Recording(
            header=header,
            triples=(*self._final, *open_),
            plain=(*self._final_plain, *plain),
            unsolicited=tuple(map(_unsolicited, self._orphans)),
            session_starts=self.session_starts,
            poll_timeout=self._timeout,
            windows=windows,
            addressed=frozenset(self._addressed),
            messages=tuple(replace(one, session=self.session_of(one.client_id)) for one in self._messages),
            guard=self._guard,
            replies=self._replies.all(self.session_of, self._session_of_tokens, windows),
            subprotocols=tuple(sorted(self._subprotocols)),
            connection_types=self._replies.connection_types,
            streams=self._streams.all(_label, self._decoder.silent()),
            lost_polls=tuple(self._lost),
            attempts=tuple(self._attempts),
        )

    def _session_of_tokens(self, tokens: frozenset[str]) -> str | None:
        return _label(self._sessions.of_tokens(tokens) or self._sessions.only())

    def _finalise(self) -> None:
        """Make operations and exchanges final that are older than the newest `keep`.

        This happens as records come in, not when the results are read, because reading must change nothing.
        """
        while len(self._operations) > self._keep:
            op = self._operations.popleft()
            self._pending.pop(op.request.exchange, None)
            self._publishes.forget(op)
            self._open.forget(op)
            self._twins.forget(op)
            self._siblings.forget(op)
            self._weak.forget(op)
            self._retries.forget(op)
            if op.again is None:
                self._numbered += 1
                self._final.append(self.triple_of(op, self._numbered))
        while len(self._plain) > self._keep:
            op = self._plain.popleft()
            self._pending.pop(op.request.exchange, None)
            if not self._is_carrier(op):
                self._final_plain.append(self.triple_of(op, 0))

    def _handshaken(self, observation: Opened, record: Record) -> None:
        shown = self._bayeux.get(observation.exchange, frozenset())
        session = self._sessions.handshaken(observation.client_id, shown, (observation.seq, observation.t))
        self._windows.handshaken(observation.client_id, session, observation.seq)
        self._messages.handshaken(observation, session)
        self._replies.handshaken(observation, f"s{session}", shown)
        if isinstance(record, Response):
            self._sessions.learn(self._sessions.tokens(record.headers), session)

    def _request(self, request: Request) -> None:
        shown = self._dialect.identified(request.target, request.headers, request.body)
        tokens = self._sessions.tokens(shown) | self._logins.shown(request)
        if self._decoder.carries(request):
            self._bayeux[request.exchange] = tokens
            self._asked_at[request.exchange] = addresses(request.headers)
            client_id = self._decoder.client_of(request)
            self._lost.asked(request, client_id)
            self._windows.talks(client_id, request.seq)
            session = self._sessions.of_client(client_id)
            if session is not None:
                self._sessions.learn(tokens, session)
            return
        name, keys = self._dialect.asked(request)
        op = Operation(request, name, keys, tokens, self._sessions.of_tokens(tokens))
        self._pending[request.exchange] = op
        if name is None:
            self._plain.append(op)
        else:
            self._asked_at[request.exchange] = addresses(request.headers)
            self._begin(op)

    def _asked(self, asked: Asked) -> None:
        """Take a message of a client on a WebSocket without Bayeux; its socket tells its session."""
        request = asked.request
        name, keys = self._dialect.asked(request)
        op = Operation(request, name, keys, frozenset(), self._streams.session_on(asked.client_id))
        if name is None:
            self._plain.append(op)
        else:
            self._published.append(op)
            self._begin(op)

    def _publish(self, sent: Sent, record: Record) -> None:
        """Take a publish that the dialect calls an operation; the clientId tells its session."""
        if not isinstance(record, Request | SocketMessage):
            return
        request = as_request(record, sent.index, sent.message, record.headers if isinstance(record, Request) else ())
        name, keys = self._dialect.asked(request)
        op = Operation(request, name, keys, frozenset(), self._sessions.of_client(sent.client_id))
        self._publishes.sent(op, sent.message)
        self._published.append(op)
        self._begin(op)

    def _replied(self, replied: Replied, record: Record) -> list[Link]:
        op = self._publishes.replied(replied.exchange, replied.message)
        if op is None or not isinstance(record, Response | SocketMessage):
            return []
        self._published.append(op)
        return self._acked(op, as_response(record, replied.index, replied.message))

    def _ended(self, record: Response | Failure) -> list[Link]:
        """End the publishes of an exchange that ended without replies to them; an HTTP error refuses them all."""
        if isinstance(record, Failure):
            self._streams.failed(record.exchange)
        links: list[Link] = []
        for op in self._publishes.ended(record.exchange):
            if isinstance(record, Failure):
                self._published.append(op)
                self._change(op)
                op.failure = record
                self._retries.failed(op)
            elif not 200 <= record.status < 300:
                self._published.append(op)
                links += self._acked(op, record)
        return links

    def _begin(self, op: Operation) -> None:
        self._operations.append(op)
        self._changed.append(op)
        begin_records(op, self._dialect)
        self._open.add(op)
        before = self._retries.sent(op)
        self._again = {before.seq: op.seq} if before is not None else {}
        if before is not None:
            self._attempts.append((before.seq, op.seq))
            # From now on events are linked to the retry.
            self._open.forget(before)

    def _answer(self, response: Response) -> list[Link]:
        op = self._pending.pop(response.exchange, None)
        if op is None:
            given = self._sessions.tokens(response.headers)
            self._sessions.renewed_cookies(self._bayeux.get(response.exchange, frozenset()), given)
            return []
        self._streams.answered(op, response)
        if response.status == _SWITCHING_PROTOCOLS:
            self._bayeux[response.exchange] = op.tokens
            self._subprotocols.update(v for name, v in response.headers if name.lower() == "sec-websocket-protocol")
        return self._acked(op, response)

    def _acked(self, op: Operation, response: Response) -> list[Link]:
        op.ack = response
        self._change(op)
        succeeded, keys = self._dialect.answered(response, op.name)
        op.refused = not succeeded
        # A response may set the session cookie that later requests carry.
        given = self._sessions.tokens(response.headers)
        self._sessions.renewed_cookies(op.tokens, given)
        op.tokens |= given | self._logins.answered(op.request, response, op.tokens)
        links = self._told(op, keys) if keys else []
        if op.refused:
            for seen in filter(self._endings.is_error, self._orphans.waiting(op, self._dialect.error_same)):
                links += self._adopt(seen, by_error(seen, self._dialect, [op]), op)
        return links

    def _told(self, op: Operation, given: Keys) -> list[Link]:
        """Take the keys in the ack of an operation: events that came before the ack may have waited for them."""
        new = changed_by(op, given)
        take_answer(op, given, new)
        self._open.changed(op)
        if not new:
            return []
        last = max(
            (one for one in op.links if self._endings.is_terminal(op, one)), key=lambda one: one.event.t, default=None
        )
        if op.ended is None and last is not None and is_done(op, self._dialect):
            self._end(op, last)  # the values without a terminal event failed, as the ack says now
        links: list[Link] = []
        for seen in self._orphans.waiting(op, new):
            # The whole search runs again, because a stronger rule may name another operation than `op`.
            links += self._adopt(seen, self._causes.of(seen), op)
        for seen, before, old in self._weak.of(op, new):
            found = self._causes.of(seen)
            if found is not None and found[0] is op and found[1].confidence > old.confidence:
                self._unlink(before, old)
                self._twins.drop(seen)
                links += self._linked(seen, *found)
        return links

    def _adopt(self, seen: Seen, found: tuple[Operation, Link] | None, op: Operation) -> list[Link]:
        """Link an event without a cause to `op`, if the ack of `op` shows that `op` caused the event.

        The twin of the event, if there is one, is then judged again.
        """
        if found is None or found[0] is not op or seen not in self._orphans:
            return []
        twin = self._orphans.twin_of(seen)
        self._orphans.remove(seen)
        self._twins.drop(seen)
        links = self._linked(seen, *found)
        if twin is not None:
            links += self._adopt(twin, self._causes.of(twin), op)
        return links

    def _fail(self, failure: Failure) -> None:
        op = self._pending.pop(failure.exchange, None)
        if op is not None:
            self._change(op)
            op.failure = failure
            self._retries.failed(op)

    def _event(self, event: Event) -> list[Link]:
        if self._listener is not None:
            self._listener(event)
        keys, session = self._dialect.keys_of_event(event), self._sessions.of_client(event.client_id)
        seen = Seen(event, keys, session, self._dialect.is_ignored(event))
        if session is not None and (tokens := self._tokens_of_keys(keys)):
            self._sessions.learn(tokens, session)
        found = self._causes.of(seen)
        if self._watch is not None:
            self._watch(seen, self._operations, found and found[1])
        if found is not None:
            return self._linked(seen, *found)
        self._twins.came(seen, None, None)
        final = self._orphans.add(seen)
        if final is not None:
            self._twins.drop(final)
        return []

    def _linked(self, seen: Seen, op: Operation, link: Link) -> list[Link]:
        links: list[Link] = []
        early = self._twins.early(op, seen) if link.confidence == 1.0 else None
        if early is not None and early.op is not None and early.link is not None:
            links.append(self._moved(early.op, early.link, *by_twin(early.seen, op, link, [])))
        self._endings.take(op, link)
        self._change(op)
        if op.session is None and seen.session is not None:
            op.session = seen.session
            # Only an exact id may tie the tokens to the session; a wrong link would spread to other requests.
            if link.confidence == 1.0:
                self._sessions.learn(op.tokens, seen.session)
        if self._endings.is_end(op, seen, link):
            self._end(op, link)
        if early is None:
            self._twins.came(seen, op, link)
        if link.rule in _EXACT:
            self._weak.remove(seen)
        else:
            self._weak.add(seen, op, link)
        links.append(link)
        # Orphans of a transaction whose cause was known had been judged by that cause.
        if self._dialect.sibling_same and self._siblings.linked(seen, op, link):
            for orphan in self._orphans.siblings(seen):
                if orphan.event.seq > op.seq:
                    links += self._adopt(orphan, self._causes.of(orphan), op)
        return links

    def _change(self, op: Operation) -> None:
        self._changed.append(op)
        self._open.changed(op)

    def _end(self, op: Operation, link: Link) -> None:
        self._open.changed(op)
        op.ended = link.event.t if op.ended is None else op.ended
        # With rivals the event may belong to another operation, so this one stays open.
        op.settled |= not link.rivals

    def _unlink(self, op: Operation, link: Link) -> None:
        """Take a link from an operation, which has ended only if it would have ended without that event."""
        self._open.changed(op)
        self._endings.drop(op, link)
        reopen(op)
        for one in op.links:
            seen = Seen(one.event, self._dialect.keys_of_event(one.event), op.session)
            if self._endings.is_end(op, seen, one):
                self._end(op, one)

    def _moved(self, before: Operation, old: Link, op: Operation, link: Link) -> Link:
        """Move the link of a twin to the operation of its original.

        The twin came before its original and was linked to `before`; the original names `op` by its id.
        """
        self._unlink(before, old)
        self._endings.take(op, link)
        self._open.changed(op)
        return link

    def _is_carrier(self, op: Operation) -> bool:
        """Return whether an exchange only carried Bayeux: it is the upgrade of a WebSocket that turned out to do so."""
        return op.ack is not None and op.ack.status == _SWITCHING_PROTOCOLS and self._decoder.carries(op.request)

    def triple_of(self, op: Operation, n: int) -> Triple:
        """Return the triple of an operation with the number `n`, or with 0 an exchange, as far as it has got."""
        sessions = self._sessions
        # A device belongs to one agent, but it is the weakest evidence: a supervisor also gets events on the devices of
        # other agents.
        session = op.session or sessions.of_tokens(op.tokens) or sessions.of_tokens(self._tokens_of_keys(op.keys))
        session = session or sessions.only()
        links = tuple(sorted(op.links, key=_place) if len(op.links) > 1 else op.links)
        return Triple(n, op.name, op.keys, _label(session), self.state_of(op), op.request, op.ack, op.failure, links)

    def _tokens_of_keys(self, keys: Keys) -> frozenset[str]:
        names = self._dialect.session_keys
        return frozenset([f"key {name}={text}" for name in names if name in keys for text in values(keys[name])])


def correlate(records: Iterable[Record], dialect: Dialect, header: Header) -> Recording:
    """Return the recording of a whole capture."""
    correlator = Correlator(dialect, file=header.file or "cassette")
    deque(chain.from_iterable(map(correlator.feed, records)), maxlen=0)
    return correlator.finish(header)


def _unsolicited(seen: Seen) -> Unsolicited:
    return Unsolicited(seen.event, seen.name, _label(seen.session), seen.is_ignored)


def _place(link: Link) -> tuple[int, int]:
    return link.event.seq, link.event.index


def _label(session: int | None) -> str | None:
    return None if session is None else f"s{session}"
