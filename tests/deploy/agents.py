"""Many agents on aiocometd-noloop, each with a jar of its own: what agents.js does, in Python."""

from __future__ import annotations

import asyncio
import json
import sys
from base64 import b64encode
from contextlib import suppress
from typing import Any

import aiohttp
from aiocometd_noloop import Client, ConnectionType
from aiocometd_noloop.extensions import Extension


class Lost(Exception):
    """The session was lost, and a new one is there."""


class Ready(Extension):
    """Counts the handshakes after which all subscriptions are there."""

    def __init__(self, agent: Agent) -> None:
        self._agent, self._subscribed = agent, 0

    async def outgoing(self, payload: Any, headers: Any) -> None:
        """See what leaves: nothing of it is needed."""

    async def incoming(self, payload: Any, headers: Any = None) -> None:
        """See what comes, before the client does."""
        for message in payload:
            if message["channel"] == "/meta/connect":
                self._agent.lost |= message.get("advice", {}).get("reconnect") == "handshake"
            elif message["channel"] == "/meta/handshake":
                self._subscribed, self._agent.lost = 0, True
            elif message["channel"] == "/meta/subscribe" and message.get("successful"):
                self._subscribed += 1
                if self._subscribed == len(self._agent.channels):
                    await self._agent.begins()


class OneJar(Client):
    """A client on a session of ours: its REST calls and its Bayeux have one jar."""

    session: aiohttp.ClientSession

    async def _get_http_session(self) -> aiohttp.ClientSession:
        return self.session

    async def _close_http_session(self) -> None:
        return None


class Agent:
    """One agent; its attributes are those of the script."""

    def __init__(self, script: dict[str, Any], go: asyncio.Event) -> None:
        self.url: str = script["url"]
        self.name: str = script["name"]
        self.transport: str = script["transport"]
        self.steps: list[dict[str, Any]] = script["steps"]
        self.channels: list[str] = script["channels"]
        self.half: int = script["half"]
        self.patience: float = script["patience"]
        self.go, self.changed = go, asyncio.Condition()
        self.life = self.events = 0
        self.step = -1
        self.lost = False  # the session is, and no other is ready: what was asked now would be asked twice

    def print(self, **line: Any) -> None:
        print(json.dumps({"agent": self.name} | line), flush=True)

    async def begins(self) -> None:
        self.life += 1
        self.lost = False
        self.print(kind="ready", life=self.life)
        async with self.changed:
            self.changed.notify_all()

    async def plays(self) -> None:
        # one connection for the poll, others for the rest
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, json_serialize=json.dumps) as session:
            client = OneJar(
                f"{self.url}/api/v2/notifications",
                ConnectionType(self.transport),
                connection_timeout=60,
                extensions=[Ready(self)],
            )
            client.session = session
            async with client:
                for channel in self.channels:
                    await client.subscribe(channel)
                listening = asyncio.create_task(self._listens(client))
                while True:
                    own = self.life
                    with suppress(Lost):
                        await self._works(session, own)
                        break
                    async with self.changed, asyncio.timeout(self.patience):
                        await self.changed.wait_for(lambda own=own: self.life > own)
                await asyncio.sleep(0.2)  # for what comes twice
                self.print(kind="done", life=self.life, instance=self._instance(session))
                listening.cancel()

    async def _listens(self, client: Client) -> None:
        async for message in client:
            self.print(kind="event", life=self.life, step=self.step, reference=message["data"].get("referenceId"))
            async with self.changed:
                self.events += 1
                self.changed.notify_all()

    async def _works(self, session: aiohttp.ClientSession, own: int) -> None:
        for i, step in enumerate(self.steps):
            if i == self.half and own == 1:
                self.print(kind="half", instance=self._instance(session))
                await self.go.wait()
            self._must_live(own)
            if self.lost:
                raise Lost
            self.step, self.events = i, 0
            self.print(kind="sent", life=own, step=i)
            self.print(kind="ack", life=own, step=i, status=await self._asks(session, step, own))
            async with self.changed, asyncio.timeout(self.patience):
                while self.events < step.get("events", 0):
                    self._must_live(own)
                    await self.changed.wait()
            self._must_live(own)

    async def _asks(self, session: aiohttp.ClientSession, step: dict[str, Any], own: int) -> int | str:
        body = json.dumps(step["body"]).replace('"@', f'"{self.name}.{own}.') if "body" in step else None
        credential = b64encode(f"{self.name}:secret".encode()).decode()
        headers = {"Content-Type": "application/json", "Authorization": f"Basic {credential}"}
        try:
            async with session.request(step["method"], self.url + step["path"], data=body, headers=headers) as response:
                await response.read()
                return response.status
        except aiohttp.ClientError as exc:
            return repr(exc)

    def _must_live(self, own: int) -> None:
        if self.life != own:
            raise Lost

    def _instance(self, session: aiohttp.ClientSession) -> str | None:
        return next((one.value for one in session.cookie_jar if one.key == "recorder_instance"), None)


async def main() -> None:
    go, loop = asyncio.Event(), asyncio.get_running_loop()
    crew = json.loads(sys.stdin.readline())
    agents = [Agent(crew | one, go) for one in crew.pop("agents")]

    def told() -> None:
        loop.remove_reader(sys.stdin.fileno())
        go.set()

    loop.add_reader(sys.stdin.fileno(), told)

    async def plays(agent: Agent) -> None:
        try:
            await agent.plays()
        except Exception as exc:  # noqa: BLE001  # the test is told
            agent.print(kind="failed", life=agent.life, step=agent.step, why=repr(exc))

    await asyncio.gather(*map(plays, agents))


if __name__ == "__main__":
    asyncio.run(main())
