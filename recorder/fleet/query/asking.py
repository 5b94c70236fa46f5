"""Ask the catalogue at a URL, while builds may replace its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import TypeVar

from .database import Database, opened
from .reading import Replaced
from .source import source_of

Head = TypeVar("Head")
Row = TypeVar("Row")

_AGAIN = 3  # times to ask, if a build removes a file that is being read


@contextmanager
def asked(url: str, ask: Callable[[Database], tuple[Head, Iterator[Row]]]) -> Iterator[tuple[Head, Iterator[Row]]]:
    """Ask a catalogue in the block; what `ask` returns is handed on, after its first row was computed.

    A build removes the files that it replaces. If that hits a query before its first row, the query is run again.

    Args:
        url: The catalogue.
        ask: Runs the query; returns something about the answer, and the rows.

    Raises:
        UsageError: If the query has a mistake.
        InputError: If there is no catalogue, or it cannot be read.
        OutputError: If there is no room for temporary data.
    """
    for left in reversed(range(_AGAIN)):
        with opened(source_of(url)) as database:
            try:
                head, rows = ask(database)
                first = list(islice(rows, 1))
            except Replaced:
                if not left:
                    raise
                continue
            yield head, chain(first, rows)
            return
