"""Keep which live value stands for which recorded one, and find recorded ids in what a server tells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeAlias

from ....model import JSON
from ..plan import Plan, Source
from ..words import bare, has_digit, split

Spot: TypeAlias = tuple[str | int, ...]  # place of a text: names and indices of members, and the number of a word

_SHORT, _LONG = 4, 8  # characters of an id with a digit, and of any other one


def is_distinct(text: str) -> bool:
    """Return whether a text is so long that it stands at two places by no coincidence."""
    return len(text) >= _LONG or (len(text) >= _SHORT and has_digit(text))


class Bindings:
    """Recorded values and the live values that stand for them.

    A recorded value may have several: a server may give one handle twice where it now gives two.
    """

    def __init__(self) -> None:
        self._live: dict[str, dict[str, None]] = {}
        self._recorded: dict[str, dict[str, None]] = {}
        self._pairs: dict[tuple[str, str], None] = {}

    def bind(self, recorded: str, live: str) -> None:
        """Note that a live value stands for a recorded one."""
        self._live.setdefault(recorded, {})[live] = None
        self._recorded.setdefault(live, {})[recorded] = None
        self._pairs[recorded, live] = None

    def pairs(self) -> list[tuple[str, str]]:
        """Return the recorded and the live values, in the order they were bound."""
        return list(self._pairs)

    def recorded(self, live: str) -> Iterable[str]:
        """Return the recorded values that a live one stands for."""
        return self._recorded.get(live, ())

    def contradict(self, recorded: str, live: str) -> bool:
        """Return whether a live value at the place of a recorded one is known to stand for another.

        A server may tell the recorded value itself: a stand-in does so with what another session minted.
        """
        known, others = self._live.get(recorded), self._recorded.get(live)
        if known is not None and live != recorded:
            return live not in known
        return others is not None and recorded not in others


class Known:
    """The recorded values that a plan may bind, with the names they have there.

    A short value is an id only under such a name: 7 may be a handle, and elsewhere a number of calls.

    Attributes:
        wanted: The recorded values that steps take from what the server tells, by the number of that.
    """

    def __init__(self, plan: Plan) -> None:
        self._names: dict[str, set[str]] = {}
        self._fresh: set[str] = set()
        self.wanted: dict[int, dict[Source, str]] = {}
        for step in plan.steps:
            for hole in step.holes:
                for source in hole.sources:
                    self.wanted.setdefault(source.told, {}).setdefault(source, hole.recorded)
                if hole.is_fresh or hole.sources:
                    names = self._names.setdefault(hole.recorded, set())
                    if hole.is_fresh:
                        self._fresh.add(hole.recorded)
                    names.add(bare(hole.name))
                    names.update(bare(str(source.place[-1])) for source in hole.sources)

    def __contains__(self, text: str) -> bool:
        return text in self._names

    def is_fresh(self, text: str) -> bool:
        """Return whether clients mint a recorded text."""
        return text in self._fresh

    def is_id(self, text: str, spot: Spot) -> bool:
        """Return whether a recorded text at a place is a value that may be bound."""
        names = self._names.get(text)
        return names is not None and (is_distinct(text) or _name(spot) in names)


def _name(spot: Spot) -> str:
    return next((bare(part) for part in reversed(spot) if isinstance(part, str)), "")


def texts_in(data: JSON) -> dict[Spot, str]:
    """Return the text of each leaf of a JSON value by its place, and of each word of a longer text."""
    found: dict[Spot, str] = {}
    rest: list[tuple[Spot, JSON]] = [((), data)]
    while rest:
        spot, value = rest.pop()
        kind = type(value)
        if kind is str:
            found[spot] = value
            if not value.isalnum():
                spans = split(value)
                if len(spans) > 1 or (spans and spans[0] != (0, len(value))):
                    for number, (start, end) in enumerate(spans):
                        found[*spot, number] = value[start:end]
        elif kind is dict:
            for name, inner in value.items():
                rest.append(((*spot, name), inner))
        elif kind is list:
            for number, inner in enumerate(value):
                rest.append(((*spot, number), inner))
        elif kind is int:
            found[spot] = str(value)
        elif kind is float:
            found[spot] = json.dumps(value)
    return found
