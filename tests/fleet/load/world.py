"""A world for the front on gevent: the servers and scripts of the other front, served from another thread."""

from __future__ import annotations

import asyncio
import math
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import gevent

from recorder import Drive
from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.driver import Driver, OnMissing, Patience, Traits
from recorder.drive.engine.fresh import new_ids
from recorder.drive.engine.plan import Answer, Plan, Step
from recorder.drive.engine.values import Values
from recorder.drive.front.requests import Fetched
from recorder.drive.front.tap import Sending, Tap
from recorder.drive.front.target import Target
from recorder.fleet.load.player import Player
from recorder.fleet.load.server import Server
from recorder.fleet.load.wire import Wire
from recorder.model import Chunk, Failure, Headers, Record, Request, Response, SocketMessage
from recorder.push.rules import PushRules
from tests.drive.front.world import Handler, Script, Tape, serving

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


class Records(Tape):
    """Keeps records as the tape of the other front keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self._answered: set[int] = set()

    def keep(self, record: Record) -> None:
        match record:
            case Request(exchange=exchange, method=method, target=target, body=body):
                self.lines.append(("request", str(exchange), method, target, body))
                self.headers = record.headers
            case Response(exchange=exchange, status=status, body=body):
                self._answered.add(exchange)
                kind = "stream" if record.streamed else "response"
                self.lines.append((kind, str(exchange), status, *(() if record.streamed else (body,))))
            case Chunk(exchange=exchange, body=body, is_last=is_last):
                self.lines.append(("chunk", str(exchange), body, is_last))
            case SocketMessage(exchange=exchange, from_client=from_client, body=body, is_text=is_text):
                self.lines.append(("message", str(exchange), from_client, body, is_text))
            case Failure(exchange=exchange, reason=reason):
                kind = "closed" if exchange in self._answered else "failure"
                self.lines.append((kind, str(exchange), reason))
            case _:
                raise TypeError(f"{record!r} is not on the wire")


def player(
    script: Script, recorded: Plan, url: str, watch: Watch | None = None, target: Target | None = None, **more: Any
) -> Player:
    """Return a player of a script; all is allowed unless told otherwise."""
    options: dict[str, Any] = {"values": Values(), "allowed": Allowed(everything=True), "rules": None, **more}
    server = Server(target or Target.at(url))
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


@contextmanager
def wired(url: str, *, hosts: frozenset[str] = frozenset(), cookies: dict[str, str] | None = None) -> Iterator[Wire]:
    """Yield the wire of a client, whose `tap.keep` is that of records; use it in `in_hub`."""
    records = Records()
    tap = Tap(PushRules(), time.monotonic_ns, None, lambda _, __: None, lambda _, __: None, records.keep)
    wire = Wire("s1", Server(Target.at(url)), tap, hosts=hosts, cookies=cookies or {})
    try:
        yield wire
    finally:
        wire.close()


def lines_of(wire: Wire) -> Records:
    """Return what was on a wire."""
    records: Records = wire.tap.keep.__self__  # type: ignore[union-attr]  # see wired
    return records


def fetched_on_gevent(
    handler: Handler,
    *sendings: Sending,
    headers: Headers = (),
    hosts: frozenset[str] = frozenset(),
    cookies: dict[str, str] | None = None,
    follows: bool = False,
) -> tuple[list[Fetched], Records, str]:
    """Send requests to a server one after the other; return the answers, and what was on the wire."""
    with served(handler) as url:

        def run() -> tuple[list[Fetched], Records]:
            own = tuple((name, value.replace("URL", url)) for name, value in headers)
            with wired(url, hosts=hosts, cookies=cookies) as wire:
                return [wire.fetch(one, wire.head(own), follows=follows) for one in sendings], lines_of(wire)

        answers, records = in_hub(run)
    return answers, records, url


async def played_on_gevent(handler: Handler, script: Script, recorded: Plan, **more: Any) -> Tape:
    """Play a script as `played` of the other front does; return what was on the wire."""
    records = Records()
    async with serving(handler) as url:
        one = player(script, recorded, url, keep=records.keep, **more)
        await asyncio.to_thread(in_hub, one.run)
    return records


def driven_on_gevent(
    cassette: Path,
    url: str,
    *,
    users: int = 1,
    rate: float = math.inf,
    patience: float = 5.0,
    on_missing: OnMissing = OnMissing.STOP,
    dialect: str | None = None,
    seed: int = 1,
) -> list[tuple[Driver, Watch]]:
    """Play a cassette for several users at once with everything allowed; return their drivers and watches."""
    drive = Drive(cassette, url, allow_all=True, send_recorded_credentials=True, environ={}, dialect=dialect)
    server, traits, allowed = Server(Target.at(url)), Traits(drive.plan), Allowed(everything=True)
    runs: list[tuple[Driver, Watch]] = []

    def play(user: int) -> None:
        values, watch = Values(), Watch()
        driver = Driver(
            drive.plan,
            values=values,
            new_id=new_ids(Random(seed * 1000 + user).randbytes),
            rate=rate,
            patience=Patience(least=patience),
            on_missing=on_missing,
            settle=0.1,
            dialect=drive.dialect,
            traits=traits,
        )
        runs.append((driver, watch))
        rules = drive.dialect.push if drive.dialect else None
        Player(driver, drive.plan, server, values=values, allowed=allowed, rules=rules, watch=watch).run()

    def play_all() -> None:
        gevent.joinall([gevent.spawn(play, user) for user in range(users)], raise_error=True)

    in_hub(play_all)
    return runs


def found_by(driver: Driver) -> list[str]:
    """Return the findings of a driver as lines, for the message of an assertion."""
    return [f"{one.found.value}: {one.where}: {one.text}" for one in driver.findings]
