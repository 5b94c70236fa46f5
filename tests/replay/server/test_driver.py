"""A pump hands each reply to who waits for it, and none is left waiting when the stand-in breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.errors import UsageError
from recorder.replay.engine.http import HttpRequest, Reply
from recorder.replay.engine.miss import Miss
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.driver import BROKEN, Callbacks, ControlledStandIn, Driver
from tests.wire import URL, Wire, chained, done

ASKED = chained(7, "r1")


def standin(kind: type[ReplayEngine] = ReplayEngine) -> ReplayEngine:
    wire = Wire()
    wire.desk().asks(ASKED, done(7, "r1"))
    played, ids = wire.recording(), count(1)
    return kind(played, load(played.header.dialect), new_id=lambda: f"id{next(ids)}", rate=INSTANT)


def incoming(number: int, target: str = ASKED.target, body: bytes = ASKED.body) -> HttpRequest:
    return HttpRequest(number, "c1", "POST", target, (), body)


def pumped(
    act: Callable[[Driver], Any], served: ReplayEngine | None = None, *, virtual: bool = False, **watch: Any
) -> Any:
    """What comes of a pump in an event loop, three turns later."""

    async def run() -> Any:
        driver = Driver(served or standin(), Callbacks(**watch), virtual=virtual)
        found = act(driver)
        for _ in range(3):
            await asyncio.sleep(0)
        driver.close()
        return found

    return asyncio.run(run())


def asked(driver: Driver, request: HttpRequest) -> asyncio.Future[Any]:
    reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    driver.take(request, reply)
    return reply


def test_on_the_walls_clock_an_answer_is_there_at_once() -> None:
    assert pumped(lambda driver: asked(driver, incoming(1)).result().status) == 200


def test_on_a_virtual_clock_requests_that_come_together_are_answered_together() -> None:
    def act(driver: Driver) -> tuple[asyncio.Future[Any], bool]:
        reply = asked(driver, incoming(1))
        return reply, reply.done()

    reply, at_once = pumped(act, virtual=True)

    assert not at_once
    assert reply.result().status == 200


def test_a_reply_that_nobody_waits_for_goes_back() -> None:
    served, aborted = standin(), []
    abort = served.abort
    served.abort = lambda number: (aborted.append(number), abort(number))[1]  # type: ignore[method-assign]  # listens

    def act(driver: Driver) -> None:
        reply = asyncio.get_running_loop().create_future()
        reply.cancel()
        driver.take(incoming(1), reply)

    pumped(act, served)

    assert aborted == [1]


class Broken(ReplayEngine):
    """Breaks when a request comes in."""

    def receive(self, request: HttpRequest, now: float) -> None:
        raise RuntimeError(f"{request.number} at {now}")


class Mute(ReplayEngine):
    """Breaks when it is asked for replies."""

    def replies(self, now: float) -> list[Reply]:
        raise RuntimeError(str(now))


@pytest.mark.parametrize("kind", [Broken, Mute])
def test_where_a_standin_breaks_who_waits_is_told(kind: type[ReplayEngine], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        reply = pumped(lambda driver: asked(driver, incoming(1)), standin(kind))

    assert reply.result().status == BROKEN


def test_each_miss_is_told() -> None:
    misses: list[Miss] = []

    pumped(lambda driver: [asked(driver, incoming(number, "/x")) for number in (1, 2)], miss=misses.append)

    assert len(misses) == 2


def test_when_nothing_comes_in_that_is_told_once() -> None:
    told = []

    async def run() -> None:
        idle = asyncio.Event()
        driver = Driver(
            standin(), Callbacks(idle=lambda: (told.append(1), idle.set())[1], idle_after=0.01), virtual=False
        )
        asked(driver, incoming(1))
        await asyncio.wait_for(idle.wait(), 10)
        driver.close()

    asyncio.run(run())
    assert told == [1]


def test_who_waits_when_it_ends_is_told_so() -> None:
    poll = incoming(1, URL, b'[{"channel": "/meta/handshake"}]')
    reply = pumped(
        lambda driver: asked(driver, poll), standin(type("Slow", (ReplayEngine,), {"replies": lambda *_: []}))
    )

    assert reply.cancelled()


def test_the_walls_clock_cannot_be_moved() -> None:
    with pytest.raises(UsageError, match="--clock virtual"):
        pumped(lambda driver: ControlledStandIn(driver).advance(1))


def test_a_virtual_clock_is_moved() -> None:
    def act(driver: Driver) -> float:
        driver.advance(2.5)
        return driver.now()

    assert pumped(act, virtual=True) == 2.5
