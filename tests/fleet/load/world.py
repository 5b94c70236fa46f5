"""A world for the front on gevent: the servers and scripts of the other front, served from another thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import gevent

from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.plan import Answer, Plan, Step
from recorder.drive.engine.values import Values
from recorder.drive.front.target import Target
from recorder.fleet.load.player import Player
from recorder.fleet.load.server import Server
from tests.drive.front.world import Handler, Script, serving

_LIMIT = 20.0  # seconds for one run


@contextmanager
def served(handler: Handler, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve all paths by one handler, in an event loop in another thread; yield the URL."""
    loop, found, ready = asyncio.new_event_loop(), [], threading.Event()

    async def run() -> None:
        stop = asyncio.Event()
        found.append(stop)
        async with serving(handler, tls) as url:
            found.append(url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        ready.wait(_LIMIT)
        yield found[1]
    finally:
        loop.call_soon_threadsafe(found[0].set)
        thread.join()
        loop.close()


@dataclass
class Watch:
    """Keeps what it is told, as tuples."""

    lines: list[tuple[Any, ...]] = field(default_factory=list)

    def left(self, step: Step, at: float) -> None:
        self.lines.append(("left", step.number, at))

    def answered(self, step: Step, answer: Answer, at: float) -> None:
        self.lines.append(("answered", step.number, at))

    def heard(self, told: int | None, at: float) -> None:
        self.lines.append(("heard", told, at))


def player(script: Script, recorded: Plan, url: str, watch: Watch | None = None, **more: Any) -> Player:
    """Return a player of a script; all is allowed unless told otherwise."""
    options: dict[str, Any] = {"values": Values(), "allowed": Allowed(everything=True), "rules": None, **more}
    server = Server(Target.at(url, insecure=url.startswith("https")))
    return Player(script, recorded, server, watch=watch or Watch(), **options)  # type: ignore[arg-type]  # has the same methods


def in_hub(work: Callable[[], Any]) -> Any:
    """Run something on gevent in a thread of its own, whose hub ends with it; return what it returns."""
    made: list[Any] = []

    def run() -> None:
        try:
            with gevent.Timeout(_LIMIT):
                made.append((work(), None))
        except BaseException as error:  # noqa: BLE001  # it is raised in the thread of the test
            made.append((None, error))
        finally:
            gevent.get_hub().destroy(destroy_loop=True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = made[0]
    if error is not None:
        raise error
    return result


def played(handler: Handler, script: Script, recorded: Plan, **more: Any) -> Watch:
    """Play a script against a server; return what the watch was told."""
    watch = Watch()
    with served(handler) as url:
        in_hub(lambda: player(script, recorded, url, watch, **more).run())
    return watch
