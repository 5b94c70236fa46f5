"""List the single deviations from the recorded order that are worth a try, the most telling first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise, zip_longest
from typing import TypeAlias

from ..model import AnchorKind, Recording
from ..replay.engine.orders.deviations import DISTURBANCES, Deviation, Disturbance, Kind
from ..replay.engine.orders.items import Item
from .law import Law
from .neighbours import Pair, by_session
from .placed import Placed, unknown_sessions

Look: TypeAlias = tuple[str, ...]

_ID = re.compile(r"[^/]*[0-9][^/]*")  # in a path
_FAYE = frozenset({"in-process", "cross-origin-long-polling"})  # connection types that faye alone offers
_NEAR = 4  # acks and events between an event and the message of the client whose answer could carry it
_ROUNDS = 3  # deviations that look alike: so many are told apart from the rest
_AT_ONCE = 10  # deviations of plain answers, before others get their turn: a client may ask for lists of many names


class Rank(IntEnum):
    """The rank of a deviation: the lowest, which tells most of a client, is tried first."""

    OF_ONE = 0  # acks and events of one triple
    OF_SEVERAL = 1
    PLAIN = 2  # answers to requests that are no operations
    BATCH = 3
    REPLY = 4
    TROUBLE = 5
    UNSURE = 6  # the client may wait for one before it asks for the other
    LATE = 7  # costs real seconds


@dataclass(frozen=True, slots=True)
class Choice:
    """A single deviation.

    Attributes:
        place: Place of its later item among all answers and events.
        distance: How many answers and events of its session it reaches over.
        look: Its kind with the names of its items: deviations of one look tell much the same.
        again: How many deviations of its look stand before it.
        turn: The turn in which it is tried, from 0; deviations of all ranks take turns.
    """

    deviation: Deviation
    rank: Rank
    place: int
    distance: int = 1
    look: Look = ()
    again: int = 0
    turn: int = 0

    @property
    def order(self) -> tuple[int, ...]:
        """Key by which deviations are sorted: one of each look first, then those that tell most."""
        late = self.rank is Rank.LATE
        return late, self.turn, self.rank, self.again, self.distance, self.place


def choices(
    recording: Recording,
    items: Sequence[Placed],
    pairs: Sequence[Pair],
    law: Law,
    *,
    disturb: Collection[Disturbance] = (),
    delay: float = 0.0,
) -> tuple[Choice, ...]:
    """Return the single deviations, in the order in which they should be tried.

    Args:
        recording: The recording.
        items: Its answers and events, in recorded order.
        pairs: Those that may come in either order.
        law: The order that the server keeps.
        disturb: Kinds of trouble that may happen.
        delay: Seconds by which an item may be late; 0 for none. One of each name is late, because it costs so long.
    """
    places = {one.item: place for place, one in enumerate(items)}
    found = [
        *(Choice(pair.reversal, _rank(pair), places[pair.second.item], pair.distance) for pair in pairs),
        *_batches(items, places),
        *(_placed(one, Rank.REPLY, places) for one in _in_replies(recording, items)),
        *(_placed(one, Rank.TROUBLE, places) for one in _troubles(recording, items, disturb)),
    ]
    looks: Counter[Look] = Counter()
    names = {one.item: one for one in items}
    sorted_ = sorted(found, key=lambda one: (one.rank, one.distance, one.place, str(one.deviation)))
    counted = []
    for one in sorted_:
        look = _look(one.deviation, names)
        if law.allows((one.deviation,)):
            again = looks[look]
            turn = min(again, _ROUNDS)
            counted.append(Choice(one.deviation, one.rank, one.place, one.distance, look, again, turn))
            looks[look] += 1
    counted = [*_in_turns(counted)]
    late = [Choice(one, Rank.LATE, place) for place, one in enumerate(_late(items, delay))]
    return tuple(sorted([*counted, *late], key=lambda one: one.order))


def _in_turns(found: Sequence[Choice]) -> Iterator[Choice]:
    """Yield deviations with their turns: those of plain answers come a few at once, so that others are tried, too.

    Two answers to requests of other names come last among them: they seldom tell of one thing.
    """
    plain = [one for one in found if one.rank is Rank.PLAIN]
    yield from (one for one in found if one.rank is not Rank.PLAIN)
    for number, one in enumerate(sorted(plain, key=lambda one: (one.turn, _is_of_two_names(one), one.order))):
        yield replace(one, turn=max(one.turn, number // _AT_ONCE))


def _is_of_two_names(one: Choice) -> bool:
    item, other, (_, name, _, other_name, _) = one.deviation.item, one.deviation.other, one.look
    return item.is_answer and other is not None and other.is_answer and name != other_name


def _placed(deviation: Deviation, rank: Rank, places: Mapping[Item, int]) -> Choice:
    return Choice(deviation, rank, places[deviation.item])


def _rank(pair: Pair) -> Rank:
    if not pair.is_sure:
        return Rank.UNSURE
    if any(item.plain for item in pair.names):
        return Rank.PLAIN
    return Rank.OF_ONE if pair.is_of_one else Rank.OF_SEVERAL


def _look(deviation: Deviation, names: Mapping[Item, Placed]) -> Look:
    """Return what a deviation looks like: equal for those of one kind about items of the same names and channels."""
    told = [deviation.kind.name]
    for item in (deviation.item, deviation.other):
        if item is not None:
            name = names[item].name
            told += [_ID.sub("*", name) if item.plain else name, names[item].channel]
    return tuple(told)


def _batches(items: Sequence[Placed], places: Mapping[Item, int]) -> Iterator[Choice]:
    """Yield the deviations by which two events in a row come in one answer, or in two."""
    for session in by_session([one for one in items if one.is_bayeux]):
        for first, second in pairwise(session):
            kind = Kind.APART if first.carrier == second.carrier else Kind.TOGETHER
            rank = Rank.BATCH if second.asked < first.at else Rank.UNSURE
            yield _placed(Deviation(kind, second.item, first.item), rank, places)


def replies_carry_events(recording: Recording) -> bool:
    """Return whether the recorded server puts events into other answers than those to polls: faye never does."""
    return _FAYE.isdisjoint(recording.connection_types)


def _in_replies(recording: Recording, items: Sequence[Placed]) -> Iterator[Deviation]:
    """Yield the deviations by which an event comes in the answer to a message that its client sent near it."""
    if not replies_carry_events(recording):
        return
    sent: dict[str, list[tuple[int, int]]] = {}
    unknown = unknown_sessions(recording, lambda part: len(part.messages))
    for message, session in zip(recording.messages, unknown, strict=True):
        if message.kind is not AnchorKind.START or message.renews:
            sent.setdefault(message.session or session, []).append(message.at)
    for its in by_session(items):
        times = sent.get(its[0].session, [])
        told = [one for one in its if not one.item.plain]
        for place, one in enumerate(told):
            if one.is_bayeux and any(_is_near(at, told, place) for at in times):
                yield Deviation(Kind.IN_REPLY, one.item)


def _is_near(at: tuple[int, int], session: Sequence[Placed], place: int) -> bool:
    """Return whether a message was sent after the cause of an event, or was it, and not long after the event."""
    last = session[min(place + _NEAR, len(session) - 1)]
    return session[place].asked <= at and (at < last.at or place + _NEAR >= len(session))


def _troubles(recording: Recording, items: Sequence[Placed], disturb: Collection[Disturbance]) -> Iterator[Deviation]:
    """Yield the deviations that are trouble, of the kinds that are asked for, where the session can have it."""
    sockets = {one.key for one in recording.streams if one.protocol == "websocket"}
    bayeux = {one.session for one in items if one.is_bayeux}
    cut = bayeux | {one.session for one in items if one.stream in sockets}
    movable = [one for one in items if not one.item.plain]
    for kind, disturbance in DISTURBANCES.items():
        if disturbance in disturb:
            for one in movable:
                match kind:
                    case Kind.LOST_POLL | Kind.TWICE:
                        is_possible = one.is_bayeux
                    case Kind.LOST_SESSION:
                        is_possible = one.session in bayeux and not one.stream
                    case _:
                        is_possible = one.session in cut and (not one.stream or one.stream in sockets)
                if is_possible:
                    yield Deviation(kind, one.item)


def _late(items: Sequence[Placed], delay: float) -> Iterator[Deviation]:
    """Yield late items, each of another look: in turn an ack, the last event of a triple, an event after its like.

    The last event of a triple is what a client waits for, and an event after its like what it may not wait for. Answers
    to requests that are no operations come last.
    """
    if delay <= 0:
        return
    events = [one for one in items if not one.item.is_answer]
    last = {one.item.triple: one.item for one in events if one.item.triple}
    liked = {(one.item.triple, one.name, one.channel): one.item for one in reversed(events)}
    turns = (
        [one for one in items if one.item.is_ack],
        [one for one in events if last.get(one.item.triple) == one.item],
        [one for one in events if liked[one.item.triple, one.name, one.channel] != one.item],
        events,
    )
    plain = _of_each_name(one for one in items if one.item.plain)
    seen: set[Item] = set()
    for turn in (*zip_longest(*map(_of_each_name, turns)), plain):
        for one in turn:
            if one is not None and one.item not in seen:
                seen.add(one.item)
                yield Deviation(Kind.LATE, one.item, seconds=round(delay, 3))


def _of_each_name(items: Iterable[Placed]) -> list[Placed]:
    """Return the first item of each name and channel."""
    found: dict[tuple[str, str], Placed] = {}
    for one in items:
        found.setdefault((one.name, one.channel), one)
    return list(found.values())
