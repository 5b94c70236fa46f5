"""Scripted agents of the contact centre of cloud.py, on aiohttp; several work at once.

python -m tests.lab.push.cloud_client BASE_URL < script.json

The script is {desks: [{agent, prefix, steps: [{do, think, events}]}]}. `do` is login, open, dial, hold, note, presence,
list, transfer, answer, hangup, wrapup, meet or wait. Ids are learnt from answers and events alone. Heartbeats are no
events of a step. The socket is opened where `connectUri` says; with `stay`, at BASE_URL.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp

_STEP = 10.0  # seconds
_RETRY = 0.1
_CALLS = "/api/v2/conversations/calls"
_STATES: dict[str, Any] = {
    "hold": {"held": True},
    "answer": {"state": "connected"},
    "hangup": {"state": "disconnected"},
}


class Shared:
    """What all agents of a script know of each other."""

    def __init__(self, desks: int) -> None:
        self.meet = asyncio.Barrier(desks).wait
        self.users: dict[str, str] = {}  # id of the user of each agent


class Agent:
    """One agent."""

    def __init__(self, base: str, number: int, script: dict[str, Any], shared: Shared) -> None:
        self._base, self._number, self._script, self._shared = base, number, script, shared
        self._http = aiohttp.ClientSession(base)
        self._step: int | None = None
        self._events = 0
        self._arrived = asyncio.Condition()
        self._uri = ""
        self._conversation: dict[str, Any] = {}
        self._listening: asyncio.Task[None] | None = None

    async def play(self) -> None:
        """Take all steps.

        Raises:
            TimeoutError: If the answer or the events of a step do not come.
            RuntimeError: If an answer is bad.
        """
        for i, step in enumerate(self._script["steps"]):
            await asyncio.sleep(step.get("think", 0))
            self._step, self._events = i, 0
            self._print(kind="request", step=i)
            async with asyncio.timeout(_STEP):
                await self._perform(step["do"], i)
            self._print(kind="ack", step=i)
            async with asyncio.timeout(_STEP), self._arrived:
                await self._arrived.wait_for(lambda step=step: self._events >= step.get("events", 0))
        await asyncio.sleep(self._script.get("linger", 0.1))
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        await self._http.close()
        self._print(kind="done")

    async def _perform(self, do: str, i: int) -> None:
        agent, ref = self._script["agent"], f"{self._script['prefix']}{i}"
        match do:
            case "meet":
                await self._shared.meet()
            case "login":
                form = {"grant_type": "authorization_code", "code": f"{agent}-{ref}", "client_id": "desk"}
                token = (await self._ask("POST", "/oauth/token", data=form))["access_token"]
                self._http.headers["Authorization"] = f"Bearer {token}"
                self._shared.users[agent] = (await self._ask("GET", "/api/v2/users/me"))["id"]
            case "open":
                await self._open(self._shared.users[agent])
            case "dial":
                number = {"phoneNumber": "+13175550123", "uuiData": ref}
                self._conversation = {"id": (await self._ask("POST", _CALLS, json=number))["id"]}
            case "hold" | "answer" | "hangup":
                await self._ask("PATCH", self._own, json=_STATES[do])
            case "note":
                await self._ask("PATCH", f"{self._own}/attributes", json={"attributes": {"caseId": ref}})
            case "wrapup":
                await self._ask("PUT", f"{self._own}/wrapup", json={"code": "done", "notes": ref})
            case "transfer":
                other = next(user for name, user in self._shared.users.items() if name != agent)
                await self._ask("POST", f"{self._own}/replace", json={"userId": other})
            case "presence":
                path = f"/api/v2/users/{self._shared.users[agent]}/presences/PURECLOUD"
                await self._ask("PATCH", path, json={"presenceDefinition": {"id": "busy"}, "message": ref})
            case "list":
                await self._ask("GET", "/api/v2/conversations")

    @property
    def _own(self) -> str:
        """The path of the agent's side of the call."""
        user = self._shared.users[self._script["agent"]]
        one = next(one for one in self._conversation["participants"] if one.get("userId") == user)
        return f"{_CALLS}/{self._conversation['id']}/participants/{one['id']}"

    async def _open(self, user: str) -> None:
        channel = await self._ask("POST", "/api/v2/notifications/channels")
        topics = [{"id": f"v2.users.{user}.{topic}"} for topic in ("conversations", "presence")]
        await self._ask("PUT", f"/api/v2/notifications/channels/{channel['id']}/subscriptions", json=topics)
        told = urlsplit(channel["connectUri"])
        self._uri = self._base.replace("http", "ws", 1) + told.path if self._script.get("stay") else told.geturl()
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        while True:
            async with self._http.ws_connect(self._uri) as socket:
                await socket.send_json({"message": "ping"})
                async for message in socket:
                    await self._receive(message.json())
                await self._count("closed", {"code": socket.close_code})
            await asyncio.sleep(_RETRY)

    async def _receive(self, message: dict[str, Any]) -> None:
        topic, body = message["topicName"], message["eventBody"]
        if topic == "channel.metadata" and body["message"] != "pong":
            return
        if topic.endswith(".conversations"):
            self._conversation = body
        await self._count(topic, body)

    async def _count(self, channel: str, data: Any) -> None:
        self._print(kind="event", step=self._step, channel=channel, data=data)
        self._events += 1
        async with self._arrived:
            self._arrived.notify_all()

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        async with self._http.request(method, path, **content) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {text}")
            return json.loads(text) if text else None

    def _print(self, **line: Any) -> None:
        print(json.dumps(line | {"client": self._number, "at": time.monotonic() * 1000}), flush=True)


async def main() -> None:
    base, desks = sys.argv[1], json.load(sys.stdin)["desks"]
    shared = Shared(len(desks))
    await asyncio.gather(*(Agent(base, n, desk, shared).play() for n, desk in enumerate(desks)))


if __name__ == "__main__":
    asyncio.run(main())
