"""A desk on aiocometd that works a preview record from start to end, on all channels of the recorded one."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import aiohttp
from aiocometd_noloop import Client, ConnectionType

from .bayeux import OUTBOUND, PATIENCE, Message, phones

_CAMPAIGN = "/api/v2/me/outbound-campaigns/Campaign1"
_COMMON = {"devicePath": "/devices/c259da54-7c22-4a43-9440-77a92facc86b", "applicationId": 134}


async def right(url: str) -> None:
    client = Client(f"{url}/api/v2/notifications", ConnectionType.LONG_POLLING)
    async with aiohttp.ClientSession(url) as http, client:
        for channel in (OUTBOUND, "/me/internal"):
            await client.subscribe(channel)
        desk = _Desk(http)
        listening = asyncio.create_task(desk.listen(client))
        await desk.work()
        listening.cancel()


class _Desk:
    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http
        self._inboxes: dict[str, asyncio.Queue[Message]] = {}

    async def listen(self, client: Client) -> None:
        async for message in client:
            inbox = self._inboxes.get(message["data"].get("referenceId", ""))
            if inbox is not None:
                inbox.put_nowait(message["data"])

    async def work(self) -> None:
        async with self._http.get("/api/v2/me") as response:
            response.raise_for_status()
        await self._operate(_CAMPAIGN, "StartPreviewSession", "PreviewSessionStarted")
        (told,) = await self._operate(_CAMPAIGN, "GetPreviewRecord", "PreviewRecord")
        path = f"/api/v2/me/outbound-records/{told['record']['recordHandle']}"
        found = phones(await self._operate(path, "GetChainedRecord", "ChainedRecordsDataEnd"))
        assert len(found) == 2
        own: Message = {"callingList": told["record"]["callingList"], "phoneNumber": found[0]}
        await self._operate(path, "UpdateRecord", "UpdateCallCompletionStatsAcknowledge", **own, timeZone="EST")
        await self._operate(path, "CompleteRecord", "RecordProcessedAcknowledge", **own, callResult="Answer")
        await self._operate(_CAMPAIGN, "EndPreviewSession", "PreviewSessionEnded")

    async def _operate(self, path: str, name: str, last: str, **own: Any) -> list[Message]:
        reference = uuid.uuid4().hex
        inbox = self._inboxes[reference] = asyncio.Queue()
        body = {"operationName": name, "campaignName": "Campaign1", "referenceId": reference} | _COMMON | own
        async with self._http.post(path, json=body) as response:
            response.raise_for_status()
        notices: list[Message] = []
        async with asyncio.timeout(PATIENCE):
            while not notices or notices[-1]["notificationType"] != last:
                notices.append(await inbox.get())
        return notices
