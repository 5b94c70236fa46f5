"""A stand-in's HTTP server with clients that ask for too much, or too slowly: they are told, and nothing is left."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import logging
import os
import re
import socket
import zlib
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.model import Recording
from recorder.replay.engine.http import HttpRequest, Reply
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import serve
from recorder.replay.server.limits import Limits, Listener, fitting
from tests.fuzz.fuzz_standin import chunked, frame, request, upgrade
from tests.wire import Wire, chained, done

HANDSHAKE = json.dumps([{"channel": "/meta/handshake"}]).encode()
LIMIT = 10.0  # seconds to wait for what takes milliseconds
SMALL = Limits(body=2000)
QUICK = Limits(sending=0.05, idle=0.05)


class Client:
    """A connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def sends(self, data: bytes) -> None:
        self.writer.write(data)

    async def hears(self) -> tuple[int, bytes]:
        """The next response, its status and body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), LIMIT)
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await asyncio.wait_for(self.reader.readexactly(int(length[0].split(b":")[1]) if length else 0), LIMIT)
        return int(head.split()[1]), body

    async def asks(self, data: bytes) -> tuple[int, bytes]:
        self.sends(data)
        return await self.hears()

    async def rest(self) -> bytes:
        """All until the connection ends."""
        return await asyncio.wait_for(self.reader.read(), LIMIT)


def recording() -> Recording:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    return wire.recording()


def standin(played: Recording | None = None, kind: type[ReplayEngine] = ReplayEngine) -> ReplayEngine:
    ids = count(1)
    played = played or recording()
    return kind(played, load(played.header.dialect), new_id=lambda: f"id{next(ids)}", rate=INSTANT)


def with_client(
    act: Callable[[Client], Awaitable[Any]], limits: Limits = SMALL, served: ReplayEngine | None = None
) -> Any:
    """What a client makes of a server with some limits."""

    async def run() -> Any:
        async with serve(served or standin(), limits=limits) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                return await act(Client(reader, writer))
            finally:
                writer.transport.abort()

    return asyncio.run(run())


def answer(data: bytes, limits: Limits = SMALL, served: ReplayEngine | None = None) -> tuple[int, bytes]:
    found: tuple[int, bytes] = with_client(lambda client: client.asks(data), limits, served)
    return found


# Content encodings of plain text that clients send
PLAIN = [
    "UTF-8", "utf8", '"UTF-8"', "none", "text", "*", "base64", "8bit", "amz-1.0", "identity, UTF-8", "aws-chunked",
    "gzip", "deflate", "gzip, gzip", "",
]  # fmt: skip


# Size


@pytest.mark.parametrize(
    "data",
    [
        request(b" " * 3000),
        request()[:-4].replace(b"Content-Length: 0", b"Content-Length: 3000") + b"\r\n\r\n" + b" " * 2500,
        chunked([b" " * 500] * 6),
        request(gzip.compress(b" " * 3000, mtime=0), Content_Encoding="gzip"),
        request(zlib.compress(b" " * 3000), Content_Encoding="deflate"),
        request(gzip.compress(bytes(20 << 20), mtime=0), Content_Encoding="gzip"),
        request(gzip.compress(b" " * 3000, mtime=0), Content_Encoding="text"),
    ],
    ids=["body", "unfinished body", "chunks", "gzip", "deflate", "bomb", "gzip by its first bytes"],
)
def test_a_body_that_is_too_large_when_unpacked_is_refused(data: bytes) -> None:
    status, _ = answer(data, Limits(body=2000) if len(data) < 10_000 else Limits())

    assert status == 413


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(HANDSHAKE, mtime=0), "gzip"),
        (gzip.compress(HANDSHAKE, mtime=0), " X-GZip"),
        (zlib.compress(HANDSHAKE), "deflate"),
        (HANDSHAKE, "identity"),
        (gzip.compress(gzip.compress(HANDSHAKE, mtime=0), mtime=0), "gzip, gzip"),
        *((HANDSHAKE, name) for name in PLAIN),
        *((gzip.compress(HANDSHAKE, mtime=0), name) for name in ('"gzip"', "text", "aws-chunked, gzip", "gzip, utf-8")),
    ],
)
def test_a_packed_body_is_read(packed: bytes, encoding: str) -> None:
    status, body = answer(request(packed, Content_Encoding=encoding))

    assert status == 200
    assert json.loads(body)[0]["successful"] is True


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (request(gzip.compress(HANDSHAKE, mtime=0)[:-9], Content_Encoding="gzip"), 400),
        (request(b"\x00\xff", Content_Encoding="gzip"), 400),
        (request(b"\x1f\x8b\x08broken", Content_Encoding="text"), 400),
        (request(b"\x00\xff", Content_Encoding="base64"), 415),
        (request(HANDSHAKE, Content_Encoding=", ".join(["gzip"] * 6)), 415),
        (chunked([]) + b"zz\r\n", 400),
        (request(target="/" + "x" * 70_000), 414),
        (request(X="x" * 70_000), 431),
        (request(**{f"X{number}": "" for number in range(500)}), 431),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    ],
)
def test_what_is_no_proper_request_is_refused_and_leaves_the_log_alone(
    data: bytes, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    status, _ = answer(data)

    assert status == expected
    assert caplog.records == []


def test_a_client_may_send_twice_what_was_recorded_of_everything() -> None:
    wire = Wire()
    headers = tuple((f"X{number}", "x" * 1000) for number in range(100))
    wire.respond(wire.request("POST", "/x", b"x" * (1 << 20), headers), b"", 200, ())

    limits = fitting(*standin(wire.recording()).largest)

    assert limits.body == 2 << 20
    assert limits.head > 200_000
    assert limits.headers > 200


def test_a_body_as_long_as_a_recorded_one_is_never_too_large() -> None:
    wire = Wire()
    long = chained(7, "r1", note="x" * 5000)
    wire.desk().asks(long, done(7, "r1"))

    status, _ = answer(request(long.body, long.target), Limits(body=100), standin(wire.recording()))

    assert status == 200


# Time


def test_a_body_that_takes_too_long_is_refused() -> None:
    async def act(client: Client) -> tuple[int, bytes]:
        status, _ = await client.asks(request(HANDSHAKE)[:-5])
        return status, await client.rest()

    assert with_client(act, QUICK) == (408, b"")


@pytest.mark.parametrize(
    ("begun", "statuses"),
    [
        (b"", []),
        (b"\r\n", []),
        (request(HANDSHAKE), [b"200"]),
        (b"POST", [b"408"]),
        (b"POST / HTTP/1.1\r\nHost: x\r\n", [b"408"]),
        (request(HANDSHAKE) + b"POST / HT", [b"200", b"408"]),
    ],
)
def test_a_connection_without_a_whole_request_is_ended(begun: bytes, statuses: list[bytes]) -> None:
    served = standin()

    async def act(client: Client) -> bytes:
        client.sends(begun)
        return await client.rest()

    found = with_client(act, QUICK, served)

    assert re.findall(rb"HTTP/1.1 (\d+)", found) == statuses
    assert served.missed == statuses.count(b"408")


async def connected(client: Client) -> str:
    """Shake hands and do the first poll; the clientId."""
    _, body = await client.asks(request(HANDSHAKE))
    client_id = str(json.loads(body)[0]["clientId"])
    await client.asks(poll(client_id))
    return client_id


def poll(client_id: str, timeout: int = 300) -> bytes:
    connect = {"channel": "/meta/connect", "clientId": client_id, "advice": {"timeout": timeout}}
    return request(json.dumps([connect]).encode())


def test_a_held_poll_may_last_longer_than_any_limit() -> None:
    async def act(client: Client) -> tuple[int, bytes]:
        return await client.asks(poll(await connected(client)))

    status, body = with_client(act, QUICK)

    assert status == 200
    assert json.loads(body)[0]["successful"] is True


def test_a_silent_websocket_may_last_longer_than_any_limit() -> None:
    async def act(client: Client) -> bytes:
        await client.asks(upgrade())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.3)
        client.sends(frame(HANDSHAKE))
        return await asyncio.wait_for(client.reader.readuntil(b"successful"), LIMIT)

    assert b"/meta/handshake" in with_client(act, QUICK)


def test_a_client_that_waits_to_be_asked_for_the_body_is_asked() -> None:
    async def act(client: Client) -> tuple[int, int]:
        head, _, body = request(HANDSHAKE, Expect="100-continue").partition(b"\r\n\r\n")
        asked, _ = await client.asks(head + b"\r\n\r\n")
        status, _ = await client.asks(body)
        return asked, status

    assert with_client(act) == (100, 200)


# WebSockets


@pytest.mark.parametrize(
    "data",
    [
        upgrade().replace(b"Sec-WebSocket-Key", b"Other"),
        upgrade().replace(b"Connection: Upgrade", b"Connection: \xff"),
        upgrade().replace(b"dGhlIHNh", b"\xffGhlIHNh"),
        upgrade().replace(b"-Version: 13", b"-Version: 99"),
    ],
)
def test_what_is_no_websocket_handshake_is_refused_and_nothing_is_left_of_it(data: bytes) -> None:
    served = standin()

    status, _ = answer(data, served=served)

    assert status == 400
    assert served.state(0.0)["sessions"] == []


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(b"[]", 0x82), 1003),
        (frame(b"nothing"), 1008),
        (frame(b"\xff\xfe"), 1007),
        (frame(b" " * 3000), 1009),
        (frame(b"x", 0x83), 1002),
        (frame(json.dumps([{"channel": "/x"}] * 1001).encode()), 1009),
    ],
)
def test_a_message_that_is_none_ends_the_websocket_and_says_why(sent: bytes, code: int) -> None:
    async def act(client: Client) -> bytes:
        await client.asks(upgrade())
        client.sends(sent)
        return await asyncio.wait_for(client.reader.readexactly(4), LIMIT)

    limits = Limits() if code == 1009 and b"channel" in sent else SMALL
    closed = with_client(act, limits)

    assert closed[0] == 0x88
    assert int.from_bytes(closed[2:], "big") == code


def test_a_client_that_does_not_read_its_websocket_is_not_read_either() -> None:
    async def act(client: Client) -> None:
        await client.asks(upgrade())
        message = frame(json.dumps([{"channel": "/meta/connect", "id": "x" * 100_000}]).encode())
        for _ in range(500):  # 50 MB; the sockets between take a few
            client.sends(message)
            await asyncio.wait_for(client.writer.drain(), 1)

    with pytest.raises(TimeoutError):
        with_client(act, Limits(unread=3))


# What is our fault


class BrokenOnReceipt(ReplayEngine):
    def receive(self, request: HttpRequest, now: float) -> None:
        raise ZeroDivisionError("of ours")


class BrokenOnReply(ReplayEngine):
    def replies(self, now: float) -> list[Reply]:
        raise ZeroDivisionError("of ours")


@pytest.mark.parametrize("kind", [BrokenOnReceipt, BrokenOnReply])
def test_an_error_of_ours_is_told_in_one_line_and_loud_in_the_log(
    kind: type[ReplayEngine], caplog: pytest.LogCaptureFixture
) -> None:
    status, body = answer(request(HANDSHAKE), served=standin(kind=kind))

    assert status == 503
    assert body == b"the stand-in broke, its log tells why\n"
    assert "ZeroDivisionError: of ours" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


@pytest.mark.parametrize("kind", [BrokenOnReceipt, BrokenOnReply])
def test_an_error_of_ours_ends_a_websocket_as_one(kind: type[ReplayEngine]) -> None:
    async def act(client: Client) -> bytes:
        await client.asks(upgrade())
        client.sends(frame(HANDSHAKE))
        return await asyncio.wait_for(client.reader.readexactly(4), LIMIT)

    closed = with_client(act, served=standin(kind=kind))

    assert int.from_bytes(closed[2:], "big") == 1011


# What comes from hostile cassettes, and from the values of hostile clients


@pytest.mark.parametrize("reference", ["live\r\nSet-Cookie: a=b", "live\ud800\x00", "né " * 10])
def test_a_value_that_fits_no_header_does_not_get_into_one(reference: str) -> None:
    wire = Wire()
    desk = wire.desk()
    exchange = desk.post(chained(7, "recorded-reference"))
    wire.respond(exchange, {}, headers=(("Location", "/x/recorded-reference"), ("no name", "x"), ("X-Odd", "\ud800\n")))
    asked = chained(7, reference)

    async def act(client: Client) -> bytes:
        client.sends(request(asked.body, asked.target))
        return await asyncio.wait_for(client.reader.readuntil(b"\r\n\r\n"), LIMIT)

    head = with_client(act, served=standin(wire.recording()))

    assert head.startswith(b"HTTP/1.1 200")
    assert b"\r\nLocation: /x/" in head
    assert b"\r\nSet-Cookie" not in head
    assert b"no name" not in head


class Short(socket.socket):
    """A listening socket of a machine that lacks something for some accepts."""

    def __init__(self, number: int, times: int) -> None:
        super().__init__()
        self.bind(("127.0.0.1", 0))
        self.listen()
        self.setblocking(False)
        self.number, self.left, self.tries = number, times, 0

    def accept(self) -> tuple[socket.socket, Any]:
        self.tries += 1
        self.left -= 1
        if self.left >= 0:
            raise OSError(self.number, os.strerror(self.number))
        return super().accept()


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"hello")
        transport.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM])
def test_a_client_waits_while_the_machine_lacks_something_and_is_served_then(
    number: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> tuple[bytes, int]:
        short = Short(number, times=5)
        listener = Listener([short], Greeter)
        reader, writer = await asyncio.open_connection(*short.getsockname())
        said = await asyncio.wait_for(reader.read(), LIMIT)
        writer.close()
        listener.close()
        return said, short.tries

    said, tries = asyncio.run(run())

    assert said == b"hello"
    assert tries <= 7  # five that fail, one that does not, and one that finds nobody
    assert len(caplog.records) == 1


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ECONNABORTED, errno.EINTR])
def test_a_client_that_is_gone_already_is_no_shortage(number: int, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> bytes:
        short = Short(number, times=1)
        listener = Listener([short], Greeter)
        reader, writer = await asyncio.open_connection(*short.getsockname())
        said = await asyncio.wait_for(reader.read(), LIMIT)
        writer.close()
        listener.close()
        return said

    assert asyncio.run(run()) == b"hello"
    assert not caplog.records


def test_a_listener_that_ends_during_a_shortage_is_quiet() -> None:
    async def run() -> int:
        short = Short(errno.EMFILE, times=1000)
        listener = Listener([short], Greeter)
        _, writer = await asyncio.open_connection(*short.getsockname())
        while not short.tries:  # noqa: ASYNC110  # another turn of the loop makes it
            await asyncio.sleep(0)
        listener.close()
        tries = short.tries
        await asyncio.sleep(0.05)
        writer.close()
        return short.tries - tries

    assert asyncio.run(run()) == 0


async def shaken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Shake hands; the clientId."""
    writer.write(request(json.dumps([{"channel": "/meta/handshake"}]).encode()))
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length is not None
    return str(json.loads(await reader.readexactly(int(length[1])))[0]["clientId"])


@pytest.mark.parametrize("virtual", [False, True])
def test_a_session_whose_client_left_without_a_word_is_let_go(virtual: bool) -> None:  # a row
    async def run() -> tuple[int, bytes]:
        served = standin()
        async with serve(served, limits=Limits(session=0.1), virtual=virtual) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            client_id = await shaken(reader, writer)
            before = len(served.state(0.0)["sessions"])
            while served.state(0.0)["sessions"]:  # noqa: ASYNC110  # the stand-in tells nobody
                await asyncio.sleep(0.01)
            writer.write(request(json.dumps([{"channel": "/meta/connect", "clientId": client_id}]).encode()))
            answer = await reader.readuntil(b"402")
            writer.close()
            return before, answer

    before, answer = asyncio.run(asyncio.wait_for(run(), LIMIT))

    assert before == 1
    assert answer.endswith(b"402")


def test_a_session_on_a_websocket_that_is_silent_is_not_let_go() -> None:
    async def run() -> int:
        served = standin()
        async with serve(served, limits=Limits(session=0.05)) as address:
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(upgrade() + frame(json.dumps([{"channel": "/meta/handshake"}]).encode()))
            await reader.readuntil(b"successful")
            await asyncio.sleep(0.3)  # it would be over
            found = len(served.state(0.0)["sessions"])
            writer.transport.abort()
            while served.state(0.0)["sessions"]:  # noqa: ASYNC110  # the stand-in tells nobody
                await asyncio.sleep(0.01)
            return found

    assert asyncio.run(asyncio.wait_for(run(), LIMIT)) == 1
