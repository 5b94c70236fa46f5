"""Search a recording by a filter, a parcel at a time, so that other requests for it come in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from ...errors import RecorderError
from ...model import Recording
from ...views.filter import parse
from ...views.fitting import accepting

PARCEL = 256  # triples that are judged without a break
MOST = 20_000  # hits that are told


def searched(
    wanted: str,
    keys: set[str],
    count: int,
    turn: Callable[[], AbstractContextManager[Recording]],
    *,
    most: int = MOST,
    parcel: int = PARCEL,
) -> Iterator[dict[str, Any]]:
    """Yield how far the search is, each time with the numbers that were found since; the last row has `ended`.

    Args:
        wanted: The filter.
        keys: Keys of the dialect.
        count: Number of triples.
        turn: Waits for the recording, and has it until the block ends.
        most: Number of hits after which the search ends; then the last row has `more`.

        parcel: Number of triples that are judged without a break.

    Raises:
        FilterError: If the filter has a mistake; at once, before anything is yielded.
    """
    fits = accepting(parse(wanted, keys))

    def search() -> Iterator[dict[str, Any]]:
        hits = 0
        for first in range(0, count, parcel):
            last = min(first + parcel, count)
            try:
                with turn() as recording:
                    found = [n + 1 for n in range(first, last) if fits(recording.triples[n])]
            except RecorderError as exc:
                yield {"error": str(exc), "ended": True}
                return
            hits += len(found)
            if hits >= most and last < count:
                yield {"done": last, "of": count, "found": found, "ended": True, "more": True}
                return
            yield {"done": last, "of": count, "found": found}
        yield {"done": count, "of": count, "found": [], "ended": True}

    return search()
