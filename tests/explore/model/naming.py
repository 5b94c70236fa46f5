"""Recognise the events that a client got: which recorded event each one is, although ids in it may be live ones."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.explore.model.facts import Fact


def text_of(channel: str, data: Any) -> str:
    """An event as a text that does not depend on the order of members."""
    return channel + json.dumps(data, sort_keys=True)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], str]]:
    if isinstance(value, dict):
        return [leaf for name in sorted(value) for leaf in _leaves(value[name], (*path, name))]
    if isinstance(value, list):
        return [leaf for place, one in enumerate(value) for leaf in _leaves(one, (*path, place))]
    return [(path, json.dumps(value))]


@dataclass(slots=True)
class Names:
    """The recorded events of one session, by what is in them.

    Of several that look alike the first is taken that may come and has not come; what comes once more is the last one
    that came.
    """

    facts: Iterable[Fact]
    _exact: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))
    _near: dict[str, list[Fact]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.facts = tuple(self.facts)
        for fact in self.facts:
            channel = "" if fact.stream else fact.channel  # what the topic of a live event is, the dialect knows
            self._exact[text_of(channel, fact.data)].append(fact)
            self._near[channel].append(fact)

    def of(self, channel: str, data: Any, *, may: Callable[[Fact], bool], came: Callable[[Fact], bool]) -> Fact | None:
        """The recorded event; None where no recorded event of this channel looks like it."""
        alike = self._exact.get(text_of(channel, data)) or self._nearest(channel, data)
        if len(alike) <= 1:
            return alike[0] if alike else None
        free = [fact for fact in alike if not came(fact)]
        if free:
            return next((fact for fact in free if may(fact)), free[0])
        return alike[-1]

    def _nearest(self, channel: str, data: Any) -> list[Fact]:
        mine = dict(_leaves(data))
        ranked = []
        for fact in self._near.get(channel, ()):
            its = dict(_leaves(fact.data))
            if its.keys() == mine.keys():
                ranked.append((sum(its[path] != mine[path] for path in its), fact))
        best = min((distance for distance, _ in ranked), default=None)
        return [fact for distance, fact in ranked if distance == best]
