"""Find the answers of a run that are staler than those of a server: a client that fails with them may be right.

A schedule moves what was recorded, and an answer keeps its text. Where an event leaves before a request is sent after
which it was recorded, a server would answer with what the event says; the recorded answer does not know of it. The same
goes for what the client itself has changed by then, such as an order that it has put into a list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..replay.engine.orders.items import Item
from ..replay.engine.orders.played import Order
from .neighbours import first_times
from .placed import At, Placed

_READS = frozenset({"GET", "HEAD", "OPTIONS"})  # change nothing (RFC 9110, 9.2.1)


class Stale(NamedTuple):
    """An answer, and an event or answer that came before its request and that it does not know of."""

    answer: Item
    news: Item


class Staleness:
    """The answers and events of a recording, and which of them a client brings into such an order by itself."""

    def __init__(self, items: Iterable[Placed] = (), recorded: Order | None = None) -> None:
        """Take the answers and events, and the run in the recorded order."""
        found = [*items]
        self._answers = [one for one in found if one.item.plain]
        events_first = sorted(found, key=lambda one: one.item.is_answer)  # they tell what is new
        self._news = [(_known_from(one), one) for one in events_first if not _only_reads(one)]
        self._usual: frozenset[Stale] = frozenset()
        self._usual = frozenset(self.of(recorded or Order()))

    def of(self, order: Order) -> tuple[Stale, ...]:
        """Return the stale answers of a run that the run in the recorded order did not have."""
        times, last = first_times(act.name for act in order.acts), _last_times(act.name for act in order.acts)
        news = [(times[name], at, one) for at, one in self._news if (name := str(one.item)) in times]
        # a client that asks again is answered by the same text
        came = [one for one in self._answers if 0 <= last.get(one.item.request, -1) < last.get(str(one.item), -1)]
        found = (
            Stale(answer.item, one.item)
            for answer in came
            for left, at, one in news
            if left < last[answer.item.request] and answer.asked < at and answer.session in (one.session, "")
        )
        return tuple(one for one in found if one not in self._usual)


def _last_times(names: Iterable[str]) -> dict[str, int]:
    """Return the place of the last act of each name."""
    return {name: place for place, name in enumerate(names)}


def _only_reads(one: Placed) -> bool:
    """Return whether an answer is to a request that changes nothing; an operation may change something."""
    return bool(one.item.plain) and one.name.partition(" ")[0].upper() in _READS


def _known_from(one: Placed) -> At:
    """Return the place in the recording before which no answer knows of an event, or of what a request changed."""
    return one.asked if one.item.is_answer else one.at
