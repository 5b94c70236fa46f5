"""The least of a desk on aiohttp: a CometD client with long-polling, and operations posted beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

Message = dict[str, Any]

OUTBOUND = "/v2/me/outbound"
PATIENCE = 2.0  # seconds until an operation must be over
_AGAIN = 0.02  # seconds until a poll is sent again whose connection broke


class Bayeux:
    """Shakes hands, subscribes, and holds one poll after the other; `receive` is told each event."""

    path = "/api/v2/notifications"

    def __init__(
        self, http: aiohttp.ClientSession, channels: Sequence[str], receive: Callable[[Message], None]
    ) -> None:
        self.http, self.channels, self.receive = http, channels, receive
        self.client_id: str | None = None

    async def connect(self) -> None:
        """Shake hands, and subscribe."""
        await self.shake_hands()
        for channel in self.channels:
            await self.send({"channel": "/meta/subscribe", "subscription": channel})

    async def shake_hands(self) -> None:
        (hello,) = await self.send({"channel": "/meta/handshake", "version": "1.0"} | self.offer())
        self.client_id = hello["clientId"]

    async def poll(self) -> None:
        """Poll until we disconnect; a server that has forgotten us is greeted anew."""
        while self.client_id is not None:
            try:
                replies = await self.send({"channel": "/meta/connect", "connectionType": "long-polling"} | self.state())
            except aiohttp.ClientError:
                await self.broken()
                continue
            self.connected(replies[-1])
            if self.client_id is not None and replies[-1].get("advice", {}).get("reconnect") == "handshake":
                await self.greet_anew()

    def offer(self) -> Message:
        """What a handshake says beside the usual."""
        return {}

    def state(self) -> Message:
        """What a poll says beside the usual."""
        return {}

    def connected(self, reply: Message) -> None:
        """Take the reply to a poll."""

    async def broken(self) -> None:
        """Go on after a poll whose connection broke."""
        await asyncio.sleep(_AGAIN)

    async def greet_anew(self) -> None:
        """Go on after the server has lost our session."""
        await self.connect()

    async def disconnect(self) -> None:
        client_id, self.client_id = self.client_id, None  # first: the poll that is answered now must be the last
        await self.send({"channel": "/meta/disconnect", "clientId": client_id})

    async def send(self, message: Message) -> list[Message]:
        """The replies; the events that came with them are handed over."""
        common = {"clientId": self.client_id} if message["channel"] != "/meta/handshake" else {}
        types = {"supportedConnectionTypes": ["long-polling"]}
        async with self.http.post(self.path, json=[{"id": "1"} | types | common | message]) as response:
            answered = self.read(message, await response.json())
        for event in answered:
            if "data" in event and not event["channel"].startswith("/meta/"):
                self.receive(event)
        return [reply for reply in answered if "successful" in reply]

    def read(self, asked: Message, answered: list[Message]) -> list[Message]:
        """What it reads of the answer to a message."""
        return answered


class Desk:
    """An agent's desk; those with a race in them do something else in one of its methods."""

    channels: Sequence[str] = (OUTBOUND,)
    bayeux_class = Bayeux

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self.http = http
        self.bayeux = self.bayeux_class(http, self.channels, self.receive)
        self._inboxes: dict[str, asyncio.Queue[Message]] = {}
        self._operations = 0

    def receive(self, event: Message) -> None:
        """Put an event where its operation waits for it."""
        inbox = self._inboxes.get(event["data"].get("referenceId", ""))
        if inbox is not None:
            inbox.put_nowait(event["data"])

    async def preview(self) -> Message:
        """The next record."""
        record: Message = (await self.operate(campaign("GetPreviewRecord"), "PreviewRecord"))[-1]["record"]
        return record

    async def chain(self, handle: int) -> list[str]:
        """The telephone numbers of a record."""
        return phones(await self.operate(chained(handle), "ChainedRecordsDataEnd"))

    async def operate(self, asked: tuple[str, Message], last: str) -> list[Message]:
        """Post an operation, and wait for the event that ends it; all events of it."""
        reference = self.reference()
        self._inboxes[reference] = asyncio.Queue()  # before the request: events may overtake the ack
        await self.post(asked, reference)
        return await self.until(self._inboxes[reference], last)

    def reference(self) -> str:
        self._operations += 1
        return f"desk-{self._operations}"

    async def post(self, asked: tuple[str, Message], reference: str) -> None:
        path, body = asked
        async with self.http.post(path, json=body | {"referenceId": reference}) as response:
            if not response.ok:
                raise AssertionError(f"{body['operationName']}: {response.status} {await response.text()}")

    async def until(self, inbox: asyncio.Queue[Message], last: str) -> list[Message]:
        notices: list[Message] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while not notices or notices[-1]["notificationType"] != last:
                    notices.append(await inbox.get())
        except TimeoutError:
            raise AssertionError(f"no {last} within {PATIENCE:g} s") from None
        return notices


@asynccontextmanager
async def desk(url: str, kind: type[Desk]) -> AsyncIterator[Any]:
    """A desk of a kind that is connected, until the block ends."""
    async with aiohttp.ClientSession(url) as http:
        made = kind(http)
        await made.bayeux.connect()
        polling = asyncio.create_task(made.bayeux.poll())
        try:
            yield made
            await made.bayeux.disconnect()
            await polling
        finally:
            polling.cancel()


def campaign(name: str) -> tuple[str, Message]:
    """An operation on the campaign: its path and its body."""
    return "/api/v2/me/outbound-campaigns/Campaign1", _body(name)


def chained(handle: int) -> tuple[str, Message]:
    """The operation that asks for the chain of a record."""
    return f"/api/v2/me/outbound-records/{handle}", _body("GetChainedRecord")


def completed(handle: int) -> tuple[str, Message]:
    """The operation that ends the work on a record."""
    own = {"callingList": "CallingList1", "callResult": "Answer"}
    return f"/api/v2/me/outbound-records/{handle}", _body("CompleteRecord") | own


def phones(notices: list[Message]) -> list[str]:
    """The telephone numbers in the events of a chain."""
    return [one["record"]["userData"]["GSW_PHONE"] for one in notices if one["notificationType"] == "ChainedRecord"]


def _body(name: str) -> Message:
    common = {"devicePath": "/devices/c259da54-7c22-4a43-9440-77a92facc86b", "applicationId": 134}
    return {"operationName": name, "campaignName": "Campaign1"} | common
