"""Each race is found, shrunk to what it needs, and told in words; each replay of it fails."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest

from recorder.explore.outcome import Result, Verdict
from recorder.library.recording import load_recording
from recorder.replay.engine.orders.schedule import Schedule

from .bugs import BUGS, Bug, Client
from .exploring import LONG, explored, played
from .running import Clients

pytestmark = [pytest.mark.node, pytest.mark.once, pytest.mark.timeout(600 if LONG else 120)]
SCHEDULES = 200
SHRINKING = 40  # runs that come on top
LIMIT = 60.0  # seconds; a search alone takes a few
REPLAYS = 20 if LONG else 2
AT_ONCE = 1 if LONG else 4  # searches; most that fails waits until a client has lost its patience


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought: its result, how long it took, and how many replays of its schedule failed."""

    result: Result
    seconds: float
    failed: int


@pytest.fixture(scope="module", params=range(3 if LONG else 1))
def found(request: pytest.FixtureRequest) -> dict[str, Found]:
    """What was found of each bug."""
    return asyncio.run(_all_found(request.param))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.module)
def test_a_race_is_found_and_shrunk_and_told(found: dict[str, Found], bug: Bug) -> None:
    one = found[bug.module]
    schedule, says = one.result.schedule, one.result.says

    assert one.result.verdict is Verdict.FAILED, says
    assert schedule is not None
    assert 1 <= len(schedule.deviations) <= 2, says
    assert {deviation.kind for deviation in schedule.deviations} <= bug.kinds, says
    assert [name for name in bug.names if name not in says] == [], says
    assert one.result.runs <= SCHEDULES + SHRINKING
    assert one.seconds < LIMIT
    assert one.failed == REPLAYS, says


async def _all_found(seed: int) -> dict[str, Found]:
    limit = asyncio.Semaphore(AT_ONCE)
    async with Clients() as clients:
        found = await asyncio.gather(*(_found(clients, bug, seed, limit) for bug in BUGS))
    return {bug.module: one for bug, one in zip(BUGS, found, strict=True)}


async def _found(clients: Clients, bug: Bug, seed: int, limit: asyncio.Semaphore) -> Found:
    client = bug.client("wrong")
    async with limit:
        start = time.monotonic()
        result = await explored(clients, client, disturb=bug.disturb, schedules=SCHEDULES, seed=seed, delay=bug.delay)
        seconds = time.monotonic() - start
        if result.schedule is None:
            return Found(result, seconds, 0)
        failed = await _failing(clients, client, result.schedule)
    return Found(result, seconds, failed)


async def _failing(clients: Clients, client: Client, schedule: Schedule) -> int:
    """How many replays of a schedule fail."""
    recording, few = load_recording(client.cassette), asyncio.Semaphore(2)

    async def fails() -> bool:
        async with few:
            error, _ = await played(clients, client, recording, schedule)
        return error is not None

    return sum(await asyncio.gather(*(fails() for _ in range(REPLAYS))))
