"""A small agent desktop for GWS: it takes a campaign's preview record, works its chain, and completes it.

An operation is acknowledged at once and says nothing; what came of it comes later, as events over CometD. So an
operation here is: post it under a fresh referenceId, and wait for the event that ends it.

    python desktop.py http://gws.example:8090
"""

from __future__ import annotations

import asyncio
import base64
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

APPLICATION = 134
PATIENCE = 10.0  # seconds until an operation must be over
PAUSE = 0.1  # seconds until the next poll, after a connection broke

Message = dict[str, Any]


class DesktopError(Exception):
    """The server refused something, or did not tell what came of it."""


@dataclass
class Bayeux:
    """The least of a CometD client: handshake, one subscription, and one held poll after the other."""

    http: aiohttp.ClientSession
    receive: Callable[[Message], None]
    client_id: str | None = None

    async def connect(self) -> None:
        (hello,) = await self._send({"channel": "/meta/handshake", "version": "1.0"})
        self.client_id = hello["clientId"]
        await self._send({"channel": "/meta/subscribe", "subscription": "/v2/me/outbound"})

    async def poll(self) -> None:
        """Until we disconnect, after a broken connection too; a server that has forgotten us is greeted anew."""
        while self.client_id is not None:
            try:
                replies = await self._send({"channel": "/meta/connect", "connectionType": "long-polling"})
            except aiohttp.ClientConnectionError:  # on the way, or the server restarts
                await asyncio.sleep(PAUSE)
                continue
            advice = replies[-1].get("advice", {}) if replies else {}
            if self.client_id is not None and advice.get("reconnect") == "handshake":
                await self.connect()

    async def disconnect(self) -> None:
        client_id, self.client_id = self.client_id, None  # first: the poll that is answered now must be the last
        await self._send({"channel": "/meta/disconnect", "clientId": client_id})

    async def _send(self, message: Message) -> list[Message]:
        """The replies; the events that came with them are handed over."""
        common = {"clientId": self.client_id} if message["channel"] != "/meta/handshake" else {}
        types = {"supportedConnectionTypes": ["long-polling"]}
        async with self.http.post("/api/v2/notifications", json=[{"id": "1"} | types | common | message]) as response:
            answered: list[Message] = await response.json()
        for event in answered:
            if event["channel"] == "/v2/me/outbound":
                self.receive(event["data"])
        return [reply for reply in answered if reply["channel"].startswith("/meta/")]


@dataclass
class Desktop:
    """What an agent can do. An operation gives the notices it brought, or raises a DesktopError."""

    http: aiohttp.ClientSession
    device: str
    campaign: str
    _inboxes: dict[str, asyncio.Queue[Message]] = field(default_factory=dict)

    async def start(self) -> None:
        await self._campaign("StartPreviewSession", "PreviewSessionStarted")

    async def preview(self) -> Message:
        """The next record."""
        record: Message = (await self._campaign("GetPreviewRecord", "PreviewRecord"))[-1]["record"]
        return record

    async def chain(self, record: Message) -> list[str]:
        """The telephone numbers of a record, in the order of the chain."""
        notices = await self._record(record, "GetChainedRecord", "ChainedRecordsDataEnd")
        return [notice["record"]["userData"]["GSW_PHONE"] for notice in notices[:-1]]

    async def update(self, record: Message, phone: str, time_zone: str) -> None:
        own = {"callingList": record["callingList"], "phoneNumber": phone, "timeZone": time_zone}
        await self._record(record, "UpdateRecord", "UpdateCallCompletionStatsAcknowledge", **own)

    async def complete(self, record: Message, phone: str, result: str) -> None:
        own = {"callingList": record["callingList"], "phoneNumber": phone, "callResult": result}
        await self._record(record, "CompleteRecord", "RecordProcessedAcknowledge", **own)

    async def end(self) -> None:
        await self._campaign("EndPreviewSession", "PreviewSessionEnded")

    def receive(self, notice: Message) -> None:
        """Put an event where its operation waits for it."""
        if notice.get("referenceId") in self._inboxes:
            self._inboxes[notice["referenceId"]].put_nowait(notice)

    async def _campaign(self, name: str, last: str) -> list[Message]:
        return await self._operate(f"/api/v2/me/outbound-campaigns/{self.campaign}", name, last)

    async def _record(self, record: Message, name: str, last: str, **own: Any) -> list[Message]:
        return await self._operate(f"/api/v2/me/outbound-records/{record['recordHandle']}", name, last, **own)

    async def _operate(self, path: str, name: str, last: str, **own: Any) -> list[Message]:
        reference = uuid.uuid4().hex
        inbox = self._inboxes[reference] = asyncio.Queue()  # before the request: events may overtake the ack
        body = {"operationName": name, "devicePath": self.device, "applicationId": APPLICATION}
        await self._post(path, body | {"campaignName": self.campaign, "referenceId": reference} | own)
        notices: list[Message] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while not notices or notices[-1]["notificationType"] != last:
                    notices.append(await inbox.get())
        except TimeoutError:
            raise DesktopError(f"{name}: no {last} within {PATIENCE:g} s") from None
        return notices

    async def _post(self, path: str, body: Message) -> None:
        """Post an operation, and once more if the server stumbles."""
        for is_last in (False, True):
            async with self.http.post(path, json=body) as response:
                if response.ok:
                    return
                if response.status < 500 or is_last:
                    raise DesktopError(f"{body['operationName']}: {response.status} {await response.text()}")


@asynccontextmanager
async def desktop(url: str, user: str, password: str, campaign: str = "Campaign1") -> AsyncIterator[Desktop]:
    """A desktop of an agent who is logged in, until the block ends."""
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    async with aiohttp.ClientSession(url, headers={"Authorization": f"Basic {credentials}"}) as http:
        async with http.get("/api/v2/me") as response:
            me = await response.json()
            if "X-CSRF-HEADER" in response.headers:
                http.headers[response.headers["X-CSRF-HEADER"]] = response.headers["X-CSRF-TOKEN"]
        agent = Desktop(http, f"/devices/{me['user']['devices'][0]['id']}", campaign)
        bayeux = Bayeux(http, agent.receive)
        await bayeux.connect()
        polling = asyncio.create_task(bayeux.poll())
        try:
            yield agent
        finally:
            await bayeux.disconnect()
            await polling


async def work(url: str, result: str = "Answer") -> list[str]:
    """Take one record, call it, and be done with it; the telephone numbers of its chain."""
    async with desktop(url, "agent1", "secret") as agent:
        await agent.start()
        record = await agent.preview()
        phones = await agent.chain(record)
        await agent.update(record, phones[0], "EST")
        await agent.complete(record, phones[0], result)
        await agent.end()
        return phones


if __name__ == "__main__":
    print(*asyncio.run(work(sys.argv[1])))
