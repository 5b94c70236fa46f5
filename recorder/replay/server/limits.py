"""Limit the sizes and times of a client's requests to the stand-in's server.

A broken or hostile client must not disturb the other clients of a stand-in: the server answers such a client with 4xx
or cuts its connection, writes no traceback to the log, and keeps no data for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ...monitoring.shortage import Shortage

_BACKLOG = 4096  # connections waiting to be accepted: a test suite opens many at once
SESSION = 3600.0  # seconds; a client may stand at a breakpoint for long
_ACCEPTS = 64  # at once, before connected clients get a turn
_PAUSE = 0.02  # seconds between two tries while there are no descriptors
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for the size and the slowness of requests.

    Attributes:
        body: Bytes of a request's body before and after its Content-Encoding was undone, and of a WebSocket message.
        head: Bytes of a request's target and headers, of its target alone, and of the framing of its chunks.
        headers: Headers of a request.
        sending: Seconds a request's body may take to arrive.
        idle: Seconds a connection without a request stays open, and seconds a head may take to arrive. Held polls and
            WebSockets have no limit: a client in a debugger must not lose its session.
        unread: Number of answers that may wait on a WebSocket whose client does not read.
        session: Seconds without a request after which a session is let go that holds no poll, stream or WebSocket.

    """

    body: int = 1 << 20
    head: int = 1 << 16
    headers: int = 128
    sending: float = 30.0
    idle: float = 75.0
    unread: int = 100
    session: float = SESSION


def fitting(body: int, head: int, headers: int) -> Limits:
    """Build limits of twice the largest recorded body, head and number of headers; the defaults are the minimum."""
    usual = Limits()
    return Limits(
        body=max(usual.body, 2 * body), head=max(usual.head, 2 * head), headers=max(usual.headers, 2 * headers)
    )


class Listener:
    """A server's listening sockets; accepts clients while the process has descriptors for them.

    asyncio's own server calls accept as often as the backlog is long, writes a traceback for each failure, and sets a
    timer for each (Python 3.11 to 3.13). This one stops accepting at the first failure and tries again after a pause.
    """

    def __init__(self, listening: Sequence[socket.socket], protocols: Callable[[], asyncio.BaseProtocol]) -> None:
        """Accept on sockets that listen already, which the listener closes at its end; call in a running loop."""
        self.sockets, self._protocols = tuple(listening), protocols
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[Any]] = set()
        self._shortage = Shortage()
        self._pause: asyncio.TimerHandle | None = None
        self._accepting: list[asyncio.Task[None]] = []
        try:
            self._resume()
        except NotImplementedError:  # the loop of Windows calls nobody when a socket is ready
            self._accepting = [self._loop.create_task(self._accept_all(one)) for one in self.sockets]

    def close(self) -> None:
        """Stop to listen; the clients stay connected."""
        if self._pause is not None:
            self._pause.cancel()
        for task in self._accepting:
            task.cancel()
        for one in self.sockets:
            if not self._accepting:
                self._loop.remove_reader(one.fileno())
            one.close()

    def _resume(self) -> None:
        self._pause = None
        for one in self.sockets:
            self._loop.add_reader(one.fileno(), self._accept, one)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS):
            try:
                client, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):  # nobody waits, or the client is gone already
                return
            except OSError as exc:
                self._wait(exc)
                return
            client.setblocking(False)
            self._take(client)

    async def _accept_all(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _address = await self._loop.sock_accept(listening)
            except ConnectionError:  # the client is gone already
                continue
            except OSError as exc:
                if listening.fileno() < 0:
                    return
                self._tell(exc)
                await asyncio.sleep(_PAUSE)
            else:
                self._take(client)

    def _take(self, client: socket.socket) -> None:
        opening = self._loop.create_task(self._open(client))
        self._opening.add(opening)  # the loop itself refers to tasks weakly
        opening.add_done_callback(self._opening.discard)

    async def _open(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocols, client)
        except OSError as exc:  # no place for it in epoll's memory, say
            client.close()
            self._tell(exc)

    def _wait(self, error: OSError) -> None:
        """Accept nobody for a while: accept fails again until a descriptor is free, and would take all of the CPU."""
        self._tell(error)
        if self._pause is None:
            for one in self.sockets:
                self._loop.remove_reader(one.fileno())
            self._pause = self._loop.call_later(_PAUSE, self._resume)

    def _tell(self, error: OSError) -> None:
        line = self._shortage.told(error, self._loop.time())
        if line is not None:
            _log.warning("%s", line)


async def listening(protocols: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> tuple[Listener, int]:
    """Start to listen; return the listener and its port (a free one if `port` is 0).

    Raises:
        UsageError: If the server cannot listen on the address.

    """
    loop, bound = asyncio.get_running_loop(), list[socket.socket]()
    try:
        # asyncio finds the addresses of a name and binds them; its sockets are used, its accepting is not
        server = await loop.create_server(protocols, host, port, start_serving=False)
        try:
            bound += (one.dup() for one in server.sockets)
        finally:
            server.close()
        for one in bound:
            one.setblocking(False)
            one.listen(_BACKLOG)
    except OSError as exc:
        for one in bound:
            one.close()
        raise UsageError(f"cannot listen on {host}:{port}: {exc.strerror or exc}; choose another port") from exc
    return Listener(bound, protocols), int(bound[0].getsockname()[1])
