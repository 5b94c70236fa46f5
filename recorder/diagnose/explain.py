"""Explain why an event was linked to its request and to no other, by running the rules over the capture again."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ..correlate.causes.rules import objections
from ..correlate.engine import Correlator
from ..correlate.operations import Operation, Seen, is_over
from ..dialect.definition import Dialect
from ..model import Keys, Link, Record, Recording, Triple


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


def judged(
    records: Iterable[Record], dialect: Dialect, events: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Judgement]:
    """Run the rules over a capture, as far as the last of the chosen events, and return how they judge these.

    Args:
        records: The records of the capture, in order.
        dialect: The rules.
        events: The chosen events, each as `seq` of its record and place in the record.
    """
    found: dict[tuple[int, int], Judgement] = {}
    last = max((seq for seq, _ in events), default=-1)

    def watch(seen: Seen, operations: Iterable[Operation], link: Link | None) -> None:
        place = (seen.event.seq, seen.event.index)
        if place in events:
            found[place] = judgement(seen, list(operations), link, dialect)

    correlator = Correlator(dialect, watch=watch)
    for record in records:
        if record.seq > last and len(found) == len(events):  # a streamed response is read when its last part is
            break
        correlator.feed(record)
        correlator.discard()
    return found


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


def polls_lost_to(triple: Triple, recording: Recording) -> list[int]:
    """Return the failures, by `seq`, of the polls in which events of a triple may have been lost.

    These are the polls of the session of the triple that failed after its request and, if the triple is complete,
    before its last event.
    """
    end = triple.events[-1].event.seq if triple.events and triple.state.value == "complete" else None
    return [
        seq
        for session, seq in recording.lost_polls
        if session == triple.session and seq > triple.request.seq and (end is None or seq < end)
    ]


def attempts_before(triple: Triple, recording: Recording) -> list[int]:
    """Return the requests, by `seq`, that got no answer and that the request of a triple repeats."""
    again = dict(recording.attempts)
    return [before for before, after in again.items() if after == triple.request.seq]
