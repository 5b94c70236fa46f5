"""A stand-in that begins anew at its URL: nothing of before is left, and the order is another one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from recorder import StandIn
from recorder.errors import UsageError
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule

CASSETTES = Path(__file__).parents[1] / "cassettes" / "races"
CHAIN = CASSETTES / "chain.cassette"
EARLY = Schedule.of([Deviation.parse("event 1.1 before ack 1")])
BAYEUX = "/api/v2/notifications"
Message = dict[str, Any]


def in_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        asyncio.run(test())

    return run


class Desk:
    """A client by hand."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http, self._client_id = http, ""
        self.heard: list[str] = []

    async def connects(self) -> None:
        offer = {"version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        (hello,) = await self.sends({"channel": "/meta/handshake"} | offer)
        self._client_id = hello["clientId"]
        await self.sends({"channel": "/meta/subscribe", "subscription": "/v2/me/outbound"})
        await self.polls()

    async def sends(self, message: Message) -> list[Message]:
        own = {"id": "1", "clientId": self._client_id} if self._client_id else {"id": "1"}
        async with self._http.post(BAYEUX, json=[own | message]) as response:
            told: list[Message] = await response.json()
        self.heard += [one["data"]["notificationType"] for one in told if "data" in one]
        return told

    async def polls(self) -> list[Message]:
        return await self.sends({"channel": "/meta/connect", "connectionType": "long-polling"})

    async def previews(self) -> None:
        common = {"devicePath": "/devices/c259da54-7c22-4a43-9440-77a92facc86b", "applicationId": 134}
        own = {"operationName": "GetPreviewRecord", "campaignName": "Campaign1", "referenceId": "1"}
        async with self._http.post("/api/v2/me/outbound-campaigns/Campaign1", json=own | common) as response:
            self.heard.append(f"ack {response.status}")


async def worked(url: str) -> list[str]:
    """What a desk hears that asks for a record, in its order."""
    async with aiohttp.ClientSession(url) as http:
        desk = Desk(http)
        await desk.connects()
        acked = asyncio.create_task(desk.previews())
        while "PreviewRecord" not in desk.heard:
            await desk.polls()
        await acked
        await desk.sends({"channel": "/meta/disconnect"})
    return desk.heard


@in_a_loop
async def test_it_plays_another_order_at_the_same_url() -> None:
    async with StandIn(CHAIN, clock="virtual") as standin:
        heard = [await worked(standin.url)]
        standin.begin_anew(EARLY)
        heard.append(await worked(standin.url))
        met = standin.order.met
        standin.begin_anew()
        heard.append(await worked(standin.url))

    assert heard == [["ack 200", "PreviewRecord"], ["PreviewRecord", "ack 200"], ["ack 200", "PreviewRecord"]]
    assert met == {*EARLY.deviations}


@in_a_loop
async def test_nothing_of_before_is_left() -> None:
    async with StandIn(CHAIN, clock="virtual") as standin:
        await worked(standin.url)
        async with aiohttp.ClientSession(standin.url) as http, http.get("/nowhere") as response:
            assert response.status == 470

        standin.begin_anew()

        assert (standin.played, standin.misses, standin.sessions, standin.order.acts) == ((), [], [], ())


@in_a_loop
async def test_a_held_poll_of_before_is_cut_and_its_session_is_unknown() -> None:
    async with StandIn(CHAIN, clock="virtual") as standin, aiohttp.ClientSession(standin.url) as http:
        desk = Desk(http)
        await desk.connects()
        held = asyncio.create_task(desk.polls())
        await standin.until_idle()

        standin.begin_anew()

        with pytest.raises(aiohttp.ClientError):
            await held
        (told,) = await desk.polls()
        assert told["advice"]["reconnect"] == "handshake"


@in_a_loop
async def test_a_websocket_of_before_is_closed() -> None:
    async with StandIn(CASSETTES / "socket.cassette", clock="virtual") as standin:
        async with aiohttp.ClientSession(standin.url) as http, http.ws_connect(BAYEUX) as socket:
            standin.begin_anew()

            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert standin.misses == []


@in_a_loop
async def test_an_order_of_what_was_not_recorded_is_refused_and_the_run_goes_on() -> None:
    async with StandIn(CHAIN, clock="virtual", schedule=EARLY) as standin:
        with pytest.raises(UsageError, match="event 9"):
            standin.begin_anew(Schedule.of([Deviation.parse("event 9.1 before ack 9")]))

        assert await worked(standin.url) == ["PreviewRecord", "ack 200"]


def test_a_stand_in_that_does_not_serve_cannot_begin_anew() -> None:
    with pytest.raises(UsageError, match="not serving"):
        StandIn(CHAIN).begin_anew(EARLY)
