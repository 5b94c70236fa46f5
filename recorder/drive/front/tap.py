"""Observe all that is on the wire, in its order: live events and replies for the driver, records for the cassette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...capture.streams import Chunks
from ...model import Chunk, Event, Failure, Headers, Record, Request, Response, SocketMessage
from ...push.decoders import Decoders
from ...push.port import Message, Replied
from ...push.rules import PushRules
from ..engine.plan import Outgoing

if TYPE_CHECKING:
    from .tape import Tape

UPGRADED = 101


@dataclass(slots=True, eq=False)
class Sending:
    """An HTTP request on its way.

    Attributes:
        client: Name of the client.
        method: The HTTP method.
        target: Path and query.
        body: The body.
        connection: Key of the Bayeux session, stream or WebSocket it belongs to; "" for a plain request.
        left: Called once, right before its first byte leaves.
        exchange: Its number, once it left.
        head: Headers of its answer, once there is one.
        is_open: Whether it left, and neither its answer nor its failure is recorded yet.
        is_socket: Whether it became a WebSocket.
        is_streamed: Whether the head of its answer is recorded, and the end is not.
    """

    client: str
    method: str
    target: str
    body: bytes = b""
    connection: str = ""
    left: Callable[[], None] | None = None
    exchange: int | None = None
    head: Headers = ()
    is_open: bool = False
    is_socket: bool = False
    is_streamed: bool = False

    @property
    def flow(self) -> str:
        """Its id in the pipeline of the recorder."""
        return str(self.exchange)


@dataclass(slots=True)
class Tap:
    """All that the clients of one drive send and are sent, in the order of the wire.

    Attributes:
        rules: What the dialect says about push without Bayeux.
        clock: Returns nanoseconds, which only grow.
        tape: Records it; None records nothing.
        hear: Is called with the key of a connection and an event that came on it.
        reply: Is called with the key of a connection and a reply of Bayeux that came on it.
        keep: Is called with each record, in the clear; None if nobody wants them.
        heard: Number of events so far, by connection.
    """

    rules: PushRules
    clock: Callable[[], int]
    tape: Tape | None
    hear: Callable[[str, Event], None]
    reply: Callable[[str, dict[str, Any]], None]
    keep: Callable[[Record], None] | None = None
    heard: dict[str, int] = field(default_factory=dict)
    _decoders: Decoders = field(init=False)
    _seq: int = 0
    _exchanges: int = 0

    def __post_init__(self) -> None:
        self._decoders = Decoders(self.rules, replies=True)

    async def room(self) -> None:
        """Wait until the tape has room: whoever reads what a server sends waits before more of it."""
        if self.tape is not None:
            await self.tape.room()

    def request(self, sending: Sending, headers: Headers, messages: list[Message] | None = None) -> None:
        """Take a request whose bytes leave now; its messages of Bayeux, where they are known, are not parsed."""
        sending.exchange, self._exchanges = self._exchanges, self._exchanges + 1
        sending.is_open, now = True, self.clock()
        if self.tape is not None:
            self.tape.request(
                sending.flow,
                now,
                connection=sending.client or "client",
                method=sending.method,
                target=sending.target,
                headers=headers,
                body=sending.body,
            )
        record = Request(
            self._next(), now, sending.exchange, sending.client, sending.method, sending.target, headers, sending.body
        )
        if messages is not None:
            self._decoders.knows(record, messages)
        self._observe(record, sending)
        if sending.left is not None:
            sending.left()

    def response(
        self, sending: Sending, status: int, headers: Headers, body: bytes, lacks: str | None = None
    ) -> Response:
        """Take a whole answer, or the one that makes the exchange a WebSocket; return its record."""
        now, exchange = self.clock(), self._ended(sending)
        sending.is_socket = status == UPGRADED
        if self.tape is not None:
            self.tape.response(sending.flow, now, status=status, headers=headers, body=body, lacks=lacks)
        record = Response(self._next(), now, exchange, status, headers, body)
        self._observe(record, sending)
        return record

    def stream(self, sending: Sending, status: int, headers: Headers, media: str) -> Chunks:
        """Take the head of an answer that comes in pieces; return what takes the pieces, without content encodings."""
        now, exchange = self.clock(), self._ended(sending)
        sending.is_streamed = True
        if self.tape is not None:
            self.tape.stream(sending.flow, now, status=status, headers=headers)
        self._observe(Response(self._next(), now, exchange, status, headers, b"", streamed=True), sending)

        def write(body: bytes, *, is_last: bool = False, lacks: str | None = None) -> None:
            at = self.clock()
            if self.tape is not None:
                self.tape.chunk(sending.flow, at, body, is_last=is_last, lacks=lacks)
            sending.is_streamed = not is_last
            self._observe(Chunk(self._next(), at, exchange, body, is_last), sending)

        return Chunks(media, (), write)

    def message(self, sending: Sending, body: bytes, *, from_client: bool, is_text: bool) -> SocketMessage | None:
        """Take a message on a WebSocket; return its record, None if the WebSocket is not open."""
        now, exchange = self.clock(), sending.exchange
        if exchange is None or not sending.is_socket:
            return None
        if self.tape is not None:
            self.tape.message(sending.flow, now, from_client=from_client, body=body, is_text=is_text)
        record = SocketMessage(self._next(), now, exchange, from_client, body, is_text)
        self._observe(record, sending)
        return record

    def ended(self, sending: Sending, reason: str) -> None:
        """Take the end of a request without an answer, of a stream that broke, or of a WebSocket; once for each."""
        if sending.exchange is None or not (sending.is_open or sending.is_socket or sending.is_streamed):
            return
        now = self.clock()
        if self.tape is not None and sending.is_open:
            self.tape.failure_of(sending.flow, now, reason)
        elif self.tape is not None:
            self.tape.closed(sending.flow, now, reason)
        sending.is_open = sending.is_socket = sending.is_streamed = False
        self._observe(Failure(self._next(), now, sending.exchange, reason), sending)

    def messages(self, record: Record) -> list[dict[str, Any]]:
        """Return the messages of Bayeux in the record that was taken last; it is not parsed again."""
        return self._decoders.messages(record) or []

    def _ended(self, sending: Sending) -> int:
        if sending.exchange is None or not sending.is_open:
            raise RuntimeError(f"{sending.method} {sending.target}: was answered before it left, or twice")
        sending.is_open = False
        return sending.exchange

    def _observe(self, record: Record, sending: Sending) -> None:
        if self.keep is not None:
            self.keep(record)
        for seen in self._decoders.feed(record):
            if not sending.connection:
                continue
            if isinstance(seen, Event):
                self.heard[sending.connection] = self.heard.get(sending.connection, 0) + 1
                self.hear(sending.connection, seen)
            elif isinstance(seen, Replied):
                self.reply(sending.connection, seen.message)

    def _next(self) -> int:
        seq, self._seq = self._seq, self._seq + 1
        return seq


@dataclass(slots=True, eq=False)
class Left:
    """A step that is being sent.

    Attributes:
        out: The step with its live values.
        mark: Called once, right before its bytes leave.
        has_left: Whether they did.
    """

    out: Outgoing
    mark: Callable[[], None]
    has_left: bool = False

    def __call__(self) -> None:
        """Mark the step as one whose bytes leave now."""
        if not self.has_left:
            self.has_left = True
            self.mark()
