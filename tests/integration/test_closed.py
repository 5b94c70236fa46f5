"""A replay reaches no server: not the recorded one, under no option, and not for a request it does not know."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from recorder.cassette.codec import encode, encode_header
from recorder.cassette.reader import read
from recorder.cli.desktop import agent
from recorder.library.recording import load_recording
from tests.lab.processes import recorder

PREVIEW = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
OPTIONS = [
    [],
    ["--rate", "instant"],
    ["--rate", "50"],
    ["--clock", "virtual"],
    ["--clock", "virtual", "--exit-when-done"],
    ["--repeat", "last"],
    ["--repeat", "cycle"],
    ["--strict"],
    ["--seed", "3"],
    ["--fault", "http 500 CompleteRecord", "--fault", "duplicate event PreviewRecord"],
    ["--fault", "unknown-client after EndPreviewSession"],
    ["--dialect", "gws-outbound"],
]


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """Stands where the recorded server stood, and takes connections without answering."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


def connections(server: socket.socket) -> int:
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


async def play(url: str, cassette: Path) -> list[int]:
    """A whole session, with a request that is not in it; the statuses of all."""
    statuses = []
    async with agent(url) as desktop:
        for triple in load_recording(cassette).triples:
            status, _ = await desktop.post(triple.request.target, json.loads(triple.request.body))
            statuses.append(status)
            if status == 200:
                await desktop.events(lambda found: len(found) >= 1, limit=20)
        async with aiohttp.ClientSession() as http:
            for method, path in (("GET", "/api/v2/other"), ("PUT", "/"), ("POST", "http://elsewhere.example/api")):
                async with http.request(method, url + "/" + path.lstrip("/"), data=b"x") as answer:
                    statuses.append(answer.status)
    return statuses


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_no_option_makes_a_replay_connect_to_the_recorded_server(
    options: list[str], trap: socket.socket, tmp_path: Path
) -> None:
    recorded, cassette = read(PREVIEW), tmp_path / "s.cassette"
    header = replace(recorded.header, upstream=f"http://127.0.0.1:{trap.getsockname()[1]}", profile="journal")
    cassette.write_bytes(encode_header(header) + b"".join(map(encode, recorded.records)))

    with recorder("replay", cassette, *options) as standin:
        statuses = asyncio.run(play(standin.url, cassette))

    assert statuses.count(200) >= 5
    assert statuses[-3:] == [470] * 3
    assert connections(trap) == 0


def test_the_trap_would_see_a_connection(trap: socket.socket) -> None:
    with socket.create_connection(trap.getsockname()):
        assert connections(trap) == 1
