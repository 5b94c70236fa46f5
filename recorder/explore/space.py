"""Hold the orders that a recording may be played in: its acks and events, the law, the pairs, the single deviations."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from ..dialect.definition import Dialect
from ..model import Recording
from ..replay.engine.orders.deviations import Deviation, Disturbance, Kind
from ..replay.engine.orders.items import Item
from .choices import Choice, choices
from .law import Law
from .neighbours import Pair, by_session, neighbours
from .placed import Placed, placed

_AFTER_HANDSHAKES = 8  # events that may come with the reply to a handshake or subscription that is made anew


@dataclass(frozen=True, slots=True)
class Space:
    """The orders that a recording may be played in.

    Attributes:
        items: The acks and events, in recorded order.
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
            wanted: The acks and events that a client gets; None for all.
            disturb: Kinds of trouble that may happen on the way.
            delay: Seconds by which an ack or event may be late; 0 for none.
        """
        items = placed(recording, dialect, wanted)
        law = Law(items)
        pairs = neighbours(items, law)
        singles = choices(recording, items, pairs, law, disturb=disturb, delay=delay)
        together = [*_reversed_in_one(singles, law)]
        if Disturbance.HANDSHAKE in disturb:
            together += _after_handshakes(items)
        return cls(items, law, pairs, singles, tuple(together))

    def sessions(self) -> list[Sequence[Placed]]:
        """Return the acks and events of each session with two of them or more."""
        return [session for session in by_session(self.items) if len(session) > 1]


def _reversed_in_one(singles: Sequence[Choice], law: Law) -> Iterator[tuple[Deviation, Deviation]]:
    """Yield for one batch of each look: its events come in one answer, the later one first."""
    looks = set()
    for one in singles:
        together = one.deviation
        if together.kind is Kind.TOGETHER and together.other is not None and one.look not in looks:
            reversal = Deviation(Kind.BEFORE, together.item, together.other)
            if law.allows((together, reversal)):
                looks.add(one.look)
                yield together, reversal


def _after_handshakes(items: Sequence[Placed]) -> Iterator[tuple[Deviation, Deviation]]:
    """Yield for one event of each name: the session is lost before it, and it comes in a reply."""
    named: dict[tuple[str, str], Item] = {}
    for one in items:
        if one.is_bayeux:
            named.setdefault((one.name, one.channel), one.item)
    for item in [*named.values()][:_AFTER_HANDSHAKES]:
        yield Deviation(Kind.LOST_SESSION, item), Deviation(Kind.IN_REPLY, item)
