"""Take the triples that a sealed cassette stores as columns, without an object for each part of them.

`tests/viewer/cassettes` holds this to `rows`, which takes one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from ...cassette.bulk import decoding
from ...cassette.bulk.decoding import Stored
from ...errors import CassetteError
from ...library.lazy import OpenRecording
from ...views.pages.columns import Columns
from ...views.pages.light import Light
from .wire import Wire

_TRIPLES = 4_096  # in a span
_NONE = -1  # in a column: nothing stands there


def add_triples(
    columns: Columns, found: OpenRecording, wire: Wire, generally: Callable[[Iterable[int]], Iterable[Light]]
) -> None:
    """Take the triples of a sealed cassette without streamed answers and WebSockets.

    Args:
        columns: Takes them.
        found: The recording, whose triples are stored.
        wire: Its records.
        generally: Yields triples by their numbers, whatever their form.

    Raises:
        CassetteError: If the file is damaged.
    """
    cassette, maker = found.cassette, _Maker(columns, found, wire)
    count, whole = 0, len(found.recording.triples)
    for span in cassette.spans("triples", _TRIPLES):
        rows = decoding.stored(cassette, span, count)
        if isinstance(rows, int) or any(row.pub is not None for row in rows):
            more = rows if isinstance(rows, int) else len(rows)
            for item in generally(range(count + 1, count + 1 + more)):
                columns.triples.add(item)
            count += more
        else:
            maker.add(rows)
            count += len(rows)
    if count != whole:
        problem = f"holds {count} triples, not {whole} as the index says"
        raise CassetteError(cassette.path, problem, hint="run recorder doctor for details")


class _Maker:
    def __init__(self, columns: Columns, found: OpenRecording, wire: Wire) -> None:
        self._columns, self._found, self._wire, self._times = columns, found, wire, wire.microseconds
        self._names: dict[str, None] = {}  # of keys, in the order in which they are told

    def add(self, rows: list[Stored]) -> None:
        times, wire = self._times, self._wire
        begins = [times[row.req] for row in rows]
        ends = [row.fail if row.ack is None else row.ack for row in rows]
        asked = [wire.asked(row.req) for row in rows]
        told: dict[str, Iterable[Any]] = {
            "n": [row.n for row in rows],
            "record": [row.req for row in rows],
            "at": begins,
            "answered": [
                _NONE if end is None else max(0, times[end] - begin) for end, begin in zip(ends, begins, strict=True)
            ],
            "operation": [row.op for row in rows],
            "session": [row.s for row in rows],
            "state": [row.st for row in rows],
            "method": [method for method, _ in asked],
            "target": [target for _, target in asked],
            "status": [_NONE if row.ack is None else wire.statuses[row.ack] for row in rows],
            "reason": [None if row.fail is None else wire.reason(row.fail) for row in rows],
            "count": [len(row.ev) for row in rows],
        }
        every = list(chain.from_iterable([row.ev for row in rows]))
        own = chain.from_iterable([[begin] * len(row.ev) for begin, row in zip(begins, rows, strict=True)])
        self._columns.events.extend(
            {
                "name": [event.name for event in every],
                "channel": [event.channel for event in every],
                "rule": [event.rule for event in every],
                "at": [times[event.seq] - begin for event, begin in zip(every, own, strict=True)],
                "confidence": [event.confidence for event in every],
                "rivals": [min(len(event.rivals), 0xFFFF) for event in every],
            }
        )
        self._name(rows)
        self._columns.triples.extend(told, [row.keys for row in rows], self._names)

    def _name(self, rows: list[Stored]) -> None:
        """Note the names of keys that are new; a stored triple has them in the order of the alphabet."""
        if set(chain.from_iterable([row.keys for row in rows])) <= self._names.keys():
            return
        for row in rows:
            if not row.keys.keys() <= self._names.keys():
                self._names |= dict.fromkeys(self._found.row(row.n).keys)
