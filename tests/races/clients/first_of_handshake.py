"""A desk that takes the answer to a handshake for one message, though events may stand behind the reply."""

from __future__ import annotations

import asyncio

import aiohttp

from .bayeux import PATIENCE, Bayeux, Desk, Message, desk

_CLOCK = "/service/clock"  # a service channel: its answers need no subscription


class Service(Bayeux):
    path = "/cometd"


class Hasty(Service):
    def read(self, asked: Message, answered: list[Message]) -> list[Message]:
        return answered[:1] if asked["channel"] == "/meta/handshake" else answered


class Right(Desk):
    channels = ()
    bayeux_class: type[Bayeux] = Service

    def __init__(self, *arguments: aiohttp.ClientSession) -> None:
        super().__init__(*arguments)
        self._times: asyncio.Queue[str] = asyncio.Queue()

    def receive(self, event: Message) -> None:
        self._times.put_nowait(event["data"]["now"])

    async def time(self) -> str:
        """The time, as the server tells it."""
        await self.bayeux.send({"channel": _CLOCK, "data": {}})
        try:
            return await asyncio.wait_for(self._times.get(), PATIENCE)
        except TimeoutError:
            raise AssertionError(f"nobody told the time within {PATIENCE:g} s") from None


class Wrong(Right):
    bayeux_class = Hasty


async def right(url: str) -> None:
    await _work(url, Right)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Right]) -> None:
    async with desk(url, kind) as agent:
        assert await agent.time() == "noon"
