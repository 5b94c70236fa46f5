"""Schedules with a real client, over sockets: the order is the same each time, and nothing hangs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recorder.api.standin import StandIn
from recorder.cli.desktop import agent
from recorder.errors import UsageError
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.played import Order
from recorder.replay.engine.orders.schedule import Kept, Schedule
from tests.plugin.desktop import OPERATIONS, request

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")  # how aiocometd opens its sockets

CASSETTE = Path(__file__).parents[2] / "cassettes" / "preview-session.cassette"
REPLAYS = 20 if os.environ.get("RECORDER_LONG_RACES") == "1" else 2
FIRST = ("StartPreviewSession", "GetPreviewRecord")


def schedule(*texts: str) -> Schedule:
    return Schedule.of(map(Deviation.parse, texts))


def played(*texts: str, websocket: bool = False) -> Order:
    """The order that aiocometd-noloop is shown by a stand-in in another thread."""

    async def run() -> Order:
        with StandIn(CASSETTE, clock="virtual", schedule=schedule(*texts)) as standin:
            async with agent(standin.url, websocket=websocket) as desktop:
                for name in FIRST:
                    await desktop.post(*request(name, name))
                    wanted = OPERATIONS[name]["events"]
                    await desktop.events(lambda found, wanted=wanted: len(found) >= wanted)
                await asyncio.to_thread(standin.wait_idle)
            return standin.order

    return asyncio.run(run())


@contextmanager
def busy_machine() -> Iterator[None]:
    """Two programs for each processor that do nothing but take its time, for a few minutes at most."""
    spin = "import time\nend = time.time() + 200\nwhile time.time() < end: pass"
    hogs = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def hurried(schedule: Schedule | Kept) -> Order:
    """The order that a client is shown which asks on as soon as it has an ack, so that all goes on at once."""

    async def run() -> Order:
        with StandIn(CASSETTE, clock="virtual", schedule=schedule) as standin:
            async with agent(standin.url) as desktop:
                for name in (*FIRST, "GetChainedRecord"):
                    await desktop.post(*request(name, name))
                await asyncio.to_thread(standin.wait_idle, 60)
            return standin.order

    return asyncio.run(run())


def names(order: Order) -> list[str]:
    return [act.name for act in order.acts]


USUAL = ["request 1", "event 1.1", "ack 1", "request 2", "event 2.1", "ack 2", "event 2.2"]


@pytest.mark.parametrize("websocket", [False, True])
def test_the_empty_schedule_is_the_recorded_order(websocket: bool) -> None:
    order = played(websocket=websocket)

    assert names(order) == USUAL
    assert order.met | order.unmet == set()


@pytest.mark.parametrize("websocket", [False, True])
def test_each_run_of_a_schedule_shows_one_order(websocket: bool) -> None:
    texts = ("event 2.2 before ack 2", "ack 1 before event 1.1", "event 2.2 before event 2.1")
    orders = [played(*texts, websocket=websocket) for _ in range(3)]

    assert [names(order) for order in orders] == [
        ["request 1", "ack 1", "event 1.1", "request 2", "event 2.2", "event 2.1", "ack 2"]
    ] * 3
    assert not any(order.unmet for order in orders)


def test_who_waits_for_what_never_comes_is_let_go() -> None:
    order = played("event 6.1 before ack 1")

    assert names(order) == USUAL
    assert order.unmet == set(schedule("event 6.1 before ack 1").deviations)


def test_a_client_waits_on_its_own_clock_for_what_is_late() -> None:
    order = played("event 2.1 300ms late")

    assert names(order) == [*USUAL[:4], "ack 2", "event 2.2", "event 2.1"]
    assert not order.unmet


def test_without_a_schedule_no_order_is_noted() -> None:
    with pytest.raises(UsageError, match="give the stand-in a schedule"):
        _ = StandIn(CASSETTE).order


@pytest.mark.parametrize(
    ("text", "websocket"),
    [
        ("event 2.1 in a lost poll", False),
        ("ack 2 after a lost session", False),
        ("event 2.2 after a lost session", True),
        ("event 2.2 after a cut websocket", True),
    ],
)
def test_a_client_comes_back_after_trouble_and_misses_nothing(text: str, websocket: bool) -> None:
    order = played(text, websocket=websocket)

    assert names(order) == USUAL
    assert not order.unmet


@pytest.mark.once
def test_on_a_busy_machine_each_replay_shows_the_order_that_was_found() -> None:
    found = schedule("event 2.2 before ack 2", "ack 1 before event 1.1")
    first = hurried(found)
    kept = Kept(found, played=tuple((act.name, act.at) for act in first.acts))

    with busy_machine():
        orders = [hurried(kept) for _ in range(REPLAYS)]

    assert [names(order) for order in orders] == [names(first)] * REPLAYS
    assert not any(order.unmet for order in orders)
