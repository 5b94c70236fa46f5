"""In the recorded order all clients do well: those with a race, too."""

from __future__ import annotations

import asyncio

import pytest

from recorder import StandIn

from .bugs import BUGS, CLIENTS, Client
from .running import Clients

pytestmark = [pytest.mark.node, pytest.mark.once]
ALL = {f"{bug.module} {which}": bug.client(which) for bug in BUGS for which in ("right", "wrong")} | CLIENTS
WELL: tuple[None, list[str], tuple[int, ...]] = (None, [], ())  # no error, no miss, nothing that was not asked for


def test_all_clients_do_well_in_the_recorded_order() -> None:
    told = asyncio.run(_all_played())

    assert {name: one for name, one in told.items() if one != WELL} == {}


async def _all_played() -> dict[str, object]:
    async with Clients() as clients:
        return {name: await _played(clients, client) for name, client in ALL.items()}


async def _played(clients: Clients, client: Client) -> object:
    async with StandIn(client.cassette, clock="virtual") as standin:
        error = await clients.run(client, standin.url)
    return error, standin.misses, standin.unplayed
