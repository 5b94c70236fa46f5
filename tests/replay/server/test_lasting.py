"""A server that lasts for weeks keeps nothing of the connections that have ended."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from recorder.replay.server.connection import Connection, Connections, Routes
from recorder.replay.server.driver import Callbacks, Driver
from recorder.replay.server.limits import Limits
from recorder.replay.server.sockets import Lingering
from tests.replay.server.clients import standin, with_client
from tests.replay.server.test_corpus import GOOD, WEBSOCKET


@pytest.mark.parametrize("sent", [b"", GOOD, b"nonsense\r\n\r\n", WEBSOCKET], ids=["nothing", "good", "bad", "socket"])
def test_a_transport_that_has_ended_is_no_work_for_the_collector(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[weakref.ref[asyncio.BaseTransport]] = []
    made = Connection.connection_made

    def seen(connection: Connection, transport: asyncio.BaseTransport) -> None:
        known.append(weakref.ref(transport))
        made(connection, transport)

    monkeypatch.setattr(Connection, "connection_made", seen)

    async def act(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(sent)
        await asyncio.sleep(0.02)
        writer.transport.abort()
        for _turn in range(500):
            if known and known[0]() is None:
                return True
            await asyncio.sleep(0.01)
        return False

    gc.disable()
    try:
        assert with_client(act, standin())
    finally:
        gc.enable()


class Gone(asyncio.Transport):
    """The transport of a client whose reset has come, but was not noticed yet."""

    aborted = False

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    def is_reading(self) -> bool:
        return True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


def test_a_client_that_is_gone_before_its_refusal_is_no_error() -> None:
    async def run() -> bool:
        gone = Gone()
        connections = Connections(Driver(standin(), Callbacks(), virtual=False), Limits(), Routes())
        lingering = Lingering(connections, gone)
        lingering.connection_lost(None)
        return gone.aborted

    assert asyncio.run(run())
