"""Make up APIs at random, and recordings of them with their truth: which request caused which event."""

from __future__ import annotations

import json
import random
import uuid
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from recorder.cassette.reader import Cassette
from recorder.model import Header, Record, Request, Response

Place: TypeAlias = tuple[int, int]
Truth: TypeAlias = dict[Place, int | None]

NOUNS = ["order", "customer", "ticket", "shipment", "device", "invoice", "booking", "meter", "patient", "alert"]
VERBS = ["approve", "cancel", "ship", "assign", "close", "reopen", "lock", "release", "print", "escalate"]
PAST = {"lock": "Locked", "ship": "Shipped", "print": "Printed", "cancel": "Cancelled"}
BASES = ["/api/v1", "/rest/2", "/svc", "/gateway/api", "/v3/ops"]
TYPES = ["type", "eventType", "kind", "messageType", "event", "action"]
REFS = ["clientRef", "requestId", "correlationId", "ref", "operationId", "idempotencyKey"]
SECOND = 1_000_000_000


@dataclass(slots=True)
class Api:
    """The facts of a made-up API, drawn from a seed.

    Attributes:
        ids: How ids of things look: `uuid`, `number` (those of all things collide), `prefix`, `hex`.
        ack: Where an answer has the id of a new thing: `body`, `nested`, `location`.
        wrap: Where events have their content: "" for at the top, else a member.
        reference: Field of requests that events repeat; "" without one.
        is_attribute: Whether that field is kept with the thing, so that all later events of it repeat it.
        by_command: Whether one path takes all actions, named in the body.
        jobs: Whether there is an operation whose id is in the ack alone.
        pauses: Whether there are operations that share nothing with their events.
        progress: Events before the last of a job.
        channels: Whether the ids of jobs stand in channels alone.
        prelude: Whether pauses are never ended, and each has another request before it.
        codes: Whether references are short codes, some of them without a digit.
    """

    seed: int
    base: str
    nouns: list[str]
    verbs: list[str]
    ids: str
    ack: str
    type_field: str
    wrap: str
    id_field: str
    reference: str
    is_attribute: bool
    in_header: bool
    by_command: bool
    command_field: str
    jobs: bool
    pauses: bool
    progress: int
    channels: bool
    one_channel: bool
    split_name: bool
    sessions: int
    overlap: float
    unasked: float
    refused: float
    echo: bool
    prefix: str
    prelude: bool = False
    codes: bool = False


def api(seed: int) -> Api:
    """Draw an API."""
    r = random.Random(seed)
    return Api(
        seed,
        r.choice(BASES),
        r.sample(NOUNS, r.randint(2, 3)),
        r.sample(VERBS, r.randint(2, 3)),
        r.choice(["uuid", "number", "number", "prefix", "hex"]),
        r.choice(["body", "nested", "location"]),
        r.choice(TYPES),
        r.choice(["", "payload", "body.content"]),
        r.choice(["id", "noun_id", "nounId", "noun"]),
        r.choice(["", *REFS]),
        r.random() < 0.4,
        r.random() < 0.3,
        r.random() < 0.35,
        r.choice(["command", "operation", "action"]),
        r.random() < 0.5,
        r.random() < 0.5,
        r.randint(0, 2),
        r.random() < 0.5,
        r.random() < 0.5,
        r.random() < 0.3,
        r.choice([1, 1, 2, 3]),
        r.choice([0.0, 0.3, 0.6]),
        r.choice([0.0, 0.1, 0.2]),
        r.choice([0.0, 0.1]),
        r.random() < 0.5,
        r.choice(["/cometd", "/push/bayeux", "/notifications"]),
    )


@dataclass(slots=True)
class _Thing:
    noun: str
    id: Any
    reference: str | None
    owner: _Thing | None
    name: str


@dataclass(slots=True)
class _Due:
    t: int
    order: int
    what: tuple[Any, ...]


@dataclass(slots=True)
class Server:
    """Plays an API and records it."""

    api: Api
    count: int
    r: random.Random = field(init=False)
    records: list[Record] = field(default_factory=list)
    truth: Truth = field(default_factory=dict)
    things: list[_Thing] = field(default_factory=list)
    now: int = 0
    exchange: int = 0
    number: int = 16
    serial: int = 1000
    due: list[_Due] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.r = random.Random(self.api.seed * 7919 + self.count)

    def run(self) -> tuple[Cassette, Truth]:
        """Return a recording with its truth."""
        for agent in range(self.api.sessions):
            self._handshake(agent)
        for _ in range(self.count):
            self.now += int(self.r.uniform(0.05, 0.6) * SECOND)
            agent = self.r.randrange(self.api.sessions)
            self._act(agent)
            if self.r.random() >= self.api.overlap:
                self._play(self.now + 3 * SECOND)
                self.now += int(self.r.uniform(0.3, 1.5) * SECOND)
            else:
                self._play(self.now)
        self._play(self.now + 60 * SECOND)
        header = Header(1_795_000_000_000_000, "http://api.example", "gws-outbound", "none")
        return Cassette(header, tuple(self.records), None), self.truth

    def _act(self, agent: int) -> None:
        a, r = self.api, self.r
        if r.random() < a.unasked:
            self._unasked(agent)
        draw = r.random()
        if a.pauses and draw < 0.12:
            self._pause(agent)
        elif a.jobs and draw < 0.25:
            self._job(agent)
        elif draw < 0.33:
            self._read(agent)
        elif draw < 0.62 or not self.things:
            self._create(agent)
        else:
            self._change(agent, r.choice(self.things[-6:]))

    def _create(self, agent: int) -> None:
        a, r = self.api, self.r
        noun = r.choice(a.nouns)
        owner = next((one for one in reversed(self.things) if one.noun != noun), None)
        thing = _Thing(noun, self._new_id(noun), None, owner, f"{r.choice(['Blue', 'Red', 'Old'])} {noun}")
        body: dict[str, Any] = {"name": thing.name, "priority": r.choice(["high", "low"]), "count": r.randint(1, 9)}
        if owner is not None and r.random() < 0.5:
            body[f"{owner.noun}Id"] = owner.id
        refused = r.random() < a.refused
        seq = self._ask(
            agent, "POST", f"{a.base}/{noun}s", body, self._made(thing, body), 422 if refused else 201, refused
        )
        if not refused:
            self.things.append(thing)
            self._tell(agent, noun, "created", thing, seq, body)

    def _made(self, thing: _Thing, body: dict[str, Any]) -> tuple[Any, dict[str, str]]:
        if self.api.reference and not self.api.in_header:
            thing.reference = body[self.api.reference] = self._reference()
        match self.api.ack:
            case "body":
                return {"id": thing.id}, {}
            case "nested":
                return {"result": {thing.noun: {"id": thing.id}}, "status": {"code": 0}}, {}
            case _:
                return {"ok": "yes"}, {"Location": f"{self.api.base}/{thing.noun}s/{thing.id}"}

    def _change(self, agent: int, thing: _Thing) -> None:
        a, r = self.api, self.r
        verb = r.choice(["update", *a.verbs])
        body: dict[str, Any] = {} if verb != "update" else {"name": f"{r.choice(['New', 'Big'])} {thing.noun}"}
        reference = None
        if a.reference and not a.is_attribute and not a.in_header:
            reference = body[a.reference] = self._reference()
        refused = r.random() < a.refused
        status = 409 if refused else 202
        if a.by_command:
            body |= {a.command_field: f"{verb}{thing.noun.title()}", "target": {"id": thing.id}}
            seq = self._ask(agent, "POST", f"{a.base}/commands", body, ({"accepted": 1}, {}), status, refused)
        elif verb == "update":
            seq = self._ask(
                agent, "PATCH", f"{a.base}/{thing.noun}s/{thing.id}", body, ({"ok": "yes"}, {}), status, refused
            )
        else:
            path = f"{a.base}/{thing.noun}s/{thing.id}/{verb}"
            seq = self._ask(agent, "POST", path, body, ({"ok": "yes"}, {}), status, refused)
        if not refused:
            past = "updated" if verb == "update" else PAST.get(verb, f"{verb.rstrip('e')}ed")
            self._tell(agent, thing.noun, past, thing, seq, body, reference)

    def _job(self, agent: int) -> None:
        a, r = self.api, self.r
        job = f"job-{r.getrandbits(32):08x}"
        seq = self._ask(
            agent,
            "POST",
            f"{a.base}/reports",
            {"format": r.choice(["pdf", "csv"])},
            ({"job": {"id": job}}, {}),
            202,
            False,
        )
        channel = f"/jobs/{job}" if a.channels else "/jobs"
        content = {} if a.channels else {"job": job}
        at = self.now
        for step in range(a.progress):
            at += int(r.uniform(0.05, 0.3) * SECOND)
            self._later(
                at, ("event", agent, channel, self._data("job", "Progress", {**content, "percent": 10 * step + 5}), seq)
            )
        at += int(r.uniform(0.05, 0.3) * SECOND)
        self._later(
            at, ("event", agent, channel, self._data("job", "Finished", {**content, "pages": r.randint(1, 9)}), seq)
        )

    def _pause(self, agent: int) -> None:
        name = "Pause" if self.api.prelude else self.r.choice(["Pause", "Resume"])
        if self.api.prelude:
            at = self.now
            self._ask(agent, "POST", f"{self.api.base}/desk/lamp", {}, ({"ok": "yes"}, {}), 200, False)
            self.now = at + SECOND // 10_000
        seq = self._ask(agent, "POST", f"{self.api.base}/desk/{name.lower()}", {}, ({"ok": "yes"}, {}), 200, False)
        past = "Paused" if name == "Pause" else "Resumed"
        self._later(
            self.now + int(self.r.uniform(0.005, 0.02) * SECOND),
            ("event", agent, "/desk", self._data("desk", past, {"mode": "self"}), seq),
        )

    def _read(self, agent: int) -> None:
        noun = self.r.choice(self.api.nouns)
        found = [{"id": one.id, "name": one.name} for one in self.things if one.noun == noun]
        self._ask(agent, "GET", f"{self.api.base}/{noun}s", None, ({"items": found}, {}), 200, False)

    def _unasked(self, agent: int) -> None:
        noun = self.r.choice(self.api.nouns)
        stranger = _Thing(noun, self._new_id(noun), None, None, f"Other {noun}")
        self._tell(agent, noun, self.r.choice(["created", "updated"]), stranger, None, {})

    def _tell(  # noqa: PLR0917  # the facts of an event
        self,
        agent: int,
        noun: str,
        past: str,
        thing: _Thing,
        seq: int | None,
        body: dict[str, Any],
        own: str | None = None,
    ) -> None:
        a = self.api
        name = {"id": "id", "noun_id": f"{noun}_id", "nounId": f"{noun}Id", "noun": noun}[a.id_field]
        content: dict[str, Any] = {name: thing.id}
        if a.echo:
            content["name"] = body.get("name", thing.name)
            if thing.owner is not None:
                content[f"{thing.owner.noun}Id"] = thing.owner.id
        reference = own or (thing.reference if a.is_attribute or past == "created" else None)
        if reference is not None:
            content[a.reference] = reference
        channel = "/events" if a.one_channel else f"/events/{noun}s"
        at = self.now + int(self.r.uniform(0.005, 0.4) * SECOND)
        self._later(at, ("event", agent, channel, self._data(noun, past, content), seq))

    def _data(self, noun: str, past: str, content: dict[str, Any]) -> dict[str, Any]:
        a = self.api
        self.serial += 1
        inner: Any = {**content, "tenant": "acme", "region": "eu-1"}
        for part in reversed(a.wrap.split(".") if a.wrap else []):
            inner = {part: inner}
        names = (
            {"entity": noun, a.type_field: past} if a.split_name else {a.type_field: f"{noun.title()}{past.title()}"}
        )
        return {**names, **inner, "at": 1_795_000_000_000 + self.now // 1_000_000, "serial": self.serial}

    def _reference(self) -> str:
        if self.api.codes:
            return "BK-" + "".join(self.r.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=5))
        return str(uuid.UUID(int=self.r.getrandbits(128), version=4))

    def _new_id(self, noun: str) -> Any:
        r = self.r
        match self.api.ids:
            case "uuid":
                return str(uuid.UUID(int=r.getrandbits(128), version=4))
            case "number":
                self.number += 1
                return 17 + sum(one.noun == noun for one in self.things) + r.choice([0, 0, 200 + self.number])
            case "prefix":
                self.number += 1
                return f"{noun[:3].upper()}-{1000 + self.number}"
            case _:
                return f"{r.getrandbits(64):016x}"

    def _ask(  # noqa: PLR0917  # the facts of a request
        self,
        agent: int,
        method: str,
        path: str,
        body: Any,
        answer: tuple[Any, dict[str, str]],
        status: int,
        refused: bool,
    ) -> int:
        self.exchange += 1
        seq, exchange = len(self.records), self.exchange
        headers = [("Cookie", f"SID={agent}f{agent}e8d7c6b5; lb=node1")]
        if body is not None:
            headers.append(("Content-Type", "application/json"))
        sent = b"" if body is None else json.dumps(body).encode()
        self.records.append(Request(seq, self.now, exchange, f"c{agent}", method, path, tuple(headers), sent))
        content, extra = answer
        content = {"error": "refused"} if refused else content
        delay = int(self.r.uniform(0.01, 0.2) * SECOND)
        self._later(self.now + delay, ("answer", exchange, status, content, {} if refused else extra))
        if self.r.random() < 0.1:
            self.now += delay
        return seq

    def _later(self, t: int, what: tuple[Any, ...]) -> None:
        self.due.append(_Due(t, len(self.due), what))

    def _play(self, until: int) -> None:
        ready = sorted((one for one in self.due if one.t <= until), key=lambda one: (one.t, one.order))
        self.due = [one for one in self.due if one.t > until]
        for one in ready:
            self.now = max(self.now, one.t)
            match one.what:
                case ("answer", exchange, status, content, extra):
                    headers = (("Content-Type", "application/json"), *extra.items())
                    self.records.append(
                        Response(len(self.records), self.now, exchange, status, headers, json.dumps(content).encode())
                    )
                case ("event", agent, channel, data, cause):
                    self._poll(agent, [{"channel": channel, "data": data}])
                    self.truth[len(self.records) - 1, 0] = cause
                case _:
                    pass

    def _poll(self, agent: int, events: list[dict[str, Any]]) -> None:
        self.exchange += 1
        client = f"client{agent}xyz{agent}"
        asked = [
            {"channel": "/meta/connect", "clientId": client, "id": str(self.exchange), "connectionType": "long-polling"}
        ]
        reply = {"channel": "/meta/connect", "successful": True, "id": str(self.exchange)}
        self._bayeux(agent, "/connect", asked, [*events, reply])

    def _handshake(self, agent: int) -> None:
        self.exchange += 1
        asked = [{"channel": "/meta/handshake", "version": "1.0", "id": "1"}]
        reply = {"channel": "/meta/handshake", "successful": True, "id": "1", "clientId": f"client{agent}xyz{agent}"}
        self._bayeux(agent, "/handshake", asked, [reply])

    def _bayeux(self, agent: int, path: str, asked: list[Any], replies: list[Any]) -> None:
        headers = (("Content-Type", "application/json"), ("Cookie", f"SID={agent}f{agent}e8d7c6b5; lb=node1"))
        sent, got = json.dumps(asked).encode(), json.dumps(replies).encode()
        target = self.api.prefix + path
        self.records.append(
            Request(len(self.records), self.now, self.exchange, f"b{agent}", "POST", target, headers, sent)
        )
        self.records.append(
            Response(len(self.records), self.now, self.exchange, 200, (("Content-Type", "application/json"),), got)
        )


def recorded(seed: int, count: int = 60) -> tuple[Cassette, Truth]:
    """Return a recording of a made-up API with its truth.

    Args:
        seed: Draws the API and what happens.
        count: How many things clients do.
    """
    return Server(api(seed), count).run()
