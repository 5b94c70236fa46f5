"""A desk that drops what an event says of an order while it waits for a list."""

from __future__ import annotations

from .orders import Data, Orders, watch


class Wrong(Orders):
    is_listing = False

    async def list(self) -> None:
        self.is_listing = True
        await super().list()
        self.is_listing = False

    def receive(self, number: int, told: Data) -> None:
        if not self.is_listing:
            super().receive(number, told)


async def right(url: str) -> None:
    await watch(url, Orders)


async def wrong(url: str) -> None:
    await watch(url, Wrong)
