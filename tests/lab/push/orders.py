"""A made-up API of orders, without a transport: a request in, an answer and events out, and the truth.

Each request but for lists has a bare answer, `{"ok": true}`; what became of it is pushed to desks, and so is the id of
an order.

    POST /login {agent}             a cookie `desk`
    POST /orders {ref, item}        accepted (to all desks; of each second order before the answer), packed, sent
    PATCH /orders/{id} {ref, note}  changed (to all desks)
    GET /orders?item=LAMP           all orders whose item begins so, as they are now; the answer takes its time
    GET /orders/{id}                viewed
    DELETE /orders/{id}             removed (to all desks)
    POST /refresh {ref}             all streams of the desk end, and while they are down: refreshed
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs

RETRY_MS = 150  # after which a client opens its stream again
BEAT = 1.0  # seconds between two heartbeats of a stream
_DOWN = 0.06  # seconds from the end of a stream to what happens while it is down
_FLUSH = 0.06  # seconds that an event is ahead of the answer, if it is
_LISTING = 0.008  # seconds from the moment that a list shows to its answer, and as much more …
_SEARCHING = 0.04  # … for each character that was looked for

Data: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Push:
    """An event that is to be pushed, `wait` seconds after the one before it; to one desk or to all."""

    type: str
    data: Data
    wait: float = 0.01
    to_all: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and what is pushed before and after it."""

    status: int
    body: Data
    before: tuple[Push, ...] = ()
    after: tuple[Push, ...] = ()
    cuts: bool = False
    takes: float = 0.0  # seconds
    desk: str | None = None  # that has logged in


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a desk, numbered from 1."""

    seq: int
    type: str
    data: Data


@dataclass(slots=True)
class Desk:
    """All events of a desk so far, and its open streams."""

    agent: str
    told: list[Told] = field(default_factory=list)
    streams: list[asyncio.Queue[Told | None]] = field(default_factory=list)

    def add(self, type_: str, data: Data) -> None:
        """Push an event to its streams."""
        self.told.append(Told(len(self.told) + 1, type_, data))
        for stream in self.streams:
            stream.put_nowait(self.told[-1])

    def cut(self) -> None:
        """End all streams."""
        for stream in self.streams:
            stream.put_nowait(None)

    async def listen(self, after: int) -> AsyncIterator[Told]:
        """Yield what came after an event, then what comes, until the stream is cut."""
        stream: asyncio.Queue[Told | None] = asyncio.Queue()
        for missed in self.told[after:]:
            stream.put_nowait(missed)
        self.streams.append(stream)
        try:
            while (told := await stream.get()) is not None:
                yield told
        finally:
            self.streams.remove(stream)


class Orders:
    """The orders and the desks, and the truth of what they were asked and told."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("a", buffering=1)
        self._desks: dict[str, Desk] = {}
        self._orders: dict[int, str] = {}
        self._states: dict[int, Data] = {}  # of each order: the last event that told of it
        self._ids, self._requests, self._serials = count(1001), count(), count(1)

    def enter(self, agent: str, key: str | None = None) -> str:
        """Let an agent in, and return the key of the desk."""
        key = key or secrets.token_hex(16)
        self._desks[key] = Desk(agent)
        return key

    def desk(self, key: str | None) -> Desk | None:
        """Return a desk, None if nobody has that key."""
        return self._desks.get(key or "")

    def opened(self, desk: Desk, after: int | None) -> int:
        """Note that a stream was opened, and return after which event it begins."""
        if after is None:
            self._write(kind="session", agent=desk.agent)
            self._tell(None, desk, Push("hello", {"agent": desk.agent}))
            return len(desk.told) - 1
        return after

    def request(
        self, desk: Desk | None, method: str, path: str, body: Any, asked: Mapping[str, Any] | None = None
    ) -> tuple[int, Answer]:
        """Return the number of a request and its answer; `asked` is its method, path and body as they were sent."""
        n = next(self._requests)
        sent = asked or {"method": method, "path": path, "body": body}
        self._write(kind="request", n=n, agent=desk and desk.agent, **sent)
        return n, self._answer(desk, method, path, body or {})

    async def ahead(self, n: int, desk: Desk | None, answer: Answer) -> None:
        """Push what comes before an answer, and note the answer."""
        if desk is not None and answer.before:
            await self._push(n, desk, answer.before)
            await asyncio.sleep(_FLUSH)
        if answer.takes:
            await asyncio.sleep(answer.takes)
        self._write(kind="ack", n=n, status=answer.status, body=answer.body)

    async def behind(self, n: int, desk: Desk | None, answer: Answer) -> None:
        """Push what comes after an answer."""
        if desk is None:
            return
        if answer.cuts:
            await asyncio.sleep(_DOWN / 2)
            desk.cut()
        await self._push(n, desk, answer.after)

    async def _push(self, n: int, desk: Desk, pushes: tuple[Push, ...]) -> None:
        for push in pushes:
            await asyncio.sleep(push.wait)
            if "order" in push.data:
                self._states[push.data["order"]["id"]] = {"state": push.type, "serial": push.data["serial"]}
            for one in self._desks.values() if push.to_all else [desk]:
                self._tell(n, one, push)

    def _tell(self, cause: int | None, desk: Desk, push: Push) -> None:
        self._write(kind="event", cause=cause, agent=desk.agent, channel=push.type, data=push.data)
        desk.add(push.type, push.data)

    def _answer(self, desk: Desk | None, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        if (method, path) == ("POST", "/login"):
            return Answer(200, {"ok": True}, desk=self.enter(body["agent"]))
        if desk is None:
            return Answer(401, {"error": "nobody has logged in"})
        if (method, path) == ("POST", "/orders"):
            return self._create(desk, body["ref"], body["item"])
        if (method, path) == ("POST", "/refresh"):
            pushed = self._event("refreshed", {"ref": body["ref"]}, wait=_DOWN)
            return Answer(200, {"ok": True}, after=(pushed,), cuts=True)
        if method == "GET" and path.partition("?")[0] == "/orders":
            return self._list(parse_qs(path.partition("?")[2]).get("item", [""])[0])
        number = path.removeprefix("/orders/")
        if not number.isdigit() or int(number) not in self._orders:
            return Answer(404, {"error": "no such order"})
        return self._with(desk, method, int(number), body)

    def _create(self, desk: Desk, ref: str, item: str) -> Answer:
        order = {"id": next(self._ids)}
        self._orders[order["id"]] = item
        by = {"by": desk.agent}
        accepted = self._event("accepted", {"ref": ref, "order": order | {"item": item}} | by, to_all=True)
        label = f"L-{order['id']}-{secrets.token_hex(4)}"
        packed = self._event("packed", {"ref": ref, "order": order, "label": label}, wait=0.02)
        rest = (packed, self._event("sent", {"label": label}, wait=0.02))
        if order["id"] % 2:
            return Answer(202, {"ok": True}, after=(accepted, *rest))
        return Answer(202, {"ok": True}, before=(accepted,), after=rest)

    def _list(self, prefix: str) -> Answer:
        found = [
            {"id": number, "item": item} | self._states.get(number, {})
            for number, item in self._orders.items()
            if item.startswith(prefix)
        ]
        return Answer(200, {"item": prefix, "orders": found}, takes=_LISTING + len(prefix) * _SEARCHING)

    def _with(self, desk: Desk, method: str, number: int, body: Mapping[str, Any]) -> Answer:
        order = {"id": number}
        if method == "GET":
            found = {"order": order | {"item": self._orders[number]}}
            return Answer(200, found, after=(self._event("viewed", {"order": order}),))
        if method == "PATCH":
            data = {"ref": body["ref"], "order": order | {"note": body["note"]}, "by": desk.agent}
            return Answer(200, {"ok": True}, after=(self._event("changed", data, to_all=True),))
        if method == "DELETE":
            del self._orders[number]
            return Answer(200, {"ok": True}, after=(self._event("removed", {"order": order}, to_all=True),))
        return Answer(405, {"error": "no such method"})

    def _event(self, type_: str, data: Data, *, wait: float = 0.01, to_all: bool = False) -> Push:
        return Push(type_, data | {"serial": next(self._serials)}, wait, to_all)

    def _write(self, **line: Any) -> None:
        self._log.write(json.dumps(line | {"at": round(time.monotonic(), 4)}) + "\n")
