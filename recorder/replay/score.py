"""What is played, made ready when it is first needed: the steps of a triple, its answer, the texts of its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from ..correlate.dialect import Dialect
from ..model import Event, Triple
from .acks import Ready, ready
from .rebind import Rewriter, bare_values, keys_of_names
from .schedule import Step, steps
from .templates import Template, encode, template

_REMEMBERED = 20_000  # triples, and events that nobody asked for; then they are forgotten


_NOTHING: Mapping[int, tuple[Step, ...]] = MappingProxyType({})


class Part(NamedTuple):
    """What a triple brings.

    Attributes:
        steps: Its answer and events.
        ready: Its answer, where most clients get it as it is.
        then: Events that nobody asked for, and that came after it.

    """

    steps: tuple[Step, ...]
    ready: Ready | None
    then: tuple[Step, ...]


class Score:
    """The triples of one recording, by their places, and all its events."""

    def __init__(
        self, triples: Sequence[Triple], dialect: Dialect, after: Mapping[int, tuple[Step, ...]] = _NOTHING
    ) -> None:
        """Make nothing ready yet; `after` is what comes unasked, by the number of the triple before."""
        self._triples, self._dialect, self._after = triples, dialect, after
        self._bare = partial(bare_values, dialect, keys_of_names(dialect))
        self._parts: dict[int, Part] = {}
        self._events: dict[tuple[int, int], Template] = {}

    def part(self, place: int) -> Part:
        """What a triple brings."""
        made = self._parts.get(place)
        if made is None:
            if len(self._parts) >= _REMEMBERED:
                self._parts.clear()
            triple = self._triples[place]
            with_texts = (replace(s, template=self._template(s.event)) if s.event else s for s in steps(triple))
            made = self._parts[place] = Part(
                tuple(with_texts), ready(triple, self._dialect), self._after.get(triple.n, ())
            )
        return made

    def message(self, step: Step, event: Event, rewriter: Rewriter) -> str:
        """The Bayeux message of the event of a step as one client gets it, as JSON."""
        return rewriter.encoded(step.template or self._unasked(event), event.data)

    def _unasked(self, event: Event) -> Template:
        made = self._events.get((event.seq, event.index))
        if made is None:
            if len(self._events) >= _REMEMBERED:
                self._events.clear()
            made = self._events[event.seq, event.index] = self._template(event)
        return made

    def _template(self, event: Event) -> Template:
        return template(event.data, self._bare, ('{"data":', f',"channel":{encode(event.channel)}}}'))
