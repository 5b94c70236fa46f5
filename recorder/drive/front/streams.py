"""Open streams of server-sent events and WebSockets without Bayeux, and keep them as their recorded clients did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import aiohttp

from ...capture.streams import has_body
from ...formats.streamed import EVENTS, streamed_media
from ...model import Request
from ...push.sse import EventStream
from ..engine.allowing import needs
from ..engine.plan import Answer, Connection, Outgoing
from ..engine.texts.protocols import offered
from .requests import LONGEST_RETRY, PAUSE, RETRY, answer_of, opened_again
from .tap import UPGRADED, Left, Sending
from .wire import Socket, Wire, headers_of, reason_of


class Channel:
    """A recorded stream of events, or a WebSocket without Bayeux, played."""

    def __init__(
        self,
        connection: Connection,
        wire: Wire,
        *,
        requests: Sequence[Request],
        openings: int,
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
            requests: The recorded requests that opened it, in order: the client may have connected again.
            openings: How often it was open in the recording.
            expected: How many events came on it in the recording.
            answered: Is called with a step and what came back for it.
            lost: Is called with the key of the connection and a sentence, when it is lost and will be recovered.
            gone: Is called with the key of the connection and a sentence, when it will not be recovered.
            patience: Seconds in which a step that could not leave is tried again.

        """
        self.connection, self._wire, self._requests, self._expected = connection, wire, requests, expected
        self._openings = openings
        self._answered, self._lost, self._gone, self._patience = answered, lost, gone, patience
        self._socket: Socket | None = None
        self._turn = asyncio.Condition()  # tells that the WebSocket was opened, or will never be
        self._number = 0  # how often it was opened
        self._is_over = False  # it will not be opened any more
        self._is_closed = False
        self._task: asyncio.Task[None] | None = None
        self._last_id, self._retry = "", RETRY

    def begin(self, left: Left, group: asyncio.TaskGroup, *, is_socket: bool) -> None:
        """Open it in a task of its own."""
        self._task = group.create_task(self._play_socket(left) if is_socket else self._play_stream(left))

    async def send(self, left: Left) -> None:
        """Send a message on the WebSocket."""
        exchanges = [request.exchange for request in self._requests]
        exchange = left.out.step.request.exchange
        wanted = exchanges.index(exchange) + 1 if exchange in exchanges else 1
        with contextlib.suppress(TimeoutError):  # then the server has not closed it as recorded; the message goes on it
            async with asyncio.timeout(self._patience), self._turn:
                await self._turn.wait_for(lambda: self._number >= wanted or self._is_over)
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
        problem, is_open = await self._first_stream(left)
        until = 0.0
        while is_open or problem:
            if self._has_all() and not problem:
                return  # the server ended it in order
            if needs(left.out.step):
                self._gone(
                    self.connection.key,
                    f"{problem or 'the server ended it'}; a request that may change data is not sent again",
                )
                return
            if is_open:
                self._say_lost(problem or "the server ended it")
                until = self._until()
            elif asyncio.get_running_loop().time() > until:
                self._gone(self.connection.key, f"the stream does not come back: {problem}")
                return
            await asyncio.sleep(min(self._retry, LONGEST_RETRY))
            problem, is_open = await self._stream_once(left, is_first=False)

    async def _first_stream(self, left: Left) -> tuple[str, bool]:
        """Ask for the stream until the request leaves; return nothing if there is no stream, which is answered."""
        until = self._until()
        while True:
            problem, is_open = await self._stream_once(left, is_first=True)
            if is_open:
                return problem, is_open
            if left.has_left or asyncio.get_running_loop().time() > until:
                self._answered(
                    left.out, Answer(None, failure=problem)
                )  # the first answer counts: a refusal came before
                return "", False
            await asyncio.sleep(PAUSE)

    def _until(self) -> float:
        return asyncio.get_running_loop().time() + self._patience

    def _has_all(self) -> bool:
        """Return whether as many events came as were recorded."""
        return self._wire.tap.heard.get(self.connection.key, 0) >= self._expected

    def _say_lost(self, problem: str) -> None:
        if self._number < self._openings:
            return  # it ended here in the recording, too
        self._lost(self.connection.key, f"{problem}; it is asked for again")

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
                    whole = await self._wire.read(sending, answer)
                    if is_first:
                        self._answered(out, answer_of(whole))
                    return f"status {answer.status}, and no stream", False
                chunks = self._wire.tap.stream(sending, answer.status, found, media)
                is_open, self._number = True, self._number + 1
                if is_first:
                    self._answered(out, Answer(answer.status, found))
                parser = EventStream() if media == EVENTS else None
                async for piece in answer.content.iter_any():
                    chunks.passes(piece)
                    await self._wire.tap.room()
                    for event in parser.feed(piece) if parser is not None else ():
                        self._last_id = event.id if event.id is not None else self._last_id
                        self._retry = event.retry / 1000 if event.retry is not None else self._retry
                chunks.end()
        except (aiohttp.ClientError, OSError) as exc:
            return reason_of(exc), is_open
        return "", is_open

    # -- a WebSocket

    async def _play_socket(self, left: Left) -> None:
        try:
            while await self._open_socket(left, is_first=not self._number):
                async with self._turn:
                    self._number += 1
                    self._turn.notify_all()
                reason = await self._hear()
                if self._is_closed or (self._has_all() and self._number >= len(self._requests)):
                    return
                self._say_lost(f"the server closed the WebSocket{reason}")
                await asyncio.sleep(PAUSE)
        finally:
            self._is_over = True
            async with self._turn:
                self._turn.notify_all()

    async def _open_socket(self, left: Left, *, is_first: bool) -> bool:
        """Open the WebSocket; return whether it is open. If not, this is told."""
        out, until = left.out, self._until()
        while True:
            again = self._requests[self._number] if 0 < self._number < len(self._requests) else None
            target = out.target if again is None else opened_again(out.step.request.target, out.target, again.target)
            sending = Sending(out.step.client, "GET", target, b"", self.connection.key, left=left)
            try:
                self._socket = await self._wire.upgrade(
                    sending, self._wire.headers(out.headers), offered(out.headers, self.connection.subprotocols)
                )
            except (aiohttp.ClientError, OSError) as exc:
                status = exc.status if isinstance(exc, aiohttp.WSServerHandshakeError) else None
                is_final = status is not None or (is_first and left.has_left) or self._until() - self._patience > until
                if is_final and is_first:
                    problem = "" if status else reason_of(exc)
                    self._answered(out, Answer(status, sending.head, failure=problem))
                elif is_final:
                    self._gone(self.connection.key, f"the WebSocket does not come back: {reason_of(exc)}")
                if is_final:
                    return False
                await asyncio.sleep(PAUSE)
            else:
                if is_first:
                    self._answered(out, Answer(UPGRADED, sending.head))
                return True

    async def _hear(self) -> str:
        """Hear the WebSocket to its end; return why the server closed it, as the end of a sentence."""
        socket = self._socket
        while socket is not None:
            message = await socket.receive()
            if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                continue  # the tap told it
            await socket.close()
            return f" with code {message.data}" if isinstance(message.data, int) else ""
        return ""
