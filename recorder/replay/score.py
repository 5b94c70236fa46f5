"""What is played, made ready when it is first needed: the steps of a triple, the texts of its events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

from ..correlate.dialect import Dialect
from ..model import Event, Triple
from .acks import Ready, ready
from .rebind import Rewriter, bare_values, keys_of_names
from .schedule import Step, steps
from .templates import Template, encode, template

_REMEMBERED = 20_000  # triples, and events


class Score:
    """The triples of one recording, by their places, and all its events."""

    def __init__(self, triples: Sequence[Triple], dialect: Dialect) -> None:
        """Make nothing ready yet."""
        self._triples = triples
        self._bare = partial(bare_values, dialect, keys_of_names(dialect))
        self._steps = lru_cache(_REMEMBERED)(lambda place: steps(self._triples[place]))
        self._acks = lru_cache(_REMEMBERED)(lambda place: ready(self._triples[place], dialect))
        self._events: dict[tuple[int, int], Template] = {}

    def steps(self, place: int) -> tuple[Step, ...]:
        """The steps of a triple."""
        return self._steps(place)

    def ack(self, place: int) -> Ready | None:
        """The answer of a triple, where most clients get it as it is."""
        return self._acks(place)

    def message(self, event: Event, rewriter: Rewriter) -> str:
        """The Bayeux message of an event as one client gets it, as JSON."""
        made = self._events.get((event.seq, event.index))
        if made is None:
            if len(self._events) >= _REMEMBERED:
                self._events.clear()
            frame = '{"data":', f',"channel":{encode(event.channel)}}}'
            made = self._events[event.seq, event.index] = template(event.data, self._bare, frame)
        return rewriter.encoded(made, event.data)
