"""Hold the orders that a recording may be played in: answers and events, the law, the pairs, the single deviations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from ..dialect.definition import Dialect
from ..model import Recording
from ..replay.engine.orders.deviations import Deviation, Disturbance, Kind
from ..replay.engine.orders.items import Item
from .choices import Choice, choices, replies_carry_events
from .law import Law
from .neighbours import Pair, by_session, neighbours
from .placed import Placed, placed

_IN_ONE = 6  # pairs of events that are reversed in one answer, before others are drawn at random
_AFTER_HANDSHAKES = 8  # events that may come with the reply to a handshake or subscription that is made anew


@dataclass(frozen=True, slots=True)
class Space:
    """The orders that a recording may be played in.

    Attributes:
        items: The answers and events, in recorded order.
        law: The order that the server keeps.
        pairs: Neighbours that may come in either order.
        singles: The single deviations that are worth a try, the most telling first.
        together: Pairs of deviations that are worth a try although one of the two may be of no use alone.
    """

    items: tuple[Placed, ...]
    law: Law
    pairs: tuple[Pair, ...]
    singles: tuple[Choice, ...]
    together: tuple[tuple[Deviation, Deviation], ...] = ()

    @classmethod
    def of(
        cls,
        recording: Recording,
        dialect: Dialect,
        *,
        wanted: Collection[Item] | None = None,
        disturb: Collection[Disturbance] = (),
        delay: float = 0.0,
    ) -> Self:
        """Lay out a recording.

        Args:
            recording: The recording.
            dialect: Its dialect, which tells what keeps its order (`ordered`).
            wanted: The answers and events that a client gets; None for all.
            disturb: Kinds of trouble that may happen on the way.
            delay: Seconds by which an answer or event may be late; 0 for none.
        """
        items = placed(recording, dialect, wanted)
        law = Law(items)
        pairs = neighbours(items, law)
        singles = choices(recording, items, pairs, law, disturb=disturb, delay=delay)
        together = [*_reversed_in_one(pairs, law)]
        if Disturbance.HANDSHAKE in disturb and replies_carry_events(recording):
            together += _after_handshakes(items)
        return cls(items, law, pairs, singles, tuple(together))

    def sessions(self) -> list[Sequence[Placed]]:
        """Return the answers and events of each session with two of them or more."""
        return [session for session in by_session(self.items) if len(session) > 1]


def _reversed_in_one(pairs: Sequence[Pair], law: Law) -> Iterator[tuple[Deviation, Deviation]]:
    """Yield for some pairs of events, each of other names: they come in one answer, the later one first."""
    named: dict[tuple[str, ...], tuple[Deviation, Deviation]] = {}
    for pair in sorted(pairs, key=lambda pair: (not pair.is_sure, pair.distance, pair.second.at)):
        first, second = pair.first, pair.second
        both = Deviation(Kind.TOGETHER, second.item, first.item), pair.reversal
        if first.is_bayeux and second.is_bayeux and law.allows(both):
            named.setdefault((first.name, first.channel, second.name, second.channel), both)
    yield from [*named.values()][:_IN_ONE]


def _after_handshakes(items: Sequence[Placed]) -> Iterator[tuple[Deviation, Deviation]]:
    """Yield for one event of each name: the session is lost before it, and it comes in a reply."""
    named: dict[tuple[str, str], Item] = {}
    for one in items:
        if one.is_bayeux:
            named.setdefault((one.name, one.channel), one.item)
    for item in [*named.values()][:_AFTER_HANDSHAKES]:
        yield Deviation(Kind.LOST_SESSION, item), Deviation(Kind.IN_REPLY, item)
