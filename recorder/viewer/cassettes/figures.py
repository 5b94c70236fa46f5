"""Count a recording, by the functions of `recorder stats`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...cassette.reader import open_cassette
from ...views.counts import counting, stored
from ...views.counts.stats import Stats, as_json
from .snapshot import Snapshot, Where


def figures(where: Where, snapshot: Snapshot) -> dict[str, Any]:
    """Return what `recorder stats --json` prints.

    Args:
        where: Where the cassette is. It is read on its own, so that other requests need not wait.
        snapshot: The cassette as it was opened.

    Raises:
        CassetteError: If the cassette cannot be read.
    """
    return as_json(counted(where, snapshot))


def counted(where: Where, snapshot: Snapshot) -> Stats:
    """Return the counts of a cassette; the arguments and errors are those of `figures`."""
    found, size = snapshot.found, snapshot.edition.size
    if found.is_stored:
        stats = stored.counted(where.path, found, snapshot.dialect, size, _in_turn)
        if stats is not None:
            return stats
    with open_cassette(where.path) as cassette:
        return counting.counted(cassette, snapshot.dialect, size)[0]


def _in_turn(make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...], items: Iterable[Any]) -> Iterator[Any]:
    return map(make(*args), items)
