"""Connect sockets, parsers and the driver: feed bytes, hand on requests, write answers, keep the timers of a client.

    bytes → RequestParser → Driver.take → set_result → written → bytes

A connection has one of four asyncio protocols at a time: `Connection` speaks HTTP, `SocketConnection` speaks Bayeux on
a WebSocket, `PlainSocket` anything else on one, `Lingering` keeps the connection open until its client has got the
last answer.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import cast

from ...model import Headers
from ...printable import printable
from ..engine.http import HttpRequest, HttpResponse, Piece, Reply
from ..engine.miss import HEADER, refused
from . import cors
from .admission import Told
from .driver import Driver
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
from .sockets import Lingering, PlainSocket, SocketConnection
from .streaming import StreamedBody
from .websocket import WebSocket, open_socket
from .writing import CONTINUE, begun, written

_AHEAD = 1 << 16  # bytes a client may send while its request is unanswered; then the server stops reading
_SHUTDOWN = 0.1  # seconds the connections have to end by themselves when the server ends
_RESET = 0.05  # seconds until the reset of a client that is gone arrives, after the server has sent it bytes
_LOOKS, _LOOK = 20, 60.0  # how often sessions are looked through in their timeout, and the most seconds in between
_WATCH = 1.0  # seconds between two looks for a reset of a client that has closed its half
_PLAIN: Headers = (("Content-Type", "text/plain; charset=utf-8"),)
# a browser must neither keep the refusal for a page that is allowed, nor run it as a script
_FOREIGN: Headers = (*_PLAIN, ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


@dataclass(frozen=True, slots=True)
class Routes:
    """Functions that decide where a request goes.

    Attributes:
        instead: Returns the answer to a request that is not for the stand-in; None if the stand-in must answer.
        opens: Returns whether a WebSocket may be opened at a target.
        asks: Returns whether the stand-in decides if a WebSocket is opened at a target: one without Bayeux.
        upgrade: Returns the headers to add to the answer to a WebSocket's handshake.
        admits: Decides on a request before its body is read.
        apart: Finds the targets that must be decided on one by one; None if there are none.

    """

    instead: Callable[[HttpRequest], HttpResponse | None] = lambda _: None
    opens: Callable[[str], bool] = lambda _: False
    asks: Callable[[str], bool] = lambda _: False
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
        self._looks = min(limits.session / _LOOKS, _LOOK)
        self._aging = self.loop.call_later(self._looks, self._let_go)

    def _let_go(self) -> None:
        self._aging = self.loop.call_later(self._looks, self._let_go)
        protocols = (transport.get_protocol() for transport in self.open)
        sockets = [one.name for one in protocols if isinstance(one, SocketConnection)]
        self.driver.let_go(self.limits.session, sockets)

    def __call__(self) -> Connection:
        """Return the protocol for a new connection; asyncio calls this as its protocol factory."""
        return Connection(self, f"c{next(self._numbers)}")

    def ended(self, transport: asyncio.Transport) -> None:
        """Forget a connection that has ended.

        asyncio leaves methods of a transport among its attributes. Such a circle, 2 KB for each connection that ever
        was, would wait for the collector, which comes seldom where sessions are many.
        """
        self.open.discard(transport)
        attributes: dict[str, object] = getattr(transport, "__dict__", {})  # those of uvloop have none
        for name in [name for name, value in attributes.items() if getattr(value, "__self__", None) is transport]:
            attributes[name] = None

    async def close(self) -> None:
        """End all connections; cut those that have not ended after 0.1 seconds."""
        self._aging.cancel()
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
        "_body",
        "_connections",
        "_driver",
        "_ends",
        "_has_left",
        "_instead",
        "_is_confirming",
        "_is_eof",
        "_is_full",
        "_is_head",
        "_is_last",
        "_is_late",
        "_is_old",
        "_is_paused",
        "_line",
        "_name",
        "_number",
        "_opening",
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
        self._is_head = self._is_old = self._is_last = False
        self._body: StreamedBody | None = None  # the body of that answer, if it comes in pieces
        self._opening: tuple[HttpRequest, WebSocket] | None = None  # that request, if it may open a plain WebSocket
        self._page: HttpRequest | None = None  # the request under way, if a page sent it
        self._unread = 0  # number of a request whose answer is still in the write buffer; 0 without one
        self._is_full = self._is_eof = self._is_paused = self._has_left = self._ends = self._is_confirming = False
        self._is_late = False  # a limit was over when the socket was last read, and nothing came since
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
        self._connections.ended(self._transport)
        self._leave()
        lost = [number for number in (self._number, self._unread) if number]
        self._number = self._unread = 0
        if lost:
            self._driver.give_up(lost)
        self._driver.closed(self._name)

    def eof_received(self) -> bool:
        """Answer the requests that came: a client that sends no more may still read."""
        self._is_eof = True
        if self._body is not None:
            self._body.doubt()
            self._confirm_later()
        elif self._number and not self._is_old:
            # These bytes provoke a reset from a client that is gone. A client that still reads must be able to parse
            # an interim answer that it did not ask for (RFC 9110, section 15.2).
            self._transport.write(CONTINUE)
        if self._number:
            self._watch(_RESET)
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
        if self._body is not None:
            self._body.pause()

    def resume_writing(self) -> None:
        """Mark the pending answer as sent and serve on: the write buffer has drained."""
        self._is_full = False
        if self._body is not None:
            self._body.resume()
            self._confirm_later()
            self._end_body()
        self._have_sent()
        if self._ends:
            self._finish()
        else:
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
        is_late, self._is_late = self._is_late, False
        if self._number or self._unread or self._waiting is Waiting.BODY:
            self._timer = loop.call_later(idle, self._look)
        elif loop.time() < self._at + idle:
            self._timer = loop.call_at(self._at + idle, self._look)
        elif not is_late:
            self._timer = self._look_again(self._look)
        elif self._waiting is Waiting.HEAD:
            self._refuse_late(idle)
        else:
            self._finish()

    def _look_again(self, look: Callable[[], None]) -> asyncio.TimerHandle:
        """Look at a limit that is over once more after the loop has read its sockets.

        The loop runs a timer after the callbacks of its turn. If one of those took long, bytes that the client sent in
        time lie in the socket unread. A delay of 0 seconds, unlike `call_soon`, comes after the reading of the next
        turn. If that brings bytes, `data_received` begins the look anew: sizes are limited, so that ends.
        """
        self._is_late = True
        return self._connections.loop.call_later(0, look)

    def _be_late(self) -> None:
        if self._is_late:
            self._refuse_late(self._connections.limits.sending)
        else:
            self._patience = self._look_again(self._be_late)

    def _refuse_late(self, limit: float) -> None:
        self._refuse(Refusal(408, f"the request took longer than {limit:g} s", self._parser.call))

    def _set_patience(self, seconds: float) -> None:
        """Refuse the request if its body is not complete in some seconds; 0 removes the limit."""
        self._is_late = False
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self._connections.loop.call_later(seconds, self._be_late) if seconds else None

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
        self._is_late = False
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
        Lingering(self._connections, self._transport, is_eof=self._is_eof)

    def _open_socket(self, raw: RawRequest, incoming: HttpRequest) -> None:
        found = open_socket(raw, self._connections.limits.body)
        if isinstance(found, Refusal):
            self._refuse(found)
            return
        if self._is_eof:  # it cannot send a message any more
            self._transport.close()
            return
        routes = self._connections.routes
        if routes.asks(incoming.target):
            self._number, self._line = incoming.number, CLOSE  # a refusal ends it: the parser has read its last request
            self._page = incoming if raw.from_page else None
            self._is_head = False
            self._opening = incoming, found
            self._driver.take(incoming, self)
            return
        found.open((*routes.upgrade(incoming), *self._added))
        rest = self._parser.rest()
        self._leave()
        SocketConnection(self._connections, self._transport, incoming, found).data_received(rest)

    # -- the `Waiter` for a reply

    def done(self) -> bool:
        """Return whether no request is under way."""
        return not self._number

    def set_result(self, reply: Reply, /) -> None:
        """Write the reply to the request under way, or a piece of it."""
        if isinstance(reply, Piece) or self._body is not None:
            self._write_piece(reply)
            return
        if reply.more:
            self._begin(reply)
            return
        number, self._number = self._number, 0
        self._opening = None
        page, self._page = self._page, None
        if self._transport.is_closing():
            self._driver.give_up([number])
            return
        if not reply.status:  # the answer breaks off before its first byte
            self._transport.close()
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
            self._finish()
        elif self._is_eof or self._is_paused or not self._parser.is_drained:
            self._soon_go_on()

    def _begin(self, head: HttpResponse) -> None:
        """Write the head of a reply whose body comes in pieces, or open the WebSocket that was asked for."""
        page, opening, self._page, self._opening = self._page, self._opening, None, None
        if self._transport.is_closing():
            return  # `connection_lost` gives the request up
        if page is not None:
            head = cors.readable(head, page)
        head = head._replace(headers=(*head.headers, *self._added))
        if opening is not None and head.status == 101:
            self._open_plain(head.headers, *opening)
            return
        content, self._is_last = begun(head, self._line, is_old=self._is_old)
        self._body = StreamedBody(
            self._transport, partial(self._driver.sent, head.number), is_chunked=not self._is_old, is_head=self._is_head
        )
        self._transport.write(content)
        self._body.begun(is_full=self._is_full)

    def _open_plain(self, headers: Headers, upgrade: HttpRequest, opened: WebSocket) -> None:
        """Hand the connection over to a WebSocket without Bayeux, which waits for the pieces from now on."""
        self._number = 0
        rest = self._parser.rest()
        self._leave()
        opened.open(headers, takes_binary=True)
        plain = PlainSocket(self._connections, self._transport, upgrade, opened)
        self._driver.hand_over(upgrade.number, plain)
        # not now: the driver is handing out replies, and what these bytes bring must leave after them
        self._connections.loop.call_soon(plain.data_received, rest)

    def _write_piece(self, piece: Reply) -> None:
        if self._body is None or not isinstance(piece, Piece):
            self._transport.abort()  # the stand-in broke after the head
            return
        self._body.add(piece)
        self._confirm_later()
        self._end_body()

    def _confirm_later(self) -> None:
        """After the end of the client's input, let pieces count as sent once no reset has come for them."""
        body = self._body
        if self._is_eof and body is not None and body.unread and not self._is_confirming:
            self._is_confirming = True
            self._connections.loop.call_later(_RESET, self._confirm, body, body.unread)

    def _confirm(self, body: StreamedBody, count: int) -> None:
        self._is_confirming = False
        self._end_if_reset()
        if self._transport.is_closing() or self._is_full:  # `resume_writing` goes on
            return
        body.confirm(count)
        self._confirm_later()
        self._end_body()

    def _end_body(self) -> None:
        """Serve on, or end the connection, if the body that comes in pieces was written to its end."""
        if self._body is None or not self._body.is_over:
            return
        self._number, self._body = 0, None
        self._at = self._connections.loop.time()
        if self._is_last or (self._is_eof and not self._parser.ahead):
            self._finish()
        else:
            self._soon_go_on()

    def _finish(self) -> None:
        """End the connection after its last answer; bytes that still come must not destroy that (`Lingering`)."""
        self._ends = self._is_full  # then `resume_writing` goes on: the answer counts as sent when it has left
        if self._is_full or self._transport.is_closing():
            return
        self._leave()
        Lingering(self._connections, self._transport, is_eof=self._is_eof)

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

    def _watch(self, seconds: float) -> None:
        """Look now, in some seconds, and then each second, whether a client that sends no more is still there."""
        self._end_if_reset()
        if self._number and not self._transport.is_closing():
            self._connections.loop.call_later(seconds, self._watch, _WATCH)

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
