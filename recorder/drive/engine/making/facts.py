"""Look up what correlation has derived of a recording, by the places of the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from ....correlate.anchors import anchors, only_session
from ....model import AnchorKind, Event, Recording, Stream, Triple
from ..plan import Place


class Asked(NamedTuple):
    """A request in the recording: the number of its triple (0 for none), its operation, and its session."""

    n: int
    operation: str | None
    session: str


class Pushed(NamedTuple):
    """An event in the recording.

    Attributes:
        event: The event.
        name: Its name in the dialect; without one its channel.
        n: Number of its triple; 0 for none.
        after: Place of what it followed: the request of its triple, or its anchor.
        is_ignored: Whether the dialect calls it a heartbeat.
    """

    event: Event
    name: str
    n: int
    after: Place
    is_ignored: bool


@dataclass(slots=True)
class Facts:
    """The links, labels and anchors of a recording that a plan is made of.

    Attributes:
        asked: Requests, publishes and messages that are exchanges or operations, by their places.
        pushed: Events, without those that a server only sent again.
        label_of: Label of the session of each clientId.
        renewed: Each clientId that took the place of one that the server had lost.
        windows: Number of the window of each clientId; those in the first window are left out.
        streams: Streams and WebSockets by their exchanges.
        first: Exchange of the first stream of each key.
        last: Exchange of the last one.
        again: `seq` of a request that repeats another, with the `seq` of that one.
        tried: Requests without an answer that were repeated, by their `seq`, as what the last repeat is.
        only: Label of the only session; "" if there are several.
    """

    asked: dict[Place, Asked] = field(default_factory=dict)
    pushed: dict[Place, Pushed] = field(default_factory=dict)
    label_of: dict[str, str] = field(default_factory=dict)
    renewed: set[str] = field(default_factory=set)
    windows: dict[str, int] = field(default_factory=dict)
    streams: dict[int, Stream] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    again: dict[int, int] = field(default_factory=dict)
    tried: dict[int, Asked] = field(default_factory=dict)
    only: str = ""


def facts_of(recording: Recording) -> Facts:
    """Return the facts of a recording, which is read once."""
    only = only_session(recording)
    facts = Facts(windows=recording.windows, only=only)
    _triples(facts, chain(recording.triples, recording.plain))
    pushed = recording.unsolicited
    for one, anchor in zip(pushed, anchors(recording), strict=True):
        at = one.event.seq, one.event.index
        facts.pushed[at] = Pushed(one.event, one.name, 0, anchor.at, one.is_ignored)
    for message in recording.messages:
        if message.kind is AnchorKind.START:
            facts.label_of[message.client_id] = message.session or only
            if message.renews:
                facts.renewed.add(message.client_id)
    for stream in recording.streams:
        facts.streams[stream.exchange] = stream
        facts.first.setdefault(stream.key, stream.exchange)
        facts.last[stream.key] = stream.exchange
    facts.again = {again: before for before, again in recording.attempts}
    for before, again in reversed(recording.attempts):
        asked = facts.tried.get(again) or facts.asked.get((again, 0))
        if asked is not None:
            facts.tried[before] = asked
    return facts


def _triples(facts: Facts, triples: Iterable[Triple]) -> None:
    for triple in triples:
        request = triple.request
        at = request.seq, request.message or 0
        facts.asked[at] = Asked(triple.n, triple.operation, triple.session or facts.only)
        for link in triple.events:
            facts.pushed[link.event.seq, link.event.index] = Pushed(
                link.event, link.name, triple.n, at, is_ignored=False
            )
