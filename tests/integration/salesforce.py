"""A server shaped as Salesforce documents its own, and a client of it: login, REST under Bearer, stream under OAuth.

Login, calls and stream of a client have a session of aiohttp each, so they share neither cookies nor connections: only
the token tells that they are one client.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
from aiocometd_noloop import AuthExtension, Client, ConnectionType
from aiohttp import web

TOKEN, ACCOUNTS, STREAM = "/services/oauth2/token", "/services/data/v60.0/sobjects/Account", "/cometd/60.0"
CHANNEL = "/data/AccountChangeEvent"
_HOLD = 5.0


@dataclass(slots=True)
class Salesforce:
    """Gives out tokens, takes records, and pushes their changes to who created them."""

    url: str = ""
    users: dict[str, str] = field(default_factory=dict)  # by access or refresh token
    queues: dict[str, asyncio.Queue[dict[str, Any]]] = field(default_factory=dict)  # by clientId
    streams: dict[str, list[str]] = field(default_factory=dict)  # clientIds by user
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        user = f"user{next(self._numbers)}"
        if form["grant_type"] == "refresh_token":
            user = self.users[str(form["refresh_token"])]
        access, refresh = f"00D5i!{secrets.token_hex(20)}.a", f"5Aep!{secrets.token_hex(20)}"
        self.users |= {access: user, refresh: user}
        return web.json_response({"access_token": access, "refresh_token": refresh, "token_type": "Bearer"})

    def user(self, request: web.Request, scheme: str) -> str:
        shown, _, token = request.headers.get("Authorization", "").partition(" ")
        if shown != scheme or token not in self.users:
            raise web.HTTPUnauthorized
        return self.users[token]

    async def create(self, request: web.Request) -> web.Response:
        user, record = self.user(request, "Bearer"), f"0015i00000C{next(self._numbers):07d}"
        header = {"entityName": "Account", "recordIds": [record], "changeType": "CREATE"}
        data = {"payload": {"ChangeEventHeader": header, "Name": (await request.json())["Name"]}}
        for client_id in self.streams.get(user, ()):
            self.queues[client_id].put_nowait({"channel": CHANNEL, "data": data})
        return web.json_response({"id": record, "success": True, "errors": []}, status=201)

    async def stream(self, request: web.Request) -> web.Response:
        user = self.user(request, "OAuth")
        messages = await request.json()
        replies = [reply for message in messages for reply in await self._replies(user, message)]
        return web.json_response(replies)

    async def _replies(self, user: str, message: dict[str, Any]) -> list[dict[str, Any]]:
        reply = {"channel": message["channel"], "id": message.get("id"), "successful": True}
        match message["channel"]:
            case "/meta/handshake":
                client_id = secrets.token_hex(10)
                self.queues[client_id] = asyncio.Queue()
                self.streams.setdefault(user, []).append(client_id)
                advice = {"reconnect": "retry", "interval": 0, "timeout": 5000}
                kinds = {"version": "1.0", "supportedConnectionTypes": ["long-polling"], "advice": advice}
                return [reply | {"clientId": client_id} | kinds]
            case "/meta/connect" if (message.get("advice") or {}).get("timeout") != 0:
                queue = self.queues[message["clientId"]]
                try:
                    event = await asyncio.wait_for(queue.get(), _HOLD)
                except TimeoutError:
                    return [reply]
                return [event, reply]
            case "/meta/subscribe":
                return [reply | {"subscription": message["subscription"]}]
            case _:
                return [reply]


@asynccontextmanager
async def salesforce() -> AsyncIterator[Salesforce]:
    """Serve until the block ends."""
    server, app = Salesforce(), web.Application()
    app.add_routes(
        [
            web.post(TOKEN, server.token),
            web.post(ACCOUNTS, server.create),
            web.post(f"{STREAM}{{more:.*}}", server.stream),
        ]
    )
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://localhost:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


class OAuth(AuthExtension):
    """Shows the token of the moment in the stream."""

    def __init__(self) -> None:
        self.token = ""

    async def outgoing(self, payload: list[dict[str, Any]], headers: dict[str, str]) -> None:
        headers["Authorization"] = f"OAuth {self.token}"

    async def incoming(self, payload: list[dict[str, Any]], headers: dict[str, str] | None = None) -> None:
        """Nothing to read."""

    async def authenticate(self) -> None:
        """The test logs in by itself."""


@dataclass(slots=True)
class User:
    """A program that creates records and hears of them."""

    url: str
    calls: aiohttp.ClientSession
    access: str = ""
    refresh: str = ""
    names: list[str] = field(default_factory=list)
    _stream: OAuth = field(default_factory=OAuth)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def logs_in(self, **form: str) -> None:
        form = form or {"grant_type": "password", "username": "agent@example.com", "password": "s3cret-Word"}
        async with aiohttp.ClientSession() as own, own.post(self.url + TOKEN, data=form) as response:
            told = await response.json()
        self.shows(told["access_token"])
        self.refresh = told["refresh_token"]

    async def refreshes(self) -> None:
        await self.logs_in(grant_type="refresh_token", refresh_token=self.refresh)

    def shows(self, token: str) -> None:
        self.access = self._stream.token = token

    async def creates(self, name: str) -> int:
        headers = {"Authorization": f"Bearer {self.access}"}
        async with self.calls.post(self.url + ACCOUNTS, json={"Name": name}, headers=headers) as response:
            await response.read()
            return response.status

    async def hears(self, number: int, limit: float = 5.0) -> list[str]:
        """The names of all records heard of, when there are so many."""
        try:
            async with asyncio.timeout(limit):
                while len(self.names) < number:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            pass
        return self.names

    @asynccontextmanager
    async def listens(self) -> AsyncIterator[None]:
        """Hold the stream until the block ends."""
        bayeux = Client(self.url + STREAM, [ConnectionType.LONG_POLLING], auth=self._stream)
        async with bayeux:
            await bayeux.subscribe(CHANNEL)
            listening = asyncio.create_task(self._listen(bayeux))
            try:
                yield
            finally:
                listening.cancel()

    async def _listen(self, bayeux: Client) -> None:
        async for message in bayeux:
            self.names.append(message["data"]["payload"]["Name"])
            self._arrived.set()


@asynccontextmanager
async def user(url: str) -> AsyncIterator[User]:
    """A user who has not logged in."""
    async with aiohttp.ClientSession() as calls:
        yield User(url, calls)
