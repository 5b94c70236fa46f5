"""What the proxy saw, numbered, redacted and encoded: the straight way from a hook to a frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self, TypeVar, cast

from ..bayeux.messages import parse_request
from ..cassette.codec import MAX_HEADERS, encode
from ..model import Failure, Headers, Note, Record, Request, Response, SocketMessage
from ..redaction.redactor import Redactor
from .context import Context

CUT = "cut"  # kind of the note that follows a record whose body is not kept, or not to its end

Kept = TypeVar("Kept", bound=Record)


@dataclass(slots=True)
class Counts:
    """What a person wants to see while a capture runs."""

    requests: int = 0
    responses: int = 0
    failures: int = 0
    messages: int = 0

    @property
    def open(self) -> int:
        """Exchanges that still wait for their answer."""
        return self.requests - self.responses - self.failures


@dataclass(slots=True)
class Pipeline:
    """Turns observations into frames; every method returns the frame to be written (two where a body is too large).

    Times are nanoseconds of a monotonic clock; `started` is that clock's value at the beginning.

    Attributes:
        context: Follows what a new part must begin with; None for a capture that will have one part only.

    """

    redactor: Redactor | None
    started: int
    context: Context | None = field(default_factory=Context)
    counts: Counts = field(default_factory=Counts)
    size: int = 0  # bytes of frames made for the current part
    _seq: int = 0
    _open: dict[str, Request] = field(default_factory=dict)  # as they are kept, by flow
    _count: int = 0

    @classmethod
    def resumed(
        cls, redactor: Redactor | None, started: int, context: Context | None, *, seq: int, exchange: int
    ) -> Self:
        """A pipeline that goes on with the numbers of an earlier capture."""
        return cls(redactor, started, context, _seq=seq, _count=exchange)

    def next_part(self, now: int) -> list[bytes]:
        """Begin a new part: numbers and times start again, with what is needed to understand what follows."""
        repeated = self.context.records() if self.context else []
        self.context = self.context and Context()
        self.started, self._seq = now, 0
        frames = [self._frame(replace(record, seq=self._next())) for record in repeated]
        self.size = 0  # what is repeated does not fill the part
        return frames

    def quiet(self, now: int) -> float:
        """Seconds since the last operation or event, 0 while an operation waits for its answer."""
        return self.context.quiet(self._at(now)) / 1_000_000_000 if self.context else 0.0

    def request(
        self, flow: str, now: int, *, connection: str, method: str, target: str, headers: Headers, body: bytes,
        lacks: str | None = None,
    ) -> bytes:  # fmt: skip
        """A request that goes to the upstream now. `flow` names the exchange until it ends. `lacks`: see `response`."""
        request = Request(self._next(), self._at(now), self._count, connection, method, target, headers, body)
        self._count += 1
        self.counts.requests += 1
        kept = self._open[flow] = self._redacted(request)
        return self._with_note(kept, lacks)

    def response(
        self, flow: str, now: int, *, status: int, headers: Headers, body: bytes, lacks: str | None = None
    ) -> bytes:
        """The response to a request that was passed in; `lacks` says what of its body is not there, if anything."""
        self.counts.responses += 1
        request = self._open[flow] if status == 101 else self._open.pop(flow)
        response = Response(self._next(), self._at(now), request.exchange, status, headers, body)
        return self._with_note(self._redacted(response), lacks)

    def is_call(self, flow: str) -> bool:
        """Whether an exchange is open and not Bayeux."""
        request = self._open.get(flow)
        return request is not None and parse_request(request.target, request.body) is None

    def failure(self, flow: str, now: int, reason: str) -> bytes:
        """An exchange that ends without a response."""
        self.counts.failures += 1
        return self._redacted_frame(Failure(self._next(), self._at(now), self._open.pop(flow).exchange, reason))

    def message(self, flow: str, now: int, *, from_client: bool, body: bytes) -> bytes:
        """A WebSocket message of an upgraded exchange."""
        self.counts.messages += 1
        exchange = self._open[flow].exchange
        return self._redacted_frame(SocketMessage(self._next(), self._at(now), exchange, from_client, body))

    def socket_closed(self, flow: str, now: int, reason: str) -> bytes:
        """The end of an upgraded exchange."""
        return self._redacted_frame(Failure(self._next(), self._at(now), self._open.pop(flow).exchange, reason))

    def note(self, now: int, kind: str, text: str) -> bytes:
        """Something worth keeping that is not traffic."""
        return self._redacted_frame(Note(self._next(), self._at(now), kind, text))

    def knows(self, flow: str) -> bool:
        """Whether an exchange is open."""
        return flow in self._open

    def _next(self) -> int:
        seq, self._seq = self._seq, self._seq + 1
        return seq

    def _at(self, now: int) -> int:
        return now - self.started

    def _redacted(self, record: Kept) -> Kept:
        """The record as it may be kept, of the same type."""
        return record if self.redactor is None else cast("Kept", self.redactor.redact(record))

    def _redacted_frame(self, record: Record) -> bytes:
        return self._frame(self._redacted(record))

    def _frame(self, kept: Record) -> bytes:
        if self.context is not None:
            self.context.feed(kept)
        frame = self._encoded(kept)
        self.size += len(frame)
        return frame

    def _with_note(self, record: Request | Response, lacks: str | None) -> bytes:
        frame = self._frame(record)
        if lacks is None:
            return frame
        part = "with the beginning of its body" if record.body else "without its body"
        note = Note(self._next(), record.t, CUT, f"record {record.seq} is kept {part}: {lacks}")
        return frame + self._redacted_frame(note)

    def _encoded(self, record: Record) -> bytes:
        try:
            return encode(record)
        except ValueError as exc:  # over a limit of the format; a hole in the numbers would make the rest unreadable
            note = Note(self._next(), record.t, CUT, f"record {record.seq} is kept without its body: {exc}")
            return encode(_without_body(record)) + encode(note)


def _without_body(record: Record) -> Record:
    match record:
        case Request() | Response():
            return replace(record, headers=record.headers[:MAX_HEADERS], body=b"")
        case SocketMessage():
            return replace(record, body=b"")
        case _:
            return record
