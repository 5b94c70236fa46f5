"""The least of a desk for orders on aiohttp: requests, and a stream of server-sent events beside them."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from .bayeux import PATIENCE

Data = dict[str, Any]
_LATER = 0.005  # seconds; the request for the list is at the server by then


class Orders:
    """The orders by their ids, as the answers and events tell of them."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._came = asyncio.Event()
        self._heard: set[str] = set()
        self.orders: dict[int, Data] = {}

    async def ask(self, method: str, path: str, body: Data | None = None) -> Any:
        async with self._http.request(method, path, json=body) as response:
            response.raise_for_status()
            return await response.json()

    async def listen(self, is_open: asyncio.Event) -> None:
        """Take the events until the stream ends."""
        async with self._http.get("/events") as response:
            is_open.set()
            fields: defaultdict[str, list[str]] = defaultdict(list)
            async for line in response.content:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name:
                    fields[name].append(value)
                elif "data" in fields:
                    self._takes(fields["event"][0], json.loads("\n".join(fields["data"])))
                    fields.clear()

    def _takes(self, name: str, data: Data) -> None:
        if "order" in data:
            self.receive(data["order"]["id"], {"state": name, "serial": data["serial"]})
        self._heard.add(name)
        self._came.set()

    def receive(self, number: int, told: Data) -> None:
        """Take what an event tells of an order."""
        self.orders[number] = self.orders.get(number, {}) | told

    async def list(self) -> None:
        self.listed(await self.ask("GET", "/orders"))

    def listed(self, answer: Data) -> None:
        """Take a list of orders; an event may have overtaken it, and then tells of a later time."""
        for one in answer["orders"]:
            if one["serial"] > self.orders.get(one["id"], {}).get("serial", 0):
                self.orders[one["id"]] = one

    async def hears(self, name: str) -> None:
        """Wait until an event of a name has come."""
        try:
            async with asyncio.timeout(PATIENCE):
                while name not in self._heard:
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"no event {name} within {PATIENCE:g} s") from None


@asynccontextmanager
async def desk(url: str, kind: type[Orders]) -> AsyncIterator[Any]:
    """A desk of a kind that is logged in and listens, until the block ends."""
    async with aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        made, is_open = kind(http), asyncio.Event()
        await made.ask("POST", "/login", {"agent": "ann"})
        listening = asyncio.create_task(made.listen(is_open))
        try:
            await is_open.wait()
            yield made
        finally:
            listening.cancel()


async def watch(url: str, kind: type[Orders]) -> None:
    """Let a desk list all orders, and change one before the list is there."""
    async with desk(url, kind) as agent:
        await agent.ask("POST", "/orders", {"ref": "desk-1", "item": "lamp"})
        await agent.hears("sent")
        listing = asyncio.create_task(agent.list())
        await asyncio.sleep(_LATER)
        await agent.ask("PATCH", f"/orders/{next(iter(agent.orders))}", {"ref": "desk-2", "note": "in red"})
        await agent.hears("changed")
        await listing
        states = [one.get("state") for one in agent.orders.values()]
        assert states == ["changed"], f"an order was changed, but is shown as {states}"
