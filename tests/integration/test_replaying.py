"""What was recorded from a real server is replayed to real clients with other ids and another pace."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from recorder.cli.desktop import agent
from recorder.library.recording import load_recording
from tests.lab.lab import Lab, run_js_client
from tests.lab.processes import recorder
from tests.lab.sessions import preview_session

pytestmark = pytest.mark.once

CASSETTES = Path(__file__).parents[2] / "cassettes"
SEED = json.loads((Path(__file__).parents[1] / "lab" / "seed.json").read_text())


def without_id(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "referenceId"}


def by_step(lines: list[dict[str, Any]]) -> dict[int, list[tuple[str, dict[str, Any]]]]:
    steps: dict[int, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    for line in lines:
        if line["kind"] == "event":
            steps[line["step"]].append((line["channel"], without_id(line["data"])))
    return steps


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A cassette recorded from the lab, and what the live client saw."""
    folder = tmp_path_factory.mktemp("live")
    cassette = folder / "live.cassette"
    with (
        Lab("cometd", folder / "truth.jsonl") as lab,
        recorder("record", lab.url, "-o", cassette, "--no-redaction") as proxy,
    ):
        lab.options(chain=2, early=1, splitMs=10)
        lines = run_js_client(proxy.url, preview_session("live-"))
    return cassette, lines


@pytest.mark.node
@pytest.mark.parametrize("rate", ["1", "20", "instant"])
def test_the_cometd_client_sees_the_same_events_in_the_same_order(
    live: tuple[Path, list[dict[str, Any]]], rate: str
) -> None:
    cassette, recorded = live
    with recorder("replay", cassette, "--rate", rate) as standin:
        replayed = run_js_client(standin.url, preview_session("other-", 0.02))

    assert by_step(replayed) == by_step(recorded)
    assert standin.code == 0


@pytest.mark.node
def test_the_cometd_client_sees_its_own_ids(live: tuple[Path, list[dict[str, Any]]]) -> None:
    cassette, _ = live
    with recorder("replay", cassette, "--rate", "instant") as standin:
        lines = run_js_client(standin.url, preview_session("other-", 0.0))

    ids = {(e["step"], e["data"]["referenceId"]) for e in lines if e["kind"] == "event" and "referenceId" in e["data"]}

    assert ids == {(step, f"other-{step}") for step in range(1, 7)}
    assert not any("live-" in json.dumps(line) for line in lines)


@pytest.mark.node
@pytest.mark.parametrize("rate", ["1", "instant"])
def test_aiocometd_sees_the_same_events_in_the_same_order(live: tuple[Path, list[dict[str, Any]]], rate: str) -> None:
    cassette, recorded = live
    with recorder("replay", cassette, "--rate", rate) as standin:
        seen = asyncio.run(play(standin.url, cassette, prefix="mine-"))

    expected = by_step(recorded)
    assert [[(e["channel"], without_id(e["data"])) for e in events] for events in seen] == [
        expected[step] for step in sorted(expected)
    ]
    ids = [{e["data"]["referenceId"] for e in events if "referenceId" in e["data"]} for events in seen]
    assert ids == [{f"mine-{n}"} for n in range(1, 7)]
    assert standin.code == 0


def at_least(count: int) -> Callable[[list[Any]], bool]:
    return lambda found: len(found) >= count


async def play(url: str, cassette: Path, prefix: str) -> list[list[dict[str, Any]]]:
    seen = []
    async with agent(url) as desktop:
        for triple in load_recording(cassette).triples:
            body = json.loads(triple.request.body) | {"referenceId": f"{prefix}{triple.n}"}
            status, ack = await desktop.post(triple.request.target, body)
            assert status == 200, ack
            seen.append(await desktop.events(at_least(len(triple.events)), limit=10))
    return seen


def test_the_exchange_of_the_api_page_gives_exactly_its_ack_and_its_two_events() -> None:
    async def exchange(url: str) -> tuple[int, Any, list[Any]]:
        async with agent(url) as desktop:
            status, ack = await desktop.post(SEED["request"]["path"], SEED["request"]["body"])
            return status, ack, await desktop.events(lambda found: len(found) >= 2)

    with recorder("replay", CASSETTES / "get-chained-record.cassette") as standin:
        status, ack, events = asyncio.run(exchange(standin.url))

    assert (status, ack) == (SEED["ack"]["status"], SEED["ack"]["body"])
    assert events == SEED["cometd_response"][:2]


def test_a_request_nothing_matches_is_explained_in_body_header_log_and_exit_code() -> None:
    async def ask(url: str) -> tuple[int, str, str]:
        async with aiohttp.ClientSession() as http:
            body = SEED["request"]["body"] | {"campaignName": "Campaign2"}
            async with http.post(url + SEED["request"]["path"], json=body) as response:
                return response.status, response.headers["X-Recorder-Miss"], await response.text()

    with recorder("replay", CASSETTES / "get-chained-record.cassette") as standin:
        status, header, text = asyncio.run(ask(standin.url))

    assert status == 470
    assert "nearest is triple 1" in header
    assert 'body.campaignName differs: recorded "Campaign1", live "Campaign2"' in header
    assert text.startswith(header)
    assert text in standin.stderr
    assert standin.code == 1


def test_eight_agents_on_one_stand_in_never_see_each_other() -> None:
    async def eight(url: str) -> list[list[list[dict[str, Any]]]]:
        cassette = CASSETTES / "preview-session.cassette"
        return await asyncio.gather(*(play(url, cassette, f"agent{n}-") for n in range(8)))

    with recorder("replay", CASSETTES / "preview-session.cassette", "--rate", "20") as standin:
        seen = asyncio.run(eight(standin.url))

    for n, steps in enumerate(seen):
        ids = [e["data"].get("referenceId") for events in steps for e in events]
        assert {i for i in ids if i is not None} == {f"agent{n}-{step}" for step in range(1, 7)}
    assert standin.code == 0, standin.stderr


def test_an_address_of_the_recorded_server_leads_to_the_stand_in() -> None:
    async def me(url: str) -> Any:
        async with aiohttp.ClientSession() as http, http.get(f"{url}/api/v2/me") as response:
            return await response.json()

    with recorder("replay", CASSETTES / "preview-session.cassette") as standin:
        answer = asyncio.run(me(standin.url))

    assert answer["user"]["uri"] == f"{standin.url}/api/v2/users/lab-agent"
