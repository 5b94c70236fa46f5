"""Define the plan of a drive: what the recorded clients sent, what that waits for, and where its values come from.

A plan is made once of a cassette. It knows nothing of the live server: `driver.py` plays it.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TypeAlias

from ...frozen import dataclass
from ...model import JSON, Event, Headers, Keys, Request, Response
from ...requests.masks import Address

Place: TypeAlias = tuple[int, int]  # `seq` of a record, and place of the message in it

# Kinds of addresses beside those of `requests.masks`: a header by name in small letters and its number among those of
# that name, a cookie by name, and the number of a segment of a channel.
HEADER, COOKIE, CHANNEL = "header", "cookie", "channel"


class Act(Enum):
    """What a client does in one step."""

    CALL = "call"  # an HTTP request with an answer
    STREAM = "stream"  # an HTTP request whose answer is a stream of events
    SOCKET = "socket"  # opens a WebSocket that does not carry Bayeux
    MESSAGE = "message"  # sends a message on such a WebSocket
    CLOSE = "close"  # ends a stream or such a WebSocket
    HANDSHAKE = "handshake"  # these and the following are messages of Bayeux
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    PUBLISH = "publish"
    DISCONNECT = "disconnect"


BAYEUX = frozenset({Act.HANDSHAKE, Act.SUBSCRIBE, Act.UNSUBSCRIBE, Act.PUBLISH, Act.DISCONNECT})


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a text: a run between separators (`drive.engine.words`), counted from both ends.

    A server may tell a value inside a longer text, such as the last segment of a URL.

    Attributes:
        number: Its place among the words of the recorded text, from 0.
        count: How many words the recorded text has.
    """

    number: int
    count: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where the live value of a hole is read: a leaf of what the server told.

    Attributes:
        told: Number of what was told, as in `Plan.told`.
        place: The leaf. Paths of members begin in the body of an answer, in the data of an event, or in the reply to a
            message of Bayeux.
        word: Which part of the leaf it is; None if it is the whole leaf.
    """

    told: int
    place: Address
    word: Word | None = None


@dataclass(frozen=True, slots=True)
class Hole:
    """A value in a request that may be another one in a drive.

    The value that is sent is the first of these: one that the user gave for this header, a fresh one if the client
    minted it, what a source told, what the user gave for its key or its pseudonym, the recorded one.

    Attributes:
        place: The leaf of the request, or of the message of Bayeux, that holds it.
        start: Where the value begins in the decoded text of the leaf.
        end: Where it ends.
        recorded: The recorded value, as text.
        name: What to call it: the key of the dialect, else the last name of its place.
        is_fresh: Whether the client mints it for each operation; then it is the same wherever its client sends it.
        sources: Where the server told it, the latest first.
        is_hidden: Whether it is a pseudonym: the recorded value is never sent.
        is_credential: Whether it shows who the client is: the recorded value is sent to another host only if the user
            said so.
    """

    place: Address
    start: int
    end: int
    recorded: str
    name: str
    is_fresh: bool = False
    sources: tuple[Source, ...] = ()
    is_hidden: bool = False
    is_credential: bool = False


class Why(Enum):
    """Why a step waits for something."""

    VALUE = "value"  # a value of it comes from there
    ORDER = "order"  # the recorded client had it before it went on
    TURN = "turn"  # the client sends one thing after the other, as recorded
    OTHER = "other client"  # another client has to be there first


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that happens before a step leaves: another step leaves, or the server tells something.

    Attributes:
        step: Number of the step that leaves before; None if the server tells something.
        told: Number of what the server tells; None if a step leaves before.
        t: When it was recorded, in nanoseconds.
        why: The reason.
        names: Names of the values that come from there.
    """

    step: int | None
    told: int | None
    t: int
    why: Why
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a recorded client sent.

    Attributes:
        number: Its place in `Plan.steps`, which is the order of the wire.
        client: Name of its client, as in `Plan.clients`.
        connection: Key of the Bayeux session, stream or WebSocket it belongs to; "" for a plain request.
        at: Where it was recorded.
        t: When it was recorded, in nanoseconds since the capture began.
        n: Number of its triple; 0 if it is none.
        operation: Name of the operation in the dialect; None if it is none.
        request: The recorded HTTP request; of a message, that which carried it.
        message: The message of Bayeux without `clientId` and `id`; None for other acts.
        payload: What is sent on a WebSocket; None for other acts.
        is_text: Whether `payload` is sent as text.
        causes: What happens before it leaves.
        holes: Its values that may be others.
        answer: Number in `Plan.told` of its answer or reply; None if none was recorded.
    """

    number: int
    act: Act
    client: str
    connection: str
    at: Place
    t: int
    n: int
    operation: str | None
    request: Request
    message: dict[str, JSON] | None = None
    payload: bytes | None = None
    is_text: bool = True
    causes: tuple[Cause, ...] = ()
    holes: tuple[Hole, ...] = ()
    answer: int | None = None

    @property
    def title(self) -> str:
        """What it is called in words, such as `GetChainedRecord` or `GET /api/v2/me`."""
        if self.operation:
            return self.operation
        if self.message is not None:
            name = self.message.get("subscription") or self.message.get("channel")
            return f"{self.act.value} {name}" if self.act not in (Act.HANDSHAKE, Act.DISCONNECT) else self.act.value
        return f"{self.request.method} {self.request.target.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the recorded server told a client: the answer to a step, or an event.

    Attributes:
        number: Its place in `Plan.told`, which is the order of the wire.
        client: Name of the client that heard it.
        connection: Key of the Bayeux session, stream or WebSocket that brought it; "" for the answer to a request.
        at: Where it was recorded.
        t: When it was recorded, in nanoseconds since the capture began.
        step: Number of the step that it answers, or that caused it; None for an event before all steps.
        n: Number of the triple that it belongs to; 0 if it belongs to none.
        response: The answer to an HTTP request; None otherwise.
        reply: The reply to a message of Bayeux; None otherwise.
        event: The event; None otherwise.
        name: Name of the event in the dialect, without one its channel; "" for an answer.
        keys: Keys of the event in the dialect.
        is_awaited: Whether steps wait for it, and its absence is told: heartbeats are not awaited.
        is_accepted: Whether an answer or a reply says yes.
    """

    number: int
    client: str
    connection: str
    at: Place
    t: int
    step: int | None
    n: int = 0
    response: Response | None = None
    reply: dict[str, JSON] | None = None
    event: Event | None = None
    name: str = ""
    keys: Keys = field(default_factory=dict)
    is_awaited: bool = True
    is_accepted: bool = True

    @property
    def is_loose(self) -> bool:
        """Whether it is an event that belongs to no triple: any step before it may have caused it, or none."""
        return self.event is not None and not self.n


@dataclass(frozen=True, slots=True)
class Connection:
    """A Bayeux session, stream or WebSocket of a client.

    Attributes:
        key: What names it in steps: its first recorded clientId, or the key of the stream.
        client: Name of its client.
        protocol: `bayeux`, `sse` or `websocket` (`push.port`).
        target: Path and query of its URL.
        is_socket: Whether it uses a WebSocket.
        subprotocols: Subprotocols of a WebSocket that the client offered.
        acknowledges: Whether it uses the acknowledgement extension of Bayeux.
        replaces: Key of the Bayeux session whose place it took, as after a page is loaded again: its client never used
            that one again, and its handshake ends it. "" for none.
    """

    key: str
    client: str
    protocol: str
    target: str
    is_socket: bool = False
    subprotocols: tuple[str, ...] = ()
    acknowledges: bool = False
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A recorded client: what shares cookies.

    Attributes:
        name: Label of its session; "" for requests whose session is unknown.
        cookies: Cookies that it showed and that no answer had set; their places are `(COOKIE, name)`.
        connections: Keys of its Bayeux sessions, streams and WebSockets.
    """

    name: str
    cookies: tuple[Hole, ...] = ()
    connections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be driven.

    Attributes:
        steps: What the clients sent, in the order of the wire.
        told: What the server told, in the order of the wire.
        clients: The clients, by name.
        connections: Their Bayeux sessions, streams and WebSockets, by key.
        upstream: URL of the recorded server.
        hosts: Recorded hosts (name and port as in `Host`) that stand for the server, in small letters.
        notes: What is not driven, and why, in sentences.
    """

    steps: tuple[Step, ...]
    told: tuple[Told, ...]
    clients: dict[str, Client]
    connections: dict[str, Connection]
    upstream: str
    hosts: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A step as it is sent, with live values; they may be secrets, so `repr` leaves them out.

    Attributes:
        step: The step.
        target: Path and query.
        headers: Headers, without those of the connection (`Host`, `Content-Length` …) and without cookies.
        body: Body of the request, or payload of a WebSocket message.
        message: Message of Bayeux without `clientId` and `id`; None for other acts.
    """

    step: Step
    target: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    message: dict[str, JSON] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a step; `repr` leaves out what may be secret, such as the token of a login.

    Attributes:
        status: HTTP status; of a reply of Bayeux 200 if it says yes, else the number of its error, or 400; None if no
            answer came.
        headers: Headers of the answer.
        body: The body without content encodings.
        reply: The reply to a message of Bayeux; None otherwise.
        failure: Why no answer came; "" if one came.
    """

    status: int | None
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    reply: dict[str, JSON] | None = field(default=None, repr=False)
    failure: str = ""


class Found(Enum):
    """The kinds of findings of a drive."""

    MISSING_EVENT = "event missing"
    MISSING_ANSWER = "answer missing"
    REFUSED = "refused"  # accepted in the recording
    ACCEPTED = "accepted"  # refused in the recording
    UNEXPECTED = "unexpected event"
    NO_VALUE = "value missing"  # the source came, but the value was not in it
    LEFT_OUT = "left out"  # a step was not sent
    LOST = "connection lost"  # and recovered; told, no fault of its own
    FAILED = "failed"  # the front could not do a step


class Odd(Enum):
    """The ways in which an event can be one that was not recorded."""

    EARLY = "early"  # the step that caused its recorded like has not left
    DOUBLED = "doubled"  # an equal one came before
    WRONG_ID = "wrong id"  # it holds an id that this client neither minted nor was told for this
    UNKNOWN = "unknown"  # nothing of its kind is expected, or no more


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that went other than recorded.

    Attributes:
        found: The kind.
        step: Number of the step it is about; None if it is about none.
        n: Number of the recorded triple it is about; 0 for none.
        where: Where, in words of the cassette: `triple 3 GetChainedRecord, event ChainedRecord`.
        text: What happened, and what was expected, as a sentence.
        at: Seconds since the drive began.
        told: Number in `Plan.told` it is about; None if none.
        odd: In which way an unexpected event is one; None for other kinds of findings.
    """

    found: Found
    step: int | None
    n: int
    where: str
    text: str
    at: float
    told: int | None = None
    odd: Odd | None = None
