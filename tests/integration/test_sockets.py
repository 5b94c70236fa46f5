"""A stand-in over WebSocket, whatever the recording used: the same session, by cause, to real clients."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from recorder.cli.desktop import agent
from recorder.library.recording import load_recording
from tests.lab.lab import run_js_client
from tests.lab.processes import recorder
from tests.lab.sessions import preview_session

pytestmark = pytest.mark.once

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
TRIPLES = load_recording(PREVIEW).triples
URL = "/api/v2/notifications"


class Desk:
    """A client whose Bayeux session is on a WebSocket, and whose REST calls share its cookies."""

    def __init__(self, http: aiohttp.ClientSession, url: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._http, self._url, self._socket = http, url, socket
        self.client_id = ""
        self.events: list[Any] = []

    async def asks(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message; its reply. Events that come before it are kept."""
        own = {"clientId": self.client_id} if self.client_id else {}
        await self._socket.send_json([message | own])
        while True:
            found = await self._socket.receive_json(timeout=20)
            self.events += [one for one in found if not one["channel"].startswith("/meta/")]
            for reply in found:
                if reply["channel"] == message["channel"]:
                    return dict(reply)

    async def shakes_hands(self) -> dict[str, Any]:
        message = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["websocket"]}
        reply = await self.asks(message)
        self.client_id = reply["clientId"]
        await self.polls()
        await self.asks({"channel": "/meta/subscribe", "subscription": "/**"})
        return reply

    async def polls(self) -> dict[str, Any]:
        return await self.asks({"channel": "/meta/connect", "connectionType": "websocket"})

    async def posts(self, place: int, name: str) -> int:
        """Ask for a triple, and poll until its events are there."""
        triple = TRIPLES[place]
        before = len(self.events)
        body = json.loads(triple.request.body) | {"referenceId": name}
        async with self._http.post(self._url + triple.request.target, json=body) as answer:
            status = answer.status
        while status == 200 and len(self.events) < before + len(triple.events):
            await self.polls()
        return status


async def with_desk(url: str, act: Any) -> Any:
    async with aiohttp.ClientSession() as http, http.ws_connect(url + URL) as socket:
        return await act(Desk(http, url, socket))


@pytest.mark.parametrize("options", [["--rate", "instant"], ["--rate", "20"], ["--clock", "virtual"]])
def test_a_session_recorded_by_long_polling_plays_on_a_websocket(options: list[str]) -> None:
    async def act(desk: Desk) -> list[Any]:
        reply = await desk.shakes_hands()
        assert reply["supportedConnectionTypes"][0] == "websocket"
        for place in range(len(TRIPLES)):
            assert await desk.posts(place, f"mine-{place}") == 200
        return desk.events

    with recorder("replay", PREVIEW, *options) as standin:
        events = asyncio.run(with_desk(standin.url, act))

    expected = [(link.event.channel, link.name) for triple in TRIPLES for link in triple.events]
    assert [event["channel"] for event in events] == [channel for channel, _ in expected]
    references = [event["data"]["referenceId"] for event in events if "referenceId" in event["data"]]
    assert set(references) == {f"mine-{place}" for place in range(len(TRIPLES))}
    assert "desk-" not in json.dumps(events)
    assert standin.code == 0, standin.stderr


def test_two_clients_on_sockets_never_see_each_other() -> None:
    async def both(url: str) -> list[list[Any]]:
        async def act(desk: Desk) -> Desk:
            await desk.shakes_hands()
            return desk

        async with (
            aiohttp.ClientSession() as one,
            aiohttp.ClientSession() as two,
            one.ws_connect(url + URL) as first,
            two.ws_connect(url + URL) as second,
        ):
            desks = [Desk(one, url, first), Desk(two, url, second)]
            for desk in desks:
                await act(desk)
            for place in range(len(TRIPLES)):
                for number, desk in enumerate(desks):
                    assert await desk.posts(place, f"agent{number}") == 200
            return [desk.events for desk in desks]

    with recorder("replay", PREVIEW, "--rate", "instant") as standin:
        seen = asyncio.run(both(standin.url))

    for number, events in enumerate(seen):
        ids = {event["data"]["referenceId"] for event in events if "referenceId" in event["data"]}
        assert ids == {f"agent{number}"}
        assert len(events) == sum(len(triple.events) for triple in TRIPLES)


async def _until_cut(desk: Desk) -> None:
    await desk.posts(1, "a")
    await desk.polls()


def test_a_socket_that_is_cut_is_opened_again_and_nothing_is_lost() -> None:
    async def act(url: str) -> list[Any]:
        async with aiohttp.ClientSession() as http:
            async with http.ws_connect(url + URL) as socket:
                desk = Desk(http, url, socket)
                await desk.shakes_hands()
                await desk.posts(0, "a")
                with pytest.raises(TypeError):  # aiohttp's way to say that no message came, but the end
                    await _until_cut(desk)
                assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
            async with http.ws_connect(url + URL) as socket:
                again = Desk(http, url, socket)
                again.events = desk.events
                await again.shakes_hands()
                while len(again.events) < sum(len(triple.events) for triple in TRIPLES[:2]):
                    await again.polls()
                await again.posts(2, "a")
                return again.events

    with recorder("replay", PREVIEW, "--fault", "cut websocket after GetPreviewRecord", "--rate", "20") as standin:
        events = asyncio.run(act(standin.url))

    assert len(events) == sum(len(triple.events) for triple in TRIPLES[:3])
    assert "hit 1 time" in standin.stderr


def test_what_is_no_bayeux_message_ends_the_socket() -> None:
    async def act(url: str) -> int | None:
        async with aiohttp.ClientSession() as http, http.ws_connect(url + URL) as socket:
            await socket.send_str("hello")
            await socket.receive(timeout=20)
            return socket.close_code

    with recorder("replay", PREVIEW) as standin:
        assert asyncio.run(act(standin.url)) == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert standin.process.poll() is None


@pytest.mark.node
def test_the_cometd_client_plays_a_session_on_a_websocket() -> None:
    script = preview_session("socket-", 0.0) | {"transport": "websocket"}
    with recorder("replay", PREVIEW, "--rate", "instant") as standin:
        lines = run_js_client(standin.url, script)

    events = [line for line in lines if line["kind"] == "event"]
    ids = {(e["step"], e["data"]["referenceId"]) for e in events if "referenceId" in e["data"]}
    assert lines[-1]["kind"] == "done"
    assert ids == {(step, f"socket-{step}") for step in range(1, 7)}
    assert len(events) == sum(len(triple.events) for triple in TRIPLES)
    assert standin.code == 0, standin.stderr


@pytest.mark.node
def test_the_cometd_client_whose_socket_is_cut_comes_back_and_gets_on() -> None:
    script = preview_session("cut-", 0.0) | {"transport": "websocket"}
    with recorder("replay", PREVIEW, "--fault", "cut websocket after GetPreviewRecord", "--rate", "20") as standin:
        lines = run_js_client(standin.url, script)

    events = [line for line in lines if line["kind"] == "event"]
    assert lines[-1]["kind"] == "done"
    assert len(events) == sum(len(triple.events) for triple in TRIPLES)
    assert "hit 1 time" in standin.stderr
    assert standin.code == 0, standin.stderr


@pytest.mark.filterwarnings("default::DeprecationWarning")  # how aiocometd opens its sockets
@pytest.mark.parametrize("faults", [[], ["--fault", "cut websocket after GetPreviewRecord"]])
def test_aiocometd_plays_a_session_on_a_websocket_though_it_is_cut(faults: list[str]) -> None:
    async def act(url: str) -> list[Any]:
        seen = []
        async with agent(url, websocket=True) as desktop:
            for place, triple in enumerate(TRIPLES):
                body = json.loads(triple.request.body) | {"referenceId": f"mine-{place}"}
                assert (await desktop.post(triple.request.target, body))[0] == 200
                count = len(triple.events)
                seen += await desktop.events(lambda found, count=count: len(found) >= count, limit=30)
        return seen

    with recorder("replay", PREVIEW, "--rate", "20", *faults) as standin:
        events = asyncio.run(act(standin.url))

    assert len(events) == sum(len(triple.events) for triple in TRIPLES)
    assert standin.code == 0, standin.stderr
    assert ("hit 1 time" in standin.stderr) == bool(faults)
