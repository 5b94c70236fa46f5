"""A stand-in that ends by itself, and says what was needed when nothing goes on; on a clock that does not wait."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from recorder.cli.desktop import agent
from recorder.library.recording import load_recording
from tests.lab.processes import Server, recorder

pytestmark = pytest.mark.once

CASSETTES = Path(__file__).parents[2] / "cassettes"
SHIPPED = sorted(CASSETTES.glob("*.cassette"))
PREVIEW = CASSETTES / "preview-session.cassette"


async def play(url: str, cassette: Path, *, without: int = 0) -> list[Any]:
    """A desktop that asks for each triple of a cassette but one, and waits for the events of each."""
    seen = []
    async with agent(url) as desktop:
        for triple in load_recording(cassette).triples:
            if triple.n == without:
                continue
            await desktop.post(triple.request.target, json.loads(triple.request.body) | {"referenceId": f"m{triple.n}"})
            count = len(triple.events)
            seen += await desktop.events(lambda found, count=count: len(found) >= count, limit=20)
    return seen


def ended(server: Server) -> int:
    """The exit code of a stand-in that ends by itself."""
    return server.process.wait(30)


@pytest.mark.parametrize("options", [["--rate", "instant"], ["--clock", "virtual"], ["--rate", "20"]])
@pytest.mark.parametrize("cassette", SHIPPED, ids=lambda path: path.stem)
def test_a_session_that_is_played_whole_ends_well_and_without_a_false_alarm(cassette: Path, options: list[str]) -> None:
    with recorder("replay", cassette, "--exit-when-done", "--idle", "2", *options) as standin:
        asyncio.run(play(standin.url, cassette))
        code = ended(standin)

    assert code == 0, standin.stderr
    assert "idle" not in standin.stderr


@pytest.mark.parametrize("without", [2, 5, 6])
def test_a_client_that_leaves_a_step_out_is_told_which_one_and_the_exit_code_is_3(without: int) -> None:
    triple = load_recording(PREVIEW).triples[without - 1]

    async def leaves_out(url: str) -> None:
        stuck = asyncio.create_task(_stuck(url, without))
        await asyncio.to_thread(ended, standin)
        stuck.cancel()

    with recorder("replay", PREVIEW, "--exit-when-done", "--idle", "1", "--rate", "instant") as standin:
        asyncio.run(leaves_out(standin.url))

    assert standin.code == 3
    line = next(line for line in standin.stderr.splitlines() if "idle 1 s" in line)
    assert line.startswith("recorder: client p1 idle 1 s in /meta/connect; next needed: ")
    assert f"triple {without}, POST" in line
    assert triple.operation is not None
    assert triple.operation in line


async def _stuck(url: str, without: int) -> None:
    """Plays all but one step, and stays."""
    async with agent(url) as desktop:
        for triple in load_recording(PREVIEW).triples:
            if triple.n != without:
                await desktop.post(triple.request.target, json.loads(triple.request.body))
                count = len(triple.events)
                await desktop.events(lambda found, count=count: len(found) >= count, limit=20)
        await asyncio.Event().wait()


def test_a_virtual_clock_does_not_wait_for_what_took_long(tmp_path: Path) -> None:
    cassette = tmp_path / "slow.cassette"
    cassette.write_bytes(slow(60.0))
    with recorder("replay", cassette, "--clock", "virtual", "--exit-when-done") as standin:
        start = time.monotonic()
        events = asyncio.run(play(standin.url, cassette))
        took = time.monotonic() - start
        code = ended(standin)

    assert (len(events), code) == (2, 0)
    assert took < 30


def slow(seconds: float) -> bytes:
    from recorder.cassette.codec import encode, encode_header
    from tests.wire import HEADER, Wire, chained, done, record_event

    wire = Wire()
    wire.desk().asks(chained(7, "r1"), record_event("ChainedRecord", 7, "r1"), done(7, "r1"), ms=round(seconds * 1000))
    return encode_header(HEADER) + b"".join(map(encode, wire.records))


def test_a_seed_gives_out_the_same_ids_in_each_run() -> None:
    def client_id(*options: str) -> str:
        async def handshake(url: str) -> str:
            message = [{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}]
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"{url}/api/v2/notifications", json=message) as answer,
            ):
                return str((await answer.json())[0]["clientId"])

        with recorder("replay", PREVIEW, *options) as standin:
            return asyncio.run(handshake(standin.url))

    assert client_id("--seed", "7") == client_id("--seed", "7") != client_id("--seed", "8")
    assert client_id("--clock", "virtual") == client_id("--seed", "0")
    assert client_id() != client_id()


def test_a_request_that_comes_again_may_be_answered_again() -> None:
    async def ask_twice(url: str) -> list[int]:
        triple = load_recording(PREVIEW).triples[0]
        async with agent(url) as desktop:
            body = json.loads(triple.request.body)
            return [(await desktop.post(triple.request.target, body))[0] for _ in range(2)]

    for repeat, code in (("error", 470), ("last", 200), ("cycle", 200)):
        with recorder("replay", PREVIEW, "--repeat", repeat, "--rate", "instant") as standin:
            assert asyncio.run(ask_twice(standin.url)) == [200, code]
