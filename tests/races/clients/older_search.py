"""A desk that searches while one types, and shows the answer that came last."""

from __future__ import annotations

import asyncio

from .orders import Data, Orders, desk

TYPED = ("l", "la")


class Right(Orders):
    searched = ""
    shown: Data | None = None

    async def search(self, text: str) -> None:
        """Show the orders whose item begins with a text, unless another text was typed meanwhile."""
        self.searched = text
        answer = await self.ask("GET", f"/orders?item={text}")
        if self.is_wanted(text):
            self.shown = answer

    def is_wanted(self, text: str) -> bool:
        return text == self.searched


class Wrong(Right):
    def is_wanted(self, text: str) -> bool:
        return True


async def right(url: str) -> None:
    await _work(url, Right)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Right]) -> None:
    async with desk(url, kind) as agent:
        for ref, item in (("desk-1", "lamp"), ("desk-2", "ladle")):
            await agent.ask("POST", "/orders", {"ref": ref, "item": item})
        await agent.hears("sent")
        await asyncio.gather(*map(agent.search, TYPED))
        assert agent.shown["item"] == TYPED[-1], f"shows what was found for {agent.shown['item']}"
