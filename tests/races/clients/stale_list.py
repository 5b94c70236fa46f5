"""A desk that shows what a list says, though an event has told of a later time meanwhile."""

from __future__ import annotations

from .orders import Data, Orders, watch


class Wrong(Orders):
    def listed(self, answer: Data) -> None:
        self.orders = {one["id"]: one for one in answer["orders"]}


async def right(url: str) -> None:
    await watch(url, Orders)


async def wrong(url: str) -> None:
    await watch(url, Wrong)
