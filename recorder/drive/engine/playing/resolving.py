"""Find the live value of each hole: what the user gave, what the client mints, what the server told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ....frozen import dataclass
from ....model import Event, Headers
from ....requests.masks import Address
from ..plan import COOKIE, HEADER, Answer, Hole, Source, Step, Told
from ..reading import told_value
from ..values import Values
from .bindings import Bindings


@dataclass(frozen=True, slots=True)
class Lacking:
    """The outcome for a hole that has no live value.

    Attributes:
        hole: The hole.
        without: What was told, but without the value, the latest first; empty if none of the sources was told.
    """

    hole: Hole
    without: tuple[Source, ...] = ()


_At: TypeAlias = tuple[Address, int]  # of a hole: its leaf and its begin there, which is quick to look up


class Resolved:
    """The live values of the holes of one step."""

    def __init__(self) -> None:
        self._values: dict[_At, str] = {}

    def put(self, hole: Hole, value: str) -> None:
        """Note the value of a hole."""
        self._values[hole.place, hole.start] = value

    def get(self, hole: Hole) -> str | None:
        """Return the live value of a hole, None if it keeps its recorded one."""
        return self._values.get((hole.place, hole.start))


class Resolver:
    """Live values of holes.

    Args:
        wanted: The recorded values that steps take from what the server tells, by the number of that.
        values: What the user gave.
        new_id: Mints a value like the recorded one of a hole.
        bindings: Where each learned and minted value is bound.
    """

    def __init__(
        self,
        wanted: Mapping[int, Mapping[Source, str]],
        values: Values,
        new_id: Callable[[Hole], str],
        bindings: Bindings,
    ) -> None:
        self._wanted, self._values, self._new_id, self._bindings = wanted, values, new_id, bindings
        self._live: dict[Source, str | None] = {}  # of all that was told
        self._minted: dict[tuple[str, str], str] = {}  # by client and recorded value

    def learn(self, told: Told, said: Answer | Event) -> None:
        """Bind the values that holes take from something that the server told."""
        for source, recorded in self._wanted.get(told.number, {}).items():
            live = self._live[source] = told_value(source, said)
            if live is not None:
                self._bindings.bind(recorded, live)

    def resolve(self, step: Step, headers: Headers) -> tuple[Resolved, list[Lacking]]:
        """Return the live values of a step's holes, and the holes that have none.

        Holes that keep their recorded value are in neither, nor are those in headers that the user gave, and cookies,
        which belong to the front.
        """
        given = {name.lower() for name, _ in headers}
        resolved = Resolved()
        lacking: list[Lacking] = []
        for hole in step.holes:
            kind = hole.place[0]
            if kind == COOKIE or (kind == HEADER and hole.place[1] in given):
                continue
            match self._value(step, hole):
                case str() as value:
                    resolved.put(hole, value)
                case Lacking() as lack:
                    lacking.append(lack)
        return resolved, lacking

    def bind(self, step: Step, resolved: Resolved) -> None:
        """Note the minted values of a step that leaves."""
        for hole in step.holes:
            value = resolved.get(hole)
            if hole.is_fresh and value is not None:
                self._bindings.bind(hole.recorded, value)

    def _value(self, step: Step, hole: Hole) -> str | Lacking | None:
        if hole.is_fresh:
            return self._fresh(step.client, hole)
        for source in hole.sources:
            live = self._live.get(source)
            if live is not None:
                return live
        given = self._values.value(hole, step.client, step.operation)
        if given is not None:
            return given
        if hole.sources or hole.is_hidden:
            return Lacking(hole, tuple(self._told(hole.sources)))
        return None

    def _fresh(self, client: str, hole: Hole) -> str:
        place = client, hole.recorded
        if place not in self._minted:
            self._minted[place] = self._new_id(hole)
        return self._minted[place]

    def _told(self, sources: Iterable[Source]) -> Iterable[Source]:
        return (source for source in sources if source in self._live)
