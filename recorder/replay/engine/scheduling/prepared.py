"""Prepare what recorded requests bring, when it is first needed: steps, answer, and the texts of events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from ....dialect.definition import Dialect
from ....model import Event, Triple
from ..matching.request import MintedId, RecordedRequest
from ..rewriting.responses import PreparedResponse, prepare
from ..rewriting.rewriter import bare_values, keys_of_names
from ..rewriting.templates import Template, encode, template
from ..timeline import Step, steps

_REMEMBERED = 20_000  # triples; then they are forgotten
_NOTHING: Mapping[int, tuple[Step, ...]] = MappingProxyType({})


class PreparedTriple(NamedTuple):
    """The responses and events to play after one recorded request.

    Attributes:
        steps: Its answer and events, in the order they leave.
        response: Its answer.
        then: Events that no operation caused and that followed it.

    """

    steps: tuple[Step, ...]
    response: PreparedResponse
    then: tuple[Step, ...]


class PreparedTriples:
    """The triples of one recording, by their places."""

    def __init__(
        self, triples: Sequence[Triple], dialect: Dialect, after: Mapping[int, tuple[Step, ...]] = _NOTHING
    ) -> None:
        """Prepare nothing yet; `after` is what follows unasked, by the place of the request before."""
        self._triples, self._dialect, self._after = triples, dialect, after
        self._bare = partial(bare_values, dialect, keys_of_names(dialect))
        self._prepared: dict[int, PreparedTriple] = {}

    def part(self, entry: RecordedRequest) -> PreparedTriple:
        """Return what a recorded request brings."""
        made = self._prepared.get(entry.place)
        if made is None:
            if len(self._prepared) >= _REMEMBERED:
                self._prepared.clear()
            triple, minted = self._triples[entry.place], entry.minted
            response = prepare(triple, self._dialect, minted)
            then = self.with_texts(self._after.get(entry.place, ()))
            made = PreparedTriple(self.with_texts(steps(triple), minted), response, then)
            self._prepared[entry.place] = made
        return made

    def with_texts(self, some: Iterable[Step], minted: Sequence[MintedId] = ()) -> tuple[Step, ...]:
        """Return the steps with the texts of their events."""
        return tuple(
            step
            if step.event is None
            else replace(step, text=self.text(step.event, minted), beside=self.beside(step.event, minted))
            for step in some
        )

    def text(self, event: Event, minted: Sequence[MintedId] | None = None) -> Template:
        """Return the Bayeux message of an event as JSON, with holes for the values of a client."""
        frame = '{"data":', f',"channel":{encode(event.channel)}}}'
        return template(event.data, self._bare, frame, minted)

    def beside(self, event: Event, minted: Sequence[MintedId] | None = None) -> Template | None:
        """Return the other members of the message of an event as JSON, None where there are none."""
        return template(event.beside, self._bare, minted=minted) if event.beside else None
