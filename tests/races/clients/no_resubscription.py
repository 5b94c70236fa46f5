"""A desk that shakes hands anew when the server has forgotten it, but does not subscribe anew."""

from __future__ import annotations

from .bayeux import Bayeux, Desk, desk


class Forgetful(Bayeux):
    async def greet_anew(self) -> None:
        await self.shake_hands()


class Wrong(Desk):
    bayeux_class = Forgetful


async def right(url: str) -> None:
    await _work(url, Desk)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Desk]) -> None:
    async with desk(url, kind) as agent:
        record = await agent.preview()
        assert len(await agent.chain(record["recordHandle"])) == 2
