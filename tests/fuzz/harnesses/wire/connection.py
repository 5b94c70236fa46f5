"""Connections of a stand-in over a transport of its own: each answer is proper, and no cut changes the answers."""

from __future__ import annotations

import asyncio
import logging
import re
from functools import cache
from itertools import count
from typing import Any

from recorder.dialect.definition import load
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.connection import Connections, Routes
from recorder.replay.server.driver import Callbacks, Driver
from recorder.replay.server.limits import Limits
from tests.fuzz.drawing import Draw
from tests.fuzz.fuzz_standin import check
from tests.wire import Wire, chained, done

from .parser import TOKENS as OF_THE_PARSER

TOKENS = (
    *OF_THE_PARSER, b'[{"channel":"/meta/handshake"}]', b'"/meta/connect"', b'"clientId":"id1"',
    b'"advice":{"timeout":0}', b"POST /api/v2/notifications HTTP/1.1\r\n",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"Sec-WebSocket-Version: 13\r\n", b"\x81\x80\x00\x00\x00\x00",
    b"\x88\x80\x00\x00\x00\x00", b"message=",
)  # fmt: skip
TURNS = 12  # of the event loop; each piece of an answer takes one or two
_CHANGING = re.compile(rb"HTTP/1.1 100 Continue\r\n\r\n|(?<=\r\nDate:)[^\r]*")


class _Alarmed(logging.Handler):
    """Keeps what the server logs of its own errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


class _Transport(asyncio.Transport):
    """A socket whose client reads at once."""

    def __init__(self, protocol: asyncio.BaseProtocol) -> None:
        super().__init__()
        self.written, self._protocol, self._closing, self.is_paused = bytearray(), protocol, False, False

    def write(self, data: Any) -> None:
        assert not self._closing or not data, "writes behind the end"
        self.written += data

    def writelines(self, pieces: Any) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        self._closing = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return True

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def is_reading(self) -> bool:
        return not self.is_paused

    def get_write_buffer_size(self) -> int:
        return 0


def TestOneInput(data: bytes) -> None:  # noqa: N802  # the name that OSS-Fuzz wants
    draw = Draw(data)
    cuts = draw.raw(8)
    sent = draw.rest()

    whole = _loop().run_until_complete(_answers([sent]))
    check(whole)
    assert _loop().run_until_complete(_answers(Draw(cuts).pieces(sent))) == whole


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@cache
def _wire() -> Wire:
    wire = Wire()
    wire.desk().asks(chained(7, "r1"), done(7, "r1"))
    return wire


@cache
def _recording() -> Any:
    return _wire().recording()


async def _answers(parts: list[bytes]) -> bytes:
    """All that a stand-in writes to a client that sends these parts, and then no more."""
    ids, alarmed = count(1), _Alarmed()
    logging.getLogger("recorder").addHandler(alarmed)
    played = _recording()
    standin = ReplayEngine(played, load(played.header.dialect), new_id=lambda: f"id{next(ids)}", rate=INSTANT)
    driver = Driver(standin, Callbacks(), virtual=False)
    limits = Limits(body=5000, head=4000, headers=30)
    routes = Routes(opens=standin.owns, asks=standin.asks, upgrade=standin.upgrade)
    connection = Connections(driver, limits, routes)()
    transport = _Transport(connection)
    connection.connection_made(transport)
    try:
        for part in parts:
            while transport.is_paused and not transport.is_closing():  # noqa: ASYNC110  # turns are all there is to wait for
                await asyncio.sleep(0)
            if part and not transport.is_closing():
                transport.get_protocol().data_received(part)  # type: ignore[attr-defined]  # of asyncio.Protocol
            await _turns()
        if not transport.is_closing():
            transport.get_protocol().eof_received()  # type: ignore[attr-defined]  # of asyncio.Protocol
        await _turns()
    finally:
        transport.get_protocol().connection_lost(None)  # type: ignore[attr-defined]  # of asyncio.Protocol
        driver.close()
        await _turns()
        logging.getLogger("recorder").removeHandler(alarmed)
    assert not alarmed.told, alarmed.told[0]
    return _CHANGING.sub(b"", bytes(transport.written))


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
