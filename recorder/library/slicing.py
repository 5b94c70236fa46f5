"""Slice a sealed cassette through its index, without reading what the slice leaves out.

The records are those of `select.slice_records`, found in tables: which triples and exchanges a session has, what each
unsolicited event follows, which clients got the events of a session, and which records belong to an exchange.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import cast

from ..bayeux import channels
from ..cassette.reader import Cassette, Located
from ..dialect.carried import dialect_of
from ..errors import CassetteError
from ..model import Entries, Note, Record, RecordingIndex, Row, values
from ..push.rules import MESSAGE
from ..requests.index.rows import ANCHORS, EVENT, REQUESTS, SUMMARY, asked_in, followed_in, summary_in
from .index.deriving import MEMBER, member_prefix
from .lazy import OpenRecording
from .select import SETUPS, Kept, assigned, slice_records, stripped
from .sequences import Lazy

_PAGE = 8192


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions that the triples of a slice meet; None for one that does not matter.

    Attributes:
        numbers: Ranges of numbers, without numbers that two of them share.
        keys: Values of keys of the dialect.
    """

    numbers: Sequence[range] | None
    operation: str | None
    session: str | None
    keys: dict[str, str]

    def fit(self, row: Row) -> bool:
        """Return whether a triple meets all conditions but that of its number."""
        return (
            (self.operation is None or row.operation == self.operation)
            and (self.session is None or row.session == self.session)
            and all(value in values(row.keys.get(key, ())) for key, value in self.keys.items())
        )


def matching(found: OpenRecording, conditions: Conditions) -> Iterator[int]:
    """Yield the numbers of the triples that meet all conditions, in order; an index is asked first."""
    every = range(1, len(found.recording.triples) + 1)
    ranges = (every,) if conditions.numbers is None else conditions.numbers
    # clipped: a range as typed may have any end
    near = {n for one in ranges for n in range(max(one.start, every.start), min(one.stop, every.stop))}
    if is_indexed(found):
        named = conditions.keys | ({} if conditions.operation is None else {"operation": conditions.operation})
        for key, value in named.items():
            near.intersection_update(found.find(key, value))
        if conditions.session is not None:
            near.intersection_update(of_session(found, conditions.session))
    return (row.n for row in map(found.row, sorted(near)) if conditions.fit(row))


def sliced(found: OpenRecording, numbers: Sequence[int]) -> Iterator[Record]:
    """Yield the records needed to replay only the triples with these numbers, renumbered from 0."""
    if is_indexed(found):
        return slice_by_index(found, Lazy(len(numbers), lambda place: found.row(numbers[place])))
    triples = found.recording.triples
    chosen = Lazy(len(numbers), lambda place: triples[numbers[place] - 1])
    return slice_records(Cassette(found.cassette.header, Located(found.cassette)), found.recording, chosen)


def is_indexed(found: OpenRecording) -> bool:
    """Return whether a recording can be sliced through its index.

    Where Bayeux publishes or messages on WebSockets are operations, one record may carry several of them, and a slice
    takes records apart by all triples.
    """
    rules, recording = dialect_of(found.recording.header), found.recording
    if not found.is_stored or rules.publishes or MESSAGE in rules.methods or recording.index is None:
        return False
    if "sessions" not in summary_in(recording.index.table(SUMMARY)):
        return False
    return len(recording.index.table(REQUESTS)) == _asked(found)


def of_session(found: OpenRecording, label: str) -> list[int]:
    """Return the numbers of the triples of a session, in order."""
    count = len(found.recording.triples)
    return sorted(place + 1 for place in _places(found, {label}) if place < count)


def slice_by_index(found: OpenRecording, chosen: Sequence[Row]) -> Iterator[Record]:
    """Yield the records needed to replay only the chosen triples, as `select.slice_records` does."""
    recording = found.recording
    sessions = {row.session for row in chosen}
    events = {(event.seq, event.index) for row in chosen for event in row.events}
    events |= set(_unsolicited(found, sessions, {row.n for row in chosen}))
    exchanges = {_exchange(found, row.request) for row in chosen}
    exchanges |= {_exchange(found, seq) for seq, _ in events}
    first = len(recording.triples)
    for place in _places(found, {*sessions, None}):
        if place >= first:
            exchanges.add(recording.plain[place - first].request.exchange)
    exchanges |= set(_setups(found, _clients(found, sessions)))
    streams = frozenset(stream.exchange for stream in recording.streams)
    kept = Kept(frozenset(exchanges), frozenset(events), frozenset(), streams)
    left = (record for seq in _members(found, exchanges) if (record := stripped(found.records[seq], kept)) is not None)
    return (replace(record, seq=seq) for seq, record in enumerate(left))


def _unsolicited(found: OpenRecording, sessions: Collection[str | None], wanted: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the unsolicited events of sessions without those that follow a triple that the slice leaves out."""
    left_out = {
        number
        for rows in _pages(found, ANCHORS)
        for what, number, n in followed_in(rows)
        if what == EVENT and n not in wanted
    }
    for number, (seq, index, _, _, session) in enumerate(found.pushed()):
        if session in sessions and number not in left_out:
            yield seq, index


def _places(found: OpenRecording, labels: Collection[str | None]) -> Iterator[int]:
    """Yield the places of the triples, and behind them of the other exchanges, of some sessions."""
    known, end = summary_in(_table(found, SUMMARY))["sessions"], _asked(found)
    numbers = {number for number, label in enumerate(known) if label in labels}
    for session, place in chain.from_iterable(map(asked_in, _pages(found, REQUESTS))):
        if place >= end:
            problem = f"the index of requests names request {place}, which is not there"
            raise CassetteError(found.cassette.path, problem, hint="run recorder doctor for details")
        if session in numbers:
            yield place


def _asked(found: OpenRecording) -> int:
    """Return the number of the triples and the other exchanges."""
    return len(found.recording.triples) + len(found.recording.plain)


def _pages(found: OpenRecording, name: str) -> Iterator[bytes]:
    """Yield the entries of a table, many at a time."""
    table = _table(found, name)
    return (table.read(start, start + _PAGE) for start in range(0, len(table), _PAGE))


def _table(found: OpenRecording, name: str) -> Entries:
    return cast("RecordingIndex", found.recording.index).table(name)  # `is_indexed` looks that there is one


def _clients(found: OpenRecording, sessions: Iterable[str | None]) -> set[str] | None:
    """Return the clientIds of sessions; None (all) if a session is not known."""
    clients: set[str] = set()
    for label in sessions:
        if label is None:
            return None
        clients |= found.heard.get(label, set())
        if label in found.recording.session_starts:
            clients |= assigned(found.records[found.recording.session_starts[label][0]])
    return clients


def _setups(found: OpenRecording, clients: set[str] | None) -> Iterator[int]:
    """Yield the exchanges with a handshake, subscription or publish of these clients (None: of all clients)."""
    for message in found.recording.messages:
        if clients is None or message.client_id in clients:
            yield _exchange(found, message.at[0])
    for reply in found.recording.replies:
        is_setup = reply.asked in SETUPS or not channels.is_meta(reply.asked)
        if is_setup and (clients is None or reply.client_id in clients):
            yield _exchange(found, reply.at[0])


def _members(found: OpenRecording, exchanges: Iterable[int]) -> array[int]:
    """Return the numbers of all records of some exchanges, in order."""
    table, numbers = _table(found, "members"), array("Q")
    for exchange in exchanges:
        numbers.extend(MEMBER.unpack(entry)[1] for entry in table.starting(member_prefix(exchange)))
    return array("Q", sorted(numbers))


def _exchange(found: OpenRecording, seq: int) -> int:
    record = found.records[seq]
    return -1 if isinstance(record, Note) else record.exchange
