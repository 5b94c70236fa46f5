"""A desk that begins to listen for the events of an operation when its ack is there. They may come before it."""

from __future__ import annotations

import asyncio

from .bayeux import Desk, Message, desk


class Wrong(Desk):
    async def operate(self, asked: tuple[str, Message], last: str) -> list[Message]:
        reference = self.reference()
        await self.post(asked, reference)
        self._inboxes[reference] = asyncio.Queue()
        return await self.until(self._inboxes[reference], last)


async def right(url: str) -> None:
    await _work(url, Desk)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Desk]) -> None:
    async with desk(url, kind) as agent:
        record = await agent.preview()
        assert len(await agent.chain(record["recordHandle"])) == 2
