"""What a client may ask of the stand-in's HTTP server, and how those that ask for more are told.

A stand-in listens where tests and desktops run, and a broken or hostile client must not disturb the others: it gets a
4xx or loses its connection, the log gets no traceback, and nothing is kept for it.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from ...errors import UsageError

_BROKEN = "the body is not encoded as its headers say\n"
_BACKLOG = 4096  # connections waiting to be accepted: a test suite opens many at once
_LINGER = 2.0  # seconds in which a client that was refused while sending may read why


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, and how slow.

    Attributes:
        body: Bytes of a request's body after its Content-Encoding was undone, and of a WebSocket message.
        sending: Seconds a request's body may take to arrive.
        idle: Seconds a connection is kept on which no request is under way; headers that are not complete are none.
            Held polls and WebSockets may last: a client in a debugger must not lose its session.
        unread: Answers that may wait on a WebSocket for a client that does not read.

    """

    body: int = 1 << 20
    sending: float = 30.0
    idle: float = 75.0
    unread: int = 100


class ServerLog(logging.LoggerAdapter[logging.Logger]):
    """The log of the HTTP server: what clients do wrong is told to them alone, all else is loud."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        """Log an error, with its traceback, if it is ours."""
        if isinstance(exc_info, HttpProcessingError | web.RequestPayloadError | ConnectionError):
            self.debug(msg, *args, **more)
        else:
            super().exception(msg, *args, exc_info=exc_info, **more)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add nothing."""
        return msg, kwargs


def server(handle: Callable[[web.BaseRequest], Any], limits: Limits, log: logging.Logger, **options: Any) -> web.Server:
    """An HTTP server that keeps to limits; `handle` reads bodies by `read_body`."""

    def limited(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limits.body)

    return web.Server(
        handle,
        request_factory=limited,
        access_log=None,
        logger=ServerLog(log, {}),
        keepalive_timeout=limits.idle,
        lingering_time=min(_LINGER, limits.sending),
        auto_decompress=False,  # aiohttp goes on to unpack what was refused already
        **options,
    )


async def listening(protocols: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> tuple[asyncio.Server, int]:
    """Listen, and tell on which port.

    Raises:
        UsageError: If the address cannot be had.

    """
    try:
        listener = await asyncio.get_running_loop().create_server(protocols, host, port, backlog=_BACKLOG)
    except OSError as exc:
        raise UsageError(f"cannot listen on {host}:{port}: {exc.strerror or exc}; choose another port") from exc
    bound: int = listener.sockets[0].getsockname()[1]
    return listener, bound


async def read_body(request: web.BaseRequest, limits: Limits) -> bytes:
    """The body of a request, its Content-Encoding undone.

    Raises:
        web.HTTPException: If it is too large (413), too slow (408), not encoded as it says (400), or in a way that
            nobody understands here (415).

    """
    if request.content.is_eof() and "Expect" not in request.headers and "Content-Encoding" not in request.headers:
        return await request.read()  # it is here already, as most are
    try:
        async with asyncio.timeout(limits.sending):
            if request.headers.get("Expect", "").lower() == "100-continue":  # RFC 9110, section 10.1.1; .NET asks so
                await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                request.writer.output_size = 0  # no answer has begun
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"the request took longer than {limits.sending:g} s\n") from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise web.HTTPBadRequest(text=_BROKEN) from None
    return _unpacked(body, request.headers.get("Content-Encoding", "identity").strip().lower(), limits.body)


def _unpacked(body: bytes, encoding: str, most: int) -> bytes:
    if encoding == "identity" or not body:
        return body
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise web.HTTPUnsupportedMediaType(text="only gzip and deflate are understood\n")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either, by its first bytes
    try:
        unpacked = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise web.HTTPBadRequest(text=_BROKEN) from None
    if len(unpacked) > most:
        raise web.HTTPRequestEntityTooLarge(most, text=f"unpacked, the body is larger than {most} bytes\n")
    if not unpacker.eof:
        raise web.HTTPBadRequest(text=_BROKEN)
    return unpacked


def is_upgrade(request: web.BaseRequest, socket: web.WebSocketResponse) -> bool:
    """Whether a request is the handshake of a WebSocket."""
    try:
        return bool(socket.can_prepare(request))
    except ValueError:  # aiohttp takes headers for ASCII, and they can be any bytes
        return False
