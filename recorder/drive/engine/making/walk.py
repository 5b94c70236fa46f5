"""Walk through the records of a cassette: what its clients sent, and what its server told them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from ....bayeux import channels
from ....bayeux.extensions import wants_acknowledgement
from ....bayeux.publishes import status_of
from ....dialect.definition import Dialect
from ....model import (
    JSON,
    Event,
    Failure,
    Record,
    Recording,
    Request,
    Response,
    SocketMessage,
    closing,
)
from ....push.decoders import Decoders
from ....push.pieces import Pieces
from ....push.port import BAYEUX, WEBSOCKET, Asked, Closed, Observation, Opened, Replied, Sent
from ..plan import Act, Place
from .connections import Connections
from .cookies import Jars
from .facts import Facts, Pushed, facts_of

Message: TypeAlias = dict[str, JSON]

_ACTS = {
    channels.SUBSCRIBE: Act.SUBSCRIBE,
    channels.UNSUBSCRIBE: Act.UNSUBSCRIBE,
    channels.DISCONNECT: Act.DISCONNECT,
}
_OF_SESSION = frozenset({"id", "clientId"})  # the client of a drive has its own
_PREFLIGHT = "access-control-request-method"  # Fetch, section 3.2.2
_BEFORE = "sessions began before the capture: the drive adds their handshakes and their missing subscriptions"
_REPEATED = "repetitions of requests without an answer are not sent: a drive sends each request once"


@dataclass(slots=True, eq=False)
class Draft:
    """A step that is made; the attributes are those of `plan.Step`.

    Attributes:
        answer: What answers it.
        is_left: Whether it is no step after all.
        topic: What a message on a WebSocket asks for.
    """

    act: Act
    client: str
    connection: str
    at: Place
    t: int
    request: Request
    n: int = 0
    operation: str | None = None
    message: Message | None = None
    payload: bytes | None = None
    is_text: bool = True
    answer: TellingDraft | None = None
    is_left: bool = False
    topic: str = ""
    number: int = -1


@dataclass(slots=True, eq=False)
class TellingDraft:
    """Something told that is made; the attributes are those of `plan.Told`.

    Attributes:
        step: What it answers.
        after: Place of what an event followed.
        cause: The step of another client that an event is tied to.
    """

    client: str
    connection: str
    at: Place
    t: int
    n: int = 0
    step: Draft | None = None
    after: Place | None = None
    cause: Draft | None = None
    response: Response | None = None
    reply: Message | None = None
    event: Event | None = None
    name: str = ""
    is_awaited: bool = True
    is_accepted: bool = True
    number: int = -1


Happened: TypeAlias = Draft | TellingDraft


@dataclass(slots=True)
class Walk:
    """All that happened in a cassette, in the order of the wire.

    Attributes:
        happened: What was sent and told.
        connections: The Bayeux sessions, streams and WebSockets.
        left: How often something was left out, by a sentence that says what.
    """

    dialect: Dialect
    facts: Facts
    happened: list[Happened] = field(default_factory=list)
    connections: Connections = field(init=False)
    left: Counter[str] = field(default_factory=Counter)
    by_place: dict[Place, Draft] = field(default_factory=dict)
    _pieces: Pieces = field(default_factory=Pieces)
    _decoder: Decoders = field(init=False)
    _jars: Jars = field(default_factory=Jars)
    _open: dict[int, Draft] = field(default_factory=dict)  # calls without an answer, by exchange
    _carriers: dict[int, Request] = field(default_factory=dict)  # requests that carry Bayeux, by exchange
    _shaking: dict[int, list[Draft]] = field(default_factory=dict)  # handshakes without an answer, by exchange
    _asked: dict[tuple[int, str, str], Draft] = field(default_factory=dict)  # messages, by exchange, channel and id

    def __post_init__(self) -> None:
        self.connections = Connections(self.facts)
        self._decoder = Decoders(self.dialect.push, replies=True)

    def feed(self, record: Record) -> None:
        """Take the next record."""
        for whole in self._pieces.feed(record):
            self._fed(whole)

    def _fed(self, record: Record) -> None:
        seen = self._decoder.feed(record)
        match record:
            case Request():
                self._jars.shown(record)
                self._request(record)
            case Response():
                self._jars.set(record)
                self._answer(record)
            case Failure():
                self._open.pop(record.exchange, None)
            case SocketMessage(from_client=True):
                self._handshakes(record)
            case _:
                pass
        for one in seen:
            self._observed(one, record)

    def _observed(self, one: Observation, record: Record) -> None:
        match one:
            case Event():
                self._event(one)
            case Replied():
                self._reply(one)
            case Sent():
                self._sent(one, record)
            case Asked():
                self._message(one, record)
            case Opened(protocol=protocol) if protocol == BAYEUX:
                self._opened(one)
            case Closed():
                self._closed(one, record)
            case _:
                pass

    def _request(self, request: Request) -> None:
        if self._decoder.carries(request):
            self._jars.carries(request.exchange, self._decoder.client_of(request))
            self._carriers[request.exchange] = request
            self._handshakes(request)
            return
        asked = self.facts.asked.get((request.seq, 0))
        if asked is None:  # it became a WebSocket of Bayeux, or got no answer and was sent again
            self._carriers[request.exchange] = request
            if request.seq not in self.facts.tried:
                return
            asked = self.facts.tried[request.seq]
        if _is_preflight(request):
            self.left["CORS preflights are not sent: a browser asks for them by itself"] += 1
            return
        before = self.facts.again.get(request.seq)
        first = self.by_place.get((before, 0)) if before is not None else None
        if first is not None:
            self.left[_REPEATED] += 1
            self.by_place[request.seq, 0] = self._open[request.exchange] = first
            return
        stream = self.facts.streams.get(request.exchange)
        if stream is not None and self.facts.first[stream.key] != request.exchange:
            self.connections.stream(stream, asked.session, request)
            self.left[
                "streams are not opened again as recorded: a drive opens a stream again when its own one ends"
            ] += 1
            return
        act = Act.CALL if stream is None else Act.SOCKET if stream.protocol == WEBSOCKET else Act.STREAM
        key = "" if stream is None else stream.key
        draft = Draft(act, asked.session, key, (request.seq, 0), request.t, request, asked.n, asked.operation)
        if stream is not None:
            self.connections.stream(stream, draft.client, request)
        self._add(draft)
        self._open[request.exchange] = draft

    def cookies(self) -> dict[str, dict[str, str]]:
        """Return the cookies that each client showed and that no answer had set before, by name."""
        return self._jars.given(self.connections.client_of, self.facts.asked)

    def _add(self, draft: Draft) -> None:
        self.happened.append(draft)
        self.by_place[draft.at] = draft

    def _answer(self, response: Response) -> None:
        draft = self._open.pop(response.exchange, None)
        if draft is None:
            return
        accepted, _ = self.dialect.answered(response, draft.operation)
        t = response.pieces[-1][0] if response.pieces else response.t
        told = TellingDraft(
            draft.client,
            draft.connection,
            (response.seq, 0),
            t,
            draft.n,
            draft,
            response=response,
            is_accepted=accepted,
        )
        draft.answer = told
        self.happened.append(told)

    def _carrier(self, record: Record) -> Request | None:
        """Return the request that carried a message of Bayeux, or opened its WebSocket."""
        return record if isinstance(record, Request) else self._carriers.get(getattr(record, "exchange", -1))

    def _handshakes(self, record: Request | SocketMessage) -> None:
        carrier = self._carrier(record)
        if carrier is None:
            return
        for index, message in enumerate(self._decoder.messages(record) or ()):
            if message["channel"] == channels.HANDSHAKE:
                at = record.seq, index
                draft = Draft(Act.HANDSHAKE, "", "", at, record.t, carrier, message=_bare(message))
                self._add(draft)
                self._shaking.setdefault(record.exchange, []).append(draft)
                self._asked[record.exchange, channels.HANDSHAKE, str(message.get("id"))] = draft
            elif message["channel"] == channels.CONNECT and isinstance(record, SocketMessage):
                self.connections.uses_socket(str(message.get("clientId", "")))

    def _opened(self, opened: Opened) -> None:
        """Take a handshake that succeeded."""
        shaking = self._shaking.get(opened.exchange)
        if not shaking:
            return
        draft = shaking.pop(0)
        self._jars.carries(opened.exchange, opened.client_id)
        key, is_new = self.connections.handshaken(opened.client_id, draft.request)
        draft.client, draft.connection = self.connections.client_of(opened.client_id), key
        self.by_place[opened.seq, 0] = draft  # where anchors of a handshake are
        if not is_new:
            draft.is_left = True
            self.left[
                "handshakes after the server had lost its session, and the subscriptions that a client did again then, "
                "are not sent: a drive does them where its own session is lost"
            ] += 1
        elif wants_acknowledgement(draft.message or {}):
            self.connections.acknowledges(key)

    def _missed(self, client_id: str, carrier: Request, at: Place, t: int) -> None:
        """Begin a session whose handshake was before the capture: no message can be sent without one."""
        if self.connections.missed(client_id, carrier):
            client = self.connections.client_of(client_id)
            types = ["websocket" if self.connections.all[client_id].is_socket else "long-polling"]
            message = {"channel": channels.HANDSHAKE, "version": "1.0", "supportedConnectionTypes": types}
            self._add(Draft(Act.HANDSHAKE, client, client_id, (at[0], -1), t, carrier, message=message))
            self.left[_BEFORE] += 1

    def _sent(self, sent: Sent, record: Record) -> None:
        carrier = self._carrier(record)
        if carrier is None:
            return
        self._missed(sent.client_id, carrier, (sent.seq, sent.index), sent.t)
        message, key = sent.message, self.connections.key_of(sent.client_id)
        act = _ACTS.get(message["channel"], Act.PUBLISH)
        if act is Act.PUBLISH and channels.is_meta(message["channel"]):
            return
        at = sent.seq, sent.index
        asked = (self.facts.asked.get(at) or self.facts.tried.get(sent.seq)) if act is Act.PUBLISH else None
        n, operation = (asked.n, asked.operation) if asked is not None else (0, None)
        client = self.connections.client_of(sent.client_id)
        before = self.by_place.get((self.facts.again.get(sent.seq, -1), sent.index)) if act is Act.PUBLISH else None
        if before is not None:
            self.left[_REPEATED] += 1
            self.by_place[at] = self._asked[sent.exchange, message["channel"], str(message.get("id"))] = before
            return
        draft = Draft(act, client, key, at, sent.t, carrier, n, operation, _bare(message))
        draft.is_left = act in (Act.SUBSCRIBE, Act.UNSUBSCRIBE) and self.connections.repeats(
            sent.client_id, act is Act.SUBSCRIBE, message.get("subscription")
        )
        self._add(draft)
        self._asked[sent.exchange, message["channel"], str(message.get("id"))] = draft

    def _reply(self, replied: Replied) -> None:
        message = replied.message
        if message["channel"] == channels.CONNECT:
            return
        draft = self._asked.pop((replied.exchange, message["channel"], str(message.get("id"))), None)
        if draft is None or draft.is_left:
            return
        at = replied.seq, replied.index
        accepted = status_of(message) == 200
        told = TellingDraft(
            draft.client, draft.connection, at, replied.t, draft.n, draft, reply=message, is_accepted=accepted
        )
        draft.answer = told
        self.happened.append(told)

    def _event(self, event: Event) -> None:
        at = event.seq, event.index
        pushed: Pushed | None = self.facts.pushed.get(at)
        if pushed is None:  # the server sent it again to a client that went on with its stream
            return
        if pushed.event.client_id == event.client_id:  # one from a sealed file lacks it
            event = pushed.event  # so that its data is in memory once
        carrier = self._carriers.get(event.exchange)
        if carrier is not None and event.raw is None:
            self._missed(event.client_id, carrier, at, event.t)
        key = self.connections.key_of(event.client_id)
        client = self.connections.client_of(event.client_id)
        if carrier is not None and self.connections.lacks(key, event.channel):
            message = {"channel": channels.SUBSCRIBE, "subscription": event.channel}
            self._add(Draft(Act.SUBSCRIBE, client, key, (event.seq, -1), event.t, carrier, message=message))
        self.happened.append(
            TellingDraft(
                client,
                key,
                at,
                event.t,
                pushed.n,
                after=pushed.after,
                event=event,
                name=pushed.name,
                is_awaited=not pushed.is_ignored,
            )
        )

    def _message(self, asked: Asked, record: Record) -> None:
        if not isinstance(record, SocketMessage):
            return
        opened = self.connections.opened_by.get(asked.client_id)
        known = self.facts.asked.get((record.seq, 0))
        if opened is None or known is None:
            return
        key, client = self.connections.key_of(asked.client_id), self.connections.client_of(asked.client_id)
        at = record.seq, 0
        draft = Draft(Act.MESSAGE, client, key, at, record.t, opened, known.n, known.operation)
        draft.payload, draft.is_text, draft.topic = record.body, record.is_text, asked.request.target
        self._add(draft)

    def _closed(self, closed: Closed, record: Record) -> None:
        """Take the end of a stream or a WebSocket; it is a step if the client ended it and never went on."""
        stream = self.facts.streams.get(closed.exchange)
        opened = self.connections.opened_by.get(closed.client_id)
        if stream is None or opened is None or closed.ended or self.facts.last[stream.key] != closed.exchange:
            return
        told = closing(record.reason) if isinstance(record, Failure) else None
        if told is not None and told.by_server:
            return
        at = closed.seq, 0
        self._add(Draft(Act.CLOSE, self.connections.client_of(closed.client_id), stream.key, at, closed.t, opened))

    def finish(self) -> None:
        """Give each handshake that was refused to the next connection of its TCP connection, else to one of its own."""
        for draft in chain.from_iterable(self._shaking.values()):
            tcp = draft.request.connection
            later = (
                one
                for one in self.happened
                if isinstance(one, Draft) and one.act is Act.HANDSHAKE and one.at > draft.at and one.connection
            )
            found = next((one for one in later if one.request.connection == tcp), None)
            draft.client = found.client if found is not None else self.facts.only
            draft.connection = found.connection if found is not None else f"refused-{draft.at[0]}"
            self.connections.refused(draft.connection, draft.client, draft.request)
            if draft.answer is not None:
                draft.answer.client, draft.answer.connection = draft.client, draft.connection
        tried = [one for one in self.happened if isinstance(one, Draft) and self._is_tried(one)]
        for draft in tried:
            draft.is_left = True
        if tried:
            self.left[
                "WebSockets that failed in the recording are not opened: the Bayeux client chooses its transport itself"
            ] = len(tried)
        self.happened = [one for one in self.happened if not _is_left(one)]
        self._replaced()

    def _replaced(self) -> None:
        """Find the sessions that were over when the next one of their window began."""
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for place, one in enumerate(self.happened):
            first.setdefault(one.connection, place)
            last[one.connection] = place
        for key, before in self.connections.before.items():
            if last.get(before, -1) < first.get(key, -1):
                self.connections.replaces(key, before)

    def _is_tried(self, draft: Draft) -> bool:
        """Return whether a client of Bayeux only tried whether there is a WebSocket."""
        if draft.act not in (Act.CALL, Act.SOCKET) or not self.connections.is_of_bayeux(draft.request):
            return False
        return draft.act is Act.CALL or not any(
            one.connection == draft.connection
            for one in self.happened
            if one is not draft and (not isinstance(one, TellingDraft) or one.step is not draft)
        )


def walked(recording: Recording, records: Iterable[Record], dialect: Dialect) -> Walk:
    """Walk through all records of a recording."""
    walk = Walk(dialect, facts_of(recording))
    for record in records:
        walk.feed(record)
    walk.finish()
    return walk


def _is_left(one: Happened) -> bool:
    step = one if isinstance(one, Draft) else one.step
    return step is not None and step.is_left


def _bare(message: Message) -> Message:
    return {name: value for name, value in message.items() if name not in _OF_SESSION}


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and any(name.lower() == _PREFLIGHT for name, _ in request.headers)
