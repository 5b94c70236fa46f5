"""The short way of a request: read, answered and written in one go, without aiohttp's tasks and objects for each.

    bytes → Heads.read → Incoming → Driver.take → Reply → written → bytes

Who sends anything unusual (a WebSocket's handshake, a body in chunks, HTTP/1.0, half a request) is given to aiohttp's
server, connection and all, before any of it was answered.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from itertools import count
from typing import cast
from weakref import WeakKeyDictionary

from ..engine.http import HttpRequest, HttpResponse
from . import cors
from .driver import Driver
from .heads import HeadParser, Unread
from .limits import Limits
from .writing import written

_MOMENT = 1.0  # seconds in which the rest of a request comes that was sent in pieces
_AHEAD = 1 << 16  # bytes a client may send before it was answered


class Connections:
    """All connections of a server, each at first on the short way."""

    def __init__(
        self, driver: Driver, others: Callable[[], asyncio.Protocol], limits: Limits, is_other: Callable[[str], bool]
    ) -> None:
        """Serve what a driver answers.

        Args:
            driver: Takes requests, gives replies.
            others: Makes the protocol of a connection that is given away.
            limits: What a client may ask for.
            is_other: Whether a request for a target is none of the driver's.

        """
        self.loop = asyncio.get_running_loop()
        self.driver, self.others, self.limits, self.is_other = driver, others, limits, is_other
        self.heads = HeadParser(self.loop, limits.body)
        self.names: WeakKeyDictionary[asyncio.BaseTransport, str] = WeakKeyDictionary()
        self.open: set[Connection] = set()
        self._numbers = count(1)

    def __call__(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self, f"c{next(self._numbers)}")

    def close(self) -> None:
        """End the connections."""
        for connection in list(self.open):
            connection.cancel()


class Connection(asyncio.Protocol):
    """A connection. At most one request of it is under way; it is who waits for the reply."""

    __slots__ = (
        "_at",
        "_connections",
        "_data",
        "_driver",
        "_is_full",
        "_name",
        "_number",
        "_page",
        "_patience",
        "_timer",
        "_transport",
        "_unread",
    )  # fmt: skip

    def __init__(self, connections: Connections, name: str) -> None:
        """Wait for the connection to be made; `name` tells it from all others."""
        self._connections, self._driver, self._name = connections, connections.driver, name
        self._transport: asyncio.Transport
        self._data = b""  # that was not looked at yet, or is half a request
        self._number = 0  # of the request under way
        self._page: HttpRequest | None = None  # it, if a page sent it
        self._unread = 0  # of a request whose reply the client does not read
        self._is_full = False
        self._at = connections.loop.time()  # of the last request
        self._timer: asyncio.TimerHandle  # until it was idle for too long
        self._patience: asyncio.TimerHandle | None = None  # with half a request

    # -- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._connections.open.add(self)
        if (connected := transport.get_extra_info("socket")) is not None:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a held poll may last long
        self._timer = self._connections.loop.call_later(self._connections.limits.idle, self._look)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the reason does not matter
        """The client went away; whatever was under way did not arrive."""
        self._leave()
        self._data = b""
        lost = [number for number in (self._number, self._unread) if number]
        self._number = self._unread = 0
        if lost:
            self._driver.give_up(lost)

    def pause_writing(self) -> None:
        """The client does not read what it was sent."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It has."""
        self._is_full = False
        number, self._unread = self._unread, 0
        if number:
            self._driver.sent(number)
        self._soon_go_on()

    def _look(self) -> None:
        """Has the client been idle for too long?"""
        loop, idle = self._connections.loop, self._connections.limits.idle
        if self._number or self._unread:
            self._timer = loop.call_later(idle, self._look)
        elif loop.time() >= self._at + idle:
            self._transport.close()
        else:
            self._timer = loop.call_at(self._at + idle, self._look)

    def _leave(self) -> None:
        self._connections.open.discard(self)
        self._timer.cancel()
        self._be_patient(False)

    # -- requests

    def data_received(self, data: bytes) -> None:
        """Some of a request came in, or a whole one."""
        if self._data:
            data = self._data + data
        if self._number or self._is_full:
            self._data = data
            if len(data) > _AHEAD:
                self._transport.pause_reading()
        else:
            self._read(data)

    def _read(self, data: bytes) -> None:
        found = self._connections.heads.read(data)
        if isinstance(found, Unread):
            self._data = data
            if found is Unread.OTHER:
                self._hand_over()
            elif self._patience is None:
                self._be_patient(True)
            return
        if self._connections.is_other(found.target):
            self._data = data
            self._hand_over()
            return
        if self._patience is not None:
            self._be_patient(False)
        self._data = found.rest
        number = self._number = self._driver.number()
        incoming = HttpRequest(number, self._name, found.method, found.target, found.headers, found.body)
        if found.from_page:
            self._page = incoming
        self._driver.take(incoming, self)

    def _be_patient(self, on: bool) -> None:  # noqa: FBT001  # as a switch
        """Wait a moment for the rest of a request; aiohttp knows how long to wait after that, and what to say."""
        if self._patience is not None:
            self._patience.cancel()
        wait = min(_MOMENT, self._connections.limits.idle / 2)
        self._patience = self._connections.loop.call_later(wait, self._hand_over) if on else None

    def _hand_over(self) -> None:
        """Give the connection away, with what was not answered."""
        data, self._data = self._data, b""
        self._leave()
        if self._transport.is_closing():
            return
        self._connections.names[self._transport] = self._name
        other = self._connections.others()
        self._transport.set_protocol(other)
        other.connection_made(self._transport)
        self._read_on()
        other.data_received(data)

    def _soon_go_on(self) -> None:
        if self._data:
            self._connections.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Look at what came while a request was under way."""
        if self._data and not (self._number or self._is_full or self._transport.is_closing()):
            self._read_on()
            data, self._data = self._data, b""
            self._read(data)

    def _read_on(self) -> None:
        if not self._transport.is_reading():
            self._transport.resume_reading()

    # -- who waits for a reply

    def done(self) -> bool:
        """Whether nothing is under way."""
        return not self._number

    def set_result(self, reply: HttpResponse, /) -> None:
        """Write the reply to what is under way."""
        number, self._number = self._number, 0
        page, self._page = self._page, None
        transport = self._transport
        if transport.is_closing():
            self._driver.give_up([number])
            return
        content, is_last = written(reply if page is None else cors.readable(reply, page))
        transport.write(content)
        if self._is_full:
            self._unread = number
        else:
            self._driver.sent(number)
        self._at = self._connections.loop.time()
        if is_last:
            transport.close()
        self._soon_go_on()

    def cancel(self) -> None:
        """End the connection."""
        self._transport.close()
