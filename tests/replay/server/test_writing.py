"""What we write ourselves says the same as what aiohttp writes."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiohttp import web

from recorder.replay.engine.http import HttpResponse
from recorder.replay.server.writing import response, written

JSON = (("Content-Type", "application/json;charset=UTF-8"),)


async def by_aiohttp(reply: HttpResponse) -> bytes:
    """What a client reads of a reply that aiohttp writes, until the connection ends."""

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return response(reply)

    runner = web.ServerRunner(web.Server(handle, keepalive_timeout=0.05))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        found = await reader.read()
        writer.close()
        return found
    finally:
        await runner.cleanup()


def undated(content: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]*", b"Date:", content)


@pytest.mark.parametrize("status", [200, 201, 204, 304, 404, 470, 502, 599])
@pytest.mark.parametrize(
    "headers",
    [
        JSON,
        (),
        (*JSON, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Server", "Jetty")),
        (("Date", "Thu, 26 Nov 2026 08:00:00 GMT"), ("X-Empty", "")),
        (*JSON, ("Connection", "close")),
    ],
)
@pytest.mark.parametrize("body", [b"", b"[{}]", bytes(1 << 17)], ids=len)
def test_it_says_what_aiohttp_says(status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    reply = HttpResponse(1, status, headers, body)

    ours, is_last = written(reply)

    assert undated(ours) == undated(asyncio.run(by_aiohttp(reply)))
    assert is_last == (("Connection", "close") in headers)


def test_a_date_is_told() -> None:
    assert b"\r\nDate: " in written(HttpResponse(1, 200, JSON, b""))[0]


@pytest.mark.parametrize("name", ["X Y", "X:Y", "X\r\nY", ""])
def test_what_is_no_name_of_a_header_is_left_out(name: str) -> None:
    told, _ = written(HttpResponse(1, 200, (*JSON, (name, "value")), b""))

    names = {line.partition(b":")[0] for line in told.split(b"\r\n")[1:-2]}
    assert names == {b"Content-Type", b"Content-Length", b"Server", b"Date"}


def test_what_would_end_a_header_is_replaced() -> None:
    told, _ = written(HttpResponse(1, 200, (*JSON, ("X-Text", "a\r\nSet-Cookie: b\x00\ud800")), b""))

    assert b"\r\nX-Text: a??Set-Cookie: b??\r\n" in told


def test_an_answer_that_says_it_closes_the_connection_does() -> None:
    reply = HttpResponse(1, 421, (*JSON, ("Connection", "close")), b"{}")

    assert response(reply).keep_alive is False
    assert written(reply)[1]
