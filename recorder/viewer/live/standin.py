"""Follow a stand-in as it plays, and tell a page what changed. Sans-IO.

What is shown of a request and its events is what was recorded, which is redacted; of the live client only its name is
told, and misses, whose text has pseudonyms in place of redacted values.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from ...model import Link, State, Triple
from ...replay.engine.miss import STATUS, Miss
from ...replay.engine.timeline import Run, Step
from ...views.pages.problems import Facts, Told, Usual, miss, of_triple
from .log import Delta
from .recording import ITEMS
from .rows import Row, problem, whole

_MISSES = 200
_EVENTS = 100  # of one request, the last ones


class Began(NamedTuple):
    """A request of a client that was matched, or events that nobody asked for: see `Watcher.began`."""

    client: str
    run: Run
    triple: Triple | None
    steps: int
    at: int


class Pushed(NamedTuple):
    """An event that left for a client; `steps` are still to leave of its run."""

    client: str
    run: Run
    step: Step
    steps: int
    at: int


class Answered(NamedTuple):
    """A request that was answered."""

    client: str
    run: Run
    status: int | None
    steps: int
    at: int


class Missed(NamedTuple):
    """A request that matched nothing, or was refused."""

    miss: Miss
    at: int


Happened: TypeAlias = Began | Pushed | Answered | Missed


@dataclass(slots=True, eq=False)
class _Item:
    """An item played to a client: a request with its answer and events, an event alone, or a miss.

    Attributes:
        identity: Names it on the page.
        key: Number by which its content is asked for.
        row: Its row; events are added to it.
        triple: The recorded triple; None for others.
        run: Its run, as long as steps of it are still to leave.
        event: Data of an event alone.
        links: The events that left, as they were recorded.
        is_told: The page knows it.

    """

    identity: str
    key: int
    row: Row
    triple: Triple | None = None
    run: Run | None = None
    event: Any = None
    links: deque[Link] = field(default_factory=lambda: deque(maxlen=_EVENTS))
    is_told: bool = False


class StandInFeed:
    """The live state of a stand-in: `feed` takes its steps, `take` returns the changes, `whole` everything."""

    def __init__(self, *, most: int = ITEMS) -> None:
        """Begin with nothing played; `most` items are kept."""
        self._most = most
        self._items: dict[int, _Item] = {}
        self._of: dict[Run, _Item] = {}
        self._changed: dict[_Item, None] = {}
        self._gone: list[str] = []
        self._misses, self._new_misses = deque[Row](maxlen=_MISSES), list[Row]()
        self._looked: Row = {}
        self._clients: dict[str, int] = {}
        self._new_clients: list[list[Any]] = []
        self._counts = {"triple": 0, "plain": 0, "loose": 0, "events": 0, "misses": 0}
        self._keys = self.let_go = self.now = 0

    def feed(self, happened: Happened) -> None:
        """Take what happened; times are microseconds since the stand-in began."""
        self.now = max(self.now, happened.at)
        match happened:
            case Began():
                self._began(happened)
            case Pushed():
                self._pushed(happened)
            case Answered():
                self._answered(happened)
            case Missed():
                self._missed(happened)
        while len(self._items) > self._most:
            self._drop(next(iter(self._items.values())))

    def look(self, looked: Row) -> None:
        """Take how far the clients are, as `ReplayEngine.look` returns it, with `faults`, and `now` in microseconds."""
        self._looked = looked
        self.now = max(self.now, looked["now"])

    def _began(self, began: Began) -> None:
        if began.client not in self._clients:
            self._clients[began.client] = began.at
            self._new_clients.append([began.client, began.at])
        triple = began.triple
        if triple is None:
            return
        item = self._new("triple" if triple.n else "plain", began.at, began.client)
        item.triple = triple
        item.row |= {
            "n": triple.n,
            "operation": triple.operation,
            "keys": triple.keys,
            "state": State.ABORTED.value,
            "method": triple.request.method,
            "target": triple.request.target,
            "answered": None,
            "status": None,
            "reason": None,
            "before": 0,
            "events": [],
            "open": began.steps > 0,
        }
        if began.steps:
            item.run = began.run
            self._of[began.run] = item

    def _pushed(self, pushed: Pushed) -> None:
        step, event = pushed.step, pushed.step.event
        if event is None:
            return
        self._counts["events"] += 1
        item = self._of.get(pushed.run)
        if item is None or item.triple is None:
            item = self._new("loose", pushed.at, pushed.client)
            item.row |= {"name": step.name, "channel": event.channel, "ignored": step.is_ignored, "open": False}
            item.event = event.data
            return
        links = (link for link in item.triple.events if (link.event.seq, link.event.index) == (event.seq, event.index))
        link = next(links, Link(event, step.name, item.triple.request.seq, "", 1.0, ""))
        if len(item.links) == _EVENTS:
            item.row["before"] += 1
            del item.row["events"][0]
        item.links.append(link)
        its = {"name": step.name or link.name, "channel": event.channel, "at": pushed.at}
        item.row["events"].append({**its, "rule": link.rule, "confidence": link.confidence, "problems": []})
        self._goes_on(item, pushed.run, pushed.steps)

    def _answered(self, answered: Answered) -> None:
        item = self._of.get(answered.run)
        if item is None:
            return
        item.row |= {"answered": answered.at, "status": answered.status}
        if answered.status is None:
            item.row["reason"] = "no answer was recorded"
        self._goes_on(item, answered.run, answered.steps)

    def _goes_on(self, item: _Item, run: Run, steps: int) -> None:
        """Note how far a request has got."""
        self._changed[item] = None
        recorded = item.triple.state if item.triple is not None else State.COMPLETE
        if steps == 0:
            item.row |= {"open": False, "state": recorded.value}
            item.run = None
            self._of.pop(run, None)
        elif item.row["answered"] is not None:
            item.row["state"] = State.ACKED.value
        elif item.row["events"]:
            item.row["state"] = State.UNACKED.value
        _judge(item.row)

    def _missed(self, missed: Missed) -> None:
        self._counts["misses"] += 1
        found = missed.miss
        method, _, target = found.call.partition(" ")
        item = self._new("plain", missed.at, None)
        self._counts["plain"] -= 1
        item.row |= {
            "n": 0,
            "operation": None,
            "keys": {},
            "state": State.FAILED.value,
            "method": method,
            "target": target,
            "answered": missed.at,
            "status": STATUS,
            "reason": None,
            "before": 0,
            "events": [],
            "open": False,
            "miss": found.text,
            "problems": [problem(miss(found.summary))],
        }
        row = {"id": item.identity, "at": missed.at, "call": found.call, "summary": found.summary, "text": found.text}
        self._misses.append(row)
        self._new_misses.append(row)

    def _new(self, kind: str, at: int, client: str | None) -> _Item:
        self._counts[kind] += 1
        self._keys += 1
        prefix = {"triple": "", "plain": "x", "loose": "u"}[kind]
        row: Row = {"kind": kind, "id": f"{prefix}{self._keys}", "at": at, "session": client, "problems": []}
        item = _Item(row["id"], self._keys, row | {"block": self._keys})
        self._items[item.key] = item
        self._changed[item] = None
        return item

    def _drop(self, item: _Item) -> None:
        self.let_go += 1
        del self._items[item.key]
        self._changed.pop(item, None)
        if item.run is not None:
            self._of.pop(item.run, None)
        if item.is_told:
            self._gone.append(item.identity)

    # -- what is told

    def take(self) -> Delta:
        """Return what changed since the last call; without anything but `state` if nothing did."""
        changed, self._changed = self._changed, {}
        gone, self._gone = self._gone, []
        misses, self._new_misses = self._new_misses[-_MISSES:], []
        sessions, self._new_clients = self._new_clients, []
        delta = {
            "add": [_copied(item.row) for item in changed if not item.is_told],
            "change": [_copied(item.row) for item in changed if item.is_told],
            "remove": gone,
            "misses": misses,
            "sessions": sessions,
        }
        for item in changed:
            item.is_told = True
        return {name: what for name, what in delta.items() if what} | {"state": self.state()}

    def whole(self) -> Delta:
        """Return all that is kept, as one delta for a page that knows nothing."""
        return {
            "add": [_copied(item.row) for item in self._items.values()],
            "misses": [*self._misses],
            "sessions": [[name, at] for name, at in self._clients.items()],
            "state": self.state(),
        }

    def state(self) -> Row:
        """Return the numbers, how far the clients are, and the time in microseconds since the stand-in began."""
        return {
            **self._looked,
            "now": self.now,
            "letGo": self.let_go,
            "counts": {**self._counts},
            "open": len(self._of),
        }

    def detail(self, key: int) -> list[Row]:
        """Return the whole content of an item by its key, as it was recorded; an empty list if it was let go."""
        item = self._items.get(key)
        if item is None:
            return []
        if item.triple is not None:
            return [whole(item.triple, item.identity) | item.row | {"events": self._details(item)}]
        if item.row["kind"] == "loose":
            return [item.row | {"data": item.event}]
        ack = {"at": item.row["at"], "status": STATUS, "headers": [], "body": item.row["miss"]}
        return [item.row | {"headers": [], "body": None, "failure": None, "ack": ack, "events": []}]

    def triples(self, wanted: Iterable[str] | None = None) -> Iterator[Triple]:
        """Yield the recorded triples that were played, in the order of their requests; `wanted` names some items."""
        names = None if wanted is None else set(wanted)
        found = {
            item.triple.request.seq: item.triple
            for item in self._items.values()
            if item.triple is not None and (names is None or item.identity in names)
        }
        yield from (found[seq] for seq in sorted(found))

    def _details(self, item: _Item) -> list[Row]:
        links = zip(item.row["events"], item.links, strict=True)
        return [{**row, "data": link.event.data, "why": link.why} for row, link in links]


def _judge(row: Row) -> None:
    """Note what is wrong with a request as it was played. That an event is early is what the cassette says."""
    told = [Told(event["name"], event["at"], round(event["confidence"] * 1000)) for event in row["events"]]
    facts = Facts(row["operation"], row["state"], row["at"], row["answered"], row["status"], row["reason"], told)
    row["problems"] = []
    for event in row["events"]:
        event["problems"] = []
    for place, found in of_triple(facts, Usual(), row["at"], goes_on=True):
        if found.code != "early":
            (row if place is None else row["events"][place])["problems"].append(problem(found))


def _copied(row: Row) -> Row:
    """Return a copy of a row: the row changes, while what was told is still being sent."""
    return row | {"events": [{**event} for event in row["events"]]} if "events" in row else {**row}
