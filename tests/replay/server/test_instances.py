"""The cookie by which a load balancer keeps a client with its stand-in."""

from __future__ import annotations

import asyncio
import re
from itertools import count

import pytest

from recorder.dialect.definition import load
from recorder.model import Headers
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.admission import Rules
from recorder.replay.server.app import serve
from tests.fuzz.fuzz_standin import request, upgrade
from tests.replay.server.clients import ANYBODY, ASKED, LIMIT, standin
from tests.wire import Wire

HANDSHAKE = b'[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]'


def answered(*parts: bytes, instance: str | None = "one", rules: Rules = ANYBODY, token: str | None = None) -> bytes:
    """All that comes on one connection for some requests."""

    async def run() -> bytes:
        async with serve(standin(), rules=rules, token=token, instance=instance) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(b"".join(parts))
            writer.write_eof()
            found = await asyncio.wait_for(reader.read(), LIMIT)
            writer.close()
            return found

    return asyncio.run(run())


def cookies(answers: bytes) -> list[bytes]:
    """The cookie of the instance in each of some answers."""
    heads = re.findall(rb"HTTP/1\.1 \d{3} .*?\r\n\r\n", answers, re.DOTALL)
    return [b"".join(re.findall(rb"Set-Cookie: recorder_instance=(\w+)", head)) for head in heads]


FIRST = {
    "an operation": request(ASKED.body, ASKED.target),
    "a miss": request(target="/unknown", method="GET"),
    "a handshake": request(HANDSHAKE),
    "a preflight": request(
        target="/x", method="OPTIONS", Origin="http://localhost", Access_Control_Request_Method="PUT"
    ),
    "a page of another origin": request(ASKED.body, ASKED.target, Origin="http://localhost:3000"),
    "HEAD": request(target="/unknown", method="HEAD"),
    "an upgrade": upgrade(),
}


@pytest.mark.parametrize("what", FIRST)
def test_each_first_answer_sets_the_cookie(what: str) -> None:
    assert cookies(answered(FIRST[what])) == [b"one"]
    assert cookies(answered(FIRST[what], instance=None)) == [b""]


def test_a_client_on_a_connection_that_shows_the_cookie_is_not_told_again() -> None:
    shows = request(HANDSHAKE, Cookie="recorder_instance=one")

    assert cookies(answered(FIRST["a miss"], shows, shows, FIRST["a miss"])) == [b"one", b"", b"", b"one"]


@pytest.mark.parametrize("path", ["/__recorder/health", "/__recorder/state"])
def test_who_watches_is_no_client(path: str) -> None:
    assert cookies(answered(request(target=path, method="GET"), token="t")) == [b""]


def test_who_is_refused_is_no_client() -> None:
    assert cookies(answered(request(target="/x", method="GET", Host="evil.example"), rules=Rules())) == [b""]


def test_the_replay_does_not_see_the_cookie() -> None:
    seen: list[Headers] = []

    class Watched(ReplayEngine):
        def receive(self, request: HttpRequest, now: float) -> None:
            seen.append(request.headers)
            super().receive(request, now)

    ids, played = count(1), Wire().recording()
    engine = Watched(played, load(played.header.dialect), new_id=lambda: f"id{next(ids)}", rate=INSTANT)

    async def run() -> None:
        async with serve(engine, instance="one") as address:
            for shown in ("one", "one", "two"):
                reader, writer = await asyncio.open_connection(address.host, address.port)
                writer.write(request(HANDSHAKE, Cookie=f"a=b; recorder_instance={shown}"))
                writer.write_eof()
                await asyncio.wait_for(reader.read(), LIMIT)
                writer.close()

    asyncio.run(run())

    assert [dict(headers)["Cookie"] for headers in seen] == ["a=b"] * 3
