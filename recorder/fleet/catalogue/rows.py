"""Make the rows of one cassette, one after the other: memory does not grow with the cassette.

The numbers are those of `recorder ls`, `stats` and `doctor`, by the same code: triples and events come from the
recording, latencies from `library.latency`, findings from `diagnose.doctor`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from ...bayeux.messages import callback_of
from ...diagnose.check import Finding
from ...dialect.definition import NOTIFICATION, Dialect
from ...library.latency import ack_ms, last_ms, offset_ms
from ...library.lazy import OpenRecording
from ...model import AnchorKind, Event, Keys, Request, SocketMessage, State, Triple, Unsolicited, listed, values

LONG_POLLING, CALLBACK_POLLING, WEBSOCKET = "long-polling", "callback-polling", "websocket"
_DAY = 86_400_000_000  # microseconds
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # of the years 1 and 9999, which a date can tell
_PLACE = re.compile(r"(record|triple) ([0-9]{1,18})\b")

Values: TypeAlias = tuple[Any, ...]  # of the columns of a table that stand in its files, in their order


class Row(NamedTuple):
    """A row of a table; `day` is the number of its day since 1970-01-01."""

    table: str
    day: int
    values: Values


@dataclass(slots=True)
class _Session:
    """A session, as far as its triples and events are known.

    Attributes:
        began: Nanoseconds after the start of the capture; so is `ended`.
    """

    client: str | None = None
    transport: str | None = None
    began: int | None = None
    ended: int = 0
    triples: int = 0
    events: int = 0

    def heard(self, t: int) -> None:
        self.began = t if self.began is None else self.began
        self.ended = max(self.ended, t)


@dataclass(slots=True)
class _Wanted:
    """The items that findings are about, with the triple, the session and the time of each once it was seen."""

    numbers: set[int] = field(default_factory=set)
    records: set[int] = field(default_factory=set)
    of_triple: dict[int, tuple[str | None, int]] = field(default_factory=dict)
    of_record: dict[int, tuple[int | None, str | None, int]] = field(default_factory=dict)

    def see(self, item: Triple) -> None:
        if item.n in self.numbers:
            self.of_triple[item.n] = item.session, item.request.t
        for record in (item.request, item.ack, item.failure, *(link.event for link in item.events)):
            if record is not None and record.seq in self.records:
                self.of_record.setdefault(record.seq, (item.n or None, item.session, record.t))


class Maker:
    """The rows of one cassette; iterate over it once.

    Attributes:
        counts: Rows by table; complete at the end.
        days: Days of the rows; complete at the end.
        began: Microseconds since the epoch at which the capture began; `ended` is the time of its last record.
    """

    def __init__(self, name: str, found: OpenRecording, dialect: Dialect, findings: Iterable[Finding]) -> None:
        """Take a recording that is open.

        Args:
            name: The URL of its cassette, or its absolute path.
            found: The recording.
            dialect: The rules by which it was derived.
            findings: What `doctor` found.
        """
        self._name, self._found, self._dialect, self._findings = name, found, dialect, list(findings)
        self.counts = dict.fromkeys(("triples", "events", "sessions", "findings"), 0)
        self.days: set[int] = set()
        records, self._started = found.records, found.recording.header.started
        self.began = self._at(0)
        self.ended = self._at(records[len(records) - 1].t) if len(records) else self.began

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows.

        Raises:
            CassetteError: If the cassette is damaged; then none of the rows counts.
        """
        for row in self._rows():
            self.counts[row.table] += 1
            self.days.add(row.day)
            yield row

    def _rows(self) -> Iterator[Row]:
        sessions, wanted = self._sessions(), _Wanted()
        for finding in self._findings:
            what, number = _place_of(finding)
            (wanted.numbers if what == "triple" else wanted.records).add(number)
        recording = self._found.recording
        for item in recording.triples:
            wanted.see(item)
            yield from self._of_triple(item, sessions)
        for item in recording.plain if wanted.records else ():
            wanted.see(item)
        for place, pushed in enumerate((one for one in recording.unsolicited if not one.is_ignored), 1):
            yield self._of_pushed(place, pushed, sessions)
        for label, session in sessions.items():
            yield self._of_session(label, session)
        for finding in self._findings:
            yield self._of_finding(finding, wanted)

    def _at(self, t: int) -> int:
        """Return a time of the capture as microseconds since the epoch."""
        return time_of(self._started, t)

    def _sessions(self) -> dict[str, _Session]:
        """Return the sessions by label, in the order in which they began, with their clients and transports."""
        recording = self._found.recording
        sessions = {label: _Session(began=t, ended=t) for label, (_, t) in recording.session_starts.items()}
        for message in recording.messages:
            one = sessions.get(message.session or "")
            if one is not None and one.client is None and message.kind is AnchorKind.START:
                one.client, one.transport = message.client_id, self._transport(message.at[0])
        for stream in recording.streams:
            one = sessions.setdefault(stream.session, _Session()) if stream.session is not None else None
            if one is not None and one.client is None:
                one.client, one.transport = stream.key, stream.protocol
                one.heard(stream.opened)
        return sessions

    def _transport(self, seq: int) -> str:
        """Return the transport by which the reply to a handshake came, in record `seq`."""
        reply = self._found.records[seq]
        if isinstance(reply, SocketMessage):
            return WEBSOCKET
        for record in self._found.records.of_exchange(getattr(reply, "exchange", -1)):
            if isinstance(record, Request):
                return LONG_POLLING if callback_of(record.method, record.target) is None else CALLBACK_POLLING
        return LONG_POLLING

    def _of_triple(self, item: Triple, sessions: dict[str, _Session]) -> Iterator[Row]:
        request, ack, links = item.request, item.ack, item.events
        session = self._heard(item.session, sessions, [r.t for r in (request, ack) if r is not None])
        events = [(link.event, _ids(self._dialect.keys_of_event(link.event))) for link in links]
        ids = sorted({*_ids(item.keys), *chain.from_iterable(its for _, its in events)})
        refusal = self._dialect.refusal(ack) if item.state is State.FAILED and ack is not None else None
        at, keys = self._at(request.t), item.keys
        if session is not None:
            session.triples += 1
        yield self._row(
            "triples", at, item.n, item.session, session and session.client, item.operation, item.state.value,
            request.method, request.target, ack and ack.status, _one(keys, "handle"), _one(keys, "reference"), at,
            ack_ms(item), last_ms(item), len(links), refusal is not None, refusal or self._error(item), ids,
        )  # fmt: skip
        for place, (link, (event, its)) in enumerate(zip(links, events, strict=True), 1):
            self._heard(item.session, sessions, [event.t], events=1)
            is_terminal, at = self._dialect.is_terminal(item.operation, link.name), self._at(event.t)
            yield self._row(
                "events", at, item.n, place, item.session, event.channel, link.name, at, offset_ms(link, item),
                link.rule, link.confidence, is_terminal, self._dialect.error_in(event), its,
            )  # fmt: skip

    def _of_pushed(self, place: int, pushed: Unsolicited, sessions: dict[str, _Session]) -> Row:
        event = pushed.event
        self._heard(pushed.session, sessions, [event.t], events=1)
        at, ids = self._at(event.t), _ids(self._dialect.keys_of_event(event))
        error = self._dialect.error_in(event)
        return self._row(
            "events", at, None, place, pushed.session, event.channel, pushed.name, at, None, None, None, False,
            error, ids,
        )  # fmt: skip

    def _of_session(self, label: str, one: _Session) -> Row:
        began = self._at(one.began or 0)
        ended = self._at(one.ended)
        return self._row("sessions", began, label, one.client, one.transport, began, ended, one.triples, one.events)

    def _of_finding(self, finding: Finding, wanted: _Wanted) -> Row:
        what, number = _place_of(finding)
        n, session, t = None, None, 0
        if what == "triple" and number in wanted.of_triple:
            n, (session, t) = number, wanted.of_triple[number]
        elif number in wanted.of_record:
            n, session, t = wanted.of_record[number]
        return row_of_finding(self._name, self._at(t), finding, n, session)

    def _heard(
        self, label: str | None, sessions: dict[str, _Session], times: list[int], events: int = 0
    ) -> _Session | None:
        """Note the times of records in their session, and return the session; None if it is unknown."""
        if label is None:
            return None
        one = sessions.setdefault(label, _Session())
        for t in times:
            one.heard(t)
        one.events += events
        return one

    def _error(self, item: Triple) -> str | None:
        """Return what went wrong with a triple that its ack does not refuse; None if nothing did."""
        if item.state is State.FAILED:
            return next(filter(None, map(self._dialect.error_in, _events(item))), None)
        return item.failure.reason if item.ack is None and item.failure is not None else None

    def _row(self, table: str, at: int, *rest: Any) -> Row:
        return Row(table, at // _DAY, (self._name, *rest))


def time_of(started: int, t: int) -> int:
    """Return a time as microseconds since the epoch, of a year that a date can tell.

    Args:
        started: Microseconds since the epoch at which the capture began.
        t: Nanoseconds after that.
    """
    return max(_FIRST, min(started + t // 1000, _LAST))


def row_of_finding(name: str, at: int, finding: Finding, n: int | None = None, session: str | None = None) -> Row:
    """Return the row of a finding.

    Args:
        name: The URL of its cassette, or its absolute path.
        at: Microseconds since the epoch.
        finding: The finding.
        n: Number of the triple that it is about.
        session: Label of the session of that triple.
    """
    told = finding.kind, finding.level.value, finding.where, n, session, finding.text
    return Row("findings", at // _DAY, (name, *told))


def _events(item: Triple) -> Iterator[Event]:
    return (link.event for link in item.events)


def _one(keys: Keys, name: str) -> str | None:
    value = keys.get(name)
    return None if value is None else listed(value)


def _ids(keys: Keys) -> list[str]:
    return sorted({text for name, value in keys.items() if name != NOTIFICATION for text in values(value)})


def _place_of(finding: Finding) -> tuple[str, int]:
    """Return what a finding is about, "record" or "triple", and its number; ("", -1) for anything else."""
    found = _PLACE.match(finding.where)
    return (found[1], int(found[2])) if found else ("", -1)
