"""Several processes behind one port: each connection is handed to the process that has its client's session.

The front looks at the head of the first request without taking it, and gives the socket away for good. A connection
costs it once, a request nothing, so it is no bottleneck.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from .affinity import headers_of, process_of

_LONGEST = 1 << 14  # bytes of a head that are looked at
_PATIENCE = 75.0  # seconds until a connection that sends no head is closed
_AGAIN = 0.005  # seconds until one looks again for the rest of a head, or for room in the channel of a process


async def front(listener: socket.socket, channels: Sequence[socket.socket]) -> None:
    """Accept for ever; a channel leads to each process."""
    listener.setblocking(False)
    async with asyncio.TaskGroup() as group:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            group.create_task(_hand_over(connection, channels))


async def adopt(channel: socket.socket, connections: Callable[[], asyncio.BaseProtocol]) -> None:
    """Serve the connections that come through a channel, until it is closed."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    channel.setblocking(False)
    loop.add_reader(channel, readable.set)
    while await readable.wait():
        readable.clear()
        with suppress(BlockingIOError):
            data, descriptors, *_ = socket.recv_fds(channel, 1, 1)
            for descriptor in descriptors:
                await loop.connect_accepted_socket(connections, socket.socket(fileno=descriptor))
            if not data:
                loop.remove_reader(channel)
                return


async def _hand_over(connection: socket.socket, channels: Sequence[socket.socket]) -> None:
    """Find out whose a connection is, and give it away."""
    with connection, suppress(OSError, TimeoutError):  # it hung up, or said nothing
        async with asyncio.timeout(_PATIENCE):
            head = await _head(connection)
        channel = channels[process_of(headers_of(head), len(channels)) or 0]
        # no event tells when there is room; the other processes need not wait for this one
        while head and not _given(channel, connection):  # noqa: ASYNC110
            await asyncio.sleep(_AGAIN)


def _given(channel: socket.socket, connection: socket.socket) -> bool:
    try:
        return socket.send_fds(channel, [b"c"], [connection.fileno()], socket.MSG_DONTWAIT) > 0
    except BlockingIOError:
        return False


async def _head(connection: socket.socket) -> bytes:
    """The head of the first request, which stays where it is; nothing where the client hung up."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    while True:
        seen = connection.recv(_LONGEST, socket.MSG_PEEK)
        if b"\r\n\r\n" in seen or len(seen) in (0, _LONGEST):
            return seen
        await asyncio.sleep(_AGAIN)  # a socket with half a head in it is readable all the time
