"""Suggest a dialect for recorded traffic, and say what it explains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ..cassette.reader import Cassette
from ..correlate.engine import correlate
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect, parse
from ..errors import DialectError, NothingSelected
from ..model import Event, Link, Recording
from .causing.doubts import doubtful
from .causing.siblings import siblings
from .draft import Draft, draft
from .left import left_over
from .reading.traffic import Asked, Pushed
from .text import write

_SURE = 0.9


@dataclass(frozen=True, slots=True)
class Doubt:
    """A line of a suggestion that little speaks for: events that only follow an operation."""

    operation: str
    event: str
    requests: int
    of: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A dialect derived from traffic.

    Attributes:
        text: The dialect as TOML, with comments.
        dialect: The dialect.
        events: How many events there are, without heartbeats.
        before: How many events the dialects of the cassettes explain.
        after: How many events this dialect explains.
        unexplained: The events that it does not explain.
        doubts: What a user may know better.
    """

    text: str
    dialect: Dialect
    events: int
    before: int
    after: int
    unexplained: tuple[Event, ...]
    doubts: tuple[Doubt, ...]


def suggest(
    cassettes: Sequence[Cassette], name: str = "suggested", refused: Collection[tuple[str, str]] = ()
) -> Suggestion:
    """Derive a dialect from cassettes.

    Args:
        cassettes: The cassettes, read.
        name: Name of the dialect.
        refused: Names of operations and of events that only seem to follow them: the doubts that a user did not share.

    Raises:
        NothingSelected: If the cassettes hold no events, or no requests that could cause any.
    """
    found = draft(cassettes, refused)
    if not found.traffic.pushed:
        raise NothingSelected("nothing to learn from: there are no events")
    if not found.traffic.asked:
        raise NothingSelected("nothing to learn from: no client sends requests other than Bayeux messages")
    if not found.operations:
        raise NothingSelected("nothing to learn from: there are only GET requests, and no event follows one")
    dialect, recordings = _checked(found, name, cassettes)
    unexplained = tuple(
        one.event for recording in recordings for one in recording.unsolicited if not dialect.is_ignored(one.event)
    )
    text = write(found, name) + left_over(found, recordings, dialect)
    after = sum(len(links(one)) for one in recordings)
    before = sum(len(links(one)) for one in map(_by_own, cassettes) if one is not None)
    doubts = tuple(
        Doubt(one.name, event, count, one.requests) for one in found.operations for event, count in one.only.items()
    )
    return Suggestion(text, dialect, after + len(unexplained), before, after, unexplained, doubts)


def links(recording: Recording) -> list[Link]:
    """Return the links of a recording."""
    return [link for triple in (*recording.triples, *recording.plain) for link in triple.events]


def _checked(found: Draft, name: str, cassettes: Sequence[Cassette]) -> tuple[Dialect, list[Recording]]:
    """Link the cassettes by a draft, and add to it what only the links show."""
    dialect = parse(write(found, name), path=f"{name}.toml")
    recordings = [correlate(one.records, dialect, one.header) for one in cassettes]
    asked = {(one.cassette, one.at): one for one in found.traffic.asked}
    pushed = {(one.cassette, one.at): one for one in found.traffic.pushed}
    linked: dict[int, Asked] = {}
    sure: list[tuple[Pushed, Asked]] = []
    alone: set[int] = set()  # events that share nothing with their requests, but may with other events
    for place, recording in enumerate(recordings):
        for link in links(recording):
            event = pushed[place, (link.event.seq, link.event.index)]
            linked[event.number] = asked[place, (link.request, link.message or 0)]
            if link.rule == "only":
                alone.add(event.number)
            if link.rule == "tuple" and link.confidence >= _SURE:
                sure.append((event, linked[event.number]))
    left_out = {event.number for events in found.beats.values() for event in events}
    surely = {number: one.number for number, one in linked.items() if number not in alone}
    found.siblings = siblings(found.causes, surely, left_out)
    _without_siblings(found, surely)
    found.unasked |= {kind: n for kind, n in doubtful(found.causes, sure, linked).items() if kind not in found.unasked}
    dialect = parse(write(found, name), path=f"{name}.toml")
    return dialect, [correlate(one.records, dialect, one.header) for one in cassettes]


def _without_siblings(found: Draft, surely: Mapping[int, int]) -> None:
    """Take from operations the kinds of events that follow them, if transactions tell their cause as well."""
    places = list(found.siblings)
    if not places:
        return
    events = {event.number: event for event in found.traffic.pushed}
    known = {events[number].values.get(places[0]) for number in surely}
    left: set[tuple[int, str]] = set()
    for number, asked in found.causes.followed.items():
        if events[number].values.get(places[0]) not in known - {None}:
            left.add((id(found.found[asked.operation]), events[number].kind))
    for one in found.operations:
        for kind in [kind for kind in one.only if (id(one), kind) not in left]:
            for counts in (one.only, one.events, one.ended):
                counts.pop(kind, None)


def _by_own(cassette: Cassette) -> Recording | None:
    """Return the recording by the dialect that a cassette holds or names, None if there is no such dialect."""
    try:
        return correlate(cassette.records, dialect_of(cassette.header), cassette.header)
    except DialectError:
        return None
