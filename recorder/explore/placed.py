"""Lay out the answers and events of a recording in recorded order: what each is, and what it cannot come before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TypeAlias

from ..correlate.anchors import anchors, only_session
from ..dialect.definition import Dialect
from ..dialect.paths import lookup
from ..model import Event, Recording, Triple
from ..replay.engine.orders.answers import Answers, name_of
from ..replay.engine.orders.items import Item
from ..replay.engine.scheduling.player import sessions

At: TypeAlias = tuple[int, int]
Chain: TypeAlias = tuple[str, str, str]

MOST = 2_000  # answers and events that a search looks at: each draw is held to the order of all of them


@dataclass(frozen=True, slots=True)
class Placed:
    """An answer or event at its place in the recording.

    Attributes:
        at: `seq` of the record that carried it, and its place in that record.
        t: Nanoseconds from the begin of the capture.
        session: Label of the session whose client got it; "" if it is unknown.
        channel: Channel of an event; "" for an answer.
        name: Name of the operation that an ack answers, method and path that another answer is for; name of an event.
        asked: Place of what it follows: the request of an answer or of its triple, the anchor of an unsolicited event.
        chains: Names of the chains that it is part of: the items of each keep their recorded order.
        body: `seq` of the request, of a Bayeux publish that came in one: all its publishes are answered at once.
        stream: Key of the event stream, or of the WebSocket without Bayeux, that carried an event; "" for all else.
        query: Query of the target that an answer to a plain request is for, with its `?`; "" for none.
    """

    item: Item
    at: At
    t: int
    session: str
    channel: str
    name: str
    asked: At
    chains: frozenset[Chain] = frozenset()
    body: int | None = None
    stream: str = ""
    query: str = ""

    @property
    def is_bayeux(self) -> bool:
        """True for an event that a Bayeux message carried, so that one answer can carry several."""
        return not self.item.is_answer and not self.stream

    @property
    def carrier(self) -> int:
        """`seq` of the record that carried it: equal for the events of one answer."""
        return self.at[0]


def placed(recording: Recording, dialect: Dialect, wanted: Collection[Item] | None = None) -> tuple[Placed, ...]:
    """Return the answers and events of a recording in recorded order, at most 2,000.

    Events that the dialect ignores are left out, the ends of triples without an answer, and answers to requests that
    are no operations where these tell of no state (`Answers`).

    Args:
        recording: The recording.
        dialect: Tells which of its events keep their order.
        wanted: The items to return; None for all.
    """
    found = _wanted(recording, dialect, wanted)
    return tuple(sorted((one for _, one in zip(range(MOST), found, strict=False)), key=lambda one: one.at))


def _wanted(recording: Recording, dialect: Dialect, wanted: Collection[Item] | None) -> Iterator[Placed]:
    of_client, unknown = sessions(recording), [*unknown_sessions(recording, lambda part: len(part.triples))]
    numbers = None if wanted is None else {one.triple for one in wanted}
    for triple in _triples(recording, numbers):
        found = _of_triple(triple, dialect, of_client, unknown[triple.n - 1])
        yield from (one for one in found if wanted is None or one.item in wanted)
    if numbers is None or 0 in numbers:
        unsolicited = _unsolicited(recording, dialect, of_client)
        yield from (one for one in unsolicited if wanted is None or one.item in wanted)
        yield from _plain(recording, None if wanted is None else {one.plain for one in wanted})


def unknown_sessions(recording: Recording, count: Callable[[Recording], int]) -> Iterator[str]:
    """Yield for each item of a kind what its session is called where it shows none: not alike in two cassettes.

    Args:
        recording: The recording.
        count: Returns how many items of this kind a cassette has.
    """
    for place, part in enumerate(recording.parts or (recording,), 1):
        yield from repeat(only_session(part) or ("" if place == 1 else f"c{place}"), count(part))


def _triples(recording: Recording, numbers: set[int] | None) -> Iterable[Triple]:
    if numbers is None:
        return recording.triples
    # triples are numbered in the order in which they stand
    return (recording.triples[n - 1] for n in sorted(numbers) if 0 < n <= len(recording.triples))


def _of_triple(triple: Triple, dialect: Dialect, of_client: dict[str, str], only: str) -> Iterator[Placed]:
    own, begin = triple.session or only, (triple.request.seq, triple.request.message or 0)
    if triple.ack is not None:
        at, name = (triple.ack.seq, triple.ack.message or 0), triple.operation or ""
        body = None if triple.request.message is None else triple.request.seq
        chains = {*_ordered(dialect, own, "", name), *((("body", own, str(body)),) if body is not None else ())}
        yield Placed(Item(triple.n), at, triple.ack.t, own, "", name, begin, frozenset(chains), body)
    for index, link in enumerate(triple.events, 1):
        session = of_client.get(link.event.client_id, own)
        yield _of_event(Item(triple.n, index), link.event, (link.name, session, begin), dialect)


def _plain(recording: Recording, numbers: set[int] | None) -> Iterator[Placed]:
    answers, unknown = Answers(recording), [*unknown_sessions(recording, lambda part: len(part.plain))]
    for number in range(1, len(recording.plain) + 1) if numbers is None else sorted(numbers):
        if answers.has(number):
            exchange = recording.plain[number - 1]
            ack, session = exchange.ack, exchange.session or unknown[number - 1]
            if ack is not None:
                begin, (_, mark, query) = (exchange.request.seq, 0), exchange.request.target.partition("?")
                item, name = Item(0, plain=number), name_of(exchange)
                yield Placed(item, (ack.seq, 0), ack.t, session, "", name, begin, query=mark + query)


def _unsolicited(recording: Recording, dialect: Dialect, of_client: dict[str, str]) -> Iterator[Placed]:
    if not len(recording.unsolicited):
        return
    unknown = unknown_sessions(recording, lambda part: len(part.unsolicited))
    found = zip(recording.unsolicited, anchors(recording), unknown, strict=True)
    for index, (one, anchor, only) in enumerate(found, 1):
        if not one.is_ignored:
            session = one.session or of_client.get(one.event.client_id, only)
            yield _of_event(Item(0, index), one.event, (one.name, session, anchor.at), dialect)


def _of_event(item: Item, event: Event, of: tuple[str, str, At], dialect: Dialect) -> Placed:
    name, session, begin = of
    at, stream = (event.seq, event.index), "" if event.raw is None else event.client_id
    chains = {
        (f"events of {item.triple}", session, event.channel)
        if not stream
        else (f"stream of {item.triple}", session, stream),
        *_ordered(dialect, session, event.channel, name),
    }
    if stream and "id" in (event.beside or {}):  # a client that connects again goes on behind the last id that it saw
        chains.add(("ids", session, stream))
    if dialect.replay_id and isinstance(lookup(event.data, dialect.replay_id), int):  # its place in the channel
        chains.add(("replay", session, event.channel))
    return Placed(item, at, event.t, session, event.channel, name, begin, frozenset(chains), stream=stream)


def _ordered(dialect: Dialect, session: str, channel: str, name: str) -> Iterator[Chain]:
    return (("ordered", session, str(entry)) for entry in dialect.ordered_as(channel, name))
