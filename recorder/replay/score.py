"""What is played, made ready when it is first needed: the steps of a triple, the texts of its events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

from ..correlate.dialect import Dialect
from ..model import Event, Triple
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
        self._events: dict[tuple[int, int], tuple[Template, str]] = {}

    def steps(self, place: int) -> tuple[Step, ...]:
        """The steps of a triple."""
        return self._steps(place)

    def message(self, event: Event, rewriter: Rewriter) -> str:
        """The Bayeux message of an event as one client gets it, as JSON."""
        made = self._events.get((event.seq, event.index))
        if made is None:
            if len(self._events) >= _REMEMBERED:
                self._events.clear()
            made = template(event.data, self._bare), encode(event.channel)
            self._events[event.seq, event.index] = made
        data, channel = made
        return f'{{"data":{rewriter.encoded(data, event.data)},"channel":{channel}}}'
