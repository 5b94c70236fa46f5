"""A desk that confirms batches of events (`ext.ack`) by a count of its own polls, and so one that it never got."""

from __future__ import annotations

from typing import Any

from .bayeux import Bayeux, Desk, Message, desk


class Confirming(Bayeux):
    """Confirms the batch that came last."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.batch = 0  # none yet

    def offer(self) -> Message:
        return {"ext": {"ack": True}}

    def state(self) -> Message:
        return {"ext": {"ack": self.batch}}

    def connected(self, reply: Message) -> None:
        self.batch = reply.get("ext", {}).get("ack", self.batch)


class Counting(Confirming):
    """Confirms as many batches as it polled."""

    def state(self) -> Message:
        told = super().state()
        self.batch += 1
        return told

    def connected(self, reply: Message) -> None:
        pass


class Right(Desk):
    bayeux_class: type[Bayeux] = Confirming


class Wrong(Desk):
    bayeux_class: type[Bayeux] = Counting


async def right(url: str) -> None:
    await _work(url, Right)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Desk]) -> None:
    async with desk(url, kind) as agent:
        record = await agent.preview()
        assert len(await agent.chain(record["recordHandle"])) == 2
