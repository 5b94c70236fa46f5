"""A connection is given to the process that has its client's session, with all that was sent on it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from aiohttp import web

from recorder.replay.server.processes import adopt, front

ID = "0123456789abcdef" * 2
OF_SECOND = f"GET / HTTP/1.1\r\nHost: x\r\nCookie: BAYEUX_BROWSER={ID}-1\r\n\r\n".encode()
OF_NOBODY = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def given(send: Callable[[socket.socket], None]) -> tuple[int, bytes]:
    """What a client sends to a front of two processes: which of them gets the connection, and what is to be read."""

    async def run() -> tuple[int, bytes]:
        pairs = [socket.socketpair() for _ in range(2)]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.ensure_future(front(listener, [one for one, _ in pairs]))  # noqa: RUF006  # kept, two lines on
            with socket.create_connection(listener.getsockname()) as client:
                taken = [asyncio.create_task(asyncio.to_thread(socket.recv_fds, end, 1, 1)) for _, end in pairs]
                await asyncio.to_thread(send, client)
                done, _ = await asyncio.wait(taken, return_when=asyncio.FIRST_COMPLETED, timeout=20)
                serving.cancel()
                await asyncio.wait([serving])
                for channel, _ in pairs:
                    channel.close()  # whoever got none reads the end
                await asyncio.wait(taken)
            (first,) = done
            with socket.socket(fileno=first.result()[1][0]) as connection:
                content = connection.recv(1 << 16)
            for _, end in pairs:
                end.close()
            return taken.index(first), content

    return asyncio.run(run())


@pytest.mark.parametrize(("head", "process"), [(OF_SECOND, 1), (OF_NOBODY, 0)])
def test_a_connection_goes_to_the_process_its_cookie_names_and_nothing_is_lost(head: bytes, process: int) -> None:
    assert given(lambda client: client.sendall(head + b"body")) == (process, head + b"body")


def test_a_head_that_comes_in_pieces_is_waited_for() -> None:
    def in_pieces(client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(0, len(OF_SECOND), 20):
            client.sendall(OF_SECOND[place : place + 20])

    process, content = given(in_pieces)

    assert process == 1
    assert OF_SECOND.startswith(content) or content == OF_SECOND


def test_a_head_that_has_no_end_is_given_away_all_the_same() -> None:
    assert given(lambda client: client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000))[0] == 0


def test_a_process_serves_what_it_is_given_until_its_channel_is_closed() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=request.path)

    async def run() -> bytes:
        ours, its = socket.socketpair()
        client, connection = socket.socketpair()
        client.sendall(b"GET /served HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        server = web.Server(handle)
        adopting = asyncio.create_task(adopt(its, server))
        with connection:
            socket.send_fds(ours, [b"c"], [connection.fileno()])
        reader, writer = await asyncio.open_connection(sock=client)
        answer = await reader.read()
        ours.close()
        await asyncio.wait_for(adopting, 20)
        writer.close()
        its.close()
        await server.shutdown()
        return answer

    assert asyncio.run(run()).endswith(b"/served")
