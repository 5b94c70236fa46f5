"""Show a recording while it runs: take its records as they are kept, and answer its live page."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeAlias

from ...dialect.definition import Dialect
from ...errors import UsageError
from ...model import Chunk, Header, Record, Recording, Request, Response, SocketMessage
from .log import Delta, Log
from .pump import Pump, state
from .recording import RecordingFeed
from .rows import at

Test: TypeAlias = Callable[[Recording], Iterable[str]]
_LONGEST = 64 << 10  # bytes of a body; a longer one is of a page or a script
_SECOND = 1_000_000_000
_EVERY = _SECOND  # between two deltas when nothing happens
_HELD = 1_000  # records that wait for the choice of a dialect


class WatchedRecording:
    """The live page of a recording. `put` and `use` are for the thread that records, and never wait.

    Attributes:
        title: Title of the page.

    """

    def __init__(
        self,
        header: Header,
        name: str,
        dialect: Dialect,
        *,
        clock: Callable[[], int],
        wall: Callable[[], int],
        facts: Callable[[], dict[str, Any]] = dict,
        test: Test | None = None,
    ) -> None:
        """Begin without records.

        Args:
            header: What is known of the cassette as the recording begins.
            name: Name of the file.
            dialect: What to read the records by until `use` tells the dialect of the recording.
            clock: Returns the time in nanoseconds, by a clock that never goes back.
            wall: Returns the time in microseconds since 1970.
            facts: Returns what else the page shows as `state`, such as the size of the file; called by another thread.
            test: Writes a recording as the text of a test; None for none.

        """
        self.title, self._header, self._facts, self._test = name, header, facts, test
        self._clock, self._wall = clock, wall
        self._feed, self._is_chosen, self._is_new = RecordingFeed(dialect), False, False
        self._known: dict[str, Any] = {}
        self._held: deque[Record] = deque(maxlen=_HELD)
        self._log = Log(self._whole)
        self._pump: Pump[Record | Dialect | str | None] = Pump(self._take, self._tick, self._delta, self._log)
        self._told = self._came = clock()
        self._last = 0  # `t` of the last record, which came at `_came`
        self._warnings: list[str] = []
        self._started: int | None = None

    # -- for the recording

    def start(self) -> None:
        """Begin to tell."""
        self._pump.start()

    def put(self, record: Record) -> None:
        """Take a record as it was kept."""
        size = 0
        if isinstance(record, Request | Response | Chunk | SocketMessage):
            size = len(record.body)
            if size > _LONGEST:
                record, size = replace(record, body=b""), 0
        self._pump.put(record, size)

    def use(self, dialect: Dialect) -> None:
        """Take the dialect, once it is known."""
        self._pump.put(dialect)

    def warn(self, text: str) -> None:
        """Take a line that the user is told beside the notes of the recording."""
        self._pump.put(text)

    def end(self, limit: float = 2.0) -> None:
        """Tell that the recording has ended; wait so many seconds at most."""
        self._pump.put(None)
        self._pump.end({"state": {"phase": "ended"}}, limit)

    # -- for the thread of the pump

    def _take(self, thing: Record | Dialect | str | None) -> None:
        if thing is None:
            self._feed.end()
        elif isinstance(thing, Dialect):
            self._choose(thing)
        elif isinstance(thing, str):
            self._warnings.append(thing)
        else:
            if not self._is_chosen:
                self._held.append(thing)
            self._last, self._came = thing.t, self._clock()
            if self._started is None:
                self._started = self._wall() - at(thing.t)
            self._feed.feed(thing)

    def _choose(self, dialect: Dialect) -> None:
        """Read by another dialect, and what came so far once more."""
        held, self._held = self._held, deque()
        self._is_chosen = self._is_new = True
        self._feed = RecordingFeed(dialect)
        for record in held:
            self._feed.feed(record)

    def _tick(self) -> bool:
        now = self._clock()
        if self._last:
            self._feed.tick(self._last + now - self._came)
        return now - self._told >= _EVERY

    def _delta(self) -> Delta:
        self._told = self._clock()
        warnings, self._warnings = self._warnings, []
        delta = self._feed.take()
        if self._is_new:
            self._is_new, delta = False, {"reset": True, **self._whole()}
        if warnings:
            notes = [{"at": at(self._last), "kind": "recorder", "text": text} for text in warnings]
            delta = delta | {"notes": [*delta.get("notes", ()), *notes]}
        return state(delta, self._state())

    def _whole(self) -> Delta:
        dialect = self._feed.dialect
        facts = {"dialect": dialect.name, "keys": sorted(dialect.key_names())}
        return state(self._feed.whole() | {"facts": facts}, self._state())

    def _state(self) -> dict[str, Any]:
        phase = "recording" if self._is_chosen else "choosing"
        if self._log.is_closed:
            phase = "ended"  # the facts of a recording that has ended are those before
        else:
            self._known = self._facts()
        return {"phase": phase, "lost": self._pump.lost, "started": self._started, **self._known}

    # -- for the page

    def rows(self) -> dict[str, Any]:
        """Return what the page begins with; all that happened comes as events."""
        return begin("recording", self.title, self._header, self._feed.dialect)

    def block(self, k: int) -> Any:
        """Return the content of an item, None if there is none, or it was let go."""
        with self._log.changing():
            found = self._feed.detail(k)
        return {"text": json.dumps(found[0])} if found else None

    def events(self, since: int, timeout: float) -> list[Delta] | None:
        """Return the deltas after one; see `Log.since`."""
        return self._log.since(since, timeout)

    def control(self, name: str, params: dict[str, Any]) -> Any:
        """Return the text of a test, the only thing to ask for; None for another.

        Raises:
            UsageError: If there is nothing to write a test of.

        """
        if name != "test" or self._test is None:
            return None
        with self._log.changing():
            triples = [*self._feed.triples(items_of(params))]
        return {"text": text_of(self._header, triples, self._test)}


def begin(kind: str, title: str, header: Header, dialect: Dialect) -> dict[str, Any]:
    """Return what a live page begins with, as JSON.

    Args:
        kind: `recording` or `replay`.
        title: Title of the page.
        header: Header of the cassette.
        dialect: The dialect that the page begins with.

    """
    return {
        "live": kind,
        "title": title,
        "started": header.started,
        "upstream": header.upstream,
        "dialect": dialect.name,
        "redaction": header.redaction,
        "keys": sorted(dialect.key_names()),
    }


def items_of(params: dict[str, Any]) -> list[str] | None:
    """Return the names of the items that a test is to be of; None for all.

    Raises:
        UsageError: If they are no names.

    """
    items = params.get("items")
    if items is not None and not (isinstance(items, list) and all(isinstance(item, str) for item in items)):
        raise UsageError("items must be a list of the ids of items on the page")
    return items


def text_of(header: Header, triples: list[Any], test: Test) -> str:
    """Return the text of a test that plays some triples.

    Raises:
        UsageError: If there are none.

    """
    if not triples:
        raise UsageError("no test can be written: the page has no such request, or has dropped it")
    operations = tuple(triple for triple in triples if triple.n)
    others = tuple(triple for triple in triples if not triple.n)
    return "".join(test(Recording(header, operations, others, (), {}, None)))
