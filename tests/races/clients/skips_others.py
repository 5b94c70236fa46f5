"""A desk on aiocometd that reads until the event it waits for, and throws away what else comes meanwhile."""

from __future__ import annotations

import asyncio

import aiohttp
from aiocometd_noloop import Client, ConnectionType

from .bayeux import OUTBOUND, PATIENCE, Message, completed


class Right:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._others: list[Message] = []

    async def wait_for(self, reference: str) -> Message:
        """The event that an operation brings."""
        for event in self._others:
            if event["data"].get("referenceId") == reference:
                self._others.remove(event)
                return event
        while (event := await self._client.receive())["data"].get("referenceId") != reference:
            self._others.append(event)
        return event


class Wrong(Right):
    async def wait_for(self, reference: str) -> Message:
        while (event := await self._client.receive())["data"].get("referenceId") != reference:
            pass
        return event


async def right(url: str) -> None:
    await _work(url, Right)


async def wrong(url: str) -> None:
    await _work(url, Wrong)


async def _work(url: str, kind: type[Right]) -> None:
    client = Client(f"{url}/api/v2/notifications", ConnectionType.LONG_POLLING)
    async with aiohttp.ClientSession(url) as http, client:
        await client.subscribe(OUTBOUND)
        agent = kind(client)
        await asyncio.gather(_post(http, 1001, "desk-1"), _post(http, 1002, "desk-2"))
        for handle, reference in ((1001, "desk-1"), (1002, "desk-2")):
            try:
                event = await asyncio.wait_for(agent.wait_for(reference), PATIENCE)
            except TimeoutError:
                raise AssertionError(f"record {handle} was not ended within {PATIENCE:g} s") from None
            assert event["data"]["record"]["recordHandle"] == handle


async def _post(http: aiohttp.ClientSession, handle: int, reference: str) -> None:
    path, body = completed(handle)
    async with http.post(path, json=body | {"referenceId": reference}) as response:
        response.raise_for_status()
