"""Open streams of server-sent events and WebSockets without Bayeux, and keep them as their recorded clients did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import aiohttp

from ...capture.streams import has_body
from ...formats.streamed import EVENTS, streamed_media
from ...push.sse import EventStream
from ..engine.plan import Answer, Connection, Outgoing
from .http import PAUSE
from .tap import UPGRADED, Left, Sending
from .wire import Socket, Wire, headers_of, reason_of

_RETRY = 3.0  # seconds before a stream is asked for again, if it does not say (browsers take 3 to 5)
_LONGEST = 30.0  # seconds of these, whatever a stream says


class Channel:
    """A recorded stream of events, or a WebSocket without Bayeux, played."""

    def __init__(
        self,
        connection: Connection,
        wire: Wire,
        *,
        expected: int,
        answered: Callable[[Outgoing, Answer], None],
        lost: Callable[[str, str], None],
        gone: Callable[[str, str], None],
        patience: float,
    ) -> None:
        """Prepare; `stream` or `socket` opens it.

        Args:
            connection: The recorded connection.
            wire: The HTTP of its client.
            expected: How many events came on it in the recording.
            answered: Is called with a step and what came back for it.
            lost: Is called with the key of the connection and a sentence, when it is lost and will be recovered.
            gone: Is called with the key of the connection and a sentence, when it will not be recovered.
            patience: Seconds in which a step that could not leave is tried again.

        """
        self.connection, self._wire, self._expected = connection, wire, expected
        self._answered, self._lost, self._gone, self._patience = answered, lost, gone, patience
        self._socket: Socket | None = None
        self._opened = asyncio.Event()  # the WebSocket is open, or will never be
        self._is_closed = False
        self._task: asyncio.Task[None] | None = None
        self._last_id, self._retry = "", _RETRY

    def begin(self, left: Left, group: asyncio.TaskGroup, *, is_socket: bool) -> None:
        """Open it in a task of its own."""
        self._task = group.create_task(self._play_socket(left) if is_socket else self._play_stream(left))

    async def send(self, left: Left) -> None:
        """Send a message on the WebSocket."""
        await self._opened.wait()
        if self._socket is None or self._socket.closed:
            self._answered(left.out, Answer(None, failure="the WebSocket is not open"))
            return
        left()
        try:
            await self._socket.send(left.out.body, is_text=left.out.step.is_text)
        except (aiohttp.ClientError, OSError) as exc:
            self._answered(left.out, Answer(None, failure=reason_of(exc)))

    async def close(self) -> None:
        """End it as a client does; a second call does nothing."""
        self._is_closed = True
        task, self._task = self._task, None
        if self._socket is not None:
            await self._socket.close()
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])

    # -- a stream of events

    async def _play_stream(self, left: Left) -> None:
        until = asyncio.get_running_loop().time() + self._patience
        is_first = True
        while not self._is_closed:
            problem, is_open = await self._stream_once(left, is_first=is_first)
            if is_first and not is_open and problem and not left.has_left:
                if asyncio.get_running_loop().time() > until:
                    self._answered(left.out, Answer(None, failure=problem))
                    return
                await asyncio.sleep(PAUSE)
                continue
            if is_first and not is_open:
                if problem:
                    self._answered(left.out, Answer(None, failure=problem))
                return
            is_first = False
            key, heard = self.connection.key, self._wire.tap.heard.get(self.connection.key, 0)
            if not problem and heard >= self._expected:
                return  # the server ended it in order, and nothing is missing
            self._lost(key, f"the stream ended: {problem or 'the server closed it'}; it is asked for again")
            await asyncio.sleep(min(self._retry, _LONGEST))

    async def _stream_once(self, left: Left, *, is_first: bool) -> tuple[str, bool]:
        """Ask for the stream, and hear it to its end; return what went wrong, and whether the stream was opened."""
        out, is_open = left.out, False
        sending = Sending(
            out.step.client, out.step.request.method, out.target, out.body, self.connection.key, left=left
        )
        headers = self._wire.headers(out.headers)
        if self._last_id and not is_first:
            headers["Last-Event-ID"] = self._last_id
        try:
            async with self._wire.open(sending, headers) as answer:
                found = headers_of(answer)
                media = streamed_media(found) if has_body(sending.method, answer.status) else None
                if media is None:
                    body = await answer.content.read()
                    self._wire.tap.response(sending, answer.status, found, body)
                    if is_first:
                        self._answered(out, Answer(answer.status, found, body))
                    return f"status {answer.status}, and no stream", False
                chunks = self._wire.tap.stream(sending, answer.status, found, media)
                is_open = True
                if is_first:
                    self._answered(out, Answer(answer.status, found))
                parser = EventStream() if media == EVENTS else None
                async for piece in answer.content.iter_any():
                    chunks.passes(piece)
                    for event in parser.feed(piece) if parser is not None else ():
                        self._last_id = event.id if event.id is not None else self._last_id
                        self._retry = event.retry / 1000 if event.retry is not None else self._retry
                chunks.end()
        except (aiohttp.ClientError, OSError) as exc:
            return reason_of(exc), is_open
        return "", is_open

    # -- a WebSocket

    async def _play_socket(self, left: Left) -> None:
        out, loop = left.out, asyncio.get_running_loop()
        until = loop.time() + self._patience
        try:
            while self._socket is None:
                sending = Sending(out.step.client, "GET", out.target, b"", self.connection.key, left=left)
                headers = self._wire.headers(out.headers)
                try:
                    self._socket = await self._wire.upgrade(sending, headers, self.connection.subprotocols)
                except aiohttp.WSServerHandshakeError as exc:
                    self._answered(out, Answer(exc.status, sending.head))
                    return
                except (aiohttp.ClientError, OSError) as exc:
                    if left.has_left or loop.time() > until:
                        self._answered(out, Answer(None, failure=reason_of(exc)))
                        return
                    await asyncio.sleep(PAUSE)
        finally:
            self._opened.set()
        self._answered(out, Answer(UPGRADED, sending.head))
        await self._hear(self._socket)

    async def _hear(self, socket: Socket) -> None:
        while True:
            message = await socket.receive()
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                continue  # the tap told it
            if not self._is_closed:
                with contextlib.suppress(aiohttp.ClientError, OSError):  # it is closed already
                    await socket.close()
                if self._wire.tap.heard.get(self.connection.key, 0) < self._expected:
                    self._gone(self.connection.key, "the server closed the WebSocket")
            return
