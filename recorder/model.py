"""Define the data: records (what was seen on the wire) and triples (what the records mean).

Records are facts, one per thing that happened, in the order the proxy saw them. Each record is stored alone, not as
part of a finished exchange, so that a crash between a request and its response loses neither. Triples are derived
from records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeAlias

from .frozen import dataclass

Headers: TypeAlias = tuple[tuple[str, str], ...]
JSON: TypeAlias = Any  # the border to JSON: whatever json.loads returns
Value: TypeAlias = str | tuple[str, ...]  # of a key: one text, or several (two at least, no two the same)
Keys: TypeAlias = Mapping[str, Value]  # values by which events are joined to requests, by the names of a dialect


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it left for the upstream.

    Attributes:
        seq: Place in the capture, from 0 without gaps. This number gives the order; clocks do not.
        t: Nanoseconds on a monotonic clock since the capture began.
        exchange: Number that the request shares with its response or failure.
        connection: Name of the client's TCP connection.
        target: Path with query, as sent (still percent-encoded).
        body: The content, with its content-encodings decoded.
        message: Of a Bayeux publish that was derived as a request (`bayeux.publishes`): its place in its record. None
            for an HTTP request.
    """

    seq: int
    t: int
    exchange: int
    connection: str
    method: str
    target: str
    headers: Headers
    body: bytes
    message: int | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response: complete, or the head of one that came in chunks.

    Attributes:
        t: Time of its end; of a streamed response, that of its head.
        body: The content, with its content-encodings decoded; empty if `streamed`.
        message: Of the reply to a Bayeux publish: its place in its record. None for an HTTP response.
        streamed: Whether the body follows in the `Chunk` records of the exchange.
        pieces: Time and length of each chunk of a body that was joined again (`push.pieces`). Derived, never stored.
    """

    seq: int
    t: int
    exchange: int
    status: int
    headers: Headers
    body: bytes
    message: int | None = None
    streamed: bool = False
    pieces: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the body of a streamed response: whole server-sent events, or whole lines.

    Attributes:
        body: The content, with its content-encodings decoded.
        is_last: Whether the server ended the body here.
    """

    seq: int
    t: int
    exchange: int
    body: bytes
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The end of an exchange without a response, of a streamed response that broke, or of a WebSocket.

    `reason` says why.
    """

    seq: int
    t: int
    exchange: int
    reason: str


@dataclass(frozen=True, slots=True)
class SocketMessage:
    """One WebSocket message on the upgraded exchange; `body` is its payload.

    Attributes:
        is_text: Whether the message came as text; False for a binary one.
    """

    seq: int
    t: int
    exchange: int
    from_client: bool
    body: bytes
    is_text: bool = True


class Closing(NamedTuple):
    """The close frame of a WebSocket: its code and reason (RFC 6455, section 7.4), and the peer that sent it."""

    code: int
    reason: str
    by_server: bool


_CLOSING = re.compile(r"websocket closed by (client|server), code ([0-9]{1,5})(?:: (.*))?", re.DOTALL)


def closed_by(who: str, code: int | None, reason: str = "") -> str:
    """Return the reason of the failure that ends a WebSocket, which `closing` reads; `who` is client or server."""
    return f"websocket closed by {who}, code {code}" + (f": {reason}" if reason else "")


def closing(reason: str) -> Closing | None:
    """Return the close frame that the reason of a failure tells; None if it tells none."""
    found = _CLOSING.fullmatch(reason)
    return Closing(int(found[2]), found[3] or "", found[1] == "server") if found else None


# Kinds of notes about what the recorder told its user while it recorded.
# certificate: a TLS handshake failed, that of the upstream or of a client. proxy-auth: a proxy on the way asked for
# credentials (407). connection-auth: a login belongs to one connection (NTLM, Negotiate). led-away: an answer named the
# address of the upstream itself. not-carried: the proxy cannot carry something, e.g. trailers. not-recorded: traffic
# was let through unrecorded.
TOLD = frozenset({"certificate", "proxy-auth", "connection-auth", "led-away", "not-carried", "not-recorded"})
GAP = "gap"  # kind of the note about an upstream that could not be reached
CUT = "cut"  # kind of the note after a record whose body is kept in part or not at all
LEFT_OUT = (
    "left-out"  # kind of the note about what an import did not take from its file, or an interrupted drive not keep
)
GUESSED = "guessed-time"  # kind of the note about times that an import had to guess


@dataclass(frozen=True, slots=True)
class Note:
    """A fact worth keeping that is not traffic, e.g. `close` at a clean end of the capture."""

    seq: int
    t: int
    kind: str
    text: str


Record: TypeAlias = Request | Response | Chunk | Failure | SocketMessage | Note

# `Header.redaction` of cassettes that may hold bodies in the clear: recorded without redaction, or with that of format
# 0, which reached headers only, or recovered without a header.
IN_CLEAR = frozenset({"none", "headers-1", "unknown"})


FORMAT = 2  # of the cassettes that are written (docs/format.md)
# The version of the rules by which `correlate` derives triples. Stored triples of another version are derived anew:
# raise it with each change by which a record of any cassette can get another link, state, session or key.
RULES = 1
MAX_TEXT = 128 << 10  # bytes of a dialect, and of a policy, that a cassette holds


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a capture a cassette is, if the capture goes on in new files.

    Attributes:
        capture: The name of the capture, which is in each of its parts.
        number: Number of the part, from 1.
        after: Nanoseconds from the begin of the part before to that of this one; 0 for the first.
        repeated: Number of records at the beginning that repeat records of the parts before.
    """

    capture: str
    number: int
    after: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a cassette: where and how it was recorded.

    Attributes:
        started: UTC microseconds since the epoch at which `t` is 0: the one wall-clock time of a cassette.
        upstream: URL of the recorded server, for people; a replay never connects to it.
        dialect: Name of the dialect that the cassette is read by.
        redaction: Name of the policy that was applied before writing.
        format: Version of the cassette format.
        dialect_text: The dialect itself, as TOML; "" if the cassette names one only, as those of format 1 do.
        policy_text: The policy itself, as TOML, without patterns of its own; "" if the cassette names one only.
        fitted: Name of the shipped dialect that the policy was fitted to; "" if that is the dialect itself.
        part: Which part of a capture this is; None for a capture with one file.
        file: The file that the header was read from, for messages; "" for one that was not read.
    """

    started: int
    upstream: str
    dialect: str
    redaction: str
    format: int = FORMAT
    profile: str = "journal"
    dialect_text: str = field(default="", repr=False)
    policy_text: str = field(default="", repr=False)
    fitted: str = ""
    part: Part | None = None
    file: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A message that the server pushed: by Bayeux on an application channel, in a stream, or on a WebSocket.

    Attributes:
        seq: `seq` of the record that carried the message.
        index: Place of the message in that record, from 0.
        exchange: Number of the exchange (poll, publish, stream or socket) that carried the message.
        channel: The channel of Bayeux; the topic of any other event; ":" for a comment in an event stream, and for
            what a stream tells without data, such as `retry`.
    """

    seq: int
    index: int
    t: int
    exchange: int
    # clientId of the receiving session, or the key of its stream; not compared, because a sealed cassette does not
    # store it with the event
    client_id: str = field(compare=False)
    channel: str
    data: JSON
    # members beside `channel` and `data`, such as `id` and `ext`; None where there are none
    beside: dict[str, JSON] | None = field(default=None, compare=False)
    # the bytes on the wire: a block of a stream with its end, or the message on a WebSocket; None for Bayeux
    raw: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Link:
    """The statement that a request caused an event, with its rule and confidence.

    Attributes:
        name: Name of the event in the dialect (its notification); without one, the channel.
        request: `seq` of the request.
        rule: Name of the rule that decided.
        confidence: From 0 to 1; 1 means that an exact id of the request stood in the event.
        why: The reason, as a sentence.
        rivals: `seq` of other requests that the event would fit as well: the oldest 100 of them, `why` says how many.
        message: Place of the request in its record, if it is a Bayeux publish.
    """

    event: Event
    name: str
    request: int
    rule: str
    confidence: float
    why: str
    rivals: tuple[int, ...] = ()
    message: int | None = None


class State(Enum):
    """How far an operation got."""

    COMPLETE = "complete"  # the terminal event was seen, or none is expected
    ACKED = "acked"  # the ack came, the terminal event did not
    FAILED = "failed"  # the ack refuses the operation, or an error event reports its failure
    UNACKED = "unacked"  # events came, an ack did not
    ABORTED = "aborted"  # neither an ack nor an event came


@dataclass(frozen=True, slots=True)
class Triple:
    """One operation, its ack, and the events it caused, in the order they were seen.

    Attributes:
        n: Number for people, from 1 in the order of the requests; 0 for an exchange that is no operation.
        operation: Name of the operation in the dialect, None for an exchange that is no operation.
        keys: Values the dialect found for linking (handle, reference, campaign …).
        session: Label of the Bayeux session that sent the request, None if unknown.
    """

    n: int
    operation: str | None
    keys: Keys
    session: str | None
    state: State
    request: Request
    ack: Response | None
    failure: Failure | None
    events: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class RowEvent:
    """A link as a sealed cassette stores it.

    Attributes:
        seq: `seq` of the record that carried the event.
        index: Place of the event in that record, from 0.
        confidence: In thousandths, from 0 to 1000.
    """

    seq: int
    index: int
    channel: str
    name: str
    rule: str
    confidence: int
    why: str
    rivals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A triple as a sealed cassette stores it; `request`, `ack` and `failure` are the `seq` of their records.

    Attributes:
        message: Place of the request in its record, if it is a Bayeux publish.
        reply: Place of the ack in its record, if it is the reply to a publish.
    """

    n: int
    operation: str | None
    keys: Keys
    session: str | None
    state: str
    request: int
    ack: int | None
    failure: int | None
    events: tuple[RowEvent, ...]
    message: int | None = None
    reply: int | None = None

    def index_keys(self) -> list[tuple[str, str]]:
        """Return the pairs the triple is indexed by: its operation, its keys, the channels of its events."""
        pairs = [("operation", self.operation)] if self.operation is not None else []
        for name, value in self.keys.items():
            pairs += [(name, value)] if isinstance(value, str) else [(name, text) for text in values(value)]
        return pairs + [("channel", channel) for channel in {event.channel for event in self.events}]


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """An event that no operation caused; `session` is the label of the receiving session, `name` is as in `Link`.

    Attributes:
        is_ignored: Whether the dialect says that it is a heartbeat or the like: then nobody need look for its cause.
    """

    event: Event
    name: str
    session: str | None
    is_ignored: bool = False


class AnchorKind(Enum):
    """The kinds of things in a session that an unsolicited event can follow."""

    START = "handshake"  # also the begin of a capture that began in the middle of a session
    SUBSCRIPTION = "subscription"
    UNSUBSCRIPTION = "unsubscription"
    PUBLISH = "publish"
    EXCHANGE = "exchange"
    OPERATION = "operation"


@dataclass(frozen=True, slots=True)
class ClientMessage:
    """A Bayeux message of a client that events may follow: handshake, subscription, unsubscription or publish.

    Attributes:
        at: `seq` of the record and place of the message in it; of a handshake, those of its reply.
        t: Nanoseconds after the start of the capture.
        session: Label of the session, None if it is unknown.
        client_id: The clientId of the sender; of a handshake, the one that it gave out.
        name: The channel or pattern; "" for a handshake.
        data: What was published; None for other messages.
        renews: Whether a handshake replaces a session that the server had lost.
    """

    kind: AnchorKind
    at: tuple[int, int]
    t: int
    session: str | None
    client_id: str
    name: str = ""
    data: JSON = field(default=None, compare=False)
    renews: bool = False
    id: JSON = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the recorded server to a Bayeux message that says more than a plain success.

    Attributes:
        at: `seq` of the record and place of the message in it.
        t: Nanoseconds after the start of the capture.
        session: Label of the session, None if it is unknown.
        client_id: The clientId of the sender; "" for a refused handshake.
        asked: Channel of the message that was replied to.
        name: The channel or pattern of a subscription or unsubscription; "" for other messages.
        number: Which of the equal messages of its window it answers, from 1; 0 for a /meta/connect after the first
            successful one of its client, which has no number: how often a client polls depends on its pace.
        message: The refusal as it was; of a success only what it says beside the fields that each server sends.
        pushed: The /meta/disconnect that the server sent before the reply, unasked.
    """

    at: tuple[int, int]
    t: int
    session: str | None
    client_id: str
    asked: str
    name: str
    number: int
    message: dict[str, JSON]
    pushed: dict[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The anchor of an unsolicited event: the latest thing that its client did before the event came.

    Attributes:
        at: `seq` of the record and place of the message in it, which give the order of the wire.
        t: Nanoseconds after the start of the capture; the distance of the event counts from here.
        name: The channel or pattern, the method and target of an exchange, or the name of an operation.
        number: Which of the equal ones of this window it is, from 1; of an operation, the number of its triple.
        window: Window of the client, from 0; windows of a session shake hands and subscribe apart.
        place: Place among the triples and the other exchanges of the recording, None for Bayeux messages.
        is_echo: Whether the event repeats the publish: one channel, equal data.
        repeats: Ids of the publish that the event repeats: then the publish caused it.
        confidence: How sure that is, from 0 to 1.
    """

    kind: AnchorKind
    at: tuple[int, int]
    t: int
    name: str = ""
    number: int = 1
    window: int = 0
    place: int | None = None
    is_echo: bool = False
    repeats: tuple[str, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of events, or a WebSocket without Bayeux, from its begin to its end.

    Attributes:
        key: Names the stream in its events (`Event.client_id`). A client that connects again goes on with the key.
        exchange: Number of the exchange that asked for the stream.
        protocol: `sse` or `websocket`.
        seq: `seq` of the response that opened it.
        opened: Nanoseconds after the start of the capture.
        closed: Nanoseconds after the start of the capture; None if it was open at the end of the capture.
        ended: Whether the server ended it in order, not the client, and not a cut connection.
        code: The close code of a WebSocket; None if there was none.
        reason: Why it ended: the reason in the close frame of a WebSocket, else what the recorder saw; "" if none.
        subprotocol: What the server chose of the subprotocols of a WebSocket; "" if there is none.
        session: Label of the session, None if it is unknown.
        end: `seq` of the record that ended it; None if it was open at the end of the capture.
    """

    key: str
    exchange: int
    protocol: str
    seq: int
    opened: int
    closed: int | None = None
    ended: bool = False
    code: int | None = None
    reason: str = ""
    subprotocol: str = ""
    session: str | None = None
    end: int | None = None


class Entries(Protocol):
    """A table of entries of one width, that is read one page at a time."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> bytes: ...

    def read(self, start: int, end: int) -> bytes:
        """Return the entries from `start` up to `end`, which is left out, joined."""

    def first(self, wanted: bytes) -> int:
        """Return the place of the first entry of a sorted table that is not below `wanted`, or begins with it."""

    def starting(self, prefix: bytes) -> Iterator[bytes]:
        """Yield the entries of a sorted table that begin with `prefix`, in order."""


class RecordingIndex(Protocol):
    """The index of a recording that is read from a file."""

    def table(self, name: str) -> Entries:
        """Return a table; an empty one if there is none of that name."""


@dataclass(frozen=True, slots=True)
class Recording:
    """All that was derived from one cassette.

    Attributes:
        plain: Exchanges that are neither Bayeux nor an operation (e.g. GET /api/v2/me).
        session_starts: `seq` and `t` of each session's handshake, by label.
        poll_timeout: `advice.timeout` of the recorded server in seconds, None if the server gave none.
        addressed: Name in lower case and value of each Host, Origin and Referer (only its origin) of operations and
            Bayeux requests that the server answered, and the upstream of each cassette but the first.
        windows: Number of the window, from 1, by clientId, for agents with several windows (browser tabs) open at once;
            clients in the first window of their session are left out.
        messages: What clients sent by Bayeux that events may follow, in the order of the wire.
        replies: Refusals, ended sessions, and what other replies said beside the usual, in the order of the wire.
        guard: What the server wrote before and after the messages in each answer, such as `while(1);`.
        connection_types: What the server offered in its reply to the first Bayeux handshake, sorted; empty without one.
        subprotocols: What the server chose of the subprotocols that clients offered for their WebSockets, sorted.
        streams: Streams of events and WebSockets without Bayeux, in the order they were opened.
        lost_polls: Session label and `seq` of the failure of each Bayeux request that ended without an answer; events
            in that answer are lost.
        attempts: `seq` of a request that got no answer, and that of the request that repeats it.
        index: What is known of all triples without reading them; None for a recording in memory, whose sequences are
            tuples. Those of a file are read when they are asked for: never copy them all.
        parts: The recordings that it was joined of, each with triples numbered from 1; empty for one that was not.
    """

    header: Header
    triples: Sequence[Triple]
    plain: Sequence[Triple]
    unsolicited: Sequence[Unsolicited]
    session_starts: dict[str, tuple[int, int]]
    poll_timeout: float | None
    windows: dict[str, int] = field(default_factory=dict)
    addressed: frozenset[tuple[str, str]] = frozenset()
    messages: tuple[ClientMessage, ...] = ()
    replies: tuple[Reply, ...] = ()
    guard: tuple[str, str] = ("", "")
    subprotocols: tuple[str, ...] = ()
    streams: tuple[Stream, ...] = ()
    lost_polls: Sequence[tuple[str | None, int]] = ()
    attempts: Sequence[tuple[int, int]] = ()
    connection_types: tuple[str, ...] = ()
    index: RecordingIndex | None = field(default=None, compare=False, repr=False)
    parts: tuple[Recording, ...] = field(default=(), compare=False, repr=False)


def value_of(texts: Iterable[str]) -> Value | None:
    """Return the value of a key that stands for these texts, None if there are none."""
    found = tuple(dict.fromkeys(texts))
    if len(found) > 1:
        return found
    return found[0] if found else None


def values(value: Value) -> tuple[str, ...]:
    """Return the texts of the value of a key."""
    return (value,) if isinstance(value, str) else value


def listed(value: Value) -> str:
    """Return the value of a key in words, e.g. for a table."""
    return value if isinstance(value, str) else ", ".join(value)


def agree(mine: Value, its: Value) -> bool:
    """Return whether two values of a key share a text."""
    if mine == its:
        return True
    both_single = isinstance(mine, str) and isinstance(its, str)
    return not both_single and not set(values(mine)).isdisjoint(values(its))
