"""Say which request of its session an event follows directly: what caused it, if nothing speaks for another."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection

from ..reading.traffic import Asked, Pushed, Traffic
from .joins import READS

_USUAL = 0.5  # share of the requests of an operation that events follow directly, if it causes any
_LAST = 4  # requests that an event may be late for


class Nearest:
    """The requests that may cause events, each with the events up to the next request of its session."""

    def __init__(self, traffic: Traffic) -> None:
        self.before: dict[int, Asked] = {}  # the request before an event, by the number of the event
        self._after: dict[int, list[Pushed]] = defaultdict(list)
        self._row: dict[tuple[int, int | None], list[Asked]] = defaultdict(list)
        last: dict[tuple[int, int | None], Asked] = {}
        requests: Counter[str] = Counter()
        messages: list[Asked | Pushed] = [*traffic.asked, *traffic.pushed]
        for one in sorted(messages, key=lambda one: one.number):
            if isinstance(one, Pushed):
                found = [last[place] for session in {one.session, None} if (place := (one.cassette, session)) in last]
                nearest = max(found, key=lambda asked: asked.number, default=None)
                if nearest is not None:
                    self.before[one.number] = nearest
                    self._after[nearest.number].append(one)
            elif one.method not in READS and one.is_good:
                last[one.cassette, one.session] = one
                self._row[one.cassette, one.session].append(one)
                requests[one.operation] += 1
        followed = Counter(one.operation for one in {one.number: one for one in self.before.values()}.values())
        self._usual = {name for name, count in followed.items() if count >= _USUAL * requests[name]}

    def rival(self, event: Pushed, asked: Asked, explained: Collection[int], served: Collection[int]) -> Asked | None:
        """Return the request that an event follows directly, if that is a later one that lacks events of its own.

        Args:
            event: The event.
            asked: The request that seems to have caused it.
            explained: Numbers of the events that a request seems to have caused.
            served: Numbers of the requests that seem to have caused events.
        """
        near = self.before.get(event.number)
        if near is None or near.number <= asked.number or near.number in served or near.operation not in self._usual:
            return None
        after = self._after[near.number]
        is_next = after[0] is event and all(one.number in explained for one in after)
        return near if is_next else None

    def lacks(self, event: Pushed, served: Collection[int]) -> bool:
        """Return whether one of the last requests before an event lacks events of its own."""
        near = self.before.get(event.number)
        if near is None:
            return False
        row = self._row[near.cassette, near.session]
        end = bisect_right(row, near.number, key=lambda one: one.number)
        last = row[max(0, end - _LAST) : end]
        return any(one.number not in served and one.operation in self._usual for one in last)
