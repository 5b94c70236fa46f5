"""Clients that bear every order that a server is allowed are not said to fail."""

from __future__ import annotations

import asyncio

import pytest

from recorder.explore.outcome import Result, Verdict
from recorder.replay.engine.orders.deviations import Disturbance

from .bugs import BUGS, CLIENTS, Client
from .exploring import LONG, explored
from .running import Clients

SCHEDULES = 2_000 if LONG else 6
EXAMPLES = ("examples/desktop", "examples/desktop-js")
OF_BUGS = 200  # at most, for the right version of each race and for lost polls
pytestmark = [pytest.mark.node, pytest.mark.once, pytest.mark.timeout(7_200 if LONG else 120)]
ALL: dict[str, tuple[Client, frozenset[Disturbance]]] = {
    **{name: (client, frozenset()) for name, client in CLIENTS.items()},
    **{f"{name}, a poll lost": (CLIENTS[name], frozenset({Disturbance.POLL})) for name in EXAMPLES},
    **{bug.module: (bug.client("right"), bug.disturb) for bug in BUGS if LONG},
}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """What was found of each client."""
    return asyncio.run(_all_explored())


@pytest.mark.parametrize("name", ALL)
def test_a_right_client_bears_every_order(results: dict[str, Result], name: str) -> None:
    assert results[name].verdict is Verdict.PASSED, results[name].says


async def _all_explored() -> dict[str, Result]:
    limit = asyncio.Semaphore(4)
    async with Clients() as clients:

        async def one(name: str) -> Result:
            client, disturb = ALL[name]
            async with limit:
                most = SCHEDULES if name in CLIENTS else min(SCHEDULES, OF_BUGS)
                return await explored(clients, client, disturb=disturb, schedules=most)

        results = await asyncio.gather(*map(one, ALL))
    return dict(zip(ALL, results, strict=True))
