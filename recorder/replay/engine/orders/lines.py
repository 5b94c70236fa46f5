"""Know which steps must not overtake which others, whatever a schedule says (docs/races.md).

Steps of one line keep their recorded order: the events of one operation on one channel, those on a channel that nobody
asked for, those with replay ids on a channel, those with an `id` on a stream, and what fits one entry of `ordered` in
the dialect. A stream, or a WebSocket without Bayeux, is one channel. Pieces of a body follow its head and each other,
and nothing passes the end of a session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ....dialect.definition import Dialect
from ....dialect.paths import lookup
from ....model import Event, Recording
from ..timeline import BodyPiece, Run, Step

_Line: TypeAlias = tuple[object, ...]
_Way: TypeAlias = tuple[str | int, str]

_HAS_ID = re.compile(rb"(?m)^id:")


class Lines:
    """The lines of one recording."""

    def __init__(
        self, recording: Recording, dialect: Dialect, windows: Mapping[str, int], protocols: Mapping[str, str]
    ) -> None:
        """Take what the recording and its dialect say.

        Args:
            recording: The recording.
            dialect: Its dialect.
            windows: Numbers of the later windows of clients, by clientId.
            protocols: Protocols of the streams, by their keys.

        """
        self._triples, self._dialect = recording.triples, dialect
        self._windows, self._protocols = windows, protocols
        self._known: dict[tuple[int | None, tuple[int, int]], frozenset[_Line]] = {}

    def follows(self, run: Run, step: Step, other: Run, first: Step) -> bool:
        """Return whether a step must not leave before one of the same client that was recorded earlier."""
        if first.order >= step.order:
            return False
        if isinstance(step.on_stream, BodyPiece):
            return other is run and (first.is_ack or isinstance(first.on_stream, BodyPiece))
        if step.said is not None or first.said is not None:
            return step.event is not None or first.event is not None
        if other is run and step.event is not None and first.event is not None:
            return self._way(step.event) == self._way(first.event) or self._meet(run, step, other, first)
        return self._meet(run, step, other, first)

    def _meet(self, run: Run, step: Step, other: Run, first: Step) -> bool:
        return not self._of(run, step).isdisjoint(self._of(other, first))

    def _of(self, run: Run, step: Step) -> frozenset[_Line]:
        """Return the lines of a step that lead from one run to another."""
        key = run.place, step.order
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = frozenset(self._lines(run, step))
        return found

    def _lines(self, run: Run, step: Step) -> Iterator[_Line]:
        event = step.event
        if event is None:
            if step.is_ack and run.place is not None and run.place < len(self._triples):
                yield from (("ordered", place) for place in self._ordered("", self._triples[run.place].operation or ""))
            return
        if step.unsolicited is not None:
            yield "unasked", self._way(event)
        if self._dialect.replay_id and isinstance(lookup(event.data, self._dialect.replay_id), int):
            yield "replay", self._way(event)
        if event.raw is not None and _HAS_ID.search(event.raw):
            yield "id", event.client_id
        yield from (("ordered", place) for place in self._ordered(event.channel, step.name))

    def _ordered(self, channel: str, name: str) -> frozenset[int]:
        return self._dialect.ordered_as(channel, name) if self._dialect.ordered else frozenset()

    def _way(self, event: Event) -> _Way:
        """Return on which stream, or to which window and on which channel, an event comes."""
        if event.client_id in self._protocols:
            return event.client_id, ""
        return self._windows.get(event.client_id, 0), event.channel
