"""WebSockets on gevent, by the sans-IO protocol of the library websockets; the handshake is a request of the wire."""

from __future__ import annotations

import codecs
import logging
from collections import deque
from collections.abc import Iterable

from gevent.event import Event
from gevent.lock import RLock
from websockets.client import ClientProtocol
from websockets.datastructures import Headers as WireHeaders
from websockets.exceptions import InvalidHandshake
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import OPEN
from websockets.uri import WebSocketURI

from ...drive.front.requests import problem_of
from ...drive.front.tap import UPGRADED, Sending
from ...model import Headers, SocketMessage, closed_by
from .connection import Broken, Connection
from .wire import Unsent, Wire, reason_of

_LARGEST = 64 << 20  # bytes of a message
_PIECE = 64 << 10  # bytes of one read
_CLOSING = 1.0  # seconds for the answer to a close frame
_CUT = 1006  # no closing handshake (RFC 6455, section 7.4.1)
_UNREAD = "the client does not read the body of a refused WebSocket"
_DATA = frozenset({Opcode.TEXT, Opcode.BINARY, Opcode.CONT})
_log = logging.getLogger(__name__)
_log.setLevel(logging.WARNING)  # below WARNING, websockets logs each frame


class Refused(ConnectionError):
    """An answer to the handshake that is no WebSocket; it has its status and headers."""

    def __init__(self, status: int, headers: Headers) -> None:
        super().__init__(f"status {status}, and no WebSocket")
        self.status, self.headers = status, headers


class Socket:
    """A WebSocket whose messages are observed. One greenlet receives, any may send.

    Attributes:
        told: The code that the server closed it with; None if it told none.
    """

    def __init__(self, wire: Wire, connection: Connection, sending: Sending, rest: bytes) -> None:
        """Take a connection that became a WebSocket; use `opened`."""
        self.told: int | None = None
        self._wire, self._connection, self._sending = wire, connection, sending
        self._protocol = ClientProtocol(_address(wire, sending), state=OPEN, max_size=_LARGEST, logger=_log)
        self._writing = RLock()
        self._frames: deque[Frame] = deque()
        self._parts: list[bytes] = []  # fragments of an incomplete message
        self._text = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True
        self._is_ours = False  # whether this side closes it
        self._has_ended = Event()
        self._feed(rest)

    @property
    def closed(self) -> bool:
        """True if the WebSocket was closed."""
        return self._protocol.state is not OPEN or self._has_ended.is_set()

    def send(self, body: bytes, *, is_text: bool = True) -> None:
        """Send a message.

        Raises:
            Unsent: If the socket is closed.
            OSError: If the connection breaks.

        """
        if self.closed:
            raise Unsent("the WebSocket is closed")
        self._wire.tap.message(self._sending, body, from_client=True, is_text=is_text)
        if is_text:
            self._protocol.send_text(body)
        else:
            self._protocol.send_binary(body)
        self._write()

    def receive(self) -> SocketMessage | None:
        """Return the record of the next message; None at the end, which is observed, too."""
        try:
            self._write()  # answers to what came with the head
            while True:
                while self._frames:
                    body = self._joined(self._frames.popleft())
                    if body is not None:
                        return self._wire.tap.message(self._sending, body, from_client=False, is_text=self._is_text)
                if self._protocol.close_rcvd is not None or self._protocol.parser_exc is not None:
                    break
                data = self._connection.read(_PIECE)
                if not data:
                    break
                self._feed(data)
                self._write()
        except OSError:
            pass  # it broke: this is its end, too
        self._end()
        return None

    def close(self) -> None:
        """Close it, and wait until the server has agreed; a second call does nothing."""
        if self._has_ended.is_set() or self._is_ours:
            return
        self._is_ours = True
        try:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._write()
            self._has_ended.wait(_CLOSING)
        except OSError:
            self._is_ours = False  # the server was the first
        finally:
            self._end()

    def _end(self) -> None:
        if self._has_ended.is_set():
            return
        self._has_ended.set()
        received, sent = self._protocol.close_rcvd, self._protocol.close_sent
        closing = received or (None if self._is_ours else sent)  # what this side found wrong ends it, too
        code = _CUT if closing is None else closing.code
        self.told = None if received is None else received.code
        who = "client" if self._is_ours else "server"
        reason = "" if received is None or self._is_ours else received.reason
        self._wire.tap.ended(self._sending, closed_by(who, code, reason))
        self._wire.leave(self._connection)

    def _feed(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
            self._frames += (one for one in self._protocol.events_received() if isinstance(one, Frame))

    def _joined(self, frame: Frame) -> bytes | None:
        """Return the message that a frame ends; None if it ends none."""
        if frame.opcode not in _DATA:
            return None
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        part = bytes(frame.data)
        if self._is_text:
            try:
                self._text.decode(part, frame.fin)
            except UnicodeDecodeError as exc:
                self._protocol.fail(CloseCode.INVALID_DATA, "the text is not UTF-8")
                self._write()
                raise Broken("the server sent a text that is not UTF-8") from exc
        self._parts.append(part)
        if not frame.fin:
            return None
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        return body

    def _write(self) -> None:
        with self._writing:  # frames of two greenlets must not mix
            data = b"".join(self._protocol.data_to_send())
            if data:
                self._connection.write(data)


def opened(wire: Wire, sending: Sending, headers: Headers, protocols: Iterable[str] = ()) -> Socket:
    """Open a WebSocket.

    Args:
        wire: The HTTP of its client.
        sending: The request for it.
        headers: The recorded headers of such a request.
        protocols: Subprotocols to offer.

    Raises:
        Unsent: If it cannot be asked for, or must not.
        Refused: If the server answers otherwise.
        OSError: If no answer comes, or no valid one.

    """
    offered = tuple(protocols)
    wire.server.target.url(sending.target)  # refuses what is no path
    problem = problem_of(sending.method, sending.target, (), offered)
    if problem is not None:
        raise Unsent(problem)
    shaking = ClientProtocol(_address(wire, sending), subprotocols=[*offered] or None, logger=_log)  # type: ignore[list-item]  # names are checked
    own = tuple(one for one in shaking.connect().headers.raw_items() if one[0] != "Host")
    head = wire.server.made(headers, wire.hosts, own)
    if head.problem is not None:
        raise Unsent(head.problem)
    connection = wire.borrow()
    try:
        complete, data = wire.written(sending, head)
        wire.tap.request(sending, complete)
        connection.write(data)
        status, found = connection.head("GET")
        sending.head = found
        wire.took(sending, found)
        wire.tap.response(sending, status, found, b"", None if status == UPGRADED else _UNREAD)
        _check(shaking, status, found)
    except BaseException as exc:
        if sending.is_open or sending.is_socket:
            wire.tap.ended(sending, reason_of(exc))
        wire.leave(connection)
        raise
    return Socket(wire, connection, sending, connection.rest)


def _check(shaking: ClientProtocol, status: int, headers: Headers) -> None:
    if status != UPGRADED:
        raise Refused(status, headers)
    try:
        shaking.process_response(Response(status, "", WireHeaders(headers)))
    except InvalidHandshake as exc:
        raise Broken(f"the server opened no valid WebSocket: {exc}") from exc


def _address(wire: Wire, sending: Sending) -> WebSocketURI:
    address, (path, _, query) = wire.server.target.address, sending.target.partition("#")[0].partition("?")
    return WebSocketURI(address.scheme == "https", address.host, address.port, path, query)
