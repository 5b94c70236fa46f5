"""A connection answers in order, however requests are cut, and gives up what a client does not get."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.dialect.definition import load
from recorder.replay.engine.http import HttpRequest
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import serve
from recorder.replay.server.connection import Connection
from recorder.replay.server.limits import Limits
from tests.fuzz.fuzz_standin import chunked, frame, request, upgrade
from tests.wire import Wire, chained, done

LIMIT = 10.0  # seconds to wait for what takes milliseconds
ASKED = chained(7, "r1")
HANDSHAKE = request(json.dumps([{"channel": "/meta/handshake"}]).encode())
CHUNKED = chunked([b"[]"]) + b"0\r\n\r\n"
OPERATION = request(ASKED.body, ASKED.target)
LAST = request(target="/last", Connection="close")
PAGE = request(json.dumps([{"channel": "/meta/handshake"}]).encode(), Origin="http://localhost:3000")


def standin() -> ReplayEngine:
    wire = Wire()
    wire.desk().asks(ASKED, done(7, "r1"))
    played, ids = wire.recording(), count(1)
    return ReplayEngine(played, load(played.header.dialect), new_id=lambda: f"id{next(ids)}", rate=INSTANT)


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def with_clients(act: Callable[..., Awaitable[Any]], clients: int = 1, **how: Any) -> Any:
    """What clients make of a server."""

    async def run() -> Any:
        async with serve(how.pop("served", None) or standin(), **how) as address:
            streams = [await asyncio.open_connection(address.host, address.port) for _ in range(clients)]
            try:
                return await asyncio.wait_for(act(*streams), LIMIT)
            finally:
                for _, writer in streams:
                    writer.transport.abort()

    return asyncio.run(run())


async def heard(reader: asyncio.StreamReader) -> tuple[bytes, list[bytes], bytes]:
    """An answer: status line, headers in any order and without the time, body."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head[:-4].split(b"\r\n")
    length = [int(field.split(b":")[1]) for field in fields if field.startswith(b"Content-Length:")]
    body = await reader.readexactly(length[0]) if length else b""
    return line, sorted(field for field in fields if not field.startswith(b"Date:")), body


def conversation(parts: list[bytes]) -> bytes:
    """What is answered to bytes that come in parts, up to the end; but for the interim answers, and the time."""

    async def act(streams: Streams) -> bytes:
        reader, writer = streams
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0)
        return await reader.read()

    found: bytes = with_clients(act, limits=Limits(body=5000))
    return re.sub(rb"HTTP/1.1 100 Continue\r\n\r\n|(?<=\r\nDate:)[^\r]*", b"", found)


SENT = st.sampled_from(
    [
        HANDSHAKE,
        OPERATION,
        PAGE,
        request(b"{}", "/nothing"),
        request(target="/nothing?a=b", method="GET"),
        request(b"x" * 3000, "/long"),
        request(b"x" * 6000, "/too-long"),
        request(target="/", method="HEAD"),
        request(target="/", method="OPTIONS"),
        request(target="/", method="OPTIONS", Origin="http://a", Access_Control_Request_Method="PUT"),
        request(ASKED.body, ASKED.target, Expect="100-continue"),
        CHUNKED,
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(SENT, max_size=4), st.lists(st.integers(1, 400), max_size=4))
def test_it_answers_the_same_however_requests_are_cut(requests: list[bytes], cuts: list[int]) -> None:
    data = b"".join([*requests, LAST])
    parts, rest = [], data
    for cut in cuts:
        parts.append(rest[:cut])
        rest = rest[cut:]
    parts.append(rest)

    assert conversation(parts) == conversation([data])


def test_requests_that_come_together_are_answered_in_their_order() -> None:
    async def act(streams: Streams) -> list[bytes]:
        reader, writer = streams
        writer.write(HANDSHAKE + OPERATION + request(target="/x") + LAST)
        return [(await heard(reader))[0].split()[1] for _ in range(4)]

    assert with_clients(act) == [b"200", b"200", b"470", b"470"]


def test_a_websocket_works_on_a_connection_that_began_with_a_request() -> None:
    async def act(streams: Streams) -> bytes:
        reader, writer = streams
        writer.write(HANDSHAKE + upgrade() + frame(json.dumps([{"channel": "/meta/handshake"}]).encode()))
        await heard(reader)
        return await reader.readuntil(b"successful")

    assert b"101 Switching Protocols" in with_clients(act)


def test_half_a_body_is_waited_for_so_long_and_then_refused() -> None:
    async def act(streams: Streams) -> bytes:
        reader, writer = streams
        writer.write(OPERATION[:-2])
        return await reader.readuntil(b"\r\n")

    assert b" 408 " in with_clients(act, limits=Limits(sending=0.05, idle=0.2))


async def poll(streams: Streams) -> dict[str, Any]:
    """Shake hands, subscribe and leave a poll waiting; what it asked."""
    reader, writer = streams
    writer.write(HANDSHAKE)
    _, _, body = await heard(reader)
    connect = {"channel": "/meta/connect", "clientId": json.loads(body)[0]["clientId"]}
    writer.write(request(json.dumps([connect | {"channel": "/meta/subscribe", "subscription": "/**"}]).encode()))
    await heard(reader)
    for advice in ({"timeout": 0}, {"timeout": 60_000}):
        writer.write(request(json.dumps([connect | {"advice": advice}]).encode()))
        if advice["timeout"] == 0:
            await heard(reader)
    return connect


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # the stand-in tells nobody
        await asyncio.sleep(0.001)


def test_a_client_that_hangs_up_on_its_poll_gets_the_events_with_its_next() -> None:
    served = standin()

    async def act(first: Streams, second: Streams, third: Streams) -> bytes:
        connect = await poll(first)
        await until(lambda: served.is_parked)
        first[1].transport.abort()
        await until(lambda: not served.is_parked)
        second[1].write(OPERATION)
        await heard(second[0])
        third[1].write(request(json.dumps([connect]).encode()))
        return (await heard(third[0]))[2]

    assert b'"r1"' in with_clients(act, 3, served=served)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_half_closed_client_gets_the_answer_to_a_poll_that_nothing_comes_for(version: str) -> None:
    served = standin()

    async def act(first: Streams, second: Streams) -> bytes:
        connect = await poll(first)
        short = request(json.dumps([connect | {"advice": {"timeout": 200}}]).encode())
        second[1].write(request(target="/x") + short.replace(b"HTTP/1.1", b"HTTP/" + version.encode()))
        second[1].write_eof()
        return await second[0].read()

    found = with_clients(act, 2, served=served)

    assert [status for status in re.findall(rb"HTTP/1.1 (\d+)", found) if status != b"100"] == [b"470", b"200"]
    assert b'"/meta/connect"' in found


def test_a_half_closed_old_client_gets_the_answer_to_its_poll_when_it_is_ready() -> None:
    served = standin()

    async def act(first: Streams, second: Streams, third: Streams) -> bytes:
        connect = await poll(first)
        await until(lambda: served.is_parked)
        third[1].write(request(json.dumps([connect]).encode()).replace(b"HTTP/1.1", b"HTTP/1.0"))
        third[1].write_eof()
        await heard(first[0])  # the poll that was replaced
        second[1].write(OPERATION)
        await heard(second[0])
        return await third[0].read()

    found = with_clients(act, 3, served=served)

    assert found.startswith(b"HTTP/1.1 200 OK")
    assert b'"r1"' in found


def test_a_half_closed_client_gets_the_answer_to_its_poll_when_it_is_ready() -> None:
    served = standin()

    async def act(first: Streams, second: Streams) -> bytes:
        await poll(first)
        await until(lambda: served.is_parked)
        first[1].write_eof()
        await asyncio.sleep(0.05)  # it must get there, and change nothing
        second[1].write(OPERATION)
        await heard(second[0])
        return await first[0].read()

    found = with_clients(act, 2, served=served)

    assert found.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert b'"r1"' in found


def test_a_half_closed_client_that_is_gone_when_its_answer_comes_gets_the_events_with_its_next() -> None:
    served = standin()

    async def act(first: Streams, second: Streams, third: Streams) -> bytes:
        connect = await poll(first)
        await until(lambda: served.is_parked)
        first[1].write_eof()
        await asyncio.sleep(0.1)  # in which it shows that it is there
        first[1].transport.abort()
        second[1].write(OPERATION)
        await heard(second[0])
        await asyncio.sleep(0.1)  # in which the kernel says that nobody was there
        third[1].write(request(json.dumps([connect]).encode()))
        return (await heard(third[0]))[2]

    assert b'"r1"' in with_clients(act, 3, served=served)


def test_a_client_that_does_not_read_is_served_no_further_until_it_does() -> None:
    served, asked, full = standin(), count(), asyncio.Event()
    original, pause = served.receive, Connection.pause_writing
    many = request(b"", "/" + "y" * 4000) * 20  # a miss names it

    def receive(incoming: HttpRequest, now: float) -> None:
        next(asked)
        original(incoming, now)

    def pause_writing(connection: Connection) -> None:
        pause(connection)
        full.set()

    async def act(streams: Streams) -> tuple[str, str, int]:
        reader, writer = streams
        sent = 0
        while not full.is_set():
            writer.write(many)
            sent += 20
            await asyncio.sleep(0)
        before = repr(asked)
        for _ in range(100):
            await asyncio.sleep(0)
        after = repr(asked)
        return before, after, len([await heard(reader) for _ in range(sent)]) - sent

    with patch.object(served, "receive", receive), patch.object(Connection, "pause_writing", pause_writing):
        before, after, lost = with_clients(act, served=served)

    assert before == after
    assert lost == 0


def test_a_connection_that_is_idle_for_too_long_is_ended() -> None:
    async def act(streams: Streams) -> bytes:
        reader, writer = streams
        writer.write(HANDSHAKE)
        await heard(reader)
        return await reader.read()

    assert with_clients(act, limits=Limits(idle=0.05)) == b""


def test_an_error_of_ours_ends_its_connection_in_a_later_turn_too() -> None:
    async def act(streams: Streams) -> bytes:
        reader, writer = streams
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        writer.write(HANDSHAKE + b"not a request\r\n\r\n")
        await heard(reader)
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""

    with patch.object(Connection, "_refuse", side_effect=RuntimeError("a fault of ours")):
        assert with_clients(act) == b""


def test_when_the_server_ends_its_connections_end() -> None:
    served = standin()

    async def run() -> bytes:
        async with serve(served) as address:
            streams = await asyncio.open_connection(address.host, address.port)
            await poll(streams)
            await until(lambda: served.is_parked)
        streams[1].close()
        return await asyncio.wait_for(streams[0].read(), LIMIT)

    assert asyncio.run(run()) == b""
