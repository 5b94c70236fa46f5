"""Count a sealed cassette by what it stores, without reading bodies: a third of the time that correlation takes.

`tests/views/counts` holds this to `counting`, which derives all. The times of records are read from the facts, the rest
from the stored triples; the bodies of polls are parsed only where no stored event says that they held one.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from ...bayeux.messages import carried, is_event
from ...cassette import codec
from ...cassette.frames import Frame
from ...diagnose.answers import otherwise
from ...diagnose.polls import connects
from ...dialect.definition import Dialect
from ...library.lazy import OpenRecording
from ...model import CUT, Response, Row
from .stats import Stats

_CUT = CUT.encode()
_MARKS = b"channel", b"\\", b"\0", b"message="  # one of them stands in each body with Bayeux messages


def counted(found: OpenRecording, dialect: Dialect, size: int) -> Stats | None:
    """Return the counts of a sealed cassette; None where what is stored does not tell, as with streams.

    Args:
        found: The recording.
        dialect: The rules it was derived by.
        size: Bytes of the file.

    Raises:
        CassetteError: If the file is damaged.
    """
    recording = found.recording
    if not found.is_stored or recording.streams or dialect.ignore:
        return None
    counting = _Counting(found)
    for frame in found.cassette.frames():
        if not counting.take(frame):
            return None
    stats, times = counting.finish(), counting.times
    duration = (max(times) - min(times)) / 1e9 if times else 0.0
    sessions, plain = len(recording.session_starts), len(recording.plain)
    stats.add_file(size=size, records=len(times), duration=duration, sessions=sessions, plain=plain)
    return stats


@dataclass(slots=True)
class _Counting:
    """Counts one file frame by frame.

    Attributes:
        times: Time of each record, by its number.
    """

    _found: OpenRecording
    times: array[int] = field(default_factory=lambda: array("q"))
    _stats: Stats = field(default_factory=Stats)
    _open: dict[int, int] = field(default_factory=dict)  # polls that wait, by exchange
    _answered: dict[int, int] = field(default_factory=dict)  # polls by the record that answered them

    def take(self, frame: Frame) -> bool:
        """Take the next frame; return whether all can be counted so."""
        if frame.kind in codec.FACTS:
            return self._fact(frame)
        if frame.kind == codec.TRIPLE:
            self._row(codec.decode_row(frame, path=self._found.cassette.path))
        elif frame.kind == codec.UNSOLICITED:
            seq, _, channel, _, _ = codec.decode_pushed(frame, path=self._found.cassette.path) or (-1, 0, "", "", None)
            self._answered.pop(seq, None)
            self._stats.unasked[channel] += 1
        return True

    def finish(self) -> Stats:
        """Return the counts; the polls without a stored event are parsed now."""
        for seq, polls in self._answered.items():
            response = self._found.records[seq]
            replies = carried(response)
            failure = otherwise(response, replies) if isinstance(response, Response) else None
            self._stats.polls["failed"] += polls * (failure is not None)
            self._stats.polls["empty"] += polls * (failure is None and not any(map(is_event, replies or [])))
        self._stats.polls["open"] += sum(self._open.values())
        return self._stats

    def _fact(self, frame: Frame) -> bool:
        seen, seq = codec.glance(frame, path=self._found.cassette.path), len(self.times)
        if seen is None or seen.seq != seq or frame.kind in (codec.CHUNK, codec.SOCKET):
            return False
        self.times.append(seen.t)
        match frame.kind:
            case codec.REQUEST if _may_be_bayeux(seen):
                self._asked(seq, seen.exchange)
            case codec.RESPONSE if seen.exchange in self._open:
                self._ended(seq, self._open.pop(seen.exchange), has_failed=seen.status >= 300)
            case codec.FAILURE if seen.exchange in self._open:
                self._ended(seq, self._open.pop(seen.exchange), has_failed=True)
            case codec.NOTE:
                return _CUT not in frame.body  # a body that was not kept tells nothing of a poll
            case _:
                pass
        return True

    def _asked(self, seq: int, exchange: int) -> None:
        if connects(carried(self._found.records[seq])):
            self._open[exchange] = self._open.get(exchange, 0) + 1
            self._stats.polls["count"] += 1

    def _ended(self, seq: int, polls: int, *, has_failed: bool) -> None:
        if has_failed:
            self._stats.polls["failed"] += polls
        else:
            self._answered[seq] = polls

    def _row(self, row: Row) -> None:
        times, stats = self.times, self._stats
        events = row.events
        ack = None if row.ack is None else times[row.ack]
        last = max((times[event.seq] for event in events), default=None)
        stats.add_operation(row.operation or "", row.state, times[row.request], ack, last)
        group = stats.operations[row.operation or ""]
        for event in events:
            self._answered.pop(event.seq, None)
            stats.add_link(group, event.channel, event.rule, is_sure=event.confidence >= 1000)


def _may_be_bayeux(seen: codec.Glance) -> bool:
    body = seen.body
    return body is None or b"message=" in seen.target or any(mark in body for mark in _MARKS)
