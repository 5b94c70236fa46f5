"""Prepare what recorded requests bring, when it is first needed: steps, answer, and the texts of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from ....dialect.definition import Dialect
from ....model import Event, Triple
from ..rewriting.responses import PreparedResponse, prepare
from ..rewriting.rewriter import Rewriter, bare_values, keys_of_names
from ..rewriting.templates import Template, encode, template
from ..timeline import Step, steps

_REMEMBERED = 20_000  # triples, and events; then they are forgotten
_NOTHING: Mapping[int, tuple[Step, ...]] = MappingProxyType({})


class PreparedTriple(NamedTuple):
    """What a recorded request brings.

    Attributes:
        steps: Its answer and events, in the order they leave.
        response: Its answer.
        then: Events that no operation caused and that followed it.

    """

    steps: tuple[Step, ...]
    response: PreparedResponse
    then: tuple[Step, ...]


class PreparedTriples:
    """The triples of one recording, by their places, and all its events."""

    def __init__(
        self, triples: Sequence[Triple], dialect: Dialect, after: Mapping[int, tuple[Step, ...]] = _NOTHING
    ) -> None:
        """Prepare nothing yet; `after` is what follows unasked, by the number of the triple before."""
        self._triples, self._dialect, self._after = triples, dialect, after
        self._bare = partial(bare_values, dialect, keys_of_names(dialect))
        self._prepared: dict[int, PreparedTriple] = {}
        self._events: dict[tuple[int, int], Template] = {}

    def part(self, place: int) -> PreparedTriple:
        """Return what the recorded request at a place brings."""
        made = self._prepared.get(place)
        if made is None:
            if len(self._prepared) >= _REMEMBERED:
                self._prepared.clear()
            triple = self._triples[place]
            made = PreparedTriple(steps(triple), prepare(triple, self._dialect), self._after.get(triple.n, ()))
            self._prepared[place] = made
        return made

    def message(self, event: Event, rewriter: Rewriter) -> str:
        """Return the Bayeux message of an event as one client gets it, as JSON."""
        return rewriter.encoded(self._template(event), event.data)

    def _template(self, event: Event) -> Template:
        made = self._events.get((event.seq, event.index))
        if made is None:
            if len(self._events) >= _REMEMBERED:
                self._events.clear()
            frame = '{"data":', f',"channel":{encode(event.channel)}}}'
            made = self._events[event.seq, event.index] = template(event.data, self._bare, frame)
        return made
