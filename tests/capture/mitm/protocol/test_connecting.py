"""A connection that cannot be made, or on which a task fails, does not leave a client waiting."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mitmproxy.master")  # an extra: the suite runs without it too

from mitmproxy.exceptions import OptionsError

from recorder.capture.mitm.protocol.connecting import RESET
from recorder.cassette.reader import read
from recorder.model import Failure, Request
from tests.capture.mitm.lab import Lab, client, get, serving
from tests.certificates import authority

CUT = "mitmproxy failed on a connection, which is cut: OptionsError('odd')"
UNREACHABLE = b"\x05\x04\x00\x01" + bytes(6)  # RFC 1928, section 6


class Nameless:
    """A writer without the name of its peer, as asyncio makes it after a reset that came at once."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def get_extra_info(self, name: str, default: object = None) -> object:
        return default if name == "peername" else self._writer.get_extra_info(name, default)

    def __getattr__(self, name: str) -> object:
        return getattr(self._writer, name)


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.StreamWriter]:
    """Take the name of the peer from each connection that mitmproxy makes; give their writers."""
    real, writers = asyncio.open_connection, []

    async def opened(*address: Any, **options: Any) -> tuple[asyncio.StreamReader, Any]:
        reader, writer = await real(*address, **options)
        if "local_addr" not in options:  # the client of this test
            return reader, writer
        writers.append(writer)
        return reader, Nameless(writer)

    monkeypatch.setattr(asyncio, "open_connection", opened)
    return writers


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA of mitmproxy for all tests of the module: one takes long to make."""
    return tmp_path_factory.mktemp("mitmproxy")


@pytest.fixture
def lab(tmp_path: Path, confdir: Path) -> Lab:
    return Lab(tmp_path, confdir, authority())


def test_a_server_that_resets_the_connection_at_once_is_a_clear_502(
    lab: Lab, nameless: list[asyncio.StreamWriter]
) -> None:
    async def steps() -> list[bytes]:
        async with (
            serving() as server,
            lab.recording(f"http://127.0.0.1:{server.port}") as running,
            client(running) as one,
            client(running) as other,
        ):
            return [await one.asks(get()), await other.asks(get())]

    answers = asyncio.run(steps())

    assert [answer.startswith(b"HTTP/1.1 502") and RESET.encode() in answer for answer in answers] == [True, True]
    assert [r.reason for r in read(lab.path).records if isinstance(r, Failure)] == [RESET, RESET]
    assert ("gap", f"the upstream cannot be reached: {RESET}") in lab.told()
    assert [writer.is_closing() for writer in nameless] == [True, True]


@pytest.mark.parametrize("host", [b"a..b", b"a" * 64, b"\xff"])
def test_a_host_that_is_no_name_is_unreachable(lab: Lab, host: bytes) -> None:
    async def steps() -> bytes:
        async with lab.desk(mode="socks5") as desk:
            desk.writer.write(b"\x05\x01\x00")
            assert await desk.reader.readexactly(2) == b"\x05\x00"
            desk.writer.write(b"\x05\x01\x00\x03" + bytes([len(host)]) + host + b"\x00\x50")
            async with asyncio.timeout(5):
                return await desk.reader.read()

    assert asyncio.run(steps()) == UNREACHABLE


class Failing:
    """An addon whose hook fails with the one error that mitmproxy does not keep from its own task."""

    def __init__(self, hook: str) -> None:
        setattr(self, hook, self._fail)

    def _fail(self, _data: object) -> None:
        raise OptionsError("odd")


@pytest.mark.parametrize(
    ("hook", "answer"), [("server_connect", b"HTTP/1.1 502"), ("server_connected", b""), ("response", b"")]
)
def test_a_failing_task_ends_the_connection(lab: Lab, hook: str, answer: bytes) -> None:
    async def steps() -> bytes:
        async with serving() as server, lab.recording(f"http://127.0.0.1:{server.port}") as running:
            running.master.addons.add(Failing(hook))
            async with client(running) as desk, asyncio.timeout(5):
                desk.writer.write(get())
                return await desk.reader.read()

    got = asyncio.run(steps())

    assert got[:12] == answer
    assert b"odd" in got or ("not-carried", CUT) in lab.told()


def test_after_a_hold_nothing_is_handed_on_nor_recorded(lab: Lab) -> None:
    async def steps() -> int:
        async with (
            serving() as server,
            lab.recording(f"http://127.0.0.1:{server.port}") as running,
            client(running) as desk,
        ):
            await desk.asks(get("/before"))
            running.master.addons.get("outbound_recorder").hold()
            desk.writer.write(get("/after"))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(desk.reader.read(1), 0.2)
            return len(server.heads)

    assert asyncio.run(steps()) == 1
    assert [r.target for r in read(lab.path).records if isinstance(r, Request)] == ["/before"]
