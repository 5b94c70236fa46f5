"""A desk that asks for the chain of a record on the ack, though an event brings the handle of the record."""

from __future__ import annotations

import asyncio
from typing import Any

from .bayeux import Desk, Message, campaign, desk


class Right(Desk):
    async def handle(self) -> Any:
        """The handle of the next record."""
        return (await self.preview())["recordHandle"]


class Wrong(Right):
    record: Message | None = None

    def receive(self, event: Message) -> None:
        super().receive(event)
        if event["data"].get("notificationType") == "PreviewRecord":
            self.record = event["data"]["record"]

    async def handle(self) -> Any:
        reference = self.reference()
        self._inboxes[reference] = asyncio.Queue()
        await self.post(campaign("GetPreviewRecord"), reference)
        assert self.record is not None, "the record has no handle"
        return self.record["recordHandle"]


async def right(url: str) -> None:
    await _work(url, Right)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Right]) -> None:
    async with desk(url, kind) as agent:
        assert len(await agent.chain(await agent.handle())) == 2
