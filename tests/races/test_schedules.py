"""Each bug by the fewest deviations that bring it about, written by hand; the right version bears them."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from recorder import StandIn
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule

from .bugs import BUGS, Bug, Client
from .running import Clients

pytestmark = [pytest.mark.node, pytest.mark.once]
_BOTH: tuple[Literal["wrong", "right"], ...] = ("wrong", "right")
SCHEDULES = {
    "ack_first.py": "event 1.1 before ack 1",
    "first_of_kind.py": "event 2.1 before event 1.1",
    "next_on_ack.py": "ack 1 before event 1.1",
    "no_resubscription.py": "event 2.1 after a lost session",
    "skips_others.py": "event 2.1 before event 1.1",
    "lost_batch.py": "event 2.1 in a lost poll",
    "events_of_replies.js": "event 1.1 in a reply",
    "counts_twice.js": "event 2.2 twice",
    "too_early.js": "event 2.1 1500ms late",
    "overtaken.js": "event 2.3 apart from event 2.2",
    "first_of_batch.js": "event 2.2 with event 2.1",
    "unasked.js": "ack 1 before event u1",
    "whole_batch.js": "event 2.2 apart from event 2.1",
    "stale_list.py": "event 2.1 before answer p3",
    "deaf_until_list.py": "event 2.1 before answer p3",
    "stale_list.js": "event 2.1 before answer p3",
    "empty_until_list.js": "event 2.1 before answer p3",
    "older_search.py": "answer p4 before answer p3",
    "older_search.js": "answer p4 before answer p3",
    "first_of_handshake.py": "event 1.1 after a lost session; event 1.1 in a reply",
}


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[bool, bool, bool]]:
    """For each bug: whether the right version met the deviations, whether the wrong one failed, and the right one."""
    return asyncio.run(_all_played())


@pytest.mark.parametrize("module", SCHEDULES)
def test_a_bug_needs_few_deviations(told: dict[str, tuple[bool, bool, bool]], module: str) -> None:
    was_met, wrong_failed, right_failed = told[module]

    assert (was_met, wrong_failed, right_failed) == (True, True, False)


async def _all_played() -> dict[str, tuple[bool, bool, bool]]:
    limit = asyncio.Semaphore(4)  # together: most that fail wait until they lose their patience
    async with Clients() as clients:

        async def one(bug: Bug, which: Literal["wrong", "right"]) -> tuple[bool, bool]:
            async with limit:
                return await _played(clients, bug.client(which), SCHEDULES[bug.module])

        runs = [one(bug, which) for bug in BUGS for which in _BOTH]
        found = await asyncio.gather(*runs)
    pairs = zip(found[::2], found[1::2], strict=True)
    return {
        bug.module: (was_met, wrong, right) for bug, ((wrong, _), (right, was_met)) in zip(BUGS, pairs, strict=True)
    }


async def _played(clients: Clients, client: Client, texts: str) -> tuple[bool, bool]:
    """Whether a client failed, and whether the deviations were met."""
    schedule = Schedule.of(map(Deviation.parse, texts.split("; ")))
    async with StandIn(client.cassette, clock="virtual", schedule=schedule) as standin:
        error = await clients.run(client, standin.url)
    return error is not None or bool(standin.misses), standin.order.met == {*schedule.deviations}
