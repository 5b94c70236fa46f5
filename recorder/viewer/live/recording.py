"""Follow a recording that runs, record by record, and tell a page what changed. Sans-IO.

What is told is taken from records as they were kept, that is after redaction. Memory is bounded: the oldest items are
let go, and their number is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ...correlate.engine import Correlator
from ...correlate.operations import Operation, Seen, is_over
from ...dialect.definition import Dialect
from ...model import Failure, Link, Note, Record, State, Triple, Unsolicited
from ...views.pages.problems import Facts, Usual, of_poll, overdue
from .log import Delta
from .rows import Row, at, exchange, loose, problem, whole

ITEMS = 5_000  # operations, other exchanges and unsolicited events that are shown
_BYTES = 64 << 20  # of the bodies behind them
_PARSED = 4  # bytes that a byte of JSON takes once it is parsed, about
_NOTES = 200
_UNLABELLED = 200  # items whose session may become known later
_LOST = 500
_RECENT = 200  # times of an operation; older ones say little about now
_NEVER = frozenset({State.COMPLETE, State.FAILED})  # nothing more is waited for


@dataclass(slots=True, eq=False)
class _Item:
    """An item of the page.

    Attributes:
        identity: Names it on the page.
        key: Number by which its content is asked for.
        n: Number of its triple, 0 for another item.
        op: The operation or exchange; None for an event.
        pushed: The event; None for others.
        size: Bytes of the records it came from, about.
        is_open: It waits for its ack or its last event.
        is_told: The page knows it.
        is_counted: It ended, and is in what is usual.
        is_overdue: It is open for far longer than is usual, and the page knows it.
        session: Label of its session, as the page knows it.

    """

    identity: str
    key: int
    n: int = 0
    op: Operation | None = None
    pushed: Unsolicited | None = None
    size: int = 0
    is_open: bool = False
    is_told: bool = False
    is_counted: bool = False
    is_overdue: bool = False
    session: str | None = None


class RecordingFeed:
    """The live state of a recording: `feed` takes records, `take` returns the changes, `whole` everything."""

    def __init__(self, dialect: Dialect, *, most: int = ITEMS, most_bytes: int = _BYTES) -> None:
        """Begin without records.

        Args:
            dialect: Says what requests and events mean.
            most: Number of items to keep.
            most_bytes: Bytes of bodies to keep.

        """
        self.dialect = dialect
        self._correlator = Correlator(dialect, watch=self._watch, file=None)
        self._most, self._most_bytes = most, most_bytes
        self._items: dict[int, _Item] = {}  # by key, the oldest first
        self._of: dict[Operation, _Item] = {}
        self._open: dict[_Item, None] = {}
        self._orphans: dict[tuple[int, int], _Item] = {}
        self._unlabelled: dict[_Item, None] = {}
        self._owners: dict[tuple[int, int], _Item] = {}  # of the events that another request may still get
        self._changed: dict[_Item, None] = {}
        self._gone: list[str] = []
        self._seen: list[Seen] = []
        self._usual, self._changed_usual = Usual(_RECENT), dict[str, None]()
        self._early: set[str] = set()  # operations of which events before the ack are usual
        self._goes_on = True
        self._notes, self._lost = deque[Row](maxlen=_NOTES), deque[Row](maxlen=_LOST)
        self._new_notes, self._new_lost = list[Row](), list[Row]()
        self._sessions: list[list[Any]] = []
        self._told_sessions = 0
        self._counts = {"triple": 0, "plain": 0, "loose": 0, "events": 0, "lost": 0, "notes": 0}
        self._numbers = {"triple": 0, "plain": 0, "loose": 0}
        self._keys = self._size = self.let_go = 0
        self.now = 0  # nanoseconds since the capture began
        self._channels: set[str] = set()  # of events that operations caused

    # -- what happens

    def feed(self, record: Record) -> None:
        """Take the next record."""
        self.now = max(self.now, record.t)
        self._seen.clear()
        correlator = self._correlator
        links = correlator.feed(record)
        size = len(getattr(record, "body", b"")) * _PARSED
        for op in dict.fromkeys(correlator.changed):
            self._operation(op, size)
        for link in links:
            self._linked(link)
        for seen in self._seen:
            self._unlinked(seen, size)
        if isinstance(record, Note):
            self._note({"at": at(record.t), "kind": record.kind, "text": record.text})
        for session, _ in correlator.lost_polls():
            if isinstance(record, Failure):
                when, wrong = at(record.t), of_poll(record.reason)
                found = [] if wrong is None else [problem(wrong)]
                self._lose(
                    {"session": session, "at": when, "closed": when, "failure": record.reason, "problems": found}
                )
        correlator.discard()
        while len(self._items) > self._most or (self._size > self._most_bytes and len(self._items) > 1):
            self._let_go(next(iter(self._items.values())))

    def tick(self, now: int) -> None:
        """Take the time, in nanoseconds since the capture began: open operations may be overdue by now."""
        self.now = max(self.now, now)
        for item in list(self._open):
            op = item.op
            if op is None or op.name is None:
                continue
            if is_over(op, self.now, self.dialect):
                self._close(item)
            elif not item.is_overdue and self._is_overdue(item, op, op.name):
                item.is_overdue = True
                self._changed[item] = None

    def _is_overdue(self, item: _Item, op: Operation, name: str) -> bool:
        limits = [limit for limit in self._usual.limits(name).values() if limit is not None]
        if not limits or at(self.now) - at(op.request.t) <= min(limits):
            return False  # most often: the whole triple is not needed
        return overdue(Facts.of(self._triple(item, op)), self._usual, at(self.now)) is not None

    def end(self) -> None:
        """Take that the capture has ended: what is open stays so."""
        self._goes_on = False
        self._changed.update(self._open)

    def _watch(self, seen: Seen, _: Iterable[Operation], link: Link | None) -> None:
        if link is None:
            self._seen.append(seen)

    def _operation(self, op: Operation, size: int) -> None:
        item = self._of.get(op)
        if item is None:
            item = self._begun(op)
        if item is None:
            return
        item.size += size
        self._size += size
        self._changed[item] = None
        state = self._correlator.state_of(op)
        is_open = op.name is not None and op.failure is None and state not in _NEVER
        if is_open and not item.is_open and (op.ack is None or op.ended is None):
            self._open[item] = None
            item.is_open = True
        elif not is_open and item.is_open:
            self._close(item)

    def _begun(self, op: Operation) -> _Item | None:
        """Return the item of a new operation; None for one that was let go."""
        before = None if op.before is None else self._of.pop(op.before, None)
        if before is not None:  # the client sent it once more: both are one operation
            before.op = op
            self._of[op] = before
            return before
        if op.name is None:
            if op.ack is None or op.ack.status != 101:  # a WebSocket may turn out to carry Bayeux
                return self._new(op, "plain", "x")
            return None
        if op.ack is not None or op.failure is not None or op.links:
            return None
        return self._new(op, "triple", "")

    def _new(self, op: Operation | None, kind: str, prefix: str) -> _Item:
        self._counts[kind] += 1
        self._keys += 1
        count = self._numbers[kind] = self._numbers[kind] + 1
        item = _Item(f"{prefix}{count}", self._keys, 0 if prefix else count, op)
        self._items[item.key] = item
        if op is not None:
            self._of[op] = item
        return item

    def _close(self, item: _Item) -> None:
        item.is_open = item.is_overdue = False
        self._open.pop(item, None)
        self._changed[item] = None
        if item.op is not None and item.op.name is not None and not item.is_counted:
            item.is_counted = True
            self._count(item.op.name, Facts.of(self._triple(item, item.op)))
            self._changed_usual[item.op.name] = None

    def _count(self, name: str, facts: Facts) -> None:
        """Take what an operation that ended took; those before are judged anew if it changes what is said of them."""
        self._usual.add(facts)
        is_early = facts.is_early and self._usual.is_early(facts)
        if is_early and name not in self._early:
            self._early.add(name)  # it may be usual for all operations since now
            same = (one for one in self._items.values() if one.op is not None and one.op.name is not None)
            self._changed.update(dict.fromkeys(same))

    def _linked(self, link: Link) -> None:
        place = link.event.seq, link.event.index
        orphan = self._orphans.pop(place, None)
        if orphan is not None:
            self._counts["loose"] -= 1
            self._drop(orphan)
        before = self._owners.pop(place, None)
        if before is None:
            self._counts["events"] += 1
        else:
            self._changed[before] = None
        if link.event.channel not in self._channels:
            self._channels.add(link.event.channel)
            same = (one for one in self._orphans.values() if one.pushed and one.pushed.event.channel in self._channels)
            self._changed.update(dict.fromkeys(same))
        owner = next((item for op in reversed(self._correlator.changed) if (item := self._of.get(op)) is not None
                      and op.at == (link.request, link.message or 0)), None)  # fmt: skip
        if owner is not None:
            self._owners[place] = owner
        while len(self._owners) > self._most:
            del self._owners[next(iter(self._owners))]

    def _unlinked(self, seen: Seen, size: int) -> None:
        event = seen.event
        session = self._correlator.session_of(event.client_id)
        item = self._new(None, "loose", "u")
        item.pushed, item.size = Unsolicited(event, seen.name, session, seen.is_ignored), size
        self._size += size
        self._orphans[event.seq, event.index] = item
        self._changed[item] = None

    def _note(self, row: Row) -> None:
        self._counts["notes"] += 1
        self._notes.append(row)
        self._new_notes.append(row)

    def _lose(self, row: Row) -> None:
        self._counts["lost"] += 1
        self._lost.append(row)
        self._new_lost.append(row)

    def _let_go(self, item: _Item) -> None:
        self.let_go += 1
        self._drop(item)

    def _drop(self, item: _Item) -> None:
        """Forget an item; the page, if it knows it, is told."""
        self._size -= item.size
        del self._items[item.key]
        self._open.pop(item, None)
        self._changed.pop(item, None)
        self._unlabelled.pop(item, None)
        if item.op is not None:
            self._of.pop(item.op, None)
        if item.pushed is not None:
            self._orphans.pop((item.pushed.event.seq, item.pushed.event.index), None)
        if item.is_told:
            self._gone.append(item.identity)

    # -- what is told

    def take(self) -> Delta:
        """Return what changed since the last call; without anything but `state` if nothing did."""
        sessions = self._new_sessions()
        self._label(self._items.values() if sessions else self._unlabelled)
        changed, self._changed = self._changed, {}
        gone, self._gone = self._gone, []
        notes, self._new_notes = self._new_notes[-_NOTES:], []
        lost, self._new_lost = self._new_lost[-_LOST:], []
        delta = {
            "add": [self._row(item) for item in changed if not item.is_told],
            "change": [self._row(item) for item in changed if item.is_told],
            "remove": gone,
            "notes": notes,
            "polls": lost,
            "sessions": sessions,
            "usual": {name: self._usual_of(name) for name in self._changed_usual},
        }
        self._changed_usual = {}
        while len(self._unlabelled) > _UNLABELLED:
            del self._unlabelled[next(iter(self._unlabelled))]
        for item in changed:
            item.is_told = True
        return {name: what for name, what in delta.items() if what} | {"state": self.state()}

    def whole(self) -> Delta:
        """Return all that is kept, as one delta for a page that knows nothing."""
        return {
            "add": [self._row(item) for item in self._items.values()],
            "notes": [*self._notes],
            "polls": [*self._lost],
            "sessions": [*self._sessions],
            "usual": {str(name): self._usual_of(str(name)) for name, _ in self._usual.rows()},
            "state": self.state(),
        }

    def _usual_of(self, operation: str) -> Row:
        return self._usual.of(operation) | {"limits": self._usual.limits(operation)}

    def state(self) -> Row:
        """Return the numbers, and the time in microseconds since the capture began."""
        return {"now": at(self.now), "open": len(self._open), "letGo": self.let_go, "counts": {**self._counts}}

    def detail(self, key: int) -> list[Row]:
        """Return the whole content of an item by its key; an empty list if it was let go."""
        item = self._items.get(key)
        if item is None:
            return []
        if item.op is not None:
            return [whole(self._triple(item, item.op), item.identity)]
        return [self._row(item) | {"data": item.pushed.event.data}] if item.pushed is not None else []

    def triples(self, wanted: Iterable[str] | None = None) -> Iterator[Triple]:
        """Yield the operations and exchanges that are kept, in the order of their requests; `wanted` names some."""
        names = None if wanted is None else set(wanted)
        for item in self._items.values():
            if item.op is not None and (names is None or item.identity in names):
                yield self._triple(item, item.op)

    def _new_sessions(self) -> list[list[Any]]:
        starts = self._correlator.session_starts
        if len(starts) > self._told_sessions:
            self._sessions = [[label, at(t)] for label, (_, t) in starts.items()]
        new, self._told_sessions = self._sessions[self._told_sessions :], len(self._sessions)
        return new

    def _label(self, items: Iterable[_Item]) -> None:
        """Note that items changed whose session is known by now, or another one since there are several."""
        for item in items:
            if item.op is not None and item.is_told and self._triple(item, item.op).session != item.session:
                self._changed[item] = None

    def _triple(self, item: _Item, op: Operation) -> Triple:
        return self._correlator.triple_of(op, item.n)

    def _row(self, item: _Item) -> Row:
        if item.op is None:
            assert item.pushed is not None  # noqa: S101  # an item is one of both
            row = loose(item.pushed, item.identity, self._channels)
        else:
            triple = self._triple(item, item.op)
            item.session = triple.session
            if triple.session is not None:
                self._unlabelled.pop(item, None)
            elif item.key in self._items:
                self._unlabelled[item] = None
            row = exchange(triple, item.identity, self._usual, at(self.now), goes_on=self._goes_on)
        return row | {"block": item.key, "open": item.is_open}
