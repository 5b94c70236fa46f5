"""A connection on which mitmproxy fails is cut, and told of once."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pytest

pytest.importorskip("mitmproxy.test.taddons")  # an extra: the suite runs without it too

from mitmproxy.test import taddons

from recorder.capture.mitm.protocol.crashes import Crashes

log = logging.getLogger("mitmproxy.proxy.server")


class Connection:
    def __init__(self, peer: tuple[str, int]) -> None:
        self.client, self.closed = SimpleNamespace(peername=peer), False

    def close_connection(self, client: object) -> None:
        assert client is self.client
        self.closed = True


class Server:
    name = "proxyserver"

    def __init__(self) -> None:
        self.connections = {n: Connection(("127.0.0.1", n)) for n in range(3)}


def run(*, exc_info: object = None) -> tuple[Server, list[tuple[str, str, str]]]:
    server, told = Server(), []

    async def crash() -> None:
        crashes = Crashes(lambda *fact: told.append(fact))
        with taddons.context(server):
            crashes.watch()
            log.error("mitmproxy has crashed!", exc_info=exc_info, extra={"client": ("127.0.0.1", 1)})
            crashes.leave()
            log.error("mitmproxy has crashed!", exc_info=exc_info, extra={"client": ("127.0.0.1", 2)})

    asyncio.run(crash())
    return server, told


def test_the_connection_of_the_client_is_cut_and_no_other() -> None:
    server, told = run(exc_info=(ValueError, ValueError("odd"), None))

    assert [connection.closed for connection in server.connections.values()] == [False, True, False]
    assert told == [
        ("not-carried", "mitmproxy", "mitmproxy failed on a connection, which is cut: ValueError('odd')"),
    ]


def test_an_error_without_an_exception_cuts_nothing() -> None:
    server, told = run()

    assert not any(connection.closed for connection in server.connections.values())
    assert told == []
