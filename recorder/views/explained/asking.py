"""Find the triple or the event that a user names (3, 3.2, u1), have it judged, and say why it belongs where it does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeAlias

from ...correlate.anchors import anchoring
from ...diagnose.explain import Judgement, attempts_before, judged, polls_lost_to
from ...dialect.carried import dialect_of
from ...dialect.definition import Dialect
from ...errors import NothingSelected, UsageError
from ...library.lazy import OpenRecording
from ...library.stored import number_of
from ...model import Anchor, Event, Failure, Link, Record, Recording, Triple
from .. import explanation

Named: TypeAlias = tuple[str, Event, Link | None]  # name of an event (3.2, u1), the event, its link
Judgements: TypeAlias = dict[tuple[int, int], Judgement]
Judged: TypeAlias = tuple[str, Event, Link | None, Judgement, Anchor | None]

_NAME = re.compile(r"(?:([0-9]{1,18})(?:\.([0-9]{1,18}))?|u([0-9]{1,18}))")


def named(recording: Recording, what: str, file: str) -> tuple[list[Triple], list[Named]]:
    """Return the triple if `what` names a whole one, and the named events with their links.

    Args:
        recording: The recording.
        what: The name.
        file: Name of the cassette, for errors.

    Raises:
        UsageError: If `what` has not the form 3, 3.2 or u1.
        NothingSelected: If no triple or event has that number.
    """
    given = _NAME.fullmatch(what)
    if given is None:
        raise UsageError(f"{what!r} is neither a triple (3), nor its event (3.2), nor an unsolicited event (u1)")
    number, place, alone = (int(text) if text else None for text in given.groups())
    if number is None:
        if not 1 <= (alone or 0) <= len(recording.unsolicited):
            raise NothingSelected(f"{file}: no unsolicited event {what}; it holds {len(recording.unsolicited)}")
        return [], [(what, recording.unsolicited[(alone or 0) - 1].event, None)]
    if not 1 <= number <= len(recording.triples):
        raise NothingSelected(f"{file}: no triple {number}; it holds 1 to {len(recording.triples)}")
    triple = recording.triples[number - 1]
    links = events_of(triple)
    if place is None:
        return [triple], links
    if not 1 <= place <= len(links):
        raise NothingSelected(f"{file}: triple {number} has no event {place}; it has {len(links)}")
    return [], [links[place - 1]]


def events_of(triple: Triple) -> list[Named]:
    """Return the events of a triple with their names."""
    return [(f"{triple.n}.{at}", link.event, link) for at, link in enumerate(triple.events, 1)]


def judging(found: OpenRecording, wanted: list[Named], known: Judgements | None = None) -> Iterator[Judged]:
    """Yield each event with how the rules judged it, and what it followed if it is unsolicited.

    Args:
        found: The recording.
        wanted: The events.
        known: How the rules judged them; None asks the rules now, which takes a pass over the records.
    """
    judgements = known or judged_in(found.cassette.records(), dialect_of(found.recording.header), wanted)
    for name, event, link in wanted:
        anchor = None
        if link is None:
            anchor = next(islice(anchoring(found.recording), int(name[1:]) - 1, None))
        yield name, event, link, judgements[event.seq, event.index], anchor


def judged_in(records: Iterable[Record], dialect: Dialect, wanted: list[Named]) -> Judgements:
    """Return how the rules judge events, by record and place.

    Args:
        records: The records of the capture, in order; read as far as the last of the events.
        dialect: The rules.
        wanted: The events.
    """
    return judged(records, dialect, [(event.seq, event.index) for _, event, _ in wanted])


def text_of(triple: Triple, found: OpenRecording) -> str:
    """Return the explanation of a triple: its state, and the rule of each event."""
    lost = (found.records[seq] for seq in polls_lost_to(triple, found.recording))
    failures = (record for record in lost if isinstance(record, Failure))
    return explanation.request(triple, attempts_before(triple, found.recording), failures)


def text_of_event(found: OpenRecording, one: Judged) -> str:
    """Return the explanation of an event: why it belongs to its request, and why to no other."""
    name, event, link, judgement, anchor = one
    own = int(name.partition(".")[0]) if link is not None else None

    def numbers(seq: int) -> int | None:
        # one record may carry several publishes
        return own if link is not None and seq == link.request else number_of(found, seq)

    return explanation.event(name, event, link, judgement, numbers, anchor=anchor)
