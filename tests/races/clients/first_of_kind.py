"""A desk that ends two records at once, and takes the first answer of a kind for that to its first one."""

from __future__ import annotations

import asyncio
from typing import Any

from .bayeux import Desk, Message, completed, desk

ENDED = "RecordProcessedAcknowledge"


class Right(Desk):
    async def complete(self, handle: int) -> Any:
        """The handle of the record that is ended, as its event says."""
        return (await self.operate(completed(handle), ENDED))[-1]["record"]["recordHandle"]


class Wrong(Right):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._waiting: list[asyncio.Queue[Message]] = []

    def receive(self, event: Message) -> None:
        if event["data"].get("notificationType") == ENDED:
            self._waiting.pop(0).put_nowait(event["data"])

    async def operate(self, asked: tuple[str, Message], last: str) -> list[Message]:
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._waiting.append(inbox)
        await self.post(asked, self.reference())
        return await self.until(inbox, last)


async def right(url: str) -> None:
    await _work(url, Right)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Right]) -> None:
    async with desk(url, kind) as agent:
        ended = await asyncio.gather(*map(agent.complete, (1001, 1002)))
        assert ended == [1001, 1002], f"asked to end 1001 and 1002, was told of {ended}"
