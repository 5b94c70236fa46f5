"""Format a session as a timeline: one line per moment, long silences folded, bars on a screen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..bayeux.replies import is_end, is_lost
from ..correlate.anchors import anchors
from ..correlate.anchors import text as in_words
from ..diagnose.answers import strange
from ..model import Note, Record, Recording, Reply, Stream, Triple, listed
from ..printable import printable
from ..push.port import WEBSOCKET
from ..push.rules import MESSAGE
from .data import ack_ms, offset_ms
from .screen import Cell, Column, Screen, aligned

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
    """

    at: tuple[int, int]
    t: int
    kind: str
    n: int | None
    name: str
    session: str | None
    text: str
    ms: float | None = None


def of_triple(triple: Triple) -> Iterator[Moment]:
    """Yield the moments of one triple."""
    n, session, request = triple.n, triple.session, triple.request
    keys = " ".join(listed(triple.keys[key]) for key in ("handle", "reference") if key in triple.keys)
    at = request.seq, request.message or 0
    yield Moment(at, request.t, "request", n, str(n), session, f"{triple.operation}  {keys}".rstrip())
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


def of_others(recording: Recording, records: Sequence[Record]) -> Iterator[Moment]:
    """Yield the moments outside triples: handshakes, other exchanges, unsolicited events, failed polls, notes."""
    exchanges = {item.request.seq: item.request.exchange for item in (*recording.triples, *recording.plain)}
    sockets = {stream.exchange for stream in recording.streams if stream.protocol == WEBSOCKET}
    for label, (seq, t) in recording.session_starts.items():
        what = "WebSocket" if exchanges.get(seq) in sockets else "stream"
        how = f"begins with a {what}" if seq in exchanges else "shakes hands"
        yield Moment((seq, 0), t, "session", None, label, label, how)
    for item in recording.plain:
        request, ms = item.request, ack_ms(item)
        answer = f"{item.ack.status}" if item.ack else f"no answer: {item.failure.reason}" if item.failure else "open"
        text = f"{request.method} {request.target}" + (f"  {answer}" if request.method != MESSAGE else "")
        yield Moment((request.seq, 0), request.t, "exchange", None, "", item.session, text, ms)
    for place, (pushed, anchor) in enumerate(zip(recording.unsolicited, anchors(recording), strict=True), 1):
        event, ms = pushed.event, round((pushed.event.t - anchor.t) / 1e6, 3)
        how = "ignored, after" if pushed.is_ignored else "caused by" if anchor.repeats else "after"
        text = f"{pushed.name}  {event.channel}  {how} {in_words(anchor)}"
        yield Moment((event.seq, event.index), event.t, "unsolicited", None, f"u{place}", pushed.session, text, ms)
    yield from of_streams(recording.streams)
    yield from map(of_reply, filter(tells, recording.replies))
    for found in strange(records):
        yield Moment((found.answer.seq, 0), found.answer.t, "failure", None, "", None, f"{found.asked}: {found.text}")
    for record in records:
        if isinstance(record, Note):
            yield Moment((record.seq, 0), record.t, "note", None, "", None, f"{record.kind}: {record.text}")


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


def ordered(moments: Iterable[Moment]) -> list[Moment]:
    """Return the moments in the order of the wire."""
    return sorted(moments, key=lambda moment: moment.at)


def as_json(moments: Sequence[Moment]) -> Iterator[dict[str, Any]]:
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


def as_text(moments: Sequence[Moment], screen: Screen | None = None, *, start: int = 0) -> str:
    """Return the timeline as text; times count from `start`, in nanoseconds since the capture began."""
    if screen is None:
        rows = [["seconds", "", "", "ms", ""]]
        for moment, idle in _with_silences(moments):
            if idle:
                rows.append(["", "", "", "", _silence(idle)])
            rows.append([_seconds(moment.t - start), moment.name, moment.kind, _after(moment), printable(moment.text)])
        return aligned(rows)
    bar = max((cells for least, cells in _BAR.items() if screen.width >= least), default=0)
    axis = _Axis([moment.t for moment in moments], bar)
    spans = _spans(moments)
    drawn: list[list[Cell]] = []
    for moment, idle in _with_silences(moments):
        if idle:
            drawn.append(["", "", "", "", (_silence(idle), "dim"), ""])
        mark, style = _MARKS[moment.kind]
        own = spans.get(moment.n or 0) if moment.kind == "request" else None
        drawn.append(
            [
                _seconds(moment.t - start),
                moment.name,
                (mark, style),
                _after(moment),
                (printable(moment.text), "bold" if moment.kind == "request" else ""),
                (axis.bar(own) if own else axis.point(moment.t, mark), style),
            ]
        )
    plain = Column("")
    columns = [Column("seconds", right=True), plain, plain, Column("ms", right=True), Column("", least=16), plain]
    return screen.table(columns, drawn)


def _after(moment: Moment) -> str:
    return "" if moment.ms is None else f"+{moment.ms:.0f}"


def _silence(idle: int) -> str:
    return f"… {idle / 1e9:.3f} s nothing"


def _seconds(t: int) -> str:
    return f"{t / 1e9:.3f}"


def _with_silences(moments: Sequence[Moment]) -> Iterator[tuple[Moment, int]]:
    """Yield each moment with the silence before it in nanoseconds, 0 for a short one."""
    before = moments[0].t if moments else 0
    for moment in moments:
        silence = moment.t - before
        yield moment, silence if silence > _IDLE else 0
        before = max(before, moment.t)


@dataclass(frozen=True, slots=True)
class _Span:
    """The times of a triple in nanoseconds: request, ack or failure, events."""

    request: int
    ack: int | None
    events: tuple[int, ...]


def _spans(moments: Iterable[Moment]) -> dict[int, _Span]:
    spans: dict[int, _Span] = {}
    for moment in moments:
        if moment.n is None:
            continue
        span = spans.get(moment.n, _Span(moment.t, None, ()))
        if moment.kind in ("ack", "refusal", "failure"):
            span = _Span(span.request, moment.t, span.events)
        elif moment.kind in ("event", "unsure"):
            span = _Span(span.request, span.ack, (*span.events, moment.t))
        spans[moment.n] = span
    return spans


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

    def bar(self, span: _Span) -> str:
        """Return the bar of a triple: thick until the ack, thin until the last event, with a dot for each event."""
        if not self._width:
            return ""
        begin = self.at(span.request)
        acked = self.at(span.ack) if span.ack is not None else begin
        dots = {self.at(t) for t in span.events}
        end = max([begin, acked, *dots])
        return " " * begin + "".join("●" if at in dots else "━" if at <= acked else "─" for at in range(begin, end + 1))
