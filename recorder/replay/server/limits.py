"""Limit the sizes and times of a client's requests to the stand-in's server.

A broken or hostile client must not disturb the other clients of a stand-in: the server answers such a client with 4xx
or cuts its connection, writes no traceback to the log, and keeps no data for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ...errors import UsageError

_BACKLOG = 4096  # connections waiting to be accepted: a test suite opens many at once


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

    """

    body: int = 1 << 20
    head: int = 1 << 16
    headers: int = 128
    sending: float = 30.0
    idle: float = 75.0
    unread: int = 100


def fitting(body: int, head: int, headers: int) -> Limits:
    """Build limits of twice the largest recorded body, head and number of headers; the defaults are the minimum."""
    usual = Limits()
    return Limits(
        body=max(usual.body, 2 * body), head=max(usual.head, 2 * head), headers=max(usual.headers, 2 * headers)
    )


async def listening(protocols: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> tuple[asyncio.Server, int]:
    """Start to listen; return the server and its port (a free one if `port` is 0).

    Raises:
        UsageError: If the server cannot listen on the address.

    """
    try:
        listener = await asyncio.get_running_loop().create_server(protocols, host, port, backlog=_BACKLOG)
    except OSError as exc:
        raise UsageError(f"cannot listen on {host}:{port}: {exc.strerror or exc}; choose another port") from exc
    bound: int = listener.sockets[0].getsockname()[1]
    return listener, bound
