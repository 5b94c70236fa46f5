"""Clients that only their token identifies: recorded, and played to one and to two at once under other tokens."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from recorder.library.recording import load_recording
from tests.integration.salesforce import User, salesforce, user
from tests.lab.processes import RECORDER, Server, recorder

pytestmark = pytest.mark.once


async def works(someone: User, *, logs_in: bool = True) -> None:
    """Login, a record, a refresh, and another record."""
    if logs_in:
        await someone.logs_in()
    async with someone.listens():
        await someone.creates("First")
        await someone.hears(1)
        if logs_in:
            await someone.refreshes()
        await someone.creates("Second")
        await someone.hears(2)


async def record(path: Path, *options: str) -> None:
    async with salesforce() as server:
        with recorder("record", server.url, "-o", path, *options) as proxy:
            async with user(proxy.url) as someone:
                await works(someone)
            assert someone.names == ["First", "Second"]


@pytest.fixture(scope="module", params=["redacted", "clear"])
def cassette(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    path = tmp_path_factory.mktemp("salesforce") / "s.cassette"
    asyncio.run(record(path, *([] if request.param == "redacted" else ["--no-redaction"])))
    subprocess.run([RECORDER, "recorrelate", path, "--rules", "salesforce-changes"], check=True, timeout=30)
    return path


async def play(standin: Server, users: int, *, logs_in: bool = True) -> list[User]:
    async with user(standin.url) as one, user(standin.url) as other:
        found = [one, other][:users]
        for number, someone in enumerate(found):
            someone.shows(f"token-from-elsewhere-{number}")
        await asyncio.gather(*(works(someone, logs_in=logs_in) for someone in found))
    return found


def test_the_recorded_session_is_one(cassette: Path) -> None:
    recording = load_recording(cassette)

    assert [(t.operation, t.session, len(t.events)) for t in recording.triples] == [("CreateRecord", "s1", 1)] * 2
    assert {exchange.session for exchange in recording.plain} == {"s1"}


@pytest.mark.parametrize("users", [1, 2])
def test_each_user_that_logs_in_hears_its_own_records(cassette: Path, users: int) -> None:
    with recorder("replay", cassette, "--rate", "instant", "--json") as standin:
        found = asyncio.run(play(standin, users))

    report = json.loads(standin.stdout)
    assert [someone.names for someone in found] == [["First", "Second"]] * users
    assert len({someone.access for someone in found}) == users
    assert (report["unplayed"], report["unplayed_events"], report["unheard"], report["misses"]) == ([], [], [], [])
    assert len(report["played"]) == users
    assert standin.code == 0, standin.stderr


@pytest.mark.parametrize("users", [1, 2])
def test_users_with_tokens_from_elsewhere_need_no_login(cassette: Path, users: int) -> None:
    with recorder("replay", cassette, "--rate", "instant", "--json") as standin:
        found = asyncio.run(play(standin, users, logs_in=False))

    assert [someone.names for someone in found] == [["First", "Second"]] * users
    assert standin.code == 0, standin.stderr


def test_a_client_that_shows_two_identities_is_told_with_both(cassette: Path) -> None:
    async def shows_two(url: str) -> None:
        async with user(url) as someone:
            someone.shows("token-of-the-stream")
            async with someone.listens():
                someone.access = "token-of-the-calls"
                await someone.creates("First")
                await someone.hears(1, limit=3)

    with recorder("replay", cassette, "--rate", "instant", "--json") as standin:
        asyncio.run(shows_two(standin.url))

    (told,) = json.loads(standin.stdout)["unheard"]
    assert (told["client"], told["shows"], told["events"]) == ("p2", ["Authorization"], 1)
    assert told["listening"][0]["client"] == "p1"
    assert "client p2 (shows Authorization), which has no push session" in standin.stderr
    assert "token-of" not in standin.stderr
    assert standin.code == 3
