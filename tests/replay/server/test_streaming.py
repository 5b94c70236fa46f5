"""Answers that come in pieces, and WebSockets without Bayeux, on real sockets with a fake in place of the stand-in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import pytest
import websockets

from recorder.model import Headers
from recorder.replay.engine.http import HttpRequest, HttpResponse, Piece, Reply
from recorder.replay.server.connection import Connections, Routes
from recorder.replay.server.driver import Driver, Waiter
from recorder.replay.server.limits import Limits
from recorder.requests.index.streams import CUT_OFF
from tests.replay.server.clients import LIMIT

SSE: Headers = (("Content-Type", "text/event-stream"),)
Found = TypeVar("Found")


class Pusher:
    """In place of a driver: begins a stream or WebSocket for each request, and sends pieces when it is told to."""

    def __init__(self, status: int = 200, headers: Headers = SSE, *pieces: bytes) -> None:
        self.status, self.headers, self.pieces = status, headers, pieces
        self.requests: list[HttpRequest] = []
        self.waiting: dict[int, Waiter] = {}
        self.gone: list[int] = []
        self.lost: list[int] = []
        self._numbers = 0
        self.changed = asyncio.Event()
        self.connections: Connections

    @property
    def buffered(self) -> int:
        """Bytes in the write buffers of all connections."""
        return sum(transport.get_write_buffer_size() for transport in self.connections.open)

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def take(self, incoming: HttpRequest, waiting: Waiter | None) -> None:
        self.requests.append(incoming)
        self.changed.set()
        if waiting is None:
            return
        self.waiting[incoming.number] = waiting
        more = self.status in (101, 200)
        waiting.set_result(HttpResponse(incoming.number, self.status, self.headers, b"", more=more))
        for piece in self.pieces:
            self.push(incoming.number, piece)

    def hand_over(self, number: int, waiting: Waiter) -> None:
        self.waiting[number] = waiting

    def push(self, number: int, body: bytes, **how: Any) -> None:
        self.waiting[number].set_result(Piece(number, body, **how))

    def sent(self, number: int) -> None:
        self.gone.append(number)

    def give_up(self, numbers: Iterable[int]) -> None:
        self.lost += numbers
        self.changed.set()

    async def until(self, holds: Callable[[], object]) -> None:
        while not holds():
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def pushing(pusher: Pusher) -> AsyncIterator[int]:
    """Serve it; yields its port."""
    routes = Routes(opens=lambda _: True, asks=lambda _: True)
    connections = pusher.connections = Connections(cast(Driver, pusher), Limits(unread=5), routes)
    listener = await asyncio.get_running_loop().create_server(connections, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await connections.close()


def talk(
    act: Callable[[Pusher, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[Found]], *pieces: bytes
) -> tuple[Found, Pusher]:
    """What a client with a bare socket makes of it."""

    async def run() -> tuple[Found, Pusher]:
        pusher = Pusher(200, SSE, *pieces)
        async with pushing(pusher) as port, asyncio.timeout(LIMIT):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            found = await act(pusher, reader, writer)
            writer.transport.abort()
            return found, pusher

    return asyncio.run(run())


def asks(version: str = "1.1", method: str = "GET") -> bytes:
    return f"{method} /stream HTTP/{version}\r\nHost: localhost\r\n\r\n".encode()


def test_each_piece_is_a_chunk_that_leaves_at_once() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> list[bytes]:
        writer.write(asks())
        head = await reader.readuntil(b"\r\n\r\n")
        first = await reader.readexactly(len(b"a\r\ndata: one\n\r\n"))
        pusher.push(1, b"data: two\n")
        second = await reader.readexactly(len(b"a\r\ndata: two\n\r\n"))
        return [head, first, second]

    (head, *chunks), pusher = talk(act, b"data: one\n")

    assert b"Transfer-Encoding: chunked\r\n" in head
    assert b"Content-Length" not in head
    assert chunks == [b"a\r\ndata: one\n\r\n", b"a\r\ndata: two\n\r\n"]
    assert pusher.gone == [1, 1, 1]


def test_the_connection_serves_on_after_the_last_piece() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks() + asks())
        await reader.readuntil(b"\r\n\r\n")
        pusher.push(1, b"x", more=False)
        last = await reader.readuntil(b"0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        return last

    last, pusher = talk(act)

    assert last == b"1\r\nx\r\n0\r\n\r\n"
    assert [request.number for request in pusher.requests] == [1, 2]
    assert pusher.lost == [2]


def test_an_old_client_reads_until_the_connection_ends() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks("1.0"))
        await reader.readuntil(b"one\n")
        pusher.push(1, b"data: two\n", more=False)
        return await reader.read()

    rest, pusher = talk(act, b"data: one\n")

    assert rest == b"data: two\n"
    assert pusher.lost == []


def test_a_head_request_gets_no_piece() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks(method="HEAD"))
        await reader.readuntil(b"\r\n\r\n")
        pusher.push(1, b"", more=False)
        writer.write_eof()
        return await reader.read()

    assert talk(act, b"data: one\n")[0] == b""


def test_a_stream_that_is_cut_off_lacks_its_last_chunk() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks())
        await reader.readuntil(b"\r\n\r\n")
        pusher.push(1, b"x", more=False, code=CUT_OFF)
        return await reader.read()

    assert talk(act)[0] == b"1\r\nx\r\n"


def test_what_is_pushed_after_a_client_left_does_not_count_as_sent() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(asks())
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        await pusher.until(lambda: pusher.lost)
        pusher.push(1, b"late")

    _, pusher = talk(act)

    assert pusher.gone == [1]
    assert pusher.lost == [1]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_closes_its_half_is_served_to_the_end(version: str) -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks(version))
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        await asyncio.sleep(0.1)  # it must get there, and change nothing
        pusher.push(1, b"data: one\n")
        pusher.push(1, b"data: two\n", more=False)
        return await reader.read()

    rest, pusher = talk(act)

    assert (
        rest
        == {"1.0": b"data: one\ndata: two\n", "1.1": b"0a\r\ndata: one\n\r\na\r\ndata: two\n\r\n0\r\n\r\n"}[version]
    )
    assert pusher.gone == [1, 1, 1]
    assert pusher.lost == []


def test_the_end_of_a_stream_may_come_right_after_that_of_the_input() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks())
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        await asyncio.sleep(0.1)
        pusher.push(1, b"", more=False)
        return await reader.read()

    assert talk(act)[0] == b"00\r\n\r\n"


def test_a_request_that_waits_behind_a_stream_is_served_to_a_client_that_closed_its_half() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks() + asks())
        writer.write_eof()
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.1)
        pusher.push(1, b"x", more=False)
        await reader.readuntil(b"\r\n\r\n")
        await pusher.until(lambda: len(pusher.requests) == 2)
        pusher.push(2, b"y", more=False)
        return await reader.read()

    rest, pusher = talk(act)

    assert rest.endswith(b"1\r\ny\r\n0\r\n\r\n")
    assert pusher.lost == []


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_closed_its_half_and_is_gone_later_gets_what_came_then_with_its_next(version: str) -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(asks(version))
        await reader.readuntil(b"\r\n\r\n")
        writer.write_eof()
        await asyncio.sleep(0.1)  # in which it shows that it is there
        pusher.push(1, b"data: one\n")
        await reader.readuntil(b"one")
        await asyncio.sleep(0.1)
        writer.transport.abort()
        pusher.push(1, b"data: two\n")
        await pusher.until(lambda: pusher.lost)

    _, pusher = talk(act)

    assert pusher.gone == [1, 1]
    assert pusher.lost == [1]


def test_pieces_wait_for_a_client_that_does_not_read() -> None:
    piece, count = b"p" * 100_000, 100

    async def run() -> tuple[int, int, Pusher]:
        pusher = Pusher()
        async with pushing(pusher) as port, asyncio.timeout(LIMIT):
            slow = socket.socket()
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", port))
            slow.sendall(asks())
            await pusher.until(lambda: pusher.requests)
            for _ in range(count):
                pusher.push(1, piece)
            await asyncio.sleep(0.05)
            before = len(pusher.gone)
            assert pusher.buffered < 3 * len(piece)
            pusher.push(1, b"", more=False)
            slow.setblocking(False)
            read = 0
            while not (data := await asyncio.get_running_loop().sock_recv(slow, 1 << 20)).endswith(b"0\r\n\r\n"):
                read += len(data)
            slow.close()
            return before, read + len(data), pusher

    before, read, pusher = asyncio.run(run())

    assert before < count
    assert read > count * len(piece)
    assert len(pusher.gone) == count + 2


# WebSockets without Bayeux


def on_socket(
    act: Callable[[Pusher, websockets.ClientConnection], Awaitable[Found]], pusher: Pusher | None = None, **how: Any
) -> tuple[Found, Pusher]:
    """What a client of the library websockets makes of it."""

    async def run() -> tuple[Found, Pusher]:
        made = pusher or Pusher(101, (), b"hello")
        async with pushing(made) as port, asyncio.timeout(LIMIT):
            async with websockets.connect(f"ws://127.0.0.1:{port}/socket", proxy=None, **how) as client:
                found = await act(made, client)
            await made.until(lambda: made.lost)
            return found, made

    return asyncio.run(run())


def test_a_message_comes_without_being_asked_for() -> None:
    async def act(pusher: Pusher, client: websockets.ClientConnection) -> list[str | bytes]:
        heard = [await client.recv()]
        pusher.push(1, "später".encode())
        pusher.push(1, b"\x00\xff", is_text=False)
        return [*heard, await client.recv(), await client.recv()]

    heard, pusher = on_socket(act)

    assert heard == ["hello", "später", b"\x00\xff"]
    assert pusher.gone == [1, 1, 1, 1]


def test_a_clients_message_names_the_socket_it_came_on() -> None:
    async def act(pusher: Pusher, client: websockets.ClientConnection) -> None:
        await client.send("text")
        await client.send(b"\x00\xff")
        await pusher.until(lambda: len(pusher.requests) == 3)

    _, pusher = on_socket(act)
    upgrade, text, binary = pusher.requests

    assert (upgrade.method, upgrade.on_socket) == ("GET", False)
    assert [(m.method, m.socket, m.body, m.is_text) for m in (text, binary)] == [
        ("MESSAGE", 1, b"text", True),
        ("MESSAGE", 1, b"\x00\xff", False),
    ]


def test_the_handshake_has_the_headers_of_its_answer() -> None:
    async def act(_: Pusher, client: websockets.ClientConnection) -> tuple[str | None, str | None]:
        assert client.response is not None
        return client.subprotocol, client.response.headers.get("X-Own")

    headers = ("Sec-WebSocket-Protocol", "json"), ("X-Own", "recorded")

    assert on_socket(act, Pusher(101, headers), subprotocols=["json"])[0] == ("json", "recorded")


def test_pings_are_answered() -> None:
    async def act(_: Pusher, client: websockets.ClientConnection) -> float:
        return await (await client.ping())

    assert on_socket(act)[0] >= 0


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (4001, "signed in elsewhere", (4001, "signed in elsewhere")),
        (1000, "", (1000, "")),
        (0, "left out", (1005, "")),
        (1005, "", (1005, "")),
        (CUT_OFF, "", (1006, "")),
        (1011, "x" * 122 + "ä", (1011, "x" * 122)),
    ],
)
def test_the_server_closes_with_code_and_reason(code: int, reason: str, expected: tuple[int, str]) -> None:
    async def act(pusher: Pusher, client: websockets.ClientConnection) -> tuple[int | None, str | None]:
        await client.recv()
        pusher.push(1, b"", more=False, code=code, reason=reason)
        pusher.lost.append(1)
        await client.wait_closed()
        return client.close_code, client.close_reason

    assert on_socket(act)[0] == expected


def test_an_upgrade_that_is_refused_is_answered_as_any_request() -> None:
    async def act(_: Pusher, __: websockets.ClientConnection) -> None: ...

    with pytest.raises(websockets.InvalidStatus, match="HTTP 403"):
        on_socket(act, Pusher(403, ()))


def test_messages_wait_for_a_client_that_does_not_read() -> None:
    async def act(pusher: Pusher, client: websockets.ClientConnection) -> tuple[int, int]:
        for _ in range(100):
            pusher.push(1, b"m" * 100_000)
        before = len(pusher.gone)
        assert pusher.buffered < 300_000
        count = [await client.recv() for _ in range(101)]
        return before, len(count)

    (before, count), pusher = on_socket(act, max_queue=1, compression=None)

    assert before < 100
    assert count == 101
    assert len(pusher.gone) == 102


def test_a_stand_in_that_broke_ends_the_stream() -> None:
    async def act(pusher: Pusher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(asks())
        await reader.readuntil(b"\r\n\r\n")
        broken: Reply = HttpResponse(1, 503, (), b"broke")
        pusher.waiting[1].set_result(broken)
        return await reader.read()

    assert talk(act)[0] == b""
