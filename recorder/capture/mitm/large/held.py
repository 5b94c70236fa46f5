"""Hold messages with large bodies until they are redacted elsewhere, while those of other clients go on.

A held message goes on to its peer once it is recorded. So the file has what the peers saw in the order in which they
saw it, and a killed recorder has lost nothing that a client got. One message is redacted at a time, so that memory is
bounded; the connection of a held one is not read meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from mitmproxy import ctx, http
from mitmproxy.websocket import WebSocketMessage

from ....bayeux.hosts import redirected
from ....model import Chunk, Headers, Request, Response, SocketMessage
from ....redaction.redactor import Redactor
from ...large.apart import Done, Job, without_body
from ...large.glimpse import HEAVY, Bodied
from ...streams import Chunks
from ..capture import Capture
from ..leading import Leading
from ..protocol.connecting import paused
from ..protocol.layers import WAITS
from .worker import Gone, Here, Process, work

OVER = "the capture had to end before it was redacted"
_GONE = "the process that redacts it has ended"
_STEP = 500  # values learnt in one turn of the loop
Decode: TypeAlias = Callable[[], tuple[bytes, str | None]]  # returns a decoded body, and what is missing from it


class Held:
    """The messages of one capture that are held."""

    def __init__(self, capture: Capture, leading: Leading, redactor: Redactor | None) -> None:
        """Take what records messages, what changes them, and what redacts others; None to keep all in the clear."""
        self._capture, self._leading, self._redactor = capture, leading, redactor
        self._work: Process | Here | None = None
        self._turn = asyncio.Lock()
        # what passed a peer already and is not yet recorded, by flow, with the headers to record: answers that have
        # come, and requests whose body was streamed
        self._late: dict[str, tuple[http.HTTPFlow, Headers]] = {}
        self._sent: dict[str, tuple[http.HTTPFlow, Headers]] = {}

    async def request(self, flow: http.HTTPFlow, headers: Headers, decode: Decode, *, is_streamed: bool) -> bytes:
        """Record a request; return what is to be seen of its body.

        Args:
            flow: The exchange.
            headers: The headers of the request.
            decode: Called in a thread.
            is_streamed: Whether the body has gone on already.

        """
        sent = flow.request
        if is_streamed:
            self._sent[flow.id] = flow, headers
        async with self._held(flow):
            body, lacks = await asyncio.to_thread(decode)
            if lacks is None and not is_streamed:
                body = await self._leading.large_request_body(flow, headers, body)
            name, method, target = flow.client_conn.id, sent.method, sent.path
            done = await self._redacted(Request(0, 0, 0, name, method, target, headers, body), is_cut=lacks is not None)
            self._sent.pop(flow.id, None)
            if self._capture.is_open:
                frame = self._capture.pipeline.request(
                    flow.id, self._capture.clock(), connection=name, method=method, target=target, headers=headers,
                    body=body, lacks=lacks, done=done,
                )  # fmt: skip
                await self._capture.write(frame)
        return body if done is None else done.seen.body

    async def answer(self, flow: http.HTTPFlow, headers: Headers, decode: Decode, *, is_streamed: bool) -> bytes:
        """Record a response; see `request`."""
        status = flow.response.status_code if flow.response else 0
        self._late[flow.id] = flow, headers
        async with self._held(flow):
            body, lacks = await asyncio.to_thread(decode)
            if not is_streamed:
                await self._leading.large_response(flow, headers, body, self._led, is_whole=lacks is None)
            done = await self._redacted(Response(0, 0, 0, status, headers, body), is_cut=lacks is not None)
            if self._capture.is_open and self._late.pop(flow.id, None) is not None:
                frame = self._capture.pipeline.response(
                    flow.id, self._capture.clock(), status=status, headers=headers, body=body, lacks=lacks, done=done
                )
                await self._capture.write(frame)
        return body if done is None else done.seen.body

    async def message(self, flow: http.HTTPFlow, message: WebSocketMessage) -> None:
        """Record a message on a WebSocket, and change what goes on."""
        seen, from_client = message.content, message.from_client
        async with self._held(flow):
            message.content = await self._leading.large_message(flow, seen, self._led, from_client=from_client)
            body = message.content if from_client else seen
            done = await self._redacted(SocketMessage(0, 0, 0, from_client, body, message.is_text), is_cut=False)
            if self._capture.is_open and self._capture.pipeline.knows(flow.id):
                frame = self._capture.pipeline.message(
                    flow.id, self._capture.clock(), from_client=from_client, body=body, is_text=message.is_text,
                    done=done,
                )  # fmt: skip
                await self._capture.write(frame)

    async def chunks(self, flow: http.HTTPFlow, chunks: Chunks) -> None:
        """Record the chunks of a stream that wait."""
        pipeline = self._capture.pipeline
        if not chunks.waiting:
            return
        async with self._held(flow):
            while chunks.waiting and self._capture.is_open:
                body, is_last, lacks = chunks.waiting[0]
                done = await self._redacted(
                    Chunk(0, 0, 0, body, is_last), is_cut=False, media=pipeline.media_of(flow.id)
                )
                if not self._capture.is_open or not chunks.waiting:
                    return
                del chunks.waiting[0]
                frame = pipeline.chunk(flow.id, self._capture.clock(), body, is_last=is_last, lacks=lacks, done=done)
                await self._capture.write(frame)
            flow.metadata.pop(WAITS, None)

    def unfinished(self) -> Iterator[bytes]:
        """Yield the frames of what is held and has passed a peer, without bodies; the capture ends."""
        pipeline, clock = self._capture.pipeline, self._capture.clock
        for name, (flow, headers) in self._sent.items():
            sent, client = flow.request, flow.client_conn.id
            yield pipeline.request(
                name, clock(), connection=client, method=sent.method, target=sent.path, headers=headers, body=b"",
                lacks=OVER,
            )  # fmt: skip
        for name, (flow, headers) in self._late.items():
            status = flow.response.status_code if flow.response else 0
            yield pipeline.response(name, clock(), status=status, headers=headers, body=b"", lacks=OVER)
        self._sent.clear()
        self._late.clear()

    def unfinished_chunks(self, flow: str, chunks: Chunks) -> list[bytes]:
        """Return the frames of the chunks of a stream that wait, without their bodies; the capture ends."""
        waiting, chunks.waiting[:] = list(chunks.waiting), []
        pipeline, clock = self._capture.pipeline, self._capture.clock
        return [pipeline.chunk(flow, clock(), b"", is_last=is_last, lacks=OVER) for _, is_last, _ in waiting]

    def kill(self) -> None:
        """End what is being redacted, and redact no large body any more; may be called by a signal's handler."""
        if self._work is not None:
            self._work.kill()

    def close(self) -> None:
        """End what redacts, and wait for its end."""
        if self._work is not None:
            self._work.close()

    @asynccontextmanager
    async def _held(self, flow: http.HTTPFlow) -> AsyncIterator[None]:
        """Hold what the client of a flow sends and gets while the block runs; wait for other blocks first."""
        with paused(ctx.master.addons.get("proxyserver"), flow.client_conn):
            async with self._turn:
                yield

    async def _redacted(self, record: Bodied, *, is_cut: bool, media: str = "") -> Done | None:
        """Return a record redacted off the event loop; None for a small one, which the pipeline redacts as others.

        Args:
            record: The record; its number and time are not looked at.
            is_cut: Whether its body is the beginning of one.
            media: For a chunk: the media type of its response.

        """
        if len(record.body) <= HEAVY:
            return None
        redactor = self._redactor
        found = await self._worked(Job(record, is_cut, media, () if redactor is None else redactor.values))
        for start in range(0, len(found.values), _STEP):
            if redactor is not None:
                redactor.learn(found.values[start : start + _STEP])
            await asyncio.sleep(0)
        return found

    async def _led(self, body: bytes, host: str, headers: Headers) -> bytes:
        """Return a large body with the hosts in the advice of Bayeux messages replaced; see `Job.host`."""
        if len(body) <= HEAVY:
            return redirected(body, host, headers) or body
        found = await self._worked(Job(Response(0, 0, 0, 200, headers, body), host=host))
        return body if found.lacks else found.record.body

    async def _worked(self, job: Job) -> Done:
        redactor = self._redactor
        policy, key = (None, b"") if redactor is None else (redactor.policy, redactor.key)
        if self._work is None:
            self._work = work(policy, key)
        try:
            return await asyncio.to_thread(self._work, job)
        except Gone:
            return without_body(job, policy, key, _GONE)
        except asyncio.CancelledError:
            self.kill()
            raise
