"""The other half of the acceptance bench: events that no operation caused leave after what they followed.

    python -m benchmarks.anchors [--quick]

Sessions of one and of two agents are recorded once from the lab, by `recorder record` and by mitmdump, and replayed to
clients that take longer over each step. A session has four steps, each with one event that came because of it:

    operation           a POST that is acknowledged; its events come. Each agent asks for a record of its own, which
                        tells the stand-in who follows whom
    subscription late   the client subscribes in the middle of the session; then an event comes on that channel
    plain exchange      a GET that is no operation; then an event comes that says what it changed
    publish             the client publishes on a channel that it is subscribed to; the server broadcasts it
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.servers import Recorded, ServerError, missing, server_replay, stand_in
from benchmarks.servers import recording as recording_by_both
from benchmarks.verdict import Log
from tests.lab.lab import Lab, LabError, available

OURS = "recorder"
STEPS = ("operation", "subscription late", "plain exchange", "publish")
_OPERATION, _SUBSCRIPTION, _EXCHANGE, _PUBLISH = range(4)
_TOPIC, _NEWS, _STATE = "/v2/me/outbound", "/news", "/v2/me/state"
_BAYEUX = "/api/v2/notifications/"
_POST = "/api/v2/me/outbound-records/"
_HANDLES = {"ann": 1001, "bob": 1002}
_LIMIT = 3.0  # seconds that a step may wait for its event
_LINGER = 0.5  # seconds after the last step, to see what still comes


@dataclass(frozen=True, slots=True)
class Row:
    """How one kind of step went in one setting, summed over all clients."""

    tool: str
    step: str
    think: float
    clients: int
    rate: str
    heard: int
    of: int
    early: int
    wrong: int
    lost: int
    doubled: int
    note: str = ""

    @property
    def clean(self) -> bool:
        """Whether each event came once, to its client, after its step."""
        return self.heard == self.of and not (self.early + self.wrong + self.lost + self.doubled) and not self.note


@dataclass(slots=True)
class Heard:
    """What one client went through: at which step (-1: before the first) each event came, by the step it belongs to."""

    came: list[tuple[int, int, bool]] = field(default_factory=list)  # step of the event, current step, right id


class _Agent:
    """A long-polling client that goes through the steps, and counts what comes at which step."""

    def __init__(self, http: aiohttp.ClientSession, url: str, name: str, reference: str) -> None:
        self._http, self._url, self._name, self._reference = http, url, name, reference
        credentials = base64.b64encode(f"{name}:secret".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}
        self._client_id = ""
        self._step = -1
        self._news = asyncio.Event()
        self.heard = Heard()

    async def play(self, think: float, then: Callable[[int, str], object]) -> None:
        """Go through the session; `then` is called after each step with its number and the client's name."""
        offer = {"version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        await self._ask("handshake", {"channel": "/meta/handshake", **offer})
        poll = {"channel": "/meta/connect", "connectionType": "long-polling"}
        await self._ask("connect", {**poll, "advice": {"timeout": 0}})
        for name in (_TOPIC, _STATE):
            await self._ask("", {"channel": "/meta/subscribe", "subscription": name})
        polling = asyncio.create_task(self._poll(poll))
        try:
            for number in range(len(STEPS)):
                await asyncio.sleep(think)
                self._step = number
                await self._do(number)
                await asyncio.to_thread(then, number, self._name)
                await self._event_of(number)
            await asyncio.sleep(_LINGER)
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
        await self._ask("disconnect", {"channel": "/meta/disconnect"})

    async def _do(self, number: int) -> None:
        match STEPS[number]:
            case "subscription late":
                await self._ask("", {"channel": "/meta/subscribe", "subscription": _NEWS})
            case "plain exchange":
                await self._send("GET", "/api/v2/me", None)
            case "publish":
                data = {"step": _PUBLISH, "agent": self._name, "reference": self._reference}
                await self._ask("", {"channel": _NEWS, "data": data})
            case _:
                body = {"operationName": "GetChainedRecord", "applicationId": 134, "campaignName": "Preview Campaign"}
                path = f"{_POST}{_HANDLES[self._name]}"
                await self._send("POST", path, {**body, "referenceId": self._reference})

    async def _event_of(self, number: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LIMIT):
                while not any(step == number for step, _, _ in self.heard.came):
                    self._news.clear()
                    await self._news.wait()

    async def _poll(self, message: dict[str, Any]) -> None:
        while True:
            reply = await self._ask("connect", message)
            if not reply.get("successful"):
                await asyncio.sleep(0.05)

    async def _ask(self, kind: str, message: dict[str, Any]) -> dict[str, Any]:
        own = {"clientId": self._client_id} if self._client_id else {}
        answer = await self._send("POST", _BAYEUX + kind, [{"id": "1", **message, **own}])
        reply: dict[str, Any] = {}
        for item in answer if isinstance(answer, list) else ():
            if item["channel"].startswith("/meta/") or "data" not in item:
                reply = item
            else:
                self._hears(item)
        self._client_id = reply.get("clientId", self._client_id)
        return reply

    def _hears(self, item: dict[str, Any]) -> None:
        data = item["data"]
        number = data.get("step", _OPERATION if item["channel"] == _TOPIC else None)
        right = data.get("agent", self._name) == self._name
        if number is None or (number == _PUBLISH and not right):
            return  # the twin of an event of the operation, on the internal channel; what the other agent published
        right &= data.get("reference", data.get("referenceId", self._reference)) == self._reference
        self.heard.came.append((number, self._step, right))
        self._news.set()

    async def _send(self, method: str, path: str, body: Any) -> Any:
        try:
            async with self._http.request(
                method, self._url + path, json=body, headers=self._headers, timeout=aiohttp.ClientTimeout(15)
            ) as response:
                return json.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None


async def play(
    url: str, clients: Sequence[tuple[str, str]], think: float, then: Callable[[int, str], object] = lambda *_: None
) -> list[Heard]:
    """Let clients, each of a name and an id of its own, go through the session at once; return what each heard."""
    agents, sessions = [], []
    for name, reference in clients:
        http = aiohttp.ClientSession()
        sessions.append(http)
        agents.append(_Agent(http, url, name, reference))
    try:
        await asyncio.gather(*(agent.play(think, then) for agent in agents))
    finally:
        for http in sessions:
            await http.close()
    return [agent.heard for agent in agents]


async def record(folder: Path, names: Sequence[str]) -> tuple[Recorded, Counter[int]]:
    """Record the session from the lab with both tools; return also how many events each step has for a client."""
    recorded = Recorded(folder, folder / "session.cassette", folder / "session.flows", Log())
    with Lab("cometd", folder / "truth.jsonl", timeout_ms=2000) as lab:
        lab.options(chain=1)

        def then(number: int, name: str) -> None:
            channel = {_SUBSCRIPTION: _NEWS, _EXCHANGE: _STATE}.get(number)
            if channel is not None:
                lab.unsolicited(channel, {"step": number, "agent": name}, name)

        async with recording_by_both(lab.port, recorded) as url:
            heard = await play(url, [(name, f"recorded-{name}") for name in names], 0.3, then)
    counts = [Counter(step for step, _, _ in one.came) for one in heard]
    if any(not all(count[number] for number in range(len(STEPS))) for count in counts):
        raise ServerError(f"the lab did not push all events while it was recorded: {counts}")
    return recorded, counts[0]


def rows_of(setting: tuple[str, float, int, str], heard: Sequence[Heard], due: Counter[int], note: str) -> list[Row]:
    """Sum up one replay, a row for each kind of step."""
    tool, think, clients, rate = setting
    rows = []
    for number, name in enumerate(STEPS):
        came = [[(at, right) for step, at, right in one.came if step == number] for one in heard]
        rows.append(
            Row(
                tool, name, think, clients, rate,
                heard=sum(min(len(mine), due[number]) for mine in came),
                of=due[number] * clients,
                early=sum(at < number for mine in came for at, _ in mine),
                wrong=sum(not right for mine in came for _, right in mine),
                lost=sum(max(0, due[number] - len(mine)) for mine in came),
                doubled=sum(max(0, len(mine) - due[number]) for mine in came),
                note=note,
            )
        )  # fmt: skip
    return rows


async def bench(folder: Path, *, quick: bool) -> list[Row]:
    """Record a session of one and of two agents, and replay them in all settings."""
    thinks, rates = ((0.0, 0.6), ("instant",)) if quick else ((0.0, 0.6, 1.5), ("1", "20", "instant"))
    rows: list[Row] = []
    for names in (("ann",), ("ann", "bob")):
        own = folder / "-".join(names)
        own.mkdir()
        recorded, due = await record(own, names)
        live = [(name, f"live-{name}") for name in names]
        for rate in rates:
            for think in thinks:
                async with stand_in(recorded, rate) as server:
                    heard = await play(server.url, live, think)
                note = "" if server.code == 0 else f"exit code {server.code}: {server.stderr.strip()[:200]}"
                rows += rows_of((OURS, think, len(names), rate), heard, due, note)
        for think in thinks[:1] if quick else thinks:
            async with server_replay(recorded, ("server_replay_ignore_content=true",)) as server:
                heard = await play(server.url, live, think)
            rows += rows_of(("mitm ignore", think, len(names), "-"), heard, due, "")
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows for people, with a sum for each tool."""
    names = [one.name for one in fields(Row) if one.name != "note"]
    lines = [[*names, "clean"], *([*(str(getattr(r, n)) for n in names), "yes" if r.clean else "no"] for r in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*text, "", *dict.fromkeys(one.note for one in rows if one.note), *sums(rows)])


def sums(rows: Sequence[Row]) -> list[str]:
    """A line for each tool."""
    told = []
    for tool in dict.fromkeys(one.tool for one in rows):
        mine = [one for one in rows if one.tool == tool]
        counts = ", ".join(f"{sum(getattr(r, n) for r in mine)} {n}" for n in ("early", "wrong", "lost", "doubled"))
        of = sum(one.of for one in mine)
        told.append(
            f"{tool}, unasked events: {sum(r.clean for r in mine)} of {len(mine)} rows clean, {of} events: {counts}"
        )
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; returns the exit code: 1 if a row of the recorder is not clean, 2 if it cannot run here."""
    parser = argparse.ArgumentParser("benchmarks.anchors", description="Do unasked events wait for what they followed?")
    parser.add_argument("--quick", action="store_true", help="a short subset")
    options = parser.parse_args(arguments)
    if reason := available() or missing():
        print(f"anchors: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = asyncio.run(bench(Path(folder), quick=options.quick))
        except (LabError, ServerError) as exc:
            print(f"anchors: {exc}", file=sys.stderr)
            return 2
    print(table(rows))
    return 0 if all(one.clean for one in rows if one.tool == OURS) else 1


if __name__ == "__main__":
    sys.exit(main())
