"""The shapes of the data: what was seen on the wire (records) and what it means (triples).

Records are facts, one per thing that happened, in the order the proxy saw them. They are kept one by one and not as
finished exchanges, so that a crash between a request and its answer loses neither. Triples are derived from records.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

Headers: TypeAlias = tuple[tuple[str, str], ...]
JSON: TypeAlias = Any  # the border to JSON: whatever json.loads returns


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as it left for the upstream.

    Attributes:
        seq: Place in the capture, dense from 0. Order is this number, never a clock.
        t: Nanoseconds on a monotonic clock since the capture began.
        exchange: Joins the request with its response or failure.
        connection: Name of the client's TCP connection.
        target: Path with query, as sent (still percent-encoded).
        body: The content with content-encodings undone.

    """

    seq: int
    t: int
    exchange: int
    connection: str
    method: str
    target: str
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response, complete; `body` has its content-encodings undone."""

    seq: int
    t: int
    exchange: int
    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """An exchange that ended without a response: the client went away, or the upstream did."""

    seq: int
    t: int
    exchange: int
    reason: str


@dataclass(frozen=True, slots=True)
class SocketMessage:
    """One WebSocket message on the upgraded exchange."""

    seq: int
    t: int
    exchange: int
    from_client: bool
    body: bytes


GAP = "gap"  # kind of the note that says that the upstream could not be reached


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth keeping that is not traffic, e.g. `close` at a clean end."""

    seq: int
    t: int
    kind: str
    text: str


Record: TypeAlias = Request | Response | Failure | SocketMessage | Note


@dataclass(frozen=True, slots=True)
class Header:
    """What a cassette says about itself.

    Attributes:
        started: UTC microseconds since the epoch at which `t` is 0: the one wall-clock anchor.
        upstream: The recorded server, for people; a replay never connects to it.
        dialect: Name of the dialect the capture was made with.
        redaction: Name of the policy applied before writing.

    """

    started: int
    upstream: str
    dialect: str
    redaction: str
    format: int = 1
    profile: str = "journal"


@dataclass(frozen=True, slots=True)
class Event:
    """A Bayeux message on an application channel that the server pushed.

    Attributes:
        seq: The record it came in.
        index: Its place among the messages of that record.
        exchange: The poll, publish or socket that carried it.

    """

    seq: int
    index: int
    t: int
    exchange: int
    client_id: str = field(compare=False)  # the session it went to; a sealed cassette does not repeat it
    channel: str
    data: JSON


@dataclass(frozen=True, slots=True)
class Link:
    """The statement "this event was caused by that request".

    Attributes:
        name: What the dialect calls the event (its notification), else its channel.
        request: `seq` of the request.
        rule: Name of the rule that decided.
        confidence: 0..1; 1 means an exact id of the request stood in the event.
        why: The reason as a sentence.
        rivals: `seq` of other requests that would have fitted as well.

    """

    event: Event
    name: str
    request: int
    rule: str
    confidence: float
    why: str
    rivals: tuple[int, ...] = ()


class State(Enum):
    """How far an operation got."""

    COMPLETE = "complete"  # its terminal event was seen, or none is expected
    ACKED = "acked"  # acknowledged, its terminal event never came
    FAILED = "failed"  # the ack says no
    UNACKED = "unacked"  # events came, an HTTP answer never did
    ABORTED = "aborted"  # neither


@dataclass(frozen=True, slots=True)
class Triple:
    """One request, its ack, and the events it caused, in the order they were seen.

    Attributes:
        n: Number for people, from 1 in order of the requests; 0 for an exchange that is no operation.
        operation: Name as the dialect reads it, None for an exchange that is no operation.
        keys: What the dialect found to join on (handle, reference, campaign …), as strings.
        session: Label of the Bayeux session it belongs to, None where it could not be told.

    """

    n: int
    operation: str | None
    keys: dict[str, str]
    session: str | None
    state: State
    request: Request
    ack: Response | None
    failure: Failure | None
    events: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class RowEvent:
    """A link as a sealed cassette stores it: the event by record and place in it, the confidence in thousandths."""

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
    """A triple as a sealed cassette stores it: what was derived, with the facts by their `seq`."""

    n: int
    operation: str | None
    keys: dict[str, str]
    session: str | None
    state: str
    request: int
    ack: int | None
    failure: int | None
    events: tuple[RowEvent, ...]

    def index_keys(self) -> list[tuple[str, str]]:
        """What the triple can be found by: its operation, its keys, the channels of its events."""
        operation = [("operation", self.operation)] if self.operation is not None else []
        return [*operation, *self.keys.items(), *(("channel", c) for c in {event.channel for event in self.events})]


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """An event nobody asked for, with the label of the session it was pushed to and its name, as in `Link`."""

    event: Event
    name: str
    session: str | None


@dataclass(frozen=True, slots=True)
class Recording:
    """All that was derived from one cassette.

    Attributes:
        plain: Exchanges that are neither Bayeux nor an operation (e.g. GET /api/v2/me).
        session_starts: `seq` and `t` of each session's handshake, by label.
        poll_timeout: `advice.timeout` of the recorded server in seconds, None where it gave none.
        windows: Of clients that were beside another one of their session, as tabs of a browser are: which they were.

    """

    header: Header
    triples: tuple[Triple, ...]
    plain: tuple[Triple, ...]
    unsolicited: tuple[Unsolicited, ...]
    session_starts: dict[str, tuple[int, int]]
    poll_timeout: float | None
    windows: dict[str, int] = field(default_factory=dict)
