"""Format a session as a timeline: one line per moment, long silences folded, bars on a screen."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import chain, pairwise, starmap
from typing import Any

from ..bayeux.replies import is_end, is_lost
from ..correlate.anchors import anchoring
from ..correlate.anchors import text as in_words
from ..correlate.ordering import unfolded
from ..diagnose.answers import Strange, strange
from ..library.latency import ack_ms, offset_ms
from ..model import Anchor, Note, Record, Recording, Reply, Stream, Triple, Unsolicited, listed
from ..printable import printable
from ..push.port import WEBSOCKET
from ..push.rules import MESSAGE
from .screen import Cell, Column, Screen, Spooled, aligning

_SECOND = 1_000_000_000
_LAST = 1 << 32  # behind all events of a record
_IDLE = _SECOND  # a silence of more nanoseconds is folded
_MARKS = {
    "session": ("○", "blue"),
    "request": ("→", "bold"),
    "ack": ("←", "green"),
    "refusal": ("←", "red"),
    "failure": ("✗", "red"),
    "event": ("●", "cyan"),
    "unsure": ("◌", "cyan"),
    "unsolicited": ("?", "yellow"),
    "exchange": ("↔", "dim"),
    "note": ("!", "yellow"),
}
_BAR = {80: 22, 100: 30, 140: 50}  # cells of the bars by width of the screen


@dataclass(frozen=True, slots=True)
class Moment:
    """One point in a session: a handshake, request, ack, failure, event, exchange or note.

    Attributes:
        at: The `seq` of the record and the place in that record, which give the order of the wire.
        t: Nanoseconds after the start of the capture.
        n: Number of the triple, None outside triples.
        name: Name for people: 3 for a request and its ack, 3.1 for its first event, u1 for an unsolicited event.
        ms: Milliseconds after the request, or for an unsolicited event after its anchor; None for other moments.
        span: The times of a triple, with its request alone: request, ack or failure (else the request), events.
    """

    at: tuple[int, int]
    t: int
    kind: str
    n: int | None
    name: str
    session: str | None
    text: str
    ms: float | None = None
    span: tuple[int, ...] = ()


def of_triple(triple: Triple) -> Iterator[Moment]:
    """Yield the moments of one triple."""
    n, session, request = triple.n, triple.session, triple.request
    keys = " ".join(listed(triple.keys[key]) for key in ("handle", "reference") if key in triple.keys)
    at = request.seq, request.message or 0
    ended = triple.ack or triple.failure or request
    span = (request.t, ended.t, *(link.event.t for link in triple.events))
    yield Moment(at, request.t, "request", n, str(n), session, f"{triple.operation}  {keys}".rstrip(), span=span)
    if triple.ack:
        kind = "refusal" if triple.state.value == "failed" else "ack"
        at = triple.ack.seq, triple.ack.message or 0
        yield Moment(at, triple.ack.t, kind, n, str(n), session, str(triple.ack.status), ack_ms(triple))
    elif triple.failure:
        failure = triple.failure
        ms = round((failure.t - request.t) / 1e6, 3)
        yield Moment((failure.seq, 0), failure.t, "failure", n, str(n), session, f"no ack: {failure.reason}", ms)
    for place, link in enumerate(triple.events, 1):
        event, sure = link.event, link.confidence >= 1
        text = f"{link.name}  {event.channel}" + ("" if sure else f"  ({link.rule}, {link.confidence:g})")
        kind = "event" if sure else "unsure"
        yield Moment((event.seq, event.index), event.t, kind, n, f"{n}.{place}", session, text, offset_ms(link, triple))


def of_triples(triples: Iterable[Triple]) -> Iterator[Moment]:
    """Yield the moments of triples, which stand in their order, in the order of the wire."""
    groups = (((moment.at, moment) for moment in of_triple(triple)) for triple in triples)
    return (moment for _, moment in unfolded(groups))


def of_others(recording: Recording, records: Iterable[Record], starts: Mapping[int, int]) -> Iterator[Moment]:
    """Yield the moments outside triples in order: sessions, exchanges, unsolicited events, notes.

    Args:
        recording: The recording of one cassette.
        records: Its records.
        starts: Number of the exchange by `seq` of the request, for sessions that began with one, not with a handshake.
    """
    return ordered(
        sorted(_starts(recording, starts), key=_at),
        map(_of_exchange, recording.plain),
        starmap(_of_unsolicited, enumerate(zip(recording.unsolicited, anchoring(recording), strict=True), 1)),
        sorted(of_streams(recording.streams), key=_at),
        sorted(map(of_reply, filter(tells, recording.replies)), key=_at),
        _of_records(records),
    )


def _starts(recording: Recording, exchanges: Mapping[int, int]) -> Iterator[Moment]:
    sockets = {stream.exchange for stream in recording.streams if stream.protocol == WEBSOCKET}
    for label, (seq, t) in recording.session_starts.items():
        what = "WebSocket" if exchanges.get(seq) in sockets else "stream"
        how = f"begins with a {what}" if seq in exchanges else "shakes hands"
        yield Moment((seq, 0), t, "session", None, label, label, how)


def _of_exchange(item: Triple) -> Moment:
    request, ms = item.request, ack_ms(item)
    answer = f"{item.ack.status}" if item.ack else f"no answer: {item.failure.reason}" if item.failure else "open"
    text = f"{request.method} {request.target}" + (f"  {answer}" if request.method != MESSAGE else "")
    return Moment((request.seq, 0), request.t, "exchange", None, "", item.session, text, ms)


def _of_unsolicited(place: int, followed: tuple[Unsolicited, Anchor]) -> Moment:
    pushed, anchor = followed
    event, ms = pushed.event, round((pushed.event.t - anchor.t) / 1e6, 3)
    how = "ignored, after" if pushed.is_ignored else "caused by" if anchor.repeats else "after"
    text = f"{pushed.name}  {event.channel}  {how} {in_words(anchor)}"
    return Moment((event.seq, event.index), event.t, "unsolicited", None, f"u{place}", pushed.session, text, ms)


def _of_records(records: Iterable[Record]) -> Iterator[Moment]:
    """Yield the notes, and the answers that hold no Bayeux messages, in one pass over the records."""
    notes: deque[Note] = deque()

    def passing() -> Iterator[Record]:
        for record in records:
            if isinstance(record, Note):
                notes.append(record)
            yield record

    for found in strange(passing()):
        while notes and notes[0].seq < found.answer.seq:
            yield _of_note(notes.popleft())
        yield _of_strange(found)
    yield from map(_of_note, notes)


def _of_strange(found: Strange) -> Moment:
    return Moment((found.answer.seq, 0), found.answer.t, "failure", None, "", None, f"{found.asked}: {found.text}")


def _of_note(note: Note) -> Moment:
    return Moment((note.seq, 0), note.t, "note", None, "", None, f"{note.kind}: {note.text}")


def of_streams(streams: Iterable[Stream]) -> Iterator[Moment]:
    """Yield the moments at which streams of events and WebSockets ended."""
    for stream in streams:
        if stream.closed is not None and stream.end is not None:
            told = [f"code {stream.code}"] if stream.code is not None else []
            how = ", ".join([*told, *([stream.reason.rstrip(".")] if stream.reason else [])])
            text = f"the server ended {stream.key}" if stream.ended else f"{stream.key} ended"
            text += f": {how}" if how else ""
            kind = "session" if stream.ended else "failure"
            yield Moment((stream.end, _LAST), stream.closed, kind, None, stream.session or "", stream.session, text)


def tells(reply: Reply) -> bool:
    """Return whether a reply is a refusal or the end of a session."""
    return reply.message.get("successful") is False or reply.pushed is not None or is_end(reply.message)


def of_reply(reply: Reply) -> Moment:
    """Return the moment of a refusal, or of the loss or end of a session."""
    error = str(reply.message.get("error", "no error is named"))
    if reply.pushed is not None or is_end(reply.message):
        kind, text = "session", "the server ended the session"
    elif is_lost(reply.message):
        kind, text = "session", f"the server lost the session ({error})"
    else:
        kind, text = "refusal", f"{f'{reply.asked} {reply.name}'.rstrip()}  {error}"
    return Moment(reply.at, reply.t, kind, None, reply.session or "", reply.session, text)


def ordered(*streams: Iterable[Moment]) -> Iterator[Moment]:
    """Yield the moments of several streams, each of them in order, in the order of the wire."""
    return merge(*streams, key=_at)


def _at(moment: Moment) -> tuple[int, int]:
    return moment.at


def as_json(moments: Iterable[Moment]) -> Iterator[dict[str, Any]]:
    """Yield one row per moment; `at` is seconds since the capture began, `ms` is milliseconds after the request."""
    for moment in moments:
        yield {
            "at": round(moment.t / 1e9, 6),
            "kind": moment.kind,
            "n": moment.n,
            "name": moment.name,
            "session": moment.session,
            "ms": moment.ms,
            "text": moment.text.encode("utf-8", "replace").decode(),
        }


def as_text(moments: Iterable[Moment], screen: Screen | None = None, *, start: int | None = 0) -> Iterator[str]:
    """Yield the timeline as text, in parts; many moments are not kept in memory.

    Args:
        moments: The moments, in order.
        screen: The screen, None for a pipe.
        start: From where times count, in nanoseconds since the capture began; None counts from the first moment.
    """
    every = iter(moments)
    first = next(every, None)
    start = start if start is not None or first is None else first.t
    rest = chain([first] if first is not None else [], every)
    yield from aligning(_plain_rows(rest, start or 0)) if screen is None else _drawn(rest, screen, start or 0)


def _plain_rows(moments: Iterable[Moment], start: int) -> Iterator[list[str]]:
    yield ["seconds", "", "", "ms", ""]
    for moment, idle in _with_silences(moments):
        if idle:
            yield ["", "", "", "", _silence(idle)]
        yield [_seconds(moment.t - start), moment.name, moment.kind, _after(moment), printable(moment.text)]


def _drawn(moments: Iterable[Moment], screen: Screen, start: int) -> Iterator[str]:
    bar = max((cells for least, cells in _BAR.items() if screen.width >= least), default=0)
    times = array("q")
    plain = Column("")
    columns = [Column("seconds", right=True), plain, plain, Column("ms", right=True), Column("", least=16), plain]
    with Spooled(_timed(moments, start, times)) as rows:  # the axis is known when all times are
        axis = _Axis(times, bar)
        yield from screen.drawing(columns, (_with_bar(row, axis) for row in rows))


def _timed(moments: Iterable[Moment], start: int, times: array[int]) -> Iterator[list[Cell]]:
    """Yield rows with a time, or the times of a triple, in place of the bar; append all times to `times`."""
    for moment, idle in _with_silences(moments):
        times.append(moment.t)
        if idle:
            yield ["", "", "", "", (_silence(idle), "dim"), ""]
        mark, style = _MARKS[moment.kind]
        text = (printable(moment.text), "bold" if moment.kind == "request" else "")
        at = " ".join(map(str, moment.span or (moment.t,)))
        yield [_seconds(moment.t - start), moment.name, (mark, style), _after(moment), text, (at, style)]


def _with_bar(row: Sequence[Cell], axis: _Axis) -> list[Cell]:
    *texts, mark, after, text, last = row
    if not last:
        return list(row)
    begin, *rest = map(int, last[0].split())
    drawn = axis.bar(begin, *rest) if rest else axis.point(begin, mark[0])
    return [*texts, mark, after, text, (drawn, last[1])]


def _after(moment: Moment) -> str:
    return "" if moment.ms is None else f"+{moment.ms:.0f}"


def _silence(idle: int) -> str:
    return f"… {idle / 1e9:.3f} s nothing"


def _seconds(t: int) -> str:
    return f"{t / 1e9:.3f}"


def _with_silences(moments: Iterable[Moment]) -> Iterator[tuple[Moment, int]]:
    """Yield each moment with the silence before it in nanoseconds, 0 for a short one."""
    before = None
    for moment in moments:
        before = moment.t if before is None else before
        silence = moment.t - before
        yield moment, silence if silence > _IDLE else 0
        before = max(before, moment.t)


class _Axis:
    """A scale from times to cells of a line; a silence takes no more space than one second."""

    def __init__(self, times: Iterable[int], width: int) -> None:
        self._width = width
        self._times = sorted(set(times))
        self._places = [0]
        for early, late in pairwise(self._times):
            self._places.append(self._places[-1] + min(late - early, _IDLE))

    def at(self, t: int) -> int:
        place = self._places[max(bisect_right(self._times, t) - 1, 0)]
        return place * (self._width - 1) // max(self._places[-1], 1)

    def point(self, t: int, mark: str) -> str:
        return " " * self.at(t) + mark if self._width else ""

    def bar(self, request: int, ack: int, *events: int) -> str:
        """Return the bar of a triple: thick until the ack, thin until the last event, with a dot for each event."""
        if not self._width:
            return ""
        begin, acked = self.at(request), self.at(ack)
        dots = {self.at(t) for t in events}
        end = max([begin, acked, *dots])
        return " " * begin + "".join("●" if at in dots else "━" if at <= acked else "─" for at in range(begin, end + 1))
