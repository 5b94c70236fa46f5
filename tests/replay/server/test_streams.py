"""Clients of other makers hear the events of a recording on streams and WebSockets, through real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, TypeVar

import aiohttp
import websockets

from recorder.dialect.definition import parse
from recorder.model import Recording
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import Address, serve
from tests.replay.engine.test_streams import NOTES, a_socket, a_stream
from tests.replay.server.clients import ANYBODY, LIMIT

Found = TypeVar("Found")
DIALECT = parse(NOTES, path="notes.toml")


def served(
    recording: Recording,
    act: Callable[[Address], Awaitable[Found]],
    *,
    rate: float = INSTANT,
    virtual: bool = False,
) -> tuple[Found, ReplayEngine]:
    """What clients make of a recording."""
    ids = count(1)
    standin = ReplayEngine(recording, DIALECT, new_id=lambda: f"id{next(ids)}", rate=rate)

    async def run() -> Found:
        async with serve(standin, rules=ANYBODY, virtual=virtual) as address, asyncio.timeout(LIMIT):
            return await act(address)

    return asyncio.run(run()), standin


async def events(response: aiohttp.ClientResponse, number: int) -> list[dict[str, str]]:
    """The fields of the next events of a stream."""
    found: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    while len(found) < number:
        line = (await response.content.readline()).decode().rstrip("\n")
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            found.append(fields)
            fields = {}
    return found


def test_two_clients_hear_their_own_events_and_go_on_after_a_lost_connection() -> None:
    async def client(address: Address, who: str) -> list[dict[str, str]]:
        async with aiohttp.ClientSession(address.url, headers={"Authorization": f"Bearer {who}"}) as session:
            async with session.get("/events") as stream:
                assert stream.headers["Transfer-Encoding"] == "chunked"
                for number in range(2):
                    await session.post("/notes", json={"ref": f"{who}{number}"})
                heard = await events(stream, 1)
                stream.close()
            await session.post("/notes", json={"ref": f"{who}2"})
            async with session.get("/events", headers={"Last-Event-ID": heard[-1]["id"]}) as stream:
                return heard + await events(stream, 2)

    async def act(address: Address) -> list[list[dict[str, str]]]:
        return list(await asyncio.gather(client(address, "one"), client(address, "two")))

    heard, standin = served(a_stream(3, ids=True).recording(DIALECT), act)

    assert [[json.loads(event["data"])["ref"] for event in one] for one in heard] == [
        ["one0", "one1", "one2"],
        ["two0", "two1", "two2"],
    ]
    assert [event["id"] for event in heard[0]] == ["0", "1", "2"]
    assert standin.misses == []


def test_a_virtual_clock_jumps_while_a_stream_is_open() -> None:
    wire = a_stream(1)
    for number in range(3):
        wire.wait(3600)
        wire.sends(1, {"type": "news", "number": number})

    async def act(address: Address) -> list[dict[str, str]]:
        async with aiohttp.ClientSession(address.url) as session, session.get("/events") as stream:
            await session.post("/notes", json={"ref": "live"})
            return await events(stream, 4)

    heard, _ = served(wire.recording(DIALECT), act, rate=1.0, virtual=True)

    assert len(heard) == 4


def test_two_sockets_of_two_clients_are_answered_each_on_its_own() -> None:
    async def client(address: Address, who: str) -> list[Any]:
        url = address.url.replace("http", "ws") + "/socket"
        headers = {"Authorization": f"Bearer {who}"}
        async with websockets.connect(
            url, additional_headers=headers, subprotocols=[websockets.Subprotocol("v2")], proxy=None
        ) as socket:
            assert socket.subprotocol == "v2"
            heard = [json.loads(await socket.recv())]
            for number in range(2):
                await socket.send(json.dumps({"type": "ask", "ref": f"{who}{number}"}))
                heard.append(json.loads(await socket.recv()))
            return heard

    async def act(address: Address) -> list[list[Any]]:
        return list(await asyncio.gather(client(address, "one"), client(address, "two")))

    heard, standin = served(a_socket(subprotocol="v2").recording(DIALECT), act)

    assert [[event.get("ref") for event in one] for one in heard] == [[None, "one0", "one1"], [None, "two0", "two1"]]
    assert standin.misses == []


def test_a_socket_that_was_not_recorded_is_refused_with_the_reason() -> None:
    async def act(address: Address) -> str:
        try:
            await websockets.connect(address.url.replace("http", "ws") + "/nowhere", proxy=None)
        except websockets.InvalidStatus as exc:
            return f"{exc.response.status_code} {exc.response.headers['X-Recorder-Miss']}"
        return ""

    refused, standin = served(a_socket().recording(DIALECT), act)

    assert refused.startswith("470 ")
    assert len(standin.misses) == 1


def test_the_server_closes_the_socket_as_recorded() -> None:
    wire = a_socket()
    wire.closes(1, 4001, "signed in elsewhere")

    async def act(address: Address) -> tuple[int | None, str | None]:
        async with websockets.connect(address.url.replace("http", "ws") + "/socket", proxy=None) as socket:
            for number in range(2):
                await socket.send(json.dumps({"type": "ask", "ref": f"live{number}"}))
            for _ in range(3):
                await socket.recv()
            await socket.wait_closed()
            return socket.close_code, socket.close_reason

    assert served(wire.recording(DIALECT), act)[0] == (4001, "signed in elsewhere")
