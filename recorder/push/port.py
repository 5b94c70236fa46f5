"""Define the port of push: what a decoder observes in records, whatever the protocol.

Bayeux has all of these observations. Other protocols have no handshakes, subscriptions by channel, or replies: there a
stream opens, events come, and the stream closes.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from ..frozen import dataclass
from ..model import Event, Record, Request

BAYEUX, SSE, WEBSOCKET = "bayeux", "sse", "websocket"
Message: TypeAlias = dict[str, Any]  # of Bayeux


@dataclass(frozen=True, slots=True)
class Opened:
    """The begin of push to one client: a successful Bayeux handshake, a stream of events, or a WebSocket.

    Attributes:
        client_id: What names the client in its events: the clientId of Bayeux, `stream-N` of the stream or WebSocket of
            exchange N.
        protocol: BAYEUX, SSE or WEBSOCKET.
        subprotocol: What the server chose of the subprotocols of a WebSocket; "" if there is none.
    """

    client_id: str
    exchange: int
    seq: int
    t: int
    protocol: str = BAYEUX
    subprotocol: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The end of a stream or a WebSocket.

    Attributes:
        ended: Whether the server ended it in order, not the client, and not a cut connection.
        code: The close code of a WebSocket, None if there was none.
        reason: The reason of the end in words; "" if none was given.
    """

    client_id: str
    exchange: int
    seq: int
    t: int
    ended: bool
    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a client on a WebSocket without Bayeux, as a request."""

    client_id: str
    request: Request


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription that the server confirmed."""

    client_id: str
    subscription: str
    seq: int
    t: int


@dataclass(frozen=True, slots=True)
class Advised:
    """The advice of the server how long it holds a poll (`advice.timeout`), in seconds."""

    timeout: float


@dataclass(frozen=True, slots=True)
class Guarded:
    """The texts before and after the messages in an answer, which keep a browser from running it as a script."""

    guard: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sent:
    """A subscription, unsubscription or publish as it left the client; the server may still refuse it.

    Attributes:
        index: Place of the message in its record, from 0.
        message: The whole message.
    """

    client_id: str
    exchange: int
    seq: int
    index: int
    t: int
    message: Message


@dataclass(frozen=True, slots=True)
class Refused:
    """A reply that says no; `lost` where it says that the server does not know the client any more."""

    client_id: str
    exchange: int
    message: Message
    lost: bool


@dataclass(frozen=True, slots=True)
class Replied:
    """A reply of the server to any Bayeux message, or a /meta/disconnect that it sent unasked.

    Attributes:
        index: Place of the message in its record, from 0.
        asked: The message of the client with the id and channel of the reply; None on a WebSocket, or if there is none.
    """

    client_id: str
    exchange: int
    seq: int
    index: int
    t: int
    message: Message
    asked: Message | None


Observation: TypeAlias = Opened | Closed | Asked | Subscribed | Advised | Guarded | Sent | Refused | Replied | Event


class Decoder(Protocol):
    """A decoder of one kind of push: it turns records into observations, in the order of the wire."""

    def feed(self, record: Record) -> list[Observation]:
        """Take the next record; return what it shows."""
        ...

    def carries(self, request: Request) -> bool:
        """Return whether a request is only a carrier of push messages, such as a poll: no exchange of its own."""
        ...

    def client_of(self, request: Request) -> str:
        """Return the client that a carrier without a response belongs to, "" if it names none, as in a handshake."""
        ...

    def client_on(self, socket: int) -> str:
        """Return the client on a WebSocket, given by its exchange; "" if the client is not known yet."""
        ...
