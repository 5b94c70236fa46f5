"""A scripted client of the Model Context Protocol, by the library `mcp`; several sessions play at once.

python -m tests.lab.push.mcp_client BASE_URL < script.json

The script is {desks: [{prefix, first, steps: [{do, think, events}]}]}: `first` is the id of the first JSON-RPC request,
`do` the name of a tool, or list, read, subscribe, meet, wait. A step is over when its answer is there and `events`
events came since it began.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import timedelta
from typing import Any

from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.context import RequestContext
from pydantic import AnyUrl

_STEP = 10.0  # seconds
_ORDER = AnyUrl("order://1001")


class Desk:
    """One session."""

    def __init__(self, base: str, number: int, script: dict[str, Any], meet: asyncio.Barrier) -> None:
        self._base, self._number, self._script, self._meet = base, number, script, meet
        self._step: int | None = None
        self._events = 0
        self._arrived = asyncio.Condition()

    async def play(self) -> None:
        """Take all steps.

        Raises:
            TimeoutError: If the answer or the events of a step do not come.
        """
        async with (
            streamable_http_client(f"{self._base}/mcp/") as (read, write, _),
            ClientSession(
                read,
                write,
                read_timeout_seconds=timedelta(seconds=_STEP),
                sampling_callback=self._described,
                elicitation_callback=self._chosen,
                logging_callback=self._logged,
                message_handler=self._message,
            ) as session,
        ):
            session._request_id = self._script.get("first", 0)
            await session.initialize()
            await asyncio.sleep(0.1)  # until the stream of the session is open, of which the library tells nothing
            for i, step in enumerate(self._script["steps"]):
                await asyncio.sleep(step.get("think", 0))
                self._step, self._events = i, 0
                self._print(kind="request", step=i)
                answer = await self._perform(session, i, step)
                self._print(kind="ack", step=i, body=answer)
                async with asyncio.timeout(_STEP), self._arrived:
                    await self._arrived.wait_for(lambda step=step: self._events >= step.get("events", 0))
            await asyncio.sleep(self._script.get("linger", 0.1))
        self._print(kind="done")

    async def _perform(self, session: ClientSession, i: int, step: dict[str, Any]) -> Any:
        match step["do"]:
            case "meet":
                await self._meet.wait()
                return None
            case "wait":
                return None
            case "list":
                return [tool.name for tool in (await session.list_tools()).tools]
            case "read":
                found = await session.read_resource(_ORDER)
                return [getattr(content, "text", None) for content in found.contents]
            case "subscribe":
                await session.subscribe_resource(_ORDER)
                return None
        arguments = {"ref": f"{self._script['prefix']}{i}", "order": 1001}
        result = await session.call_tool(step["do"], arguments, progress_callback=self._progress)
        # it is told as an event, since it is pushed: so it is held against what was recorded
        await self._receive("result", [getattr(content, "text", None) for content in result.content])
        return None

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        await self._receive("progress", {"progress": progress, "total": total, "message": message})

    async def _described(self, _: RequestContext[Any, Any], params: types.CreateMessageRequestParams) -> Any:
        await self._receive("sampling", [getattr(message.content, "text", None) for message in params.messages])
        text = types.TextContent(type="text", text="a fine lamp")
        return types.CreateMessageResult(role="assistant", content=text, model="none")

    async def _chosen(self, _: RequestContext[Any, Any], params: types.ElicitRequestParams) -> Any:
        await self._receive("elicitation", params.message)
        return types.ElicitResult(action="accept", content={"colour": "red"})

    async def _logged(self, params: types.LoggingMessageNotificationParams) -> None:
        await self._receive("log", params.data)

    async def _message(self, message: Any) -> None:
        if isinstance(message, types.ServerNotification) and isinstance(
            message.root, types.ResourceUpdatedNotification
        ):
            await self._receive("updated", str(message.root.params.uri))
        elif isinstance(message, Exception):
            raise message

    async def _receive(self, channel: str, data: Any) -> None:
        self._print(kind="event", step=self._step, channel=channel, data=data)
        self._events += 1
        async with self._arrived:
            self._arrived.notify_all()

    def _print(self, **line: Any) -> None:
        print(json.dumps(line | {"client": self._number, "at": time.monotonic() * 1000}), flush=True)


async def main() -> None:
    base, desks = sys.argv[1], json.load(sys.stdin)["desks"]
    meet = asyncio.Barrier(len(desks))
    await asyncio.gather(*(Desk(base, n, desk, meet).play() for n, desk in enumerate(desks)))


if __name__ == "__main__":
    asyncio.run(main())
