"""Count what is in cassettes: operations by state, latencies, events, polls, streams."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...diagnose.polls import Poll
from ...library.latency import milliseconds
from ...model import State, Stream, Triple, Unsolicited
from ...printable import counted, printable
from ...push.port import SSE, WEBSOCKET
from ..data import exchangeable
from ..screen import STATES, Cell, Column, Screen, aligned

_ORDER = [state.value for state in State]
_STREAMS = {SSE: "event stream", WEBSOCKET: "WebSocket"}


@dataclass(slots=True)
class Operations:
    """Counts of the triples of one operation, or of all.

    Attributes:
        states: Triples by state.
        unsure: Events whose link has a confidence below 1.
        acks: Milliseconds from each request to its ack.
        lasts: Milliseconds from each request to its last event.
    """

    states: Counter[str] = field(default_factory=Counter)
    events: int = 0
    unsure: int = 0
    acks: array[float] = field(default_factory=lambda: array("d"))
    lasts: array[float] = field(default_factory=lambda: array("d"))

    def add(self, other: Operations) -> None:
        """Add the triples of another operation."""
        self.states.update(other.states)
        self.events += other.events
        self.unsure += other.unsure
        self.acks.extend(other.acks)
        self.lasts.extend(other.lasts)


@dataclass(slots=True)
class Stats:
    """Counts that grow with each cassette; a triple takes 16 bytes.

    Attributes:
        size: Bytes of the files.
        duration: Seconds from the first to the last record, added up.
        plain: Exchanges that are no operation.
        polls: Polls by how they ended.
        streams: Counts of event streams and of WebSockets without Bayeux, by protocol.
        events: Events of triples, by channel.
        unasked: Unsolicited events, by channel.
        rules: Links, by rule.
        operations: Triples, by operation.
    """

    files: int = 0
    size: int = 0
    records: int = 0
    duration: float = 0.0
    sessions: int = 0
    plain: int = 0
    polls: Counter[str] = field(default_factory=Counter)
    streams: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    events: Counter[str] = field(default_factory=Counter)
    unasked: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    operations: dict[str, Operations] = field(default_factory=lambda: defaultdict(Operations))

    def add(self, other: Stats) -> None:
        """Add the counts of other cassettes."""
        self.add_file(
            size=other.size,
            records=other.records,
            duration=other.duration,
            sessions=other.sessions,
            plain=other.plain,
            files=other.files,
        )
        self.polls.update(other.polls)
        self.events.update(other.events)
        self.unasked.update(other.unasked)
        self.rules.update(other.rules)
        for protocol, counts in other.streams.items():
            self.streams[protocol].update(counts)
        for operation, group in other.operations.items():
            self.operations[operation].add(group)

    def add_file(self, *, size: int, records: int, duration: float, sessions: int, plain: int, files: int = 1) -> None:
        """Add cassettes: `size` in bytes, `duration` in seconds from the first to the last record."""
        self.files += files
        self.size += size
        self.records += records
        self.duration += duration
        self.sessions += sessions
        self.plain += plain

    def add_triples(self, triples: Iterable[Triple], pushed: Iterable[Unsolicited]) -> None:
        """Add triples and unsolicited events; those that the dialect ignores are not counted."""
        for triple in triples:
            self.add_triple(triple)
        for one in pushed:
            self.add_unasked(one)

    def add_triple(self, triple: Triple) -> None:
        """Add a triple."""
        sent, ack = triple.request.t, None if triple.ack is None else triple.ack.t
        last = max((link.event.t for link in triple.events), default=None)
        self.add_operation(triple.operation or "", triple.state.value, sent, ack, last)
        group = self.operations[triple.operation or ""]
        for link in triple.events:
            self.add_link(group, link.event.channel, link.rule, is_sure=link.confidence >= 1)

    def add_operation(self, name: str, state: str, sent: int, ack: int | None, last: int | None) -> None:
        """Add a triple without its events; all times are nanoseconds after the start of the capture.

        Args:
            name: Name of the operation.
            state: Value of its state.
            sent: Time of the request.
            ack: Time of the ack.
            last: Time of the last event.
        """
        group = self.operations[name]
        group.states[state] += 1
        if ack is not None:
            group.acks.append(milliseconds(ack - sent))
        if last is not None:
            group.lasts.append(milliseconds(last - sent))

    def add_link(self, group: Operations, channel: str, rule: str, *, is_sure: bool) -> None:
        """Add an event of an operation."""
        group.events += 1
        group.unsure += not is_sure
        self.events[channel] += 1
        self.rules[rule] += 1

    def add_unasked(self, one: Unsolicited) -> None:
        """Add an unsolicited event, unless the dialect ignores it."""
        if not one.is_ignored:
            self.unasked[one.event.channel] += 1

    def add_polls(self, polls: Iterable[Poll]) -> None:
        """Count polls over HTTP by how they ended."""
        for poll in polls:
            if poll.events is None:
                continue
            self.polls["count"] += 1
            self.polls["empty"] += poll.closed is not None and poll.failure is None and not poll.events
            self.polls["failed"] += poll.failure is not None
            self.polls["open"] += poll.closed is None

    def add_streams(self, streams: Iterable[Stream], events: Counter[str]) -> None:
        """Count streams, those that clients opened again, and their events.

        Args:
            streams: The streams of one recording.
            events: Events by the key of their stream, or by clientId.
        """
        protocols: dict[str, str] = {}
        for stream in streams:
            counts = self.streams[stream.protocol]
            counts["count"] += 1
            counts["reconnects"] += stream.key in protocols
            counts["open"] += stream.closed is None
            protocols[stream.key] = stream.protocol
        for key, protocol in protocols.items():
            self.streams[protocol]["events"] += events[key]


def as_json(stats: Stats) -> dict[str, Any]:
    """Return all numbers as JSON: `ack_ms` and `last_ms` are milliseconds, `duration` is seconds, `size` is bytes.

    `streams` is there only if there are any, with the protocols that occur.
    """
    total = Operations()
    for group in stats.operations.values():
        total.add(group)
    shown = {
        "files": stats.files,
        "size": stats.size,
        "records": stats.records,
        "duration": round(stats.duration, 6),
        "sessions": stats.sessions,
        "polls": {name: stats.polls[name] for name in ("count", "empty", "failed", "open")},
        **({"streams": _of_streams(stats)} if stats.streams else {}),
        "plain": stats.plain,
        "unsolicited": stats.unasked.total(),
        "total": _numbers(total),
        "operations": [{"operation": name, **_numbers(group)} for name, group in _sorted(stats)],
        "channels": [
            {"channel": name, "events": stats.events[name], "unsolicited": stats.unasked[name]}
            for name in sorted(stats.events | stats.unasked)
        ],
        "rules": dict(sorted(stats.rules.items())),
    }
    return exchangeable(shown)


def as_text(stats: Stats, screen: Screen | None = None) -> str:
    """Return the numbers as tables; plain text without a screen."""
    shown = as_json(stats)
    return "\n".join(
        [
            _summary(shown, screen),
            _table([*_operation_columns()], _operation_rows(shown), screen),
            _table(
                [Column("channel", "bold", least=10), Column("events", right=True), Column("unsolicited", right=True)],
                [[printable(row["channel"]), str(row["events"]), str(row["unsolicited"])] for row in shown["channels"]],
                screen,
            ),
        ]
    )


def _numbers(group: Operations) -> dict[str, Any]:
    return {
        "count": group.states.total(),
        "states": {name: group.states[name] for name in _ORDER if group.states[name]},
        "events": group.events,
        "unsure": group.unsure,
        "ack_ms": _spread(group.acks),
        "last_ms": _spread(group.lasts),
    }


def _of_streams(stats: Stats) -> dict[str, dict[str, int]]:
    names = "count", "reconnects", "events", "open"
    return {protocol: {name: stats.streams[protocol][name] for name in names} for protocol in sorted(stats.streams)}


def _spread(values: array[float]) -> dict[str, float] | None:
    """Return minimum, median, 95th percentile and maximum; each is a measured value (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    # -(-a // b) rounds up; whole numbers, because the product of floats may lie just above a whole rank
    ranks = {"min": 0.0, "median": 0.5, "p95": 0.95, "max": 1.0}
    return {name: ordered[max(-(-round(rank * 100) * len(ordered) // 100) - 1, 0)] for name, rank in ranks.items()}


def _sorted(stats: Stats) -> list[tuple[str, Operations]]:
    return sorted(stats.operations.items(), key=lambda item: (-item[1].states.total(), item[0]))


def _summary(shown: dict[str, Any], screen: Screen | None) -> str:
    total, polls, streams = shown["total"], shown["polls"], shown.get("streams", {})
    files, records, sessions = (counted(shown[name], name[:-1]) for name in ("files", "records", "sessions"))
    events = f"{counted(total['events'], 'event')} ({total['unsure']} not linked for sure)"
    ends = f"{polls['empty']} without an event, {polls['failed']} failed, {polls['open']} open at the end"
    lines = [
        f"{files}, {_size(shown['size'])}, {records}, {shown['duration']:.3f} s, {sessions}",
        f"{counted(total['count'], 'triple')}, {events}, {shown['unsolicited']} unsolicited, {shown['plain']} other",
        *([f"{counted(polls['count'], 'poll')}: {ends}"] if polls["count"] or not streams else []),
        *(_streamed(_STREAMS[name], counts) for name, counts in streams.items()),
        "latencies after the request in ms: least/median/p95/most",
    ]
    if screen is not None:
        return "".join(screen.line(line, indent=2) for line in lines)
    return "\n".join(lines) + "\n"


def _streamed(what: str, counts: dict[str, int]) -> str:
    ends = f"{counted(counts['events'], 'event')}, {counts['open']} open at the end"
    return f"{counted(counts['count'], what)}: {counts['reconnects']} opened again, {ends}"


def _operation_columns() -> Iterator[Column]:
    yield Column("operation", "bold", least=14)
    for name in ("count", "state", "events", "unsure"):
        yield Column(name, right=name != "state", least=8 if name == "state" else None)
    yield Column("ack ms", right=True, least=12)
    yield Column("last event ms", right=True, least=12)


def _operation_rows(shown: dict[str, Any]) -> Iterator[list[Cell]]:
    rows = shown["operations"]
    for row in [*rows, {"operation": "total", **shown["total"]}] if len(rows) > 1 else rows:
        worst = max(row["states"], key=_ORDER.index, default="")
        states = ", ".join(name if len(row["states"]) == 1 else f"{n} {name}" for name, n in row["states"].items())
        yield [
            printable(row["operation"]),
            str(row["count"]),
            (states, STATES.get(worst, "")),
            str(row["events"]),
            str(row["unsure"]),
            _times(row["ack_ms"]),
            _times(row["last_ms"]),
        ]


def _times(spread: dict[str, float] | None) -> str:
    return "-" if spread is None else "/".join(f"{value:.0f}" for value in spread.values())


def _table(columns: list[Column], rows: Iterable[Sequence[Cell]], screen: Screen | None) -> str:
    cells = list(rows)
    if screen is not None:
        return screen.table(columns, cells)
    plain = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in cells]
    return aligned([[column.name for column in columns], *plain])


def _size(number: float) -> str:
    units = ["bytes", "KiB", "MiB", "GiB"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        units.pop(0)
    return f"{number:.0f} {units[0]}" if units[0] == "bytes" else f"{number:.1f} {units[0]}"
