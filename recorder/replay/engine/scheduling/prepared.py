"""What is played, made ready when it is first needed: the steps of a triple, its answer, the texts of its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from ....dialect.definition import Dialect
from ....model import Event, Triple
from ..matching.request import MintedId, RecordedRequest
from ..rewriting.responses import Ack, Ready, is_plain, ready
from ..rewriting.rewriter import OperationRewriter, bare_values, keys_of_names
from ..rewriting.templates import Template, encode, stencil, template
from ..timeline import Step, steps

_REMEMBERED = 20_000  # triples, and events; then they are forgotten


_NOTHING: Mapping[int, tuple[Step, ...]] = MappingProxyType({})


class PreparedTriple(NamedTuple):
    """What a triple brings.

    Attributes:
        steps: Its answer and events.
        ready: Its answer, where most clients get it as it is.
        plain: Its answer, where no id that was minted for the operation can be in it.
        then: Events that nobody asked for, and that came after it.

    """

    steps: tuple[Step, ...]
    ready: Ready | None
    plain: Ack | None
    then: tuple[Step, ...]


class PreparedTriples:
    """The triples of one recording, by their places, and all its events."""

    def __init__(
        self, triples: Sequence[Triple], dialect: Dialect, after: Mapping[int, tuple[Step, ...]] = _NOTHING
    ) -> None:
        """Make nothing ready yet; `after` is what comes unasked, by the number of the triple before."""
        self._triples, self._dialect, self._after = triples, dialect, after
        self._bare = partial(bare_values, dialect, keys_of_names(dialect))
        self._parts: dict[int, PreparedTriple] = {}
        self._events: dict[tuple[int, int], Template] = {}

    def part(self, entry: RecordedRequest) -> PreparedTriple:
        """What a triple brings."""
        made = self._parts.get(entry.place)
        if made is None:
            if len(self._parts) >= _REMEMBERED:
                self._parts.clear()
            made = self._parts[entry.place] = self._made(self._triples[entry.place], entry.minted)
        return made

    def _made(self, triple: Triple, minted: Sequence[MintedId]) -> PreparedTriple:
        prepared = ready(triple, self._dialect)
        plain = prepared.ack if prepared is not None and is_plain(prepared, minted) else None
        written = tuple(self._written(step, minted) for step in steps(triple))
        return PreparedTriple(written, prepared, plain, self._after.get(triple.n, ()))

    def _written(self, step: Step, minted: Sequence[MintedId]) -> Step:
        if step.event is None or any(one.key in self._dialect.path_keys for one in minted):
            return step  # there is no text, or the ids are parts of values
        return replace(step, stencil=stencil(self._template(step.event), minted))

    def message(self, step: Step, event: Event, rewriting: OperationRewriter) -> str:
        """The Bayeux message of the event of a step as one client gets it, as JSON."""
        if step.stencil is not None and (texts := rewriting.texts) is not None:
            filled = step.stencil.filled(texts)
            if filled is not None:
                return filled
        return rewriting.rewriter.encoded(self._template(event), event.data)

    def _template(self, event: Event) -> Template:
        made = self._events.get((event.seq, event.index))
        if made is None:
            if len(self._events) >= _REMEMBERED:
                self._events.clear()
            frame = '{"data":', f',"channel":{encode(event.channel)}}}'
            made = self._events[event.seq, event.index] = template(event.data, self._bare, frame)
        return made
