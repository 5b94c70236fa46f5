"""Turn what the proxy saw into frames: number, redact and encode each record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar, cast

from ..bayeux.messages import carried
from ..cassette.codec import encode
from ..cassette.packing import MAX_HEADERS
from ..model import CUT, Chunk, Failure, Headers, Note, Part, Record, Request, Response, SocketMessage
from ..redaction.bodies.change import Unread
from ..redaction.bodies.prefix import readable
from ..redaction.redactor import Redactor
from .context import Context
from .large.apart import Done
from .large.glimpse import Bodied

Kept = TypeVar("Kept", bound=Record)
_LONG = 4 << 10  # bytes; a body up to this size is redacted in 6 ms, even one of events of 9 bytes


class Hurried(BaseException):
    """Leaves the redaction of a long body, which takes seconds; no handler of `Exception` may stop it on its way."""


@dataclass(slots=True)
class Counts:
    """Counters shown to the user while a capture runs."""

    requests: int = 0
    responses: int = 0
    failures: int = 0
    messages: int = 0
    cut: int = 0  # bodies kept in part or not at all
    notes: int = 0  # facts that are not traffic; without those about a body that is cut

    @property
    def open(self) -> int:
        """Number of exchanges that still wait for their response."""
        return self.requests - self.responses - self.failures


@dataclass(slots=True)
class Pipeline:
    """Turns observations into frames.

    Methods that take an observation return the frame to write. If the body is not kept in full, a second frame follows,
    with a note that says so. All times are nanoseconds of one monotonic clock. `flow` is an id that names an exchange
    until the exchange ends.

    Attributes:
        redactor: Redacts each record; None to keep all values in the clear.
        started: Time at which the current part began.
        context: Collects the records that the next part must begin with; None for a capture with one part.
        counts: Counters for the user, over all parts.
        size: Bytes of the frames made for the current part, without the repeated records at its beginning.
        watch: Is called with each record as it is kept, right after its frame was made; None for nobody. Numbers and
            times of these records go on over all parts, and what a part repeats is left out.

    """

    redactor: Redactor | None
    started: int
    context: Context | None = field(default_factory=Context)
    counts: Counts = field(default_factory=Counts)
    size: int = 0
    watch: Callable[[Record], None] | None = None
    _seq: int = 0
    _latest: int = 0  # the time of the last record
    _before: tuple[int, int] = (0, 0)  # records in earlier parts, and nanoseconds that they took
    _open: dict[str, Request] = field(default_factory=dict)  # redacted requests, by flow
    _count: int = 0
    _hurries: bool = False
    _is_redacting: bool = False  # a long body

    @classmethod
    def resumed(
        cls, redactor: Redactor | None, started: int, context: Context | None, *, seq: int, exchange: int,
        watch: Callable[[Record], None] | None = None,
    ) -> Self:  # fmt: skip
        """Build a pipeline that continues the numbers of an earlier capture in the same file.

        Args:
            redactor: As in `Pipeline`.
            started: Time at which the earlier capture began, on the current clock.
            context: As in `Pipeline`.
            seq: Number of the next record.
            exchange: Number of the next exchange.
            watch: As in `Pipeline`.

        """
        return cls(redactor, started, context, watch=watch, _seq=seq, _count=exchange)

    def following(self, part: Part, now: int) -> Part:
        """Return how the header of the next part says that it follows this one, if it begins now."""
        repeated = len(self.context.records()) if self.context else 0
        return Part(part.capture, part.number + 1, max(0, now - self.started), repeated)

    def next_part(self, now: int) -> list[bytes]:
        """Begin a new part at time 0; return the frames it starts with: the live sessions and open requests."""
        self._before = self._before[0] + self._seq, self._before[1] + now - self.started
        repeated = self.context.records() if self.context else []
        self.context = self.context and self.context.following(now - self.started)
        self.started, self._seq, self._latest = now, 0, 0
        # The records are redacted already, so they go to `_frame` directly; a second redaction would change pseudonyms.
        frames = [self._frame(replace(record, seq=self._next())) for record in repeated]
        self.size = 0  # repeated records do not count, else many live sessions alone could fill a part
        return frames

    def quiet(self, now: int) -> float:
        """Return the seconds since the last call or event; 0 while a call waits, and without a context."""
        return self.context.quiet(now - self.started) / 1_000_000_000 if self.context else 0.0

    def request(
        self, flow: str, now: int, *, connection: str, method: str, target: str, headers: Headers, body: bytes,
        lacks: str | None = None, done: Done | None = None,
    ) -> bytes:  # fmt: skip
        """Take a request that goes to the upstream now; begin the exchange `flow`.

        Args:
            flow: Id of the exchange.
            now: The time.
            connection: Name of the client's TCP connection.
            method: The HTTP method.
            target: Path with query, percent-encoded as it was sent.
            headers: The headers.
            body: The body without content encodings, as far as it is kept.
            lacks: What of the body is missing, as a text; None if it is complete.
            done: The request redacted elsewhere; None to redact it here.

        """
        request = Request(self._next(), self._at(now), self._count, connection, method, target, headers, body)
        self._count += 1
        self.counts.requests += 1
        return self._with_note(request, lacks, flow, done)

    def response(
        self, flow: str, now: int, *, status: int, headers: Headers, body: bytes, lacks: str | None = None,
        done: Done | None = None,
    ) -> bytes:  # fmt: skip
        """Take the response of an exchange; end the exchange, unless the response upgrades it to a WebSocket.

        Args:
            flow: Id of the exchange.
            now: The time.
            status: The HTTP status.
            headers: The headers.
            body: The body without content encodings, as far as it is kept.
            lacks: What of the body is missing, as a text; None if it is complete.
            done: The response redacted elsewhere; None to redact it here.

        """
        self.counts.responses += 1
        # An upgraded exchange stays open for its socket messages.
        request = self._open[flow] if status == 101 else self._open.pop(flow)
        response = Response(self._next(), self._at(now), request.exchange, status, headers, body)
        return self._with_note(response, lacks, done=done)

    def stream(self, flow: str, now: int, *, status: int, headers: Headers) -> bytes:
        """Take the head of a response whose body comes in chunks.

        The exchange stays open until the last `chunk`, or `closed`.

        Args:
            flow: Id of the exchange.
            now: The time.
            status: The HTTP status.
            headers: The headers.

        """
        self.counts.responses += 1
        exchange = self._open[flow].exchange
        return self._redacted_frame(
            Response(self._next(), self._at(now), exchange, status, headers, b"", streamed=True)
        )

    def chunk(
        self, flow: str, now: int, body: bytes, *, is_last: bool = False, lacks: str | None = None,
        done: Done | None = None,
    ) -> bytes:  # fmt: skip
        """Take whole events, or lines, of a streamed response; the last ones end the exchange.

        Args:
            flow: Id of the exchange.
            now: The time.
            body: Events or lines without content encodings.
            is_last: Whether the body ends here.
            lacks: What of the body before this chunk is missing, as a text; None if it is complete.
            done: The chunk redacted elsewhere; None to redact it here.

        """
        request = self._open.pop(flow) if is_last else self._open[flow]
        chunk = Chunk(self._next(), self._at(now), request.exchange, body, is_last)
        return self._with_note(chunk, lacks, done=done)

    def media_of(self, flow: str) -> str:
        """Return the media type of the streamed response of an exchange; "" if none is known."""
        return "" if self.redactor is None else self.redactor.media_of(self._open[flow].exchange)

    def is_call(self, flow: str) -> bool:
        """Return whether an exchange is open and its request carries no Bayeux messages."""
        request = self._open.get(flow)
        return request is not None and carried(request) is None

    def failure(self, flow: str, now: int, reason: str) -> bytes:
        """Take the end of an exchange that got no response."""
        self.counts.failures += 1
        return self._redacted_frame(Failure(self._next(), self._at(now), self._open.pop(flow).exchange, reason))

    def message(
        self, flow: str, now: int, *, from_client: bool, body: bytes, is_text: bool = True, done: Done | None = None
    ) -> bytes:
        """Take a WebSocket message on an upgraded exchange."""
        self.counts.messages += 1
        exchange = self._open[flow].exchange
        message = SocketMessage(self._next(), self._at(now), exchange, from_client, body, is_text)
        return self._with_note(message, None, done=done)

    def closed(self, flow: str, now: int, reason: str) -> bytes:
        """Take the end of an exchange that was answered: its WebSocket was closed, or its streamed response broke."""
        return self._redacted_frame(Failure(self._next(), self._at(now), self._open.pop(flow).exchange, reason))

    def note(self, now: int, kind: str, text: str) -> bytes:
        """Take a note, a fact to keep that is not traffic."""
        self.counts.notes += 1
        return self._redacted_frame(Note(self._next(), self._at(now), kind, text))

    @property
    def seq(self) -> int:
        """Number of the next record."""
        return self._seq

    @property
    def exchange(self) -> int:
        """Number of the next exchange."""
        return self._count

    def knows(self, flow: str) -> bool:
        """Return whether an exchange is open."""
        return flow in self._open

    def _next(self) -> int:
        seq, self._seq = self._seq, self._seq + 1
        return seq

    def _at(self, now: int) -> int:
        """Return a time since the part began; records keep their order, even if a caller took its time too early."""
        self._latest = max(self._latest, now - self.started)
        return self._latest

    def hurry(self) -> None:
        """Keep long bodies no more, because the capture has to end at once: their redaction takes seconds.

        May be called by a signal's handler in the middle of all other methods.

        Raises:
            Hurried: If a long body is being redacted; the method that redacts it goes on without the body.

        """
        self._hurries = True
        if self._is_redacting:
            raise Hurried

    def _redacted(self, record: Kept, *, is_cut: bool = False) -> Kept:
        """Return a record redacted, without its body if it is long and the capture hurries.

        Redaction keeps the type of a record. Of a body that is cut no unfinished value is kept.
        """
        if self.redactor is None:
            return record
        is_long = _is_long(record)
        if is_long and self._hurries:
            return cast("Kept", self.redactor.redact(_without_body(record)))
        try:
            self._is_redacting = is_long
            kept = self.redactor.redact(self._beginning(record) if is_cut else record)
            self._is_redacting = False
        except Hurried:
            self._is_redacting = False
            kept = self.redactor.redact(_without_body(record))
        return cast("Kept", kept)

    def _beginning(self, record: Record) -> Record:
        """Return a record whose body was cut, without what is unfinished at its end."""
        match record:
            case Request() | Response() if record.body:
                return replace(record, body=readable(record.body, record.headers))
            case SocketMessage() if record.body:
                return replace(record, body=readable(record.body, ()))
            case _:
                return record  # a chunk has whole events or lines; what it lacks stood before it

    def _redacted_frame(self, record: Record) -> bytes:
        return self._watched(self._redacted(record))

    def _frame(self, kept: Record, seen: Record | None = None) -> bytes:
        frame, written = self._encoded(kept)
        if self.context is not None:
            self.context.feed(written, written if seen is None else seen)
        self.size += len(frame)
        return frame

    def _watched(self, kept: Record, seen: Record | None = None) -> bytes:
        """Return the frame of a record, after the watcher has got the record, or what is to be seen of it."""
        frame, (seq, t) = self._frame(kept, seen), self._before
        if self.watch is not None:
            seen = kept if seen is None else seen
            self.watch(replace(seen, seq=seen.seq + seq, t=seen.t + t) if seq else seen)
        return frame

    def _with_note(self, record: Bodied, lacks: str | None, flow: str | None = None, done: Done | None = None) -> bytes:
        """Return the frame of a record, redacted, and that of a note if its body is not kept whole.

        Args:
            record: The record.
            lacks: What of the body is missing already, as a text; None if it is complete.
            flow: Id of the exchange that the record begins; None if it begins none.
            done: The record redacted elsewhere; None to redact it here.

        """
        seen: Bodied | None = None
        if done is None:
            kept: Bodied = self._redacted(record, is_cut=lacks is not None)
        else:
            kept, seen = _numbered(done.record, record), _numbered(done.seen, record)
            lacks = done.lacks or lacks
            if self.redactor is not None:
                self.redactor.count(done.unlooked, done.dropped)
        if flow is not None:
            self._open[flow] = cast("Request", kept if seen is None else seen)
        frame = self._watched(kept, seen)
        part = "with the beginning of its body" if kept.body else "without its body"
        if self.redactor is not None and self._hurries and _is_long(record) and not kept.body:
            lacks = "the capture had to end before it was redacted"
        if lacks is None and self.redactor is not None and self.redactor.dropped:
            part = "without parts of its body" if kept.body else part
            kinds = sorted({kind or "a body without a media type" for kind in self.redactor.dropped})
            lacks = f"no reader looks through {', '.join(kinds)}"
        if lacks is None:
            return frame
        self.counts.cut += 1
        note = Note(self._next(), record.t, CUT, f"record {record.seq} is kept {part}: {lacks}")
        return frame + self._redacted_frame(note)

    @property
    def unlooked(self) -> Counter[tuple[str, Unread]]:
        """The number of bodies that no reader looked through, by media type and by what became of them."""
        return Counter() if self.redactor is None else self.redactor.unlooked

    def _encoded(self, record: Record) -> tuple[bytes, Record]:
        """Return the frame of a record, with a note behind it if it is not whole, and the record as it is written."""
        try:
            return encode(record), record
        except ValueError as exc:
            # The record exceeds a limit of the format. It is kept without its body, not dropped, because a cassette is
            # unreadable after a missing record number.
            self.counts.cut += 1
            note = Note(self._next(), record.t, CUT, f"record {record.seq} is kept without its body: {exc}")
            written = _without_body(record)
            return encode(written) + encode(note), written


def _numbered(done: Bodied, record: Bodied) -> Bodied:
    """Return a record that was redacted elsewhere, with its place in the capture."""
    return replace(done, seq=record.seq, t=record.t, exchange=record.exchange)


def _is_long(record: Record) -> bool:
    return isinstance(record, Request | Response | Chunk | SocketMessage) and len(record.body) > _LONG


def _without_body(record: Record) -> Record:
    match record:
        case Request() | Response():
            return replace(record, headers=record.headers[:MAX_HEADERS], body=b"")
        case Chunk() | SocketMessage():
            return replace(record, body=b"")
        case _:
            return record
