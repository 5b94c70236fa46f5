"""The scripted client on aiosfstream-ng, which streams only; its REST calls are made with aiohttp.

python -m tests.lab.salesforce.client BASE_URL < script.json
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
from aiosfstream_ng import Client, PasswordAuthenticator, ReplayOption

_DATA = "/services/data/v60.0"
_STEP = 15.0  # seconds


class _Login(PasswordAuthenticator):
    """A login at a host of our choice: the library knows those of Salesforce alone."""

    def __init__(self, base: str, user: str, password: str, *, stay: bool = False) -> None:
        super().__init__("lab", "lab", user, password)
        self._base, self._stay = base, stay

    @property
    def _token_url(self) -> str:
        return f"{self._base}/services/oauth2/token"

    async def _authenticate(self) -> tuple[int, dict[str, Any]]:
        status, answer = await super()._authenticate()
        _print(kind="login", token=answer.get("access_token"), instance=answer.get("instance_url"))
        # A recorder is not where the answer to a login leads to.
        return status, answer | {"instance_url": self._base} if self._stay else answer


class _Known(_Login):
    """A token that the client has from elsewhere."""

    def __init__(self, base: str, token: str) -> None:
        super().__init__(base, "", "")
        self._token = token

    async def _authenticate(self) -> tuple[int, dict[str, Any]]:
        return 200, {"access_token": self._token, "token_type": "OAuth", "instance_url": self._base}


class Player:
    """The script of one client, told on stdin."""

    def __init__(self, base: str, script: dict[str, Any]) -> None:
        self._base, self._script = base, script
        self._step: int | None = None
        self._events = 0
        self._arrived = asyncio.Condition()
        self._ids: list[str | None] = []

    async def play(self) -> None:
        """Log in, subscribe, make the calls.

        Raises:
            TimeoutError: If the events of a step do not come.
        """
        login = self._login()
        replay = ReplayOption(self._script.get("replay", -1))
        async with Client(login, replay=replay) as client, aiohttp.ClientSession() as http:
            for channel in self._script["subscribe"]:
                await client.subscribe(channel)
                _print(kind="subscribed", channel=channel)
            listening = asyncio.create_task(self._listen(client))
            if "meet" in self._script:
                await asyncio.to_thread(_meet, **self._script["meet"])
            for i, step in enumerate(self._script["steps"]):
                await asyncio.sleep(self._script.get("think", 0))
                self._step, self._events = i, self._events if "total" in self._script else 0
                await self._perform(http, login, i, step)
                await self._heard(step.get("events", 0))
            await self._heard(self._script.get("total", 0))
            await asyncio.sleep(self._script.get("linger", 0.3))
            listening.cancel()
        _print(kind="done")

    def _login(self) -> _Login:
        if self._script.get("login") == "none":
            return _Known(self._base, self._script["token"])
        user, password = self._script.get("user", "ann@example.com"), self._script.get("password", "secret")
        return _Login(self._base, user, password, stay=self._script.get("stay", False))

    async def _listen(self, client: Client) -> None:
        async for message in client:
            _print(kind="event", step=self._step, channel=message["channel"], data=message["data"])
            async with self._arrived:
                self._events += 1
                self._arrived.notify_all()

    async def _heard(self, count: int) -> None:
        async with asyncio.timeout(_STEP), self._arrived:
            await self._arrived.wait_for(lambda: self._events >= count)

    async def _perform(self, http: aiohttp.ClientSession, login: _Login, i: int, step: dict[str, Any]) -> None:
        method, path, body = self._request(step)
        headers = {"Authorization": f"Bearer {login.access_token}"}
        _print(kind="request", step=i)
        async with http.request(method, f"{login.instance_url}{_DATA}{path}", json=body, headers=headers) as response:
            text = await response.text()
            if response.status >= 400:
                raise RuntimeError(f"step {i}: {response.status} {text}")
        ack = json.loads(text) if text else None
        _print(kind="ack", step=i, body=ack)
        self._ids.append(_record(ack))

    def _request(self, step: dict[str, Any]) -> tuple[str, str, Any]:
        of = f"/sobjects/{step.get('object', 'Account')}"
        one = f"{of}/{self._ids[step['record']]}" if "record" in step else of
        match step["do"]:
            case "create":
                return "POST", of, step["fields"]
            case "collection":
                records = [{"attributes": {"type": step.get("object", "Account")}, **r} for r in step["records"]]
                return "POST", "/composite/sobjects", {"allOrNone": False, "records": records}
            case "update":
                return "PATCH", one, step["fields"]
            case "delete":
                return "DELETE", one, None
            case "read":
                return "GET", one, None
            case _:
                return "POST", "/composite", step["body"]


def _record(ack: Any) -> str | None:
    if isinstance(ack, list):
        return ack[0]["id"]
    if isinstance(ack, dict) and "compositeResponse" in ack:
        return ack["compositeResponse"][0]["body"]["id"]
    return ack.get("id") if isinstance(ack, dict) else None


def _meet(folder: str, name: str, count: int) -> None:
    """Wait until all clients that are to act at once listen."""
    (Path(folder) / name).touch()
    while len(list(Path(folder).iterdir())) < count:
        time.sleep(0.02)


def _print(**line: Any) -> None:
    print(json.dumps(line | {"at": time.monotonic() * 1000}), flush=True)


if __name__ == "__main__":
    asyncio.run(Player(sys.argv[1], json.load(sys.stdin)).play())
