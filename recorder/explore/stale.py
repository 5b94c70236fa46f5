"""Find the answers of a run that are staler than those of a server: a client that fails with them may be right.

A schedule moves what was recorded, and an answer keeps its text. Where an event leaves before a request is sent after
which it was recorded, a server would answer with what the event says; the recorded answer does not know of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..replay.engine.orders.items import Item
from ..replay.engine.orders.played import Order
from .neighbours import first_times
from .placed import Placed


class Stale(NamedTuple):
    """An answer, and an event that came before its request and that it does not know of."""

    answer: Item
    event: Item


class Staleness:
    """The answers and events of a recording, and which of them a client brings into such an order by itself."""

    def __init__(self, items: Iterable[Placed] = (), recorded: Order | None = None) -> None:
        """Take the answers and events, and the run in the recorded order."""
        found = [*items]
        self._answers = [one for one in found if one.item.plain]
        self._events = [one for one in found if not one.item.is_answer]
        self._usual: frozenset[Stale] = frozenset()
        self._usual = frozenset(self.of(recorded or Order()))

    def of(self, order: Order) -> tuple[Stale, ...]:
        """Return the stale answers of a run that the run in the recorded order did not have."""
        times = first_times(act.name for act in order.acts)
        events = [(times[name], one) for one in self._events if (name := str(one.item)) in times]
        came = [one for one in self._answers if str(one.item) in times and one.item.request in times]
        found = (
            Stale(answer.item, event.item)
            for answer in came
            for left, event in events
            if left < times[answer.item.request] and answer.asked < event.at and answer.session in (event.session, "")
        )
        return tuple(one for one in found if one not in self._usual)
