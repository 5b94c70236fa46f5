"""Scripted desks of the API of orders, on clients of Python; the script is that of desk.js.

python -m tests.lab.push.desk httpx-sse|websockets|aiohttp BASE_URL < script.json
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlencode

import aiohttp
import httpx
from httpx_sse import aconnect_sse
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

_STEP = 10.0  # seconds
_RETRY = 0.15  # seconds

Data: TypeAlias = Any
Receive: TypeAlias = Callable[[str, Data], None]
_METHODS = {"refresh": "desk.refresh"}


class Stream(Protocol):
    """A client's side of a stream: its REST calls, and what it is told."""

    async def ask(self, do: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return status and body of the answer."""

    async def run(self) -> None:
        """Tell what comes, until this is cancelled."""

    async def close(self) -> None:
        """Close all connections."""


class Desk:
    """One desk."""

    def __init__(
        self, script: dict[str, Any], stream: Callable[[Receive], Stream], meet: Callable[[], Awaitable[object]]
    ) -> None:
        self._script, self._meet = script, meet
        self._stream = stream(self._receive)
        self._limit: float = script.get("patience", _STEP)
        self._step: int | None = None
        self._events = 0
        self._arrived = asyncio.Condition()
        self._ids: dict[str, Any] = {}
        self._waking: set[asyncio.Task[None]] = set()

    async def play(self) -> None:
        """Take all steps; with a `patience` in the script, go on after so many seconds of a step, whatever came.

        Raises:
            TimeoutError: If the answer or the events of a step do not come.
            RuntimeError: If an answer is bad.
        """
        forgiven: tuple[type[Exception], ...] = (Exception,) if "patience" in self._script else ()
        running: asyncio.Task[None] | None = None
        for i, step in enumerate(self._script["steps"]):
            await asyncio.sleep(step.get("think", 0))
            self._step, self._events = i, 0
            self._print(kind="request", step=i)
            if step["do"] == "open":
                running = asyncio.create_task(self._stream.run())
            elif step["do"] == "meet":
                await self._meet()
            elif step["do"] != "wait":
                try:
                    await self._perform(i, step)
                except forgiven as exc:
                    self._print(kind="refused", step=i, why=str(exc))
            with suppress(*forgiven):
                async with asyncio.timeout(self._limit), self._arrived:
                    await self._arrived.wait_for(lambda step=step: self._events >= step.get("events", 0))
        await asyncio.sleep(self._script.get("linger", 0.1))
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError, *forgiven):
                await running
        await self._stream.close()
        self._print(kind="done")

    async def _perform(self, i: int, step: dict[str, Any]) -> None:
        order = self._ids.get(step.get("order", ""))
        method, path, body = _request(step, self._script["agent"], order)
        async with asyncio.timeout(self._limit):
            status, answer = await self._stream.ask(step["do"], method, path, body)
        if status >= 400:
            raise RuntimeError(f"step {i} ({step['do']}): {status} {answer}")
        self._print(kind="ack", step=i, status=status, body=answer)

    def _receive(self, channel: str, data: Data) -> None:
        if isinstance(data, dict) and "ref" in data and "order" in data:
            self._ids[data["ref"]] = data["order"]["id"]
        self._print(kind="event", step=self._step, channel=channel, data=data)
        self._events += 1
        self._waking.add(task := asyncio.ensure_future(self._wake()))
        task.add_done_callback(self._waking.discard)

    async def _wake(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    def _print(self, **line: Any) -> None:
        print(json.dumps(line | {"client": self._script.get("client", 0), "at": time.monotonic() * 1000}), flush=True)


def _request(step: dict[str, Any], agent: str, order: Any) -> tuple[str, str, Any]:
    match step["do"]:
        case "login":
            return "POST", "/login", {"agent": agent}
        case "create":
            return "POST", "/orders", {"ref": step["ref"], "item": step["item"]}
        case "change":
            return "PATCH", f"/orders/{order}", {"ref": step["ref"], "note": step["note"]}
        case "view":
            return "GET", f"/orders/{order}", None
        case "remove":
            return "DELETE", f"/orders/{order}", None
        case _:
            return "POST", "/refresh", {"ref": step["ref"]}


class OnHttpxSse:
    """A desk on httpx, which hears by httpx-sse."""

    def __init__(self, base: str, _: dict[str, Any], receive: Receive) -> None:
        self._http = httpx.AsyncClient(base_url=base, timeout=_STEP)
        self._receive = receive

    async def ask(self, _: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        answer = await self._http.request(method, path, json=body)
        return answer.status_code, answer.json()

    async def run(self) -> None:
        last, retry = "", _RETRY
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            with suppress(httpx.TransportError):
                async with aconnect_sse(self._http, "GET", "/events", headers=headers, timeout=None) as source:
                    async for event in source.aiter_sse():
                        last, retry = event.id or last, (event.retry or 1000 * retry) / 1000
                        if event.data:
                            self._receive(event.event, event.json())
            await asyncio.sleep(retry)

    async def close(self) -> None:
        await self._http.aclose()


class _Messages:
    """What is said on a WebSocket, by REST and push or by JSON-RPC alone."""

    def __init__(self, script: dict[str, Any], receive: Receive) -> None:
        self._receive = receive
        self.is_rpc = script["transport"] == "rpc"
        self._agent, self._prefix = script["agent"], script["prefix"]
        self._last: int | None = None
        self._numbers = count(1)
        self._asked: dict[str, asyncio.Future[tuple[int, Any]]] = {}

    @property
    def path(self) -> str:
        own = {"agent": self._agent, "key": f"{self._prefix}key"} if self.is_rpc else {}
        query = own | ({} if self._last is None else {"after": self._last})
        path = "/rpc" if self.is_rpc else "/socket"
        return f"{path}?{urlencode(query)}" if query else path

    @property
    def protocols(self) -> list[str]:
        return ["jsonrpc.v2"] if self.is_rpc else ["orders.v2", "orders.v1"]

    def opening(self) -> str | None:
        """Return what is to be said first."""
        return None if self.is_rpc else json.dumps({"type": "subscribe", "topics": ["orders", "desk"]})

    def came(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._receive("binary", list(message))
            return
        found = json.loads(message)
        if not self.is_rpc:
            self._told(found.pop("type"), found)
        elif "method" in found:
            self._told(found["method"], found["params"])
        else:
            answer = (200, found["result"]) if "result" in found else (400, found["error"])
            asked = self._asked.pop(found["id"], None)
            if asked is None:
                self._receive("answer to nobody", found)
            elif not asked.cancelled():
                asked.set_result(answer)

    def closed(self, code: int | None, reason: str | None, protocol: str | None) -> None:
        self._receive("closed", {"code": code, "reason": reason, "protocol": protocol})

    def asking(self, do: str, path: str, body: Any) -> tuple[str, asyncio.Future[tuple[int, Any]]]:
        """Return a call, and its answer."""
        id_ = f"{self._prefix}q{next(self._numbers)}"
        order = path.removeprefix("/orders/")
        params = (body or {}) | ({"order": int(order)} if order.isdigit() else {})
        self._asked[id_] = asyncio.get_running_loop().create_future()
        call = {"jsonrpc": "2.0", "id": id_, "method": _METHODS.get(do, f"orders.{do}"), "params": params}
        return json.dumps(call), self._asked[id_]

    def _told(self, type_: str, data: dict[str, Any]) -> None:
        self._last = data.pop("seq", self._last)
        if type_ != "beat":
            self._receive(type_, data)


class OnWebsockets:
    """A desk on the library `websockets`; its REST calls are made with httpx."""

    def __init__(self, base: str, script: dict[str, Any], receive: Receive) -> None:
        self._base = base.replace("http", "ws", 1)
        self._http = httpx.AsyncClient(base_url=base, timeout=_STEP)
        self._said = _Messages(script, receive)
        self._socket: ClientConnection | None = None

    async def ask(self, do: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self._said.is_rpc:
            assert self._socket is not None
            call, answer = self._said.asking(do, path, body)
            await self._socket.send(call)
            return await answer
        answered = await self._http.request(method, path, json=body)
        return answered.status_code, answered.json()

    async def run(self) -> None:
        while True:
            cookies = "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())
            protocols = [Subprotocol(name) for name in self._said.protocols]
            headers = {"Cookie": cookies} if cookies else {}
            async with connect(
                self._base + self._said.path, subprotocols=protocols, additional_headers=headers, proxy=None
            ) as self._socket:
                opening = self._said.opening()
                if opening is not None:
                    await self._socket.send(opening)
                with suppress(ConnectionClosed):
                    while True:
                        self._said.came(await self._socket.recv())
                self._said.closed(self._socket.close_code, self._socket.close_reason, self._socket.subprotocol)
            await asyncio.sleep(_RETRY)

    async def close(self) -> None:
        await self._http.aclose()


class OnAiohttp:
    """A desk on aiohttp."""

    def __init__(self, base: str, script: dict[str, Any], receive: Receive) -> None:
        self._http = aiohttp.ClientSession(base)
        self._said = _Messages(script, receive)
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def ask(self, do: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        if self._said.is_rpc:
            assert self._socket is not None
            call, answer = self._said.asking(do, path, body)
            await self._socket.send_str(call)
            return await answer
        async with self._http.request(method, path, json=body) as answered:
            return answered.status, await answered.json()

    async def run(self) -> None:
        while True:
            async with self._http.ws_connect(self._said.path, protocols=self._said.protocols) as self._socket:
                opening = self._said.opening()
                if opening is not None:
                    await self._socket.send_str(opening)
                reason: str | None = None
                while True:
                    message = await self._socket.receive()
                    if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                        self._said.came(message.data)
                    else:
                        reason = message.extra if message.type is aiohttp.WSMsgType.CLOSE else None
                        break
                self._said.closed(self._socket.close_code, reason, self._socket.protocol)
            await asyncio.sleep(_RETRY)

    async def close(self) -> None:
        await self._http.close()


_LIBRARIES: dict[str, Callable[[str, dict[str, Any], Receive], Stream]] = {
    "httpx-sse": OnHttpxSse,
    "websockets": OnWebsockets,
    "aiohttp": OnAiohttp,
}


async def main() -> None:
    library, base = sys.argv[1:]
    script = json.load(sys.stdin)
    meet = asyncio.Barrier(len(script["desks"])).wait
    playing: list[Awaitable[None]] = []
    for desk in script["desks"]:
        given = desk | {"transport": script["transport"]}
        playing.append(Desk(given, lambda receive, given=given: _LIBRARIES[library](base, given, receive), meet).play())
    await asyncio.gather(*playing)


if __name__ == "__main__":
    asyncio.run(main())
