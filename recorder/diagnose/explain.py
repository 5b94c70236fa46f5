"""Why an event was linked as it was, and to no other request: the rules are run again up to it, and asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..bayeux.observer import Observer
from ..correlate.engine import Correlator
from ..correlate.operations import Operation, Seen, is_over
from ..correlate.rules import objections
from ..dialect.definition import Dialect, Keys
from ..model import Failure, Link, Record, Request, Triple


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request that could come into question for an event.

    Attributes:
        request: `seq` of its record.
        objections: Why it cannot have caused the event, as sentences; none for one that fits.

    """

    request: int
    operation: str | None
    keys: Keys
    objections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules saw when an event came.

    Attributes:
        link: As it was decided then; an ack that came later may have told more.
        others: The requests that were open then, but for the one it was linked to; oldest first.
        over: How many earlier requests were over.

    """

    keys: Keys
    session: str | None
    link: Link | None
    others: tuple[Candidate, ...]
    over: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of some events, by record and place in it, and of what happened around them.

    Attributes:
        lost_polls: Polls that ended without an answer, with the label of their session: events in them are lost.
        attempts: Operations that were sent again: `seq` of the attempt and of the one after it.

    """

    judgements: dict[tuple[int, int], Judgement]
    lost_polls: tuple[tuple[str | None, Failure], ...]
    attempts: dict[int, int]


def explain(records: Iterable[Record], dialect: Dialect, events: Collection[tuple[int, int]]) -> Explanation:
    """Run the rules over a capture and look at these events as they pass."""
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
    """Return what the rules saw: a correlator reports it to its `watch`."""
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
    )


def polls_lost_to(triple: Triple, explanation: Explanation) -> list[Failure]:
    """Return the polls of its session given up after its request and, if it has ended, before its last event."""
    end = triple.events[-1].event.seq if triple.events and triple.state.value == "complete" else None
    return [
        failure
        for session, failure in explanation.lost_polls
        if session == triple.session and failure.seq > triple.request.seq and (end is None or failure.seq < end)
    ]


class _Polls:
    """Finds the polls that ended without an answer."""

    def __init__(self, correlator: Correlator) -> None:
        self._correlator, self._observer = correlator, Observer()
        self._open: dict[int, str] = {}
        self.lost: list[tuple[str | None, Failure]] = []

    def feed(self, record: Record) -> None:
        self._observer.feed(record)
        match record:
            case Request() if self._observer.is_bayeux(record):
                self._open[record.exchange] = self._observer.client_of(record)
            case Failure() if record.exchange in self._open:
                client_id = self._open.pop(record.exchange)
                self.lost.append((self._correlator.session_of(client_id), record))
            case _:
                self._open.pop(getattr(record, "exchange", -1), None)
