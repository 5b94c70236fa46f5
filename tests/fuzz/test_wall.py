"""A wall of bad clients before a real stand-in: a good one gets all it asks for, and nothing is left of them."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recorder.cli.desktop import agent
from recorder.library.recording import load_recording
from tests.fuzz.fuzz_standin import PREVIEW, frame, message, request, resident, upgrade, written
from tests.lab.processes import Server, recorder, until

BAD = 1000
BOUND = 30.0  # seconds for what takes a good client less than one; what matters is that it gets there
GROWTH = 60 << 20  # bytes; a thousand connections, sessions and held polls take some 20 KB each
TRIPLES = load_recording(PREVIEW).triples
HANDSHAKE = written([message("/meta/handshake")])


@contextmanager
def descriptors_allowed(number: int) -> Iterator[None]:
    """How many this process may have, and the children it starts meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Bad:
    """A bad client: what it sends at once, and does not read the answer of."""

    def __init__(self, *parts: bytes, half_closes: bool = False, polls: bool = False) -> None:
        self.parts, self.half_closes, self.polls = parts, half_closes, polls

    async def goes_wild(self, port: int) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in self.parts:
            writer.write(part)
        if self.polls:
            answer = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"Content-Length: (\d+)", answer)
            body = json.loads(await reader.readexactly(int(size[1]) if size else 0))
            connect = message("/meta/connect", clientId=body[0]["clientId"])
            writer.write(request(written([connect])) + request(written([connect])))  # the first is not held
        if self.half_closes:
            writer.write_eof()
        return writer


KINDS = (
    Bad(b"POST /api/v2/notifications HTTP/1.1\r\nX-Slow: "),
    Bad(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    Bad(request(HANDSHAKE)[:-7]),
    Bad(request(HANDSHAKE), half_closes=True),
    Bad(b"\r\n\r\n \x00\r\n\r\n"),
    Bad(request(HANDSHAKE), polls=True),
    Bad(upgrade()),
    Bad(upgrade(), frame(b"", length=1 << 62)),
    Bad(upgrade(), frame(HANDSHAKE), frame(b"[" * 5000), frame(b"", 0x09) * 20),
    Bad(*[request(HANDSHAKE)] * 5),
)


async def plays(url: str, name: str) -> float:
    """Play the whole cassette with live ids; the seconds it took."""
    begun = time.monotonic()
    async with agent(url) as desktop:
        for place, triple in enumerate(TRIPLES):
            content = json.loads(triple.request.body) | {
                "referenceId": f"{name}-{place}",
                "devicePath": f"/devices/{name}",
            }
            assert (await desktop.post(triple.request.target, content))[0] == 200
            size = len(triple.events)
            events = await desktop.events(lambda found, size=size: len(found) >= size, limit=BOUND)
            ids = [event["data"]["referenceId"] for event in events if "referenceId" in event["data"]]
            assert set(ids) <= {f"{name}-{place}"}
    return time.monotonic() - begun


def descriptors(server: Server) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


@pytest.mark.once
def test_a_wall_of_bad_clients_does_not_disturb_a_good_one_and_leaves_nothing() -> None:
    async def act(server: Server) -> tuple[float, int]:
        port = urlsplit(server.url).port or 0
        alone = await plays(server.url, "alone")
        wall = asyncio.gather(*(KINDS[number % len(KINDS)].goes_wild(port) for number in range(BAD)))
        before = await plays(server.url, "before")  # while they come
        bad = await asyncio.wait_for(wall, BOUND)
        behind = await plays(server.url, "behind")  # when all are there
        there = descriptors(server)
        for writer in bad:
            writer.transport.abort()
        print(f"alone {alone:.2f} s, while the wall is built {before:.2f} s, behind it {behind:.2f} s")
        return max(before, behind), there

    with descriptors_allowed(256), recorder("replay", PREVIEW, "--rate", "instant") as server:
        asyncio.run(plays(server.url, "first"))
        memory, open_before = resident(server.process.pid), descriptors(server)
        with descriptors_allowed(2 * BAD):
            slowest, there = asyncio.run(act(server))
        until(lambda: descriptors(server) <= open_before, "all descriptors are closed again")
        grown = resident(server.process.pid) - memory

    assert there > open_before + BAD // 3  # it was a wall: the others were shown out at once
    assert slowest < BOUND
    assert grown < GROWTH
    assert "Traceback" not in server.stderr
    assert "no recorded request matches" not in server.stderr  # what the good clients asked for was there
    assert server.code == 1, server.stderr[-2000:]  # what the bad ones sent was refused, which counts as a miss
