"""A connection ends without a reset, and a stall of the server is not counted against its client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from recorder.replay.server.limits import Limits
from tests.fuzz.fuzz_standin import frame, upgrade
from tests.replay.server.clients import standin, statuses, with_client
from tests.replay.server.test_corpus import CHUNKED, GOOD, LENGTH, ask, post

IDLE = 0.05
QUICK = Limits(body=2000, sending=IDLE, idle=IDLE)
MISS = 470


def stalled(act: Callable[[], None], seconds: float = 2 * IDLE) -> None:
    """Block the loop, and do something before its timers: in the turn in which they are due, after its reading."""

    def block() -> None:
        time.sleep(seconds)
        asyncio.get_running_loop().call_soon(act)

    asyncio.get_running_loop().call_soon(block)


LATE: dict[str, tuple[list[bytes], list[int]]] = {
    "a request": ([b"", GOOD], [MISS]),
    "a request on a used connection": ([GOOD, GOOD], [MISS, MISS]),
    "the rest of a head": ([GOOD[:9], GOOD[9:]], [MISS]),
    "the rest of a body": ([post(LENGTH), b"{}"], [MISS]),
    "the rest of a body that was asked for": ([post(LENGTH, b"Expect: 100-continue"), b"{}"], [100, MISS]),
    "the rest of a chunk": ([post(CHUNKED, body=b"2\r\n{"), b"}\r\n0\r\n\r\n"], [MISS]),
    "the begin of a body, and no more": ([post(LENGTH), b"{"], [408]),
    "the begin of a request, and no more": ([b"", post(LENGTH)], [408]),
}


@pytest.mark.parametrize("row", LATE)
def test_what_came_while_the_loop_was_stalled_came_in_time(row: str) -> None:
    (before, late), expected = LATE[row]

    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(before)
        for _ in range(6):  # turns in which the server reads that
            await asyncio.sleep(0)
        stalled(lambda: writer.write(late))
        return await reader.read()

    assert statuses(with_client(act, standin(), QUICK)) == expected


def test_a_connection_that_is_idle_is_not_reset_when_a_request_comes_too_late() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bytes, bytes]:
        writer.write(GOOD)
        told = await reader.read()  # to the end of the connection
        writer.write(GOOD)
        await asyncio.sleep(0)
        writer.write(GOOD)  # to a socket that was reset this fails
        await writer.drain()
        return told, await reader.read()

    told, rest = with_client(act, standin(), QUICK)

    assert statuses(told) == [MISS]
    assert rest == b""


@pytest.mark.parametrize("last", [ask(b"Connection: close"), ask(version=b"HTTP/1.0")])
def test_the_last_answer_is_not_destroyed_by_what_the_client_still_sends(last: bytes) -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(last)
        for _ in range(50):
            writer.write(bytes(1 << 14))
            await asyncio.sleep(0)
        return await reader.read()

    assert statuses(with_client(act, standin())) == [MISS]


def test_a_client_that_sends_long_after_its_refusal_can_read_it() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(post(b"Content-Length: 9000000"))
        for _ in range(25):
            writer.write(bytes(1 << 10))
            await asyncio.sleep(0.1)
        return await reader.read()

    assert statuses(with_client(act, standin(), Limits(body=2000))) == [413]


def test_a_close_frame_is_not_lost_behind_what_the_client_still_sends() -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(upgrade())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(b"x" * 3000))  # over the limit: close code 1009
        for _ in range(50):
            writer.write(bytes(1 << 14))
            await asyncio.sleep(0)
        return await reader.read()

    assert (1009).to_bytes(2) in with_client(act, standin(), Limits(body=2000))


@pytest.mark.parametrize(
    "head",
    [
        post(b"Content-Length: 300000000"),
        post(b"Content-Length: 300000000", b"Expect: 100-continue"),
        post(b"Content-Length: 300000000", b"Content-Encoding: gzip"),
        post(CHUNKED, body=b"12c00000\r\n"),
    ],
)
def test_a_client_that_pushes_a_body_over_the_limit_is_refused_and_not_reset(head: bytes) -> None:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(head)
        for _ in range(40):
            writer.write(bytes(1 << 20))
            await writer.drain()
        return await reader.read()

    assert statuses(with_client(act, standin(), Limits(body=2000))) == [413]
