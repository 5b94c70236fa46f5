"""Serve a connection that has left HTTP: a WebSocket with Bayeux, a plain one, or one that only waits for its end.

The messages on a WebSocket with Bayeux are requests with answers; those on a plain one come and go without answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from ...push.rules import MESSAGE
from ...requests.index.streams import CUT_OFF
from ..engine.http import HttpRequest, Piece, Reply
from ..engine.miss import refused
from .driver import BROKEN
from .websocket import WebSocket

if TYPE_CHECKING:
    from .connection import Connections

_CLOSING = 2.0  # seconds a client has to answer a close frame
_QUIET = 2.0  # seconds without a byte from a client that is to read its last answer, after which it is cut
# close codes of WebSockets (RFC 6455, section 7.4.1), and the close code for the status of an answer
_GOING_AWAY = 1001
_CLOSE = {400: 1008, 413: 1009, BROKEN: 1011}


class SocketConnection(asyncio.Protocol):
    """A connection that has become a WebSocket: each received message is a request, each answer is a sent message."""

    _unanswered: set[int]  # numbers of requests whose answers, or further pieces, are to be sent

    def __init__(
        self, connections: Connections, transport: asyncio.Transport, upgrade: HttpRequest, opened: WebSocket
    ) -> None:
        """Take a connection over from `Connection`, and write the answer to its handshake."""
        self._connections, self._driver = connections, connections.driver
        self._transport, self._upgrade, self._socket = transport, upgrade, opened
        self._unanswered = set()
        self._unread: list[int] = []  # numbers of answers in the write buffer
        self._outbox: deque[Reply] = deque()  # answers to write when the write buffer has drained
        self._is_full = False
        self._ending: asyncio.TimerHandle | None = None
        transport.set_protocol(self)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        """Give up unanswered messages, and answers that have not left: the client went away."""
        self._connections.ended(self._transport)
        self._give_up()
        self._driver.closed(self.name)

    @property
    def name(self) -> str:
        """Name of the connection."""
        return self._upgrade.connection

    def _give_up(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        lost = list(dict.fromkeys([*self._unanswered, *self._unread]))
        self._unanswered.clear()
        self._unread.clear()
        self._outbox.clear()
        if lost:
            self._driver.give_up(lost)

    def pause_writing(self) -> None:
        """Stop serving messages: the client does not read, and the write buffer is full."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Mark the pending answers as sent and serve on: the write buffer has drained."""
        self._is_full = False
        sent, self._unread = self._unread, []
        for number in sent:
            self._driver.sent(number)
        while self._outbox and not self._is_full:
            self._send(self._outbox.popleft())
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Take bytes: a part of a message, a whole message, or several."""
        self._socket.feed(data)
        self._go_on()

    def _go_on(self) -> None:
        while not self._is_blocked:
            message = self._socket.next()
            self._flush()
            if message is None:
                break
            self._serve(message)
        if self._transport.is_closing() or self._transport.get_protocol() is not self:
            return
        if self._is_blocked:
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    def _serve(self, message: bytes) -> None:
        number = self._driver.number()
        self._unanswered.add(number)
        incoming = self._upgrade._replace(number=number, method="POST", body=message, on_socket=True)
        self._driver.take(incoming, _Turn(self, number))

    @property
    def _is_blocked(self) -> bool:
        """Whether the client must read answers before the server takes further messages."""
        return self._is_full or len(self._outbox) >= self._connections.limits.unread

    def waits(self, number: int) -> bool:
        """Return whether the message with a number is unanswered."""
        return number in self._unanswered

    def answer(self, reply: Reply) -> None:
        """Send an answer, or keep it while the write buffer is full."""
        if self._is_full:
            self._outbox.append(reply)
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        if not reply.more:
            self._unanswered.discard(reply.number)
        if not self._socket.is_open:
            self._driver.give_up([reply.number])
            return
        if isinstance(reply, Piece):
            self._send_piece(reply)
        elif reply.status == 200:
            self._socket.send(reply.body)
        elif reply.status != 500:  # 500: a later poll replaced this one; every other status ends the WebSocket
            self._socket.close(_CLOSE.get(reply.status, _GOING_AWAY))
        self._flush()
        if self._is_full:
            self._unread.append(reply.number)
        else:
            self._driver.sent(reply.number)

    def _send_piece(self, piece: Piece) -> None:
        if piece.body or piece.more:
            self._socket.send(piece.body, is_text=piece.is_text)
        if piece.code == CUT_OFF:
            self._flush()
            self._transport.close()
        elif not piece.more:
            self._socket.close(piece.code, piece.reason)

    def _flush(self) -> None:
        content, is_end = self._socket.take()
        if content:
            self._transport.write(content)
        if is_end and self._transport.get_protocol() is self:
            if self._socket.failure is not None:
                self._driver.refused(refused(f"a message on the WebSocket {self._socket.target}", self._socket.failure))
            self._linger()
        elif not self._socket.is_open and self._ending is None:
            # its answer to the close frame may lie in the socket unread: `Lingering` reads it before the end
            self._ending = self._connections.loop.call_later(_CLOSING, self._linger)

    def _linger(self) -> None:
        self._give_up()
        Lingering(self._connections, self._transport)

    def cancel(self) -> None:
        """Send the close code 1001 (the server goes away), and close the connection."""
        self._socket.close(_GOING_AWAY)
        self._flush()
        self._transport.close()


class PlainSocket(SocketConnection):
    """A WebSocket without Bayeux, which is the `Waiter` for its pieces: messages come and go without answers."""

    def __init__(
        self, connections: Connections, transport: asyncio.Transport, upgrade: HttpRequest, opened: WebSocket
    ) -> None:
        """Take a connection over from `Connection`, and write the answer to its handshake."""
        super().__init__(connections, transport, upgrade, opened)
        self._unanswered.add(upgrade.number)
        self._driver.sent(upgrade.number)

    def _serve(self, message: bytes) -> None:
        number, upgrade = self._driver.number(), self._upgrade
        is_text = self._socket.is_text
        incoming = upgrade._replace(
            number=number, method=MESSAGE, body=message, on_socket=True, socket=upgrade.number, is_text=is_text
        )
        self._driver.take(incoming, None)

    def done(self) -> bool:
        """Return whether the WebSocket has ended."""
        return not self._unanswered

    def set_result(self, reply: Reply, /) -> None:
        """Send a message of the server, or end the WebSocket."""
        self.answer(reply)


class _Turn:
    """The `Waiter` for the answer to one message on a WebSocket."""

    __slots__ = ("_connection", "_number")

    def __init__(self, connection: SocketConnection, number: int) -> None:
        self._connection, self._number = connection, number

    def done(self) -> bool:
        return not self._connection.waits(self._number)

    def set_result(self, reply: Reply, /) -> None:
        self._connection.answer(reply)

    def cancel(self) -> None:
        """Do nothing: `Connections.close` ends the connection."""


class Lingering(asyncio.Protocol):
    """A connection whose last answer is written, kept open until its client has closed or the time is over.

    Closing a socket with unread bytes sends a reset, and a reset can destroy an answer that the client has not read yet
    (RFC 9112, section 9.6). So the server closes its half, and reads on: until nothing came for 2 seconds, but no
    longer than a body may take to arrive.
    """

    __slots__ = ("_connections", "_is_late", "_left", "_seconds", "_since", "_timer", "_transport", "_until")

    def __init__(self, connections: Connections, transport: asyncio.Transport, *, is_eof: bool = False) -> None:
        """Take a connection over; `is_eof`: the client sends no more, so close at once."""
        self._connections, self._transport = connections, transport
        loop, most = connections.loop, connections.limits.sending
        self._seconds = min(_QUIET, most)
        self._since = loop.time()  # when the last byte came
        self._until = self._since + most
        self._left = transport.get_write_buffer_size()  # bytes that have not left
        self._is_late = False
        self._timer = loop.call_later(self._seconds, self._look)
        transport.set_protocol(self)
        if is_eof or transport.is_closing():
            transport.close()
            return
        try:
            if transport.can_write_eof():
                transport.write_eof()
        except OSError:  # the client has reset the connection, which is noticed in the next turn
            transport.abort()
            return
        if not transport.is_reading():
            transport.resume_reading()

    def data_received(self, data: bytes) -> None:  # noqa: ARG002  # it is not read any more
        """Note that the client still sends."""
        self._since = self._connections.loop.time()
        self._is_late = False

    def _look(self) -> None:
        loop, now = self._connections.loop, self._connections.loop.time()
        left = self._transport.get_write_buffer_size()
        if left < self._left:  # the client reads: its time begins when all has left
            self._since, self._until, self._left = now, now + self._connections.limits.sending, left
        due = min(self._since + self._seconds, self._until)
        if now < due:
            self._timer = loop.call_at(due, self._look)
        elif now < self._until and not self._is_late:
            self._is_late = True  # if the loop was stalled, bytes lie in the socket unread
            self._timer = loop.call_later(0, self._look)
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        """Cancel the timer: the connection has ended."""
        self._connections.ended(self._transport)
        self._timer.cancel()

    def cancel(self) -> None:
        """Close the connection, after the write buffer has drained."""
        self._transport.close()
