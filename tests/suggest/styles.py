"""Play APIs of several styles, each with what makes causes hard to find, and record them with their truth."""

from __future__ import annotations

import heapq
import json
import random
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from recorder.cassette.reader import Cassette
from recorder.model import Header, Record, Request, Response
from tests.suggest.apis import SECOND, Truth

Noise = tuple[int, Sequence[int], str, dict[str, Any]]


class Said(NamedTuple):
    """An event: milliseconds after its request, the clients that get it, channel and data."""

    after: float
    clients: Sequence[int]
    channel: str
    data: dict[str, Any]


@dataclass(slots=True)
class Call:
    """A request with its answer and its events."""

    client: int
    method: str
    path: str
    body: Any = None
    answer: Any = None
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    said: Sequence[Said] = ()


@dataclass(slots=True)
class Play:
    """Records clients and a server, by a clock of its own."""

    seed: int
    clients: int
    r: random.Random = field(init=False)
    records: list[Record] = field(default_factory=list)
    truth: Truth = field(default_factory=dict)
    now: int = 0
    _due: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _exchange: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.r = random.Random(self.seed)
        for client in range(self.clients):
            reply = {"channel": "/meta/handshake", "successful": True, "id": "1", "clientId": f"c{client}k5w{client}"}
            self._bayeux(
                client, "/live/handshake", {"channel": "/meta/handshake", "version": "1.0", "id": "1"}, [reply]
            )

    def every(self, low: float, high: float, times: int) -> Iterable[int]:
        """Yield moments with random seconds between them, on which the caller plans what happens."""
        t = SECOND
        for _ in range(times):
            t += int(self.r.uniform(low, high) * SECOND)
            yield t

    def call(self, t: int, call: Call) -> None:
        """Plan a request."""
        self._at(t, partial(self._ask, call))

    def unasked(self, t: int, clients: Iterable[int], channel: str, data: dict[str, Any]) -> None:
        """Plan an event without a cause."""
        for client in clients:
            self._at(t, partial(self._push, client, channel, data, None))

    def run(self) -> tuple[Cassette, Truth]:
        """Return the recording; an event that also goes to other clients has a cause for the client that asked."""
        while self._due:
            self.now, _, act = heapq.heappop(self._due)
            act()
        header = Header(1_795_000_000_000_000, "http://api.example", "gws-outbound", "none")
        return Cassette(header, tuple(self.records), None), self.truth

    def _at(self, t: int, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (t, next(self._order), act))

    def _ask(self, call: Call) -> None:
        seq = len(self.records)
        exchange = self._sent(call.client, call.method, call.path, call.body)
        self._at(self.now + int(self.r.uniform(5, 20) * 1e6), partial(self._answer, exchange, call))
        for said in call.said:
            for client in said.clients:
                cause = seq if client == call.client else None
                t = self.now + int(said.after * 1e6)
                self._at(t, partial(self._push, client, said.channel, said.data, cause))

    def _push(self, client: int, channel: str, data: dict[str, Any], cause: int | None) -> None:
        poll = {"channel": "/meta/connect", "clientId": f"c{client}k5w{client}", "id": "2"}
        reply = {"channel": "/meta/connect", "successful": True, "id": "2"}
        self._bayeux(client, "/live/connect", poll, [{"channel": channel, "data": data}, reply])
        self.truth[len(self.records) - 1, 0] = cause

    def _bayeux(self, client: int, path: str, message: dict[str, Any], replies: list[Any]) -> None:
        exchange = self._sent(client, "POST", path, [message])
        self._answer(exchange, Call(client, "POST", path, answer=replies))

    def _sent(self, client: int, method: str, path: str, body: Any) -> int:
        exchange = next(self._exchange)
        headers = (("Content-Type", "application/json"), ("Cookie", f"desk={client}b7e1d2{client}; node=n1"))
        sent = b"" if body is None else json.dumps(body).encode()
        self.records.append(Request(len(self.records), self.now, exchange, f"s{client}", method, path, headers, sent))
        return exchange

    def _answer(self, exchange: int, call: Call) -> None:
        headers = (("Content-Type", "application/json"), *call.headers)
        got = b"" if call.answer is None else json.dumps(call.answer).encode()
        self.records.append(Response(len(self.records), self.now, exchange, call.status, headers, got))


def jobs(seed: int) -> tuple[Cassette, Truth]:
    """Play one path for all methods, whose ids come in acks and are repeated in channels alone."""
    play = Play(seed, 2)
    r, number = play.r, count(700)
    for turn, t in enumerate(play.every(0.05, 1.0, 50)):
        client = turn % 2
        method = r.choice(["scan.start", "scan.start", "mail.send"])
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "id": turn // 2}
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": turn // 2}
        if method == "scan.start":
            job = f"J{next(number)}-{r.choice('abcdef')}"
            states = ((4, "queued"), (60, "running"), (r.uniform(150, 900), r.choice(["done", "failed"])))
            said = [Said(after, [client], f"/jobs/{job}", {"kind": "job", "state": state}) for after, state in states]
            body["params"], answer["result"] = {"unit": r.choice(["a1", "b2"])}, {"job": job}
        else:
            to = f"u{r.randrange(10**6)}@x.example"
            said = [Said(80, [client], "/notices", {"kind": "notice", "state": "sent", "mail": {"to": [to]}})]
            body["params"], answer["result"] = {"to": [to]}, None
        play.call(t, Call(client, "POST", "/rpc", body, answer, said=said))
    return play.run()


def machines(seed: int, times: int = 60) -> tuple[Cassette, Truth]:
    """Play ids in headers and in lists of pairs, beside reports of the same few machines that nobody asked for."""
    play = Play(seed, 2)
    r = play.r
    for turn, t in enumerate(play.every(0.05, 1.2, times)):
        client, machine = turn % 2, r.choice(["AB12", "CD34", "EF56", "GH78"])
        at = {"machine": machine, "ts": t // 1_000_000}
        if r.random() < 0.6:
            own = {"self": f"/commands/{r.randbytes(5).hex()}"}
            channel = f"/machines/{machine}/commands"
            said = [
                Said(r.uniform(3, 40), [client], channel, {"event": "CommandAccepted", "command": own, **at}),
                Said(r.uniform(60, 500), [client], channel, {"event": "CommandDone", "command": own, **at}),
            ]
            play.call(
                t,
                Call(
                    client,
                    "POST",
                    f"/machines/{machine}/commands",
                    {"action": "stop"},
                    status=202,
                    headers=(("Location", own["self"]),),
                    said=said,
                ),
            )
        else:
            pairs = [{"name": "requestId", "value": str(uuid.UUID(int=r.getrandbits(128), version=4))}]
            pairs.append({"name": "mode", "value": r.choice(["fast", "slow"])})
            changed = {"event": "SettingsChanged", "changes": pairs[::-1], **at}
            said = [Said(r.uniform(5, 50), [0, 1], f"/machines/{machine}/settings", changed)]
            play.call(
                t, Call(client, "PUT", f"/machines/{machine}/settings", {"items": pairs}, {"ok": True}, said=said)
            )
        if r.random() < 0.3:
            report = {"event": "Report", "heat": r.randrange(20, 30), **at}
            play.unasked(t + SECOND // 5, [0, 1], f"/machines/{machine}/reports", report)
    return play.run()


def presence(seed: int) -> tuple[Cassette, Truth]:
    """Play requests that share nothing with their events, which name the user instead."""
    play = Play(seed, 3)
    r, number = play.r, count(90_000)
    for turn, t in enumerate(play.every(0.3, 1.5, 60)):
        client = turn % 3
        if r.random() < 0.5:
            said = [Said(r.uniform(4, 50), [client], "/presence", {"kind": "PresenceChanged", "user": f"user{client}"})]
            play.call(
                t, Call(client, "POST", f"/presence/{r.choice(['away', 'ready'])}", None, {"status": 0}, said=said)
            )
        else:
            own = {"kind": "MessagePosted", "chat": 77, "id": next(number)}
            said = [Said(r.uniform(4, 50), [0, 1, 2], "/chat", own)]
            answer = {"status": 0, "messageId": own["id"]}
            play.call(
                t, Call(client, "POST", "/chats/77/messages", {"text": r.choice(["hi", "bye"])}, answer, said=said)
            )
        if r.random() < 0.1:
            play.unasked(t + SECOND // 5, [0, 1, 2], "/chat", {"kind": "MessagePosted", "chat": 77, "id": next(number)})
    return play.run()


def tickets(seed: int) -> tuple[Cassette, Truth]:
    """Play batches with several ids, transactions of several events, and errors after a good ack."""
    play = Play(seed, 2)
    r, number = play.r, count(4100)
    for turn, t in enumerate(play.every(0.05, 1.0, 50)):
        client, head = turn % 2, {"tx": r.randbytes(8).hex()}
        kind = r.choice(["batch", "close", "close", "assign"])
        if kind == "batch":
            ids = [f"T-{next(number)}" for _ in range(r.randrange(2, 4))]
            said = [
                Said(r.uniform(4, 90), [0, 1], "/tickets", {"head": {"what": "Created", **head}, "ticket": {"id": one}})
                for one in ids
            ]
            said.append(Said(95, [0, 1], "/tickets", {"head": {"what": "Counted", **head}, "size": r.randrange(99)}))
            batch = {"tickets": [{"title": r.choice("abc")} for _ in ids]}
            answer = {"created": [{"id": one} for one in ids]}
            play.call(t, Call(client, "POST", "/tickets/batch", batch, answer, said=said))
        else:
            ticket, operation = f"T-{r.randrange(100, 4000)}", f"op-{r.getrandbits(32):08x}"
            if r.random() < 0.2:
                data: dict[str, Any] = {"head": {"what": "OperationFailed", **head}, "operation": operation}
                said = [Said(r.uniform(4, 90), [client], "/tickets", data)]
            else:
                what = {"close": "TicketClosed", "assign": "TicketAssigned"}[kind]
                data = {"head": {"what": what, **head}, "ticket": {"id": ticket}, "operation": operation}
                said = [Said(r.uniform(4, 90), [0, 1], "/tickets", data)]
            body = {"operation": operation}
            play.call(t, Call(client, "POST", f"/tickets/{ticket}/{kind}", body, {"accepted": True}, said=said))
    return play.run()


def orders(seed: int) -> tuple[Cassette, Truth]:
    """Play several events a request for two clients, beside stock levels that share the few names of goods."""
    play = Play(seed, 2)
    r, number = play.r, count(1000, 3)
    open_orders: list[int] = []
    for turn, t in enumerate(play.every(0.05, 1.2, 50)):
        client, draw = turn % 2, r.random()
        if draw < 0.6 or not open_orders:
            order, ref = next(number), str(uuid.UUID(int=r.getrandbits(128), version=4))
            open_orders.append(order)
            body = {"ref": ref, "lines": [{"sku": r.choice(["A-1", "B-2", "C-3"])} for _ in range(2)]}
            said = [
                Said(
                    r.uniform(5, 60), [0, 1], "/orders", {"type": "order.created", "order": {"id": order, "ref": ref}}
                ),
                Said(r.uniform(100, 400), [0, 1], "/orders", {"type": "order.confirmed", "order": {"id": order}}),
            ]
            play.call(t, Call(client, "POST", "/shop/orders", body, {"order": {"id": order}}, 201, said=said))
        else:
            order = r.choice(open_orders)
            method, what = ("PATCH", "order.updated") if draw < 0.8 else ("DELETE", "order.cancelled")
            if method == "DELETE":
                open_orders.remove(order)
            said = [Said(r.uniform(5, 60), [0, 1], "/orders", {"type": what, "order": {"id": order}})]
            play.call(t, Call(client, method, f"/shop/orders/{order}", None, {"ok": True}, said=said))
        if r.random() < 0.25:
            level = {"type": "stock.level", "sku": r.choice(["A-1", "B-2"]), "left": r.randrange(500)}
            play.unasked(t + 3 * SECOND // 10, [0, 1], "/stock", level)
    return play.run()


STYLES: dict[str, Callable[[int], tuple[Cassette, Truth]]] = {
    one.__name__: one for one in (jobs, machines, presence, tickets, orders)
}
