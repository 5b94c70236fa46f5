"""A server of the Model Context Protocol over streamable HTTP, by the library `mcp`, and its truth.

python -m tests.lab.push.mcp_server --log FILE [--port 0]

Its tools: `pack` tells its progress and writes to the client's log; `change` changes an order, of which all sessions
hear that subscribed to it; `colour` asks the client's user; `describe` asks the client's model; `slow` drops its stream
half way, which the client takes up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterable
from itertools import count
from typing import Any
from weakref import WeakSet

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.session import ServerSession
from mcp.server.streamable_http import EventCallback, EventId, EventMessage, EventStore, StreamId
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.lab.push.serving import options, serve

RETRY_MS = 150
_TEXT = {"type": "object", "properties": {"ref": {"type": "string"}, "order": {"type": "integer"}}, "required": ["ref"]}
TOOLS = {
    "pack": "Pack an order.",
    "change": "Change an order.",
    "colour": "Ask for the colour of an order.",
    "describe": "Let the model describe an order.",
    "slow": "Take some time.",
}


class Kept(EventStore):
    """All events, in memory, for clients that open a stream again."""

    def __init__(self) -> None:
        self._events: list[tuple[StreamId, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: StreamId, message: types.JSONRPCMessage | None) -> EventId:
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: EventId, send_callback: EventCallback) -> StreamId | None:
        last = int(last_event_id)
        stream = self._events[last - 1][0]
        for number, (of, message) in enumerate(self._events[last:], last + 1):
            if of == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


class Truth:
    """An ASGI application before the server, that writes down each request and each message that leaves.

    A message on the stream of a request is caused by it; one on the stream of a session, by who last changed what it is
    about; one on a stream that was taken up again, by the request whose answer it carries.
    """

    def __init__(self, app: ASGIApp, log: Any) -> None:
        self._app, self._log = app, log
        self._requests, self._numbers = count(), dict[tuple[str, Any], int]()
        self.changed: dict[str, int] = {}  # URI -> number of the request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        session = headers.get("mcp-session-id")
        cause, content = None, b""
        if scope["method"] == "POST":
            while (part := await receive()).get("more_body"):
                content += part["body"]
            content += part["body"]
            asked = json.loads(content)
            cause = scope["lab.n"] = next(self._requests)
            self._numbers[session or "", asked.get("id")] = cause
            self._write(kind="request", n=cause, agent=session, method="POST", path=scope["path"], body=asked)
        elif scope["method"] == "GET" and "last-event-id" not in headers:
            self._write(kind="session", agent=session)

        async def taken() -> Message:
            nonlocal content
            body, content = content, b""
            return {"type": "http.request", "body": body, "more_body": False} if body else await receive()

        async def written(message: Message) -> None:
            nonlocal session
            if message["type"] == "http.response.start":
                session = session or dict(message["headers"]).get(b"mcp-session-id", b"").decode() or None
            if message["type"] == "http.response.start" and cause is not None:
                self._write(kind="ack", n=cause, status=message["status"], body=None)
            if message["type"] == "http.response.body":
                for data in re.findall(rb"^data: (\{.*)$", message["body"], re.MULTILINE):
                    self._tell(cause, session, json.loads(data))
            await send(message)

        await self._app(scope, taken, written)

    def _tell(self, cause: int | None, session: str | None, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if cause is None:
            id_ = params.get("progressToken", message.get("id"))
            cause = self.changed.get(params.get("uri"), self._numbers.get((session or "", id_)))
        self._write(kind="event", cause=cause, agent=session, channel=message.get("method", "message"), data=message)

    def _write(self, **line: Any) -> None:
        self._log.write(json.dumps(line | {"at": round(time.monotonic(), 4)}) + "\n")


class Orders:
    """The tools and resources."""

    def __init__(self) -> None:
        self.server: Server[Any, Any] = Server("orders", "1.0")
        self.truth: Truth | None = None
        self._notes: dict[str, str] = {"order://1001": "a lamp"}
        self._heard: dict[str, WeakSet[ServerSession]] = {}
        server = self.server
        server.list_tools()(self._list)
        server.call_tool()(self._call)
        server.list_resources()(self._resources)
        server.read_resource()(self._read)
        server.subscribe_resource()(self._subscribe)

    async def _list(self) -> list[types.Tool]:
        return [types.Tool(name=name, description=text, inputSchema=_TEXT) for name, text in TOOLS.items()]

    async def _resources(self) -> list[types.Resource]:
        return [types.Resource(uri=AnyUrl(uri), name=uri, mimeType="text/plain") for uri in self._notes]

    async def _read(self, uri: AnyUrl) -> Iterable[ReadResourceContents]:
        return [ReadResourceContents(self._notes[str(uri)], "text/plain")]

    async def _subscribe(self, uri: AnyUrl) -> None:
        self._heard.setdefault(str(uri), WeakSet()).add(self.server.request_context.session)

    async def _call(self, name: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        ref = arguments["ref"]
        done = await getattr(self, f"_{name}")(ref)
        return [types.TextContent(type="text", text=f"{done}: {ref}")]

    async def _pack(self, ref: str) -> str:
        for step in (1, 2, 3):
            await self._progress(step, 3, f"step {step} of {ref}")
            await asyncio.sleep(0.02)
        context = self.server.request_context
        await context.session.send_log_message("info", {"ref": ref, "label": "L-1001"}, "packer", context.request_id)
        return "packed"

    async def _change(self, ref: str) -> str:
        uri, context = "order://1001", self.server.request_context
        self._notes[uri] = f"a lamp, {ref}"
        if self.truth is not None and context.request is not None:
            self.truth.changed[uri] = context.request.scope["lab.n"]
        for session in list(self._heard.get(uri, ())):
            await session.send_resource_updated(AnyUrl(uri))
        return "changed"

    async def _colour(self, ref: str) -> str:
        context = self.server.request_context
        schema = {"type": "object", "properties": {"colour": {"type": "string"}}}
        answer = await context.session.elicit_form(f"Which colour has {ref}?", schema, context.request_id)
        return str((answer.content or {}).get("colour"))

    async def _describe(self, ref: str) -> str:
        context = self.server.request_context
        asked = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=f"Describe {ref}."))
        answer = await context.session.create_message([asked], max_tokens=50, related_request_id=context.request_id)
        return str(getattr(answer.content, "text", None))

    async def _slow(self, ref: str) -> str:
        await self._progress(1, 2, f"begun {ref}")
        await asyncio.sleep(0.05)
        context = self.server.request_context
        if context.close_sse_stream is not None:
            await context.close_sse_stream()
            await asyncio.sleep(0.05)  # what is sent at once can leave on the old stream, and again on the new one
        await self._progress(2, 2, f"nearly done {ref}")
        return "done"

    async def _progress(self, step: float, total: float, message: str) -> None:
        context = self.server.request_context
        if context.meta is not None and context.meta.progressToken is not None:
            token, related = context.meta.progressToken, str(context.request_id)
            await context.session.send_progress_notification(token, step, total, message, related)


def application(log: Any) -> Truth:
    """Make the server, with its truth before it."""
    orders = Orders()
    manager = StreamableHTTPSessionManager(orders.server, event_store=Kept(), retry_interval=RETRY_MS)

    @contextlib.asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with manager.run():
            yield

    orders.truth = Truth(Starlette(routes=[Mount("/mcp", app=manager.handle_request)], lifespan=running), log)
    return orders.truth


if __name__ == "__main__":
    given = options(__doc__)
    serve(application(given.log.open("a", buffering=1)), given.port)
