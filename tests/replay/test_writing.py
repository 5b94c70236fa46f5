"""What leaves in one piece says the same as what aiohttp writes."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiohttp import web

from recorder.replay.traffic import Reply
from recorder.replay.writing import Ready, response

JSON = (("Content-Type", "application/json;charset=UTF-8"),)


async def written(
    reply: Reply, head: str = "GET / HTTP/1.1\r\nHost: x\r\n", seen: list[web.StreamResponse] | None = None
) -> bytes:
    """What a client reads of a reply, until the server has nothing more to say; the connection may stay open."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = response(reply, request)
        if seen is not None:
            seen.append(answer)
        return answer

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        writer.write(f"{head}\r\n".encode())
        found = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", found)
        if length and not head.startswith("HEAD"):
            found += await reader.readexactly(int(length[1]))
        writer.close()
        return found
    finally:
        await runner.cleanup()


def parts(content: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers but the date, body."""
    head, _, body = content.decode().partition("\r\n\r\n")
    line, *fields = head.split("\r\n")
    return line, {k: v for k, _, v in (field.partition(": ") for field in fields) if k != "Date"}, body.encode()


@pytest.mark.parametrize("status", [200, 201, 404, 470, 502, 599])
@pytest.mark.parametrize("headers", [JSON, (*JSON, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Server", "Jetty"))])
@pytest.mark.parametrize("body", [b"", b"[{}]"])
def test_it_says_what_aiohttp_says(status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    reply = Reply(1, status, headers, body)
    ours = asyncio.run(written(reply))
    by_aiohttp_itself = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    theirs = asyncio.run(written(reply, by_aiohttp_itself))

    line, fields, content = parts(theirs)
    assert fields.pop("Connection") == "close"
    assert parts(ours) == (line, fields, content)
    assert b"\r\nDate: " in ours


@pytest.mark.parametrize("name", ["X Y", "X:Y", "X\r\nY", ""])
def test_what_is_no_name_of_a_header_is_left_out(name: str) -> None:
    told = asyncio.run(written(Reply(1, 200, (*JSON, (name, "value")), b"")))

    assert set(parts(told)[1]) == {"Content-Type", "Content-Length", "Server"}


def test_what_would_end_a_header_is_replaced() -> None:
    told = asyncio.run(written(Reply(1, 200, (*JSON, ("X-Text", "a\r\nSet-Cookie: b\x00\ud800")), b"")))

    assert parts(told)[1]["X-Text"] == "a??Set-Cookie: b??"


@pytest.mark.parametrize(
    ("reply", "head"),
    [
        (Reply(1, 200, JSON, b"{}"), "HEAD / HTTP/1.1\r\nHost: x\r\n"),
        (Reply(1, 200, JSON, b"{}"), "GET / HTTP/1.0\r\nConnection: keep-alive\r\n"),
        (Reply(1, 204, JSON, b""), "GET / HTTP/1.1\r\nHost: x\r\n"),
        (Reply(1, 421, (*JSON, ("Connection", "close")), b"{}"), "GET / HTTP/1.1\r\nHost: x\r\n"),
        (Reply(1, 200, (), b"{}"), "GET / HTTP/1.1\r\nHost: x\r\n"),
        (Reply(1, 200, JSON, bytes(1 << 17)), "GET / HTTP/1.1\r\nHost: x\r\n"),
    ],
)
def test_all_else_is_left_to_aiohttp(reply: Reply, head: str) -> None:
    seen: list[web.StreamResponse] = []

    assert asyncio.run(written(reply, head, seen)).split()[1] == str(reply.status).encode()
    assert not isinstance(seen[0], Ready)


def test_an_answer_that_says_it_closes_the_connection_does() -> None:
    seen: list[web.StreamResponse] = []
    asyncio.run(written(Reply(1, 421, (*JSON, ("Connection", "close")), b"{}"), seen=seen))

    assert seen[0].keep_alive is False
