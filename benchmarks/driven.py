"""Sessions that one core can drive, against a server that does nothing; beside a bare client with the same requests.

    python -m benchmarks.driven [--smoke]

Each session is a desktop of Genesys Web Services: it shakes hands, subscribes, and sends one operation after the other,
each with the handle that the event of the one before brought. The server acks, and pushes an event for each operation.
It has a process of its own, so CPU time is that of the client alone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks.profiles import paragraph, profiled
from benchmarks.rows import Row, Scale
from recorder.correlate.engine import correlate
from recorder.dialect.definition import Dialect
from recorder.drive.engine.allowing import Allowed
from recorder.drive.engine.driver import Driver
from recorder.drive.engine.fresh import new_ids
from recorder.drive.engine.plan import Act, Answer, Outgoing, Plan
from recorder.drive.engine.planning import plan_of
from recorder.drive.engine.values import Values
from recorder.drive.front.run import Front
from recorder.drive.front.target import Target
from recorder.model import Event, Header, Record, Request, Response
from tests.lab.processes import serving

COMMAND = "python -m benchmarks --only driven"
_SIZES = {Scale.FULL: (50, 20, 3), Scale.SMOKE: (3, 4, 1)}  # sessions, operations of each, rounds
_LEAST = 500  # sessions
_NEW_OBJECTS = 50_000  # before garbage is looked for, as in the command
_DIALECT = "gws-outbound"
_BASE, _COMETD = "/api/v2/me", "/api/v2/notifications"
_JSON = (("Content-Type", "application/json"),)
_TYPES = ["long-polling"]
_CHANNEL = "/v2/me/outbound"


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU time of a run: seconds for each operation, from its request to its event."""

    engine: float
    front: float
    bare: float


def rows(scale: Scale) -> list[Row]:
    """The row of the table."""
    sessions, operations, rounds = _SIZES[scale]
    number = sessions * operations
    plan = planned(sessions, operations)
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS)
    try:
        with serving([sys.executable, "-m", "benchmarks.driven", "serve"], ready="listening ") as server:
            spent = [measured(plan, server.url, number) for _ in range(rounds)]
            _, shares = profiled(lambda: fronted(plan, server.url))
    finally:
        gc.set_threshold(*before)
    engine, front, bare = (min(getattr(one, name) for one in spent) for name in ("engine", "front", "bare"))
    held = int(1 / front)
    facts = (
        f"{sessions} sessions of {operations} operations each, as fast as the server answers; best of {rounds} rounds.",
        f"CPU time for an operation, its ack, its event and its poll: {1e6 * front:.0f} µs.",
        f"Engine alone, against a server in memory: {1e6 * engine:.0f} µs, {1 / engine:,.0f} operations a second.",
        f"A bare aiohttp client with the same requests: {1e6 * bare:.0f} µs; the drive takes {front / bare:.1f} times.",
    )
    holds = held >= _LEAST if scale is Scale.FULL else None
    what = "sessions driven by one core, one operation a second each, against a server that does nothing"
    return [Row(what, f"≥ {_LEAST}", f"{held:,}", holds, COMMAND, facts, paragraph(shares, "the front and the engine"))]


def measured(plan: Plan, url: str, number: int) -> Spent:
    """Run all three once; `number` is that of the operations."""
    took = [_cpu(one) for one in (lambda: simulated(plan), lambda: fronted(plan, url), lambda: bare(plan, url))]
    return Spent(*(one / number for one in took))


def _cpu(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


# -- what is driven


def planned(sessions: int, operations: int) -> Plan:
    """Return the plan of a recording in which each session sends as many operations, in turn."""
    records = list(_recorded(sessions, operations))
    dialect = Dialect.load(_DIALECT)
    header = Header(started=0, upstream="http://gws.example", dialect=_DIALECT, redaction="none")
    return plan_of(correlate(records, dialect, header), records, dialect)


def _recorded(sessions: int, operations: int) -> Iterator[Record]:
    seq, exchange = count(), count()

    def exchanged(client: int, target: str, sent: Any, told: Any) -> Iterator[Record]:
        number, headers = next(exchange), (("Cookie", f"JSESSIONID=js-{client}"), *_JSON)
        made = (next(seq), next(seq))
        yield Request(made[0], made[0] * 1_000_000, number, f"c{client}", "POST", target, headers, _dumped(sent))
        yield Response(made[1], made[1] * 1_000_000, number, 200, _JSON, _dumped(told))

    for client in range(sessions):
        hello = {
            "id": "1",
            "channel": "/meta/handshake",
            "version": "1.0",
            "supportedConnectionTypes": ["long-polling"],
        }
        yield from exchanged(client, f"{_COMETD}/handshake", [hello], [replied(hello, f"cl-{client}")])
        wish = {"id": "2", "channel": "/meta/subscribe", "clientId": f"cl-{client}", "subscription": _CHANNEL}
        yield from exchanged(client, f"{_COMETD}/", [wish], [replied(wish, "")])
    for number in range(sessions * operations):
        client, ref = number % sessions, f"ref-{number:08d}"
        asked = {
            "operationName": "GetChainedRecord",
            "referenceId": ref,
            "recordHandle": str(100_000 + number - sessions),
        }
        told = event(ref, str(100_000 + number))
        yield from exchanged(client, f"{_BASE}/outbound", asked, acked(ref))
        poll = {"id": str(number + 3), "channel": "/meta/connect", "clientId": f"cl-{client}"}
        yield from exchanged(client, f"{_COMETD}/connect", [poll], [told, replied(poll, "")])


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


# -- a server that does nothing


def replied(message: dict[str, Any], client_id: str) -> dict[str, Any]:
    """Return the reply to a message of Bayeux that is accepted."""
    about: dict[str, Any] = {name: message[name] for name in ("id", "channel", "subscription") if name in message}
    if client_id:
        about |= {"clientId": client_id, "version": "1.0", "supportedConnectionTypes": _TYPES}
    return about | {"successful": True, "advice": {"reconnect": "retry", "timeout": 30_000, "interval": 0}}


def acked(ref: str) -> dict[str, Any]:
    """Return the ack of an operation."""
    return {"statusCode": 0, "referenceId": ref}


def event(ref: str, handle: str) -> dict[str, Any]:
    """Return the event of an operation."""
    record = {"recordHandle": handle, "campaignName": "Winter Campaign", "userData": {"GSW_PHONE": "+49 89 1234567"}}
    data = {"notificationType": "ChainedRecord", "referenceId": ref, "messageType": "RecordState", "record": record}
    return {"channel": _CHANNEL, "data": data}


class Idle:
    """A server that acks each operation and pushes one event for it to the session that sent it."""

    def __init__(self) -> None:
        self._handles, self._clients = count(500_000), count(1)
        self._of: dict[str, asyncio.Queue[dict[str, Any]]] = {}  # by session cookie

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        sent = json.loads(await request.read())
        session = request.cookies.get("JSESSIONID", "")
        events = self._of.setdefault(session, asyncio.Queue())
        if isinstance(sent, dict):
            events.put_nowait(event(sent["referenceId"], str(next(self._handles))))
            return web.json_response(acked(sent["referenceId"]))
        replies = [reply for message in sent for reply in await self._replies(message, events)]
        return web.json_response(replies)

    async def _replies(self, message: dict[str, Any], events: asyncio.Queue[dict[str, Any]]) -> list[dict[str, Any]]:
        told = []
        if message["channel"] == "/meta/connect" and message.get("advice", {}).get("timeout") != 0:
            told.append(await events.get())
        elif message["channel"] == "/meta/disconnect":
            events.put_nowait(event("", ""))
        is_first = message["channel"] == "/meta/handshake"
        return [*told, replied(message, f"live-{next(self._clients)}" if is_first else "")]


async def _serve() -> None:
    runner = web.ServerRunner(web.Server(Idle(), access_log=None))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f"listening http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


# -- what drives it


def driver_of(plan: Plan) -> Driver:
    """Return a driver without think times, whose ids are no others than in another run."""
    ids = count()
    new_id = new_ids(lambda size: next(ids).to_bytes(size, "big"))
    return Driver(plan, values=Values(), new_id=new_id, rate=math.inf, settle=0.0, dialect=Dialect.load(_DIALECT))


def simulated(plan: Plan) -> Driver:
    """Play a plan against a server in memory that answers at once."""
    driver, handles, now = driver_of(plan), count(500_000), 0.0
    driver.start(now)
    while not driver.state(now).is_over:
        for out in driver.due(now):
            step = out.step
            if step.act is not Act.CALL:
                driver.answered(step.number, Answer(200, reply={"successful": True}), now)
                continue
            ref = json.loads(out.body)["referenceId"]
            driver.answered(step.number, Answer(200, _JSON, _dumped(acked(ref))), now)
            data = event(ref, str(next(handles)))["data"]
            driver.heard(_connection(plan, out), Event(0, 0, 0, 0, "", _CHANNEL, data), now)
        now = driver.deadline() or now
    return driver


def _connection(plan: Plan, out: Outgoing) -> str:
    return plan.clients[out.step.client].connections[0]


def fronted(plan: Plan, url: str) -> Driver:
    """Play a plan against a server, by the front."""
    driver = driver_of(plan)
    front = Front(driver, plan, Target.at(url), values=Values(), allowed=Allowed(everything=True))
    asyncio.run(front.run())
    return driver


def bare(plan: Plan, url: str) -> int:
    """Send the requests of a plan by a client that knows what comes; return how many events came."""
    calls: dict[str, list[dict[str, Any]]] = {}
    for step in plan.steps:
        if step.act is Act.CALL:
            calls.setdefault(step.client, []).append(json.loads(step.request.body))
    return asyncio.run(_bare(url, calls))


async def _bare(url: str, calls: dict[str, list[dict[str, Any]]]) -> int:
    found = await asyncio.gather(*(_desktop(url, client, its) for client, its in calls.items()))
    return sum(found)


async def _desktop(url: str, client: str, calls: list[dict[str, Any]]) -> int:
    async with aiohttp.ClientSession(url, headers={"Cookie": f"JSESSIONID=bare-{client}"}) as session:

        async def post(path: str, value: Any) -> Any:
            async with session.post(path, json=value) as response:
                return await response.json()

        return await _talk(post, client, calls)


async def _talk(post: Callable[[str, Any], Awaitable[Any]], client: str, calls: list[dict[str, Any]]) -> int:
    (hello,) = await post(f"{_COMETD}/handshake", [{"id": "1", "channel": "/meta/handshake", "version": "1.0"}])
    about = {"clientId": hello["clientId"], "id": "2"}
    await post(f"{_COMETD}/", [about | {"channel": "/meta/subscribe", "subscription": _CHANNEL}])
    handle = "0"
    for number, call in enumerate(calls):
        poll = asyncio.ensure_future(post(f"{_COMETD}/connect", [about | {"channel": "/meta/connect"}]))
        ref = f"bare-{client}-{number}"
        await post(f"{_BASE}/outbound", call | {"referenceId": ref, "recordHandle": handle})
        told, _ = await poll
        handle = told["data"]["record"]["recordHandle"]
    return len(calls)


def main(arguments: list[str]) -> int:
    """Run it; exit code 1 if the target is missed."""
    if arguments == ["serve"]:
        asyncio.run(_serve())
    (row,) = rows(Scale.SMOKE if "--smoke" in arguments else Scale.FULL)
    print("\n  ".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts, row.profile]))
    return int(row.holds is False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
