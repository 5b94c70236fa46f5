"""Count a sealed cassette by what it stores, without reading bodies: a third of the time that correlation takes.

`tests/views/counts` holds this to `counting`, which derives all. The times of records are read from the facts, the rest
from the stored triples; the bodies of polls are parsed only where no stored event says that they held one. Both are
read in spans, which several processes may share: each needs nothing but the file, and rows the times of records.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from ...bayeux.messages import carried, is_event
from ...cassette import codec
from ...cassette.reader import OpenCassette, open_cassette
from ...diagnose.answers import otherwise
from ...diagnose.polls import connects
from ...dialect.definition import Dialect
from ...library.lazy import OpenRecording
from ...model import CUT, Response, Row
from .stats import Stats

Span: TypeAlias = tuple[int, int]
Spread: TypeAlias = Callable[[Callable[..., Callable[[Any], Any]], tuple[Any, ...], Iterable[Any]], Iterable[Any]]

_CUT = CUT.encode()
_MARKS = b"channel", b"\\", b"\0", b"message="  # one of them stands in each body with Bayeux messages
_RECORDS, _TRIPLES = 8_192, 8_192  # in a span
_HIGH = 300  # the least status of an answer that is no success


def counted(path: Path, found: OpenRecording, dialect: Dialect, size: int, spread: Spread) -> Stats | None:
    """Return the counts of a sealed cassette; None where what is stored does not tell, as with streams.

    Args:
        path: The cassette.
        found: Its recording.
        dialect: The rules it was derived by.
        size: Bytes of the file.
        spread: Calls what a function returns for some arguments with each span; returns the results in order.

    Raises:
        CassetteError: If the file is damaged.
    """
    recording, cassette = found.recording, found.cassette
    if not found.is_stored or recording.streams or dialect.ignore:
        return None
    times, polls, stats = array("q"), _Polls(), Stats()
    # The checksum takes as long as several spans, so another process may compare it. Its error comes before theirs.
    for facts in spread(_facts, (path,), chain([None], cassette.spans("records", _RECORDS))):
        if facts is None or (facts.times and facts.first != len(times)):
            return None
        times.extend(facts.times)
        polls.follow(facts)
    if len(times) != cassette.count:
        return None
    for rows in spread(_rows, (path, times), cassette.spans("triples", _TRIPLES)):
        stats.add(rows.stats)
        for seq in rows.seqs:
            polls.answered.pop(seq, None)
    counts = sum(sum(group.states.values()) for group in stats.operations.values()), stats.unasked.total()
    if counts != (len(recording.triples), len(recording.unsolicited)):
        return None
    polls.count(found, stats)
    duration = (max(times) - min(times)) / 1e9 if times else 0.0
    sessions, plain = len(recording.session_starts), len(recording.plain)
    stats.add_file(size=size, records=len(times), duration=duration, sessions=sessions, plain=plain)
    return stats


class _Facts(NamedTuple):
    """The times and polls in a span of facts.

    Attributes:
        first: Number of its first record.
        times: Time of each record.
        polls: Requests with polls, and ends of exchanges that may be of polls, in order: record, exchange, if it is the
            request, and if the exchange failed.
    """

    first: int
    times: array[int]
    polls: list[tuple[int, int, bool, bool]]


class _Rows(NamedTuple):
    """The counts of a span of triples and unsolicited events, and the records in which events stand."""

    stats: Stats
    seqs: array[int]


@dataclass(slots=True)
class _Polls:
    """Follows polls from request to answer.

    Attributes:
        answered: Polls by the record that answered them.
    """

    answered: dict[int, int] = field(default_factory=dict)
    _open: dict[int, int] = field(default_factory=dict)  # polls that wait, by exchange
    _count: int = 0
    _failed: int = 0

    def follow(self, facts: _Facts) -> None:
        for seq, exchange, asked, has_failed in facts.polls:
            if asked:
                self._open[exchange] = self._open.get(exchange, 0) + 1
                self._count += 1
            elif exchange in self._open:
                polls = self._open.pop(exchange)
                if has_failed:
                    self._failed += polls
                else:
                    self.answered[seq] = polls

    def count(self, found: OpenRecording, stats: Stats) -> None:
        """Count the polls; those without a stored event are parsed now."""
        empty = 0
        for seq, polls in self.answered.items():
            response = found.records[seq]
            replies = carried(response)
            failure = otherwise(response, replies) if isinstance(response, Response) else None
            self._failed += polls * (failure is not None)
            empty += polls * (failure is None and not any(map(is_event, replies or [])))
        still_open = sum(self._open.values())
        stats.polls.update(count=self._count, failed=self._failed, empty=empty, open=still_open)


def _facts(path: Path) -> Callable[[Span | None], _Facts | None]:
    """Return the function that reads a span of facts; it returns None if not all can be counted so.

    Without a span the function compares the checksum of the file.
    """

    def read(span: Span | None) -> _Facts | None:
        with open_cassette(path) as cassette:
            if span is not None:
                return _facts_in(cassette, span)
            cassette.verify()
            return _Facts(0, array("q"), [])

    return read


def _facts_in(cassette: OpenCassette, span: Span) -> _Facts | None:
    first, times, polls, begun = -1, array("q"), list[tuple[int, int, bool, bool]](), set[int]()
    for frame in cassette.span(*span):
        if frame.kind not in codec.FACTS:
            continue  # of an archive: the block in which the facts end
        seen = codec.glance(frame, path=cassette.path)
        if seen is None or frame.kind in (codec.CHUNK, codec.SOCKET):
            return None
        first = seen.seq if first < 0 else first
        if seen.seq != first + len(times):
            return None
        times.append(seen.t)
        if frame.kind == codec.NOTE:
            if _CUT in frame.body:
                return None  # a body that was not kept tells nothing of a poll
        elif frame.kind == codec.REQUEST:
            begun.add(seen.exchange)
            if _may_be_bayeux(seen) and connects(carried(cassette.record(seen.seq))):
                polls.append((seen.seq, seen.exchange, True, False))
                begun.discard(seen.exchange)
        elif seen.exchange not in begun:
            polls.append((seen.seq, seen.exchange, False, frame.kind == codec.FAILURE or seen.status >= _HIGH))
    return _Facts(max(first, 0), times, polls)


def _rows(path: Path, times: array[int]) -> Callable[[Span], _Rows]:
    """Return the function that reads a span of triples and unsolicited events."""

    def read(span: Span) -> _Rows:
        with open_cassette(path) as cassette:
            return _rows_in(cassette, span, times)

    return read


def _rows_in(cassette: OpenCassette, span: Span, times: array[int]) -> _Rows:
    stats, seqs = Stats(), array("q")
    for frame in cassette.span(*span):
        if frame.kind == codec.TRIPLE:
            row = codec.decode_row(frame, path=cassette.path)
            _count(stats, row, times)
            seqs.extend([event.seq for event in row.events])
        elif frame.kind == codec.UNSOLICITED:
            seq, _, channel, _, _ = codec.decode_pushed(frame, path=cassette.path)
            seqs.append(seq)
            stats.unasked[channel] += 1
    return _Rows(stats, seqs)


def _count(stats: Stats, row: Row, times: array[int]) -> None:
    events = row.events
    ack = None if row.ack is None else times[row.ack]
    last = max((times[event.seq] for event in events), default=None)
    stats.add_operation(row.operation or "", row.state, times[row.request], ack, last)
    group = stats.operations[row.operation or ""]
    for event in events:
        stats.add_link(group, event.channel, event.rule, is_sure=event.confidence >= 1000)


def _may_be_bayeux(seen: codec.Glance) -> bool:
    body = seen.body
    return body is None or b"message=" in seen.target or any(mark in body for mark in _MARKS)
