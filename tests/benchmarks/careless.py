"""A tiny Bayeux server that lets events go as it is told to, right or wrong, to see whether the bench notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.desktop import Pace, play
from benchmarks.script import INTERNAL, STEPS, Ids, Key
from benchmarks.verdict import Log

_START = -1


@dataclass(slots=True)
class Careless:
    """One client's server. `released` gives the events that leave at a request, or (-1) at the first poll."""

    released: Callable[[int], list[dict[str, Any]]]
    hold: float = 0.1
    status: int = 200
    queue: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return await self._bayeux(body[0]) if isinstance(body, list) else self._operation(body)

    def _operation(self, body: dict[str, Any]) -> web.StreamResponse:
        names = [step.body["operationName"] for step in STEPS]
        self._release(names.index(body["operationName"]))
        return web.json_response({"statusCode": 0}, status=self.status)

    async def _bayeux(self, message: dict[str, Any]) -> web.StreamResponse:
        reply = {"channel": message["channel"], "successful": True, "clientId": "c1"}
        events: list[dict[str, Any]] = []
        if message["channel"] == "/meta/connect" and "advice" in message:
            self._release(_START)
        elif message["channel"] == "/meta/connect":
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.news.wait(), self.hold)
            events, self.queue = self.queue, []
            self.news.clear()
        return web.json_response([*events, reply])

    def _release(self, number: int) -> None:
        self.queue += self.released(number)
        if self.queue:
            self.news.set()


def played(server: Careless, own: Ids, pace: Pace) -> Log:
    """What a client of the bench goes through with it."""

    async def run() -> Log:
        app = web.Application()
        app.router.add_post("/{path:.*}", server.answer)
        async with TestServer(app) as running:
            return await play(f"http://localhost:{running.port}", own, pace)

    return asyncio.run(run())


def events(number: int, own: Ids) -> list[dict[str, Any]]:
    """The events of a step in the shape of the lab; none at the start."""
    expected = STEPS[number].expected.items() if number >= 0 else ()
    return [_event(key, place, own, number) for key, count in expected for place in range(count)]


def _event(key: Key, place: int, own: Ids, number: int) -> dict[str, Any]:
    about = {"devicePath": own.device, "applicationId": 134}
    data: dict[str, Any] = {"notificationType": key.notification, "referenceId": own.references[number]}
    if key.channel == INTERNAL:
        user = {"GSW_USER_EVENT": key.notification, "GSW_RECORD_HANDLE": key.subject, "GSW_PHONE": place}
        data = {"userData": user, "deviceId": own.device.removeprefix("/devices/")}
    elif key.subject.isdigit():
        data["record"] = {**about, "recordHandle": int(key.subject), "userData": {"GSW_PHONE": place}}
    else:
        data["campaign"] = {**about, "name": key.subject}
    return {"channel": key.channel, "data": data}
