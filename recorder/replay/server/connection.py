"""Connect sockets, parsers and the driver: feed bytes, hand on requests, write answers, keep the timers of a client.

    bytes → RequestParser → Driver.take → set_result → written → bytes

A connection has one of three asyncio protocols at a time: `Connection` speaks HTTP, `SocketConnection` speaks
WebSocket, `Lingering` keeps the connection open until a refused client has read the answer.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import cast

from ...model import Headers
from ...printable import printable
from ..engine.http import HttpRequest, HttpResponse
from ..engine.miss import HEADER, refused
from . import cors
from .admission import Told
from .driver import BROKEN, Driver
from .limits import Limits
from .parser import (
    CLOSE,
    KEEP,
    Admits,
    Continue,
    KnownHeads,
    RawRequest,
    Refusal,
    RequestParser,
    Waiting,
    admit_all,
)
from .websocket import WebSocket, open_socket
from .writing import CONTINUE, written

_AHEAD = 1 << 16  # bytes a client may send while its request is unanswered; then the server stops reading
_LINGER = 2.0  # seconds a refused client has to read the reason, before the connection is cut
_SHUTDOWN = 0.1  # seconds the connections have to end by themselves when the server ends
_RESET = 0.05  # seconds until the reset of a client that is gone arrives, after the server has sent it bytes
# close codes of WebSockets (RFC 6455, section 7.4.1), and the close code for the status of an answer
_GOING_AWAY = 1001
_CLOSE = {400: 1008, 413: 1009, BROKEN: 1011}
_PLAIN: Headers = (("Content-Type", "text/plain; charset=utf-8"),)
# a browser must neither keep the refusal for a page that is allowed, nor run it as a script
_FOREIGN: Headers = (*_PLAIN, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


@dataclass(frozen=True, slots=True)
class Routes:
    """Functions that decide where a request goes.

    Attributes:
        instead: Returns the answer to a request that is not for the stand-in; None if the stand-in must answer.
        opens: Returns whether a WebSocket may be opened at a target.
        upgrade: Returns the headers to add to the answer to a WebSocket's handshake.
        admits: Decides on a request before its body is read.
        apart: Finds the targets that must be decided on one by one; None if there are none.

    """

    instead: Callable[[HttpRequest], HttpResponse | None] = lambda _: None
    opens: Callable[[str], bool] = lambda _: False
    upgrade: Callable[[HttpRequest], Headers] = lambda _: ()
    admits: Admits = admit_all
    apart: re.Pattern[bytes] | None = None


class Connections:
    """All connections of a server."""

    def __init__(self, driver: Driver, limits: Limits, routes: Routes) -> None:
        """Prepare to serve the replies of a driver; call in a running event loop."""
        self.loop = asyncio.get_running_loop()
        self.driver, self.limits, self.routes = driver, limits, routes
        self.heads = KnownHeads()
        self.told = Told()
        self.open: set[asyncio.Transport] = set()
        self._numbers = count(1)

    def __call__(self) -> Connection:
        """Return the protocol for a new connection; asyncio calls this as its protocol factory."""
        return Connection(self, f"c{next(self._numbers)}")

    async def close(self) -> None:
        """End all connections; cut those that have not ended after 0.1 seconds."""
        for transport in list(self.open):
            if not transport.is_closing():
                cast(Connection | SocketConnection | Lingering, transport.get_protocol()).cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SHUTDOWN):
                while self.open:  # noqa: ASYNC110  # connections end in the loop's next turns
                    await asyncio.sleep(0)
        for transport in list(self.open):
            transport.abort()
        await asyncio.sleep(0)  # lets asyncio call each connection_lost


class Connection(asyncio.Protocol):
    """A connection that speaks HTTP: it serves one request at a time, and is the `Waiter` for that request's reply."""

    __slots__ = (
        "_added",
        "_at",
        "_connections",
        "_driver",
        "_has_left",
        "_instead",
        "_is_eof",
        "_is_full",
        "_is_head",
        "_is_old",
        "_is_paused",
        "_line",
        "_name",
        "_number",
        "_page",
        "_parser",
        "_patience",
        "_timer",
        "_transport",
        "_unread",
        "_waiting",
    )  # fmt: skip

    def __init__(self, connections: Connections, name: str) -> None:
        """Prepare a connection; `name` is unique in the server."""
        self._connections, self._driver, self._name = connections, connections.driver, name
        self._instead = connections.routes.instead
        routes = connections.routes
        self._parser = RequestParser(connections.heads, connections.limits, routes.opens, routes.admits, routes.apart)
        self._transport: asyncio.Transport
        self._number = 0  # number of the request under way; 0 without one
        self._line = KEEP  # header line about the connection, for the answer to the request under way
        self._added: Headers = ()  # headers to add to that answer
        self._is_head = self._is_old = False
        self._page: HttpRequest | None = None  # the request under way, if a page sent it
        self._unread = 0  # number of a request whose answer is still in the write buffer; 0 without one
        self._is_full = self._is_eof = self._is_paused = self._has_left = False
        self._at = connections.loop.time()  # time of the last answer, or of the first byte of a head
        self._waiting = Waiting.REQUEST
        self._timer: asyncio.TimerHandle  # limits idle connections and slow heads
        self._patience: asyncio.TimerHandle | None = None  # limits slow bodies

    # -- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the idle timer of a new connection, and TCP keep-alive."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.open.add(self._transport)
        if (connected := transport.get_extra_info("socket")) is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a held poll sends no bytes for minutes
        self._timer = self._connections.loop.call_later(self._connections.limits.idle, self._look)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        """Give up the request under way, and an answer that has not left: the client went away."""
        self._connections.open.discard(self._transport)
        self._leave()
        lost = [number for number in (self._number, self._unread) if number]
        self._number = self._unread = 0
        if lost:
            self._driver.give_up(lost)

    def eof_received(self) -> bool:
        """Answer the requests that came: a client that sends no more may still read."""
        self._is_eof = True
        if self._number and not self._is_old:
            # These bytes provoke a reset from a client that is gone. A client that still reads must be able to parse
            # an interim answer that it did not ask for (RFC 9110, section 15.2).
            self._transport.write(CONTINUE)
            self._end_if_reset()
            self._connections.loop.call_later(_RESET, self._end_if_reset)
        if self._number or self._unread:
            return True
        if self._parser.ahead:
            self._soon_go_on()
            return True
        if self._parser.waiting is Waiting.REQUEST:
            return False
        self._refuse(Refusal(400, "the request is cut short", self._parser.call))
        return True

    def pause_writing(self) -> None:
        """Stop serving requests: the client does not read, and the write buffer is full."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Mark the pending answer as sent and serve on: the write buffer has drained."""
        self._is_full = False
        self._have_sent()
        self._soon_go_on()

    def _leave(self) -> None:
        self._has_left = True
        self._timer.cancel()
        self._set_patience(0.0)
        self._parser.close()

    # -- time

    def _look(self) -> None:
        """Close an idle connection, or refuse a slow head, after the idle limit; look again later if it is not over."""
        loop, idle = self._connections.loop, self._connections.limits.idle
        if self._number or self._unread or self._waiting is Waiting.BODY:
            self._timer = loop.call_later(idle, self._look)
        elif loop.time() < self._at + idle:
            self._timer = loop.call_at(self._at + idle, self._look)
        elif self._waiting is Waiting.HEAD:
            self._be_late(idle)
        else:
            self._transport.close()

    def _be_late(self, limit: float) -> None:
        self._refuse(Refusal(408, f"the request took longer than {limit:g} s", self._parser.call))

    def _set_patience(self, seconds: float) -> None:
        """Refuse the request if its body is not complete in some seconds; 0 removes the limit."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._connections.loop.call_later(seconds, self._be_late, seconds) if seconds else None

    def _wait(self) -> None:
        """Wait for more bytes from the client: set the timers, or end if the client sends no more."""
        waiting = self._parser.waiting
        if waiting is not self._waiting:
            self._waiting = waiting
            self._at = self._connections.loop.time()
            self._set_patience(self._connections.limits.sending if waiting is Waiting.BODY else 0.0)
        if self._is_eof and not self._unread:
            if waiting is Waiting.REQUEST:
                self._transport.close()
            else:
                self._refuse(Refusal(400, "the request is cut short", self._parser.call))
        elif self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    # -- requests

    def data_received(self, data: bytes) -> None:
        """Take bytes: a part of a request, a whole request, or several."""
        self._parser.feed(data)
        if not (self._number or self._is_full):
            self._read()
        elif self._parser.ahead > _AHEAD:
            self._is_paused = True
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """Serve the next request, unless one is under way."""
        if self._number or self._is_full or self._has_left or self._transport.is_closing():
            return
        try:
            self._read()
        except Exception:  # asyncio ends a connection for an error in data_received, not for one in a later turn
            self._transport.abort()
            raise

    def _read(self) -> None:
        while True:
            event = self._parser.next()
            if isinstance(event, RawRequest):
                self._serve(event)
                return  # the next request is served in a later turn of the loop, so that other clients get a turn too
            if isinstance(event, Continue):
                self._transport.write(CONTINUE)
            elif isinstance(event, Refusal):
                self._refuse(event)
                return
            else:
                self._wait()
                return

    def _soon_go_on(self) -> None:
        self._connections.loop.call_soon(self._go_on)

    def _serve(self, raw: RawRequest) -> None:
        if self._waiting is not Waiting.REQUEST:
            self._waiting = Waiting.REQUEST
            self._set_patience(0.0)
        method, target, headers, body, from_page, self._line, self._is_old, is_handshake, self._added = raw
        number = self._driver.number()
        incoming = HttpRequest(number, self._name, method, target, headers, body)
        if is_handshake:
            self._open_socket(raw, incoming)
            return
        self._is_head = method == "HEAD"
        reply = self._instead(incoming)
        if reply is not None:
            self._write(reply)
            return
        self._number = number
        if from_page:
            self._page = incoming
        self._driver.take(incoming, self)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer a request that cannot be served, report the refusal as a miss, and end the connection."""
        text = printable(refusal.text)  # it may quote any bytes
        found, headers = refused(refusal.call, f"{refusal.status}, {text}"), _PLAIN
        if refusal.foreign is not None:
            found = replace(found, text=f"{found.text}what to do: {refusal.foreign.advice}\n")
            text = f"{text}\n{refusal.foreign.advice}"
            headers = (*_FOREIGN, (HEADER, found.summary.encode("ascii", "backslashreplace").decode()))
        content, _ = written(HttpResponse(0, refusal.status, headers, f"{text}\n".encode()), CLOSE)
        self._transport.write(content)
        if refusal.foreign is None:
            self._driver.refused(found)
        else:
            self._driver.turned_away(found, is_new=self._connections.told.is_new(refusal.foreign))
        self._leave()
        limits = self._connections.limits
        Lingering(self._connections, self._transport, min(_LINGER, limits.sending), is_eof=self._is_eof)

    def _open_socket(self, raw: RawRequest, incoming: HttpRequest) -> None:
        found = open_socket(raw, self._connections.limits.body)
        if isinstance(found, Refusal):
            self._refuse(found)
            return
        if self._is_eof:  # it cannot send a message any more
            self._transport.close()
            return
        found.open((*self._connections.routes.upgrade(incoming), *self._added))
        rest = self._parser.rest()
        self._leave()
        SocketConnection(self._connections, self._transport, incoming, found).data_received(rest)

    # -- the `Waiter` for a reply

    def done(self) -> bool:
        """Return whether no request is under way."""
        return not self._number

    def set_result(self, reply: HttpResponse, /) -> None:
        """Write the reply to the request under way."""
        number, self._number = self._number, 0
        page, self._page = self._page, None
        if self._transport.is_closing():
            self._driver.give_up([number])
            return
        self._unread = number
        self._write(reply if page is None else cors.readable(reply, page))

    def _write(self, reply: HttpResponse) -> None:
        if self._added:
            reply = reply._replace(headers=(*reply.headers, *self._added))
        content, is_last = written(reply, self._line, is_head=self._is_head)
        self._transport.write(content)
        self._at = self._connections.loop.time()
        if self._is_eof and not self._parser.ahead:
            self._connections.loop.call_later(_RESET, self._end)
            return
        if self._unread and not self._is_full:
            self._have_sent()
        if is_last:
            self._transport.close()
        elif self._is_eof or self._is_paused or not self._parser.is_drained:
            self._soon_go_on()

    def _have_sent(self) -> None:
        number, self._unread = self._unread, 0
        if number:
            self._driver.sent(number)

    def _end(self) -> None:
        """End a connection whose client sends no more and has got its last answer."""
        self._end_if_reset()
        if not self._is_full and not self._transport.is_closing():
            self._have_sent()
        self._transport.close()

    def _end_if_reset(self) -> None:
        """Abort a connection whose client is gone, so that its events wait for the client's next poll.

        A client that has closed its half and a client that is gone look alike until the server sends bytes; then the
        kernel of a client that is gone resets the connection. asyncio does not notice that reset after the end of the
        input, so the socket's error is read here.
        """
        connected = self._transport.get_extra_info("socket")
        if (
            connected is not None
            and connected.fileno() >= 0
            and connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        ):
            self._transport.abort()

    def cancel(self) -> None:
        """Close the connection, after the write buffer has drained."""
        self._transport.close()


class SocketConnection(asyncio.Protocol):
    """A connection that has become a WebSocket: each received message is a request, each answer is a sent message."""

    def __init__(
        self, connections: Connections, transport: asyncio.Transport, upgrade: HttpRequest, opened: WebSocket
    ) -> None:
        """Take a connection over from `Connection`, and write the answer to its handshake."""
        self._connections, self._driver = connections, connections.driver
        self._transport, self._upgrade, self._socket = transport, upgrade, opened
        self._unanswered: set[int] = set()
        self._unread: list[int] = []  # numbers of answers in the write buffer
        self._outbox: deque[HttpResponse] = deque()  # answers to write when the write buffer has drained
        self._is_full = False
        self._ending: asyncio.TimerHandle | None = None
        transport.set_protocol(self)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        """Give up unanswered messages, and answers that have not left: the client went away."""
        self._connections.open.discard(self._transport)
        self._give_up()

    def _give_up(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        lost = [*self._unanswered, *self._unread]
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
            number = self._driver.number()
            self._unanswered.add(number)
            incoming = self._upgrade._replace(number=number, method="POST", body=message, on_socket=True)
            self._driver.take(incoming, _Turn(self, number))
        if self._transport.is_closing() or self._transport.get_protocol() is not self:
            return
        if self._is_blocked:
            self._transport.pause_reading()
        elif not self._transport.is_reading():
            self._transport.resume_reading()

    @property
    def _is_blocked(self) -> bool:
        """Whether the client must read answers before the server takes further messages."""
        return self._is_full or len(self._outbox) >= self._connections.limits.unread

    def waits(self, number: int) -> bool:
        """Return whether the message with a number is unanswered."""
        return number in self._unanswered

    def answer(self, reply: HttpResponse) -> None:
        """Send an answer, or keep it while the write buffer is full."""
        if self._is_full:
            self._outbox.append(reply)
        else:
            self._send(reply)

    def _send(self, reply: HttpResponse) -> None:
        self._unanswered.discard(reply.number)
        if not self._socket.is_open:
            self._driver.give_up([reply.number])
            return
        if reply.status == 200:
            self._socket.send(reply.body)
        elif reply.status != 500:  # 500: a later poll replaced this one; every other status ends the WebSocket
            self._socket.close(_CLOSE.get(reply.status, _GOING_AWAY))
        self._flush()
        if self._is_full:
            self._unread.append(reply.number)
        else:
            self._driver.sent(reply.number)

    def _flush(self) -> None:
        content, is_end = self._socket.take()
        if content:
            self._transport.write(content)
        if is_end and self._transport.get_protocol() is self:
            if self._socket.failure is not None:
                self._driver.refused(refused(f"a message on the WebSocket {self._socket.target}", self._socket.failure))
            self._give_up()
            Lingering(self._connections, self._transport, min(_LINGER, self._connections.limits.sending))
        elif not self._socket.is_open and self._ending is None:
            self._ending = self._connections.loop.call_later(_LINGER, self._transport.close)

    def cancel(self) -> None:
        """Send the close code 1001 (the server goes away), and close the connection."""
        self._socket.close(_GOING_AWAY)
        self._flush()
        self._transport.close()


class _Turn:
    """The `Waiter` for the answer to one message on a WebSocket."""

    __slots__ = ("_connection", "_number")

    def __init__(self, connection: SocketConnection, number: int) -> None:
        self._connection, self._number = connection, number

    def done(self) -> bool:
        return not self._connection.waits(self._number)

    def set_result(self, reply: HttpResponse, /) -> None:
        self._connection.answer(reply)

    def cancel(self) -> None:
        """Do nothing: `Connections.close` ends the connection."""


class Lingering(asyncio.Protocol):
    """A connection whose last answer is written, kept open until its client has closed or the time is over.

    Closing a socket with unread bytes sends a reset, and a reset can destroy an answer that the client has not read yet
    (RFC 9112, section 9.6).
    """

    def __init__(
        self, connections: Connections, transport: asyncio.Transport, seconds: float, *, is_eof: bool = False
    ) -> None:
        """Take a connection over for some seconds; `is_eof`: the client sends no more, so close at once."""
        self._connections, self._transport = connections, transport
        self._timer = connections.loop.call_later(seconds, transport.abort)
        transport.set_protocol(self)
        if is_eof or transport.is_closing():
            transport.close()
            return
        if transport.can_write_eof():
            transport.write_eof()
        if not transport.is_reading():
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        """Cancel the timer: the connection has ended."""
        self._connections.open.discard(self._transport)
        self._timer.cancel()

    def cancel(self) -> None:
        """Close the connection, after the write buffer has drained."""
        self._transport.close()
