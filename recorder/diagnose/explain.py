"""Explain why an event was linked to its request and to no other, by running the rules over the capture again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..correlate.causes.rules import objections
from ..correlate.engine import Correlator
from ..correlate.operations import Operation, Seen, is_over
from ..dialect.definition import Dialect
from ..model import Failure, Keys, Link, Record, Request, Triple
from ..push.decoders import Decoders


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request that might have caused an event.

    Attributes:
        request: `seq` of the request.
        operation: Name of the operation in the dialect.
        keys: Keys of the operation.
        objections: Reasons why the request cannot have caused the event, as sentences; empty if it fits.

    """

    request: int
    operation: str | None
    keys: Keys
    objections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state of the rules when an event came.

    Attributes:
        keys: Keys of the event.
        session: Label of the session of the event, None where unknown.
        link: The link as decided when the event came; a later ack may change the link in the recording.
        others: Requests that were open when the event came, except the linked one; oldest first.
        over: Number of earlier requests that were already over.
        is_ignored: Whether the dialect says that no request causes such events; then there are no others.

    """

    keys: Keys
    session: str | None
    link: Link | None
    others: tuple[Candidate, ...]
    over: int
    is_ignored: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """The judgements of the rules about chosen events, and the lost polls and repeated operations of the capture.

    Attributes:
        judgements: The judgement about each event, by `seq` of its record and place in the record.
        lost_polls: Session label and failure of each poll that ended without an answer; events in such polls are lost.
        attempts: For each operation that was sent again: `seq` of the attempt → `seq` of the next attempt.

    """

    judgements: dict[tuple[int, int], Judgement]
    lost_polls: tuple[tuple[str | None, Failure], ...]
    attempts: dict[int, int]


def explain(records: Iterable[Record], dialect: Dialect, events: Collection[tuple[int, int]]) -> Explanation:
    """Run the rules over a capture and record how they judge the chosen events.

    Args:
        records: All records of the capture, in order.
        dialect: The rules.
        events: The chosen events, each as `seq` of its record and place in the record.
    """
    judgements: dict[tuple[int, int], Judgement] = {}
    attempts: dict[int, int] = {}

    def watch(seen: Seen, operations: Iterable[Operation], link: Link | None) -> None:
        place = (seen.event.seq, seen.event.index)
        if place in events:
            judgements[place] = judgement(seen, list(operations), link, dialect)

    correlator = Correlator(dialect, watch=watch)
    polls = _Polls(correlator)
    for record in records:
        correlator.feed(record)
        polls.feed(record)
        if isinstance(record, Request):
            attempts |= correlator.attempt
    return Explanation(judgements, tuple(polls.lost), attempts)


def judgement(seen: Seen, operations: list[Operation], link: Link | None, dialect: Dialect) -> Judgement:
    """Build the judgement about an event from the arguments a correlator passes to its `watch` callback."""
    if seen.is_ignored:
        operations = []
    chosen = link.request if link else None
    near = [op for op in operations if not is_over(op, seen.event.t, dialect) or (link and op.seq in link.rivals)]
    return Judgement(
        keys=seen.keys,
        session=None if seen.session is None else f"s{seen.session}",
        link=link,
        others=tuple(
            Candidate(op.seq, op.name, op.keys, tuple(objections(op, seen, dialect))) for op in near if op.seq != chosen
        ),
        over=sum(op.seq != chosen for op in operations) - sum(op.seq != chosen for op in near),
        is_ignored=seen.is_ignored,
    )


def polls_lost_to(triple: Triple, explanation: Explanation) -> list[Failure]:
    """Return the failed polls in which events of a triple may have been lost.

    These are the polls of the session of the triple that failed after its request and, if the triple is complete,
    before its last event.
    """
    end = triple.events[-1].event.seq if triple.events and triple.state.value == "complete" else None
    return [
        failure
        for session, failure in explanation.lost_polls
        if session == triple.session and failure.seq > triple.request.seq and (end is None or failure.seq < end)
    ]


class _Polls:
    """Finds the polls that ended without an answer."""

    def __init__(self, correlator: Correlator) -> None:
        self._correlator, self._decoder = correlator, Decoders()
        self._open: dict[int, str] = {}
        self.lost: list[tuple[str | None, Failure]] = []

    def feed(self, record: Record) -> None:
        self._decoder.feed(record)
        match record:
            case Request() if self._decoder.carries(record):
                self._open[record.exchange] = self._decoder.client_of(record)
            case Failure() if record.exchange in self._open:
                client_id = self._open.pop(record.exchange)
                self.lost.append((self._correlator.session_of(client_id), record))
            case _:
                self._open.pop(getattr(record, "exchange", -1), None)
