"""Lay out the ack and the events of a triple: in recorded order, at recorded offsets from the request."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from ...model import Event, Headers, Link, Reply, Stream, Triple, Unsolicited
from ...requests.index.windows import copies
from .channels import Channel, Live
from .rewriting.responses import PreparedResponse
from .rewriting.rewriter import Rewriter
from .rewriting.templates import Template

INSTANT = math.inf
ACK_PATIENCE = 1.0  # seconds an ack waits for events recorded before it, when the client does not fetch them

_LAST_ID = "last-event-id"  # HTML, section 9.2.4 "The Last-Event-ID header"
_SECOND = 1_000_000_000
_ONE: Mapping[str, int] = MappingProxyType({})  # every client has one window


class Home(NamedTuple):
    """The stream that a request opened, or that a message came on.

    Attributes:
        key: Key of the recorded stream.
        exchange: Number of the recorded exchange that opened it.
        channel: The stream of the live client.

    """

    key: str
    exchange: int
    channel: Channel


class Ends(NamedTuple):
    """The end of a recorded stream."""

    stream: Stream


class BodyPiece(NamedTuple):
    """A piece of the body whose head the ack was; pieces are numbered from 0."""

    number: int


class Cuts(NamedTuple):
    """The cut of the stream with a key, or with "" of all streams of the client: a fault."""

    key: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: an event, a reply to a poll, the end or a cut of a stream, a piece of a body, or else the ack.

    Attributes:
        order: Place on the recorded wire; decides between triples when both are due.
        offset: Seconds after the request, as recorded.
        text: Bayeux message of the event, with holes for the values of a client; None until it is prepared.
        unsolicited: Place among the unsolicited events of the recording; None for other steps.
        said: Recorded reply to a poll: a refusal, or the end of the session.
        beside: Members of the event beside its channel and data, prepared as `text` is; for Bayeux alone.
        on_stream: What happens on a stream beside events: its end, a piece of a body, or a cut.
        is_shared: The event was told to the client of another session.
        name: Name of the event in the dialect.
        place: Place of the triple that caused the event; None for other steps.
        is_copy: An earlier window of the client got the event too.
        is_ignored: The dialect ignores the event, e.g. as a heartbeat.

    """

    order: tuple[int, int]
    offset: float
    event: Event | None
    text: Template | None = field(default=None, compare=False)
    unsolicited: int | None = None
    said: Reply | None = None
    beside: Template | None = field(default=None, compare=False)
    on_stream: Ends | BodyPiece | Cuts | None = None
    is_shared: bool = False
    name: str = field(default="", compare=False)
    place: int | None = field(default=None, compare=False)
    is_copy: bool = field(default=False, compare=False)
    is_ignored: bool = field(default=False, compare=False)

    @property
    def is_ack(self) -> bool:
        """Whether the step answers the request."""
        return self.event is None and self.said is None and self.on_stream is None


class Opening(NamedTuple):
    """The recorded stream that a live request is answered with, and the headers of the request."""

    stream: Stream
    headers: Headers

    @property
    def last_id(self) -> str | None:
        """The id of the last server-sent event that the client has seen; None if it names none."""
        return next((value for name, value in self.headers if name.lower() == _LAST_ID), None)


@dataclass(slots=True, eq=False)
class Run:
    """A sequence of steps being played to one client.

    Attributes:
        request: The live request that waits for the ack, None where there is none to answer.
        message: Place of the live publish in this request; None for an HTTP request.
        place: Which recorded request it answers, None for events nobody asked for.
        response: The answer to it, None where there is none to answer.
        unfetched: Events queued for the client that no poll has taken yet.
        forget: With the ack the server forgets the client's Bayeux session: a fault.
        cut: With the ack the client's WebSocket ends: a fault.
        owner: Playhead that the run is played to; the player alone uses it.
        rank: Number of the client, and of the run among its runs; decides between runs of equal order.
        acked: The ack has left.
        opened: Where the answer opens a stream: the recorded one, and what the live client is to get on it.
        home: The stream that it belongs to, where its events go that were recorded on it; None where there is none.
        pieces: The pieces of the body, once its head has left.
        live: The stream that its pieces are sent on.
        step: The next step, None at the end.

    """

    steps: tuple[Step, ...]
    started: float
    rate: float
    rewriter: Rewriter
    request: int | None = None
    place: int | None = None
    response: PreparedResponse | None = None
    unfetched: int = 0
    forget: bool = False
    cut: bool = False
    owner: Any = None
    rank: tuple[int, int] = (0, 0)
    acked: bool = False
    message: int | None = None
    opened: Opening | None = None
    home: Home | None = None
    pieces: tuple[bytes, ...] = ()
    live: Live | None = None
    step: Step | None = field(init=False)
    _next: int = 0
    _queued_at: float = field(default=0.0)

    def __post_init__(self) -> None:
        self.step = self.steps[0] if self.steps else None

    @property
    def left(self) -> int:
        """Number of steps that are still to leave."""
        return len(self.steps) - self._next

    @property
    def coming(self) -> tuple[Step, ...]:
        """The steps that are still to leave, in order."""
        return self.steps[self._next :]

    def coming_before(self, order: tuple[int, int]) -> Iterator[Step]:
        """Yield the steps that are still to leave and were recorded before a place on the wire."""
        return takewhile(lambda step: step.order < order, islice(self.steps, self._next, None))

    def shift(self, seconds: float) -> None:
        """Move all steps that are still to leave by some seconds."""
        self.started += seconds
        self._queued_at += seconds

    def due(self) -> float | None:
        """Return the time at which the next step may leave (seconds of the caller's clock), None at the end."""
        step = self.step
        if step is None:
            return None
        due = self.started + step.offset / self.rate
        if step.event is None and self.unfetched and step.is_ack:
            return max(due, self.patient_until)
        return due

    @property
    def patient_until(self) -> float:
        """Time until which an ack waits for events before it to be fetched."""
        return self._queued_at + ACK_PATIENCE

    def advance(self, now: float) -> None:
        """Go on to the step after the next; the next has left."""
        step = self.step
        if step is not None and step.event is not None:
            self.unfetched += 1
            self._queued_at = now
        elif step is None or step.on_stream is None:
            self.acked = True
        self._next += 1
        self.step = self.steps[self._next] if self._next < len(self.steps) else None

    def take_out(self, step: Step) -> None:
        """Leave out a step that is still to leave: it leaves by itself."""
        self.steps = tuple(one for one in self.steps if one is not step)
        self.step = self.steps[self._next] if self._next < len(self.steps) else None

    def comes_later(self, now: float) -> None:
        """Let the ack wait for an event that was held back and is queued now, if the ack has not left."""
        if not self.acked and self.request is not None:
            self.unfetched += 1
            self._queued_at = now

    def taken(self, *, out: bool) -> None:
        """Count an event of this run as put into an answer, or as come back from an answer that did not leave."""
        self.unfetched += -1 if out else 1


class Watcher(Protocol):
    """An object that is told what is played, at once and in the order of the play; it must be quick.

    Times are seconds of the clock that the stand-in plays by. `client` is the name of a client.
    """

    def began(self, client: str, run: Run, triple: Triple | None, now: float) -> None:
        """Take a run that begins: the answer to a request with its events, or events that nobody asked for."""

    def pushed(self, client: str, run: Run, step: Step, now: float) -> None:
        """Take an event that was handed to the session or the streams of a client."""

    def answered(self, client: str, run: Run, now: float) -> None:
        """Take the answer to the request of a run."""


def steps(triple: Triple, place: int | None = None, windows: Mapping[str, int] = _ONE) -> tuple[Step, ...]:
    """Return the steps of a triple; one without an answer ends with an ack too, or the live client would hang.

    Args:
        triple: The triple.
        place: Its place in the recording.
        windows: Numbers of the later windows of clients, by clientId.
    """
    start = triple.request.t
    again = copies((one.event for one in triple.events), windows)
    events = [_step_of(link, start, place, again) for link in triple.events]
    end = triple.ack or triple.failure
    if end is None:
        last = events[-1] if events else Step((triple.request.seq, triple.request.message or 0), 0.0, None)
        return (*events, Step((last.order[0], last.order[1] + 1), last.offset, None))
    place = triple.ack.message or 0 if triple.ack is not None else 0
    ack = Step((end.seq, place), _seconds(end.t - start), None)
    if triple.ack is not None and triple.ack.pieces:
        events += [
            Step((end.seq, place + 1 + number), _seconds(t - start), None, on_stream=BodyPiece(number))
            for number, (t, _) in enumerate(triple.ack.pieces)
        ]
    return tuple(sorted([*events, ack], key=lambda step: step.order))


def _step_of(link: Link, start: int, place: int | None, again: Container[tuple[int, int]]) -> Step:
    event, shared = link.event, link.rule == "shared"
    at = event.seq, event.index
    offset = _seconds(event.t - start)
    return Step(at, offset, event, is_shared=shared, name=link.name, place=place, is_copy=at in again)


def step_of(pushed: Unsolicited, number: int, start: int, *, is_copy: bool = False) -> Step:
    """Return the step of an unsolicited event.

    Args:
        pushed: The event.
        number: Its place among the unsolicited events.
        start: Time of what it followed, in nanoseconds since the capture began.
        is_copy: An earlier window of the client got it too.
    """
    event, offset = pushed.event, _seconds(pushed.event.t - start)
    return Step(
        (event.seq, event.index),
        offset,
        event,
        unsolicited=number,
        name=pushed.name,
        is_copy=is_copy,
        is_ignored=pushed.is_ignored,
    )


def _seconds(nanoseconds: int) -> float:
    return max(nanoseconds, 0) / _SECOND


def described(step: Step | None) -> str:
    """Describe a step for people."""
    if step is None or step.is_ack:
        return "ack"
    if step.event is not None:
        return f"event {step.event.channel}"
    if step.on_stream is not None:
        return "piece of a body" if isinstance(step.on_stream, BodyPiece) else "end of a stream"
    return "reply to a poll"
