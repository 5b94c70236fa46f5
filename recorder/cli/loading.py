"""Reads cassettes for the commands, and says aloud what a crash cut off."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NothingSelected, TornTail
from ..model import Recording, Triple
from .saying import say

if TYPE_CHECKING:
    from ..cassette.reader import Cassette
    from ..library.stored import Triples
    from ..views.filter import Expression


def load(paths: Sequence[Path], dialect: str | None) -> Recording:
    """Read one or more cassettes as one recording.

    Raises:
        CassetteError: If one cannot be read.
        DialectError: If the dialect is unknown or wrong.
        UsageError: If the cassettes were recorded with different dialects.
    """
    from ..dialect.definition import load as load_dialect
    from ..library.recording import derive, joined

    chosen = load_dialect(dialect) if dialect else None
    with _without_collector():
        return joined([derive(read(path), chosen) for path in paths])


@contextmanager
def _without_collector() -> Iterator[None]:
    """Stop the garbage collector while a recording is read: nothing of it becomes garbage, and there is much of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read(path: Path) -> Cassette:
    """Read a cassette; warn where a crash cut it off.

    Raises:
        CassetteError: If it cannot be read.
    """
    from ..cassette.reader import read

    cassette = read(path)
    _warn(cassette.torn)
    return cassette


def expression(wanted: str | None, dialect: str | None) -> Expression | None:
    """Parse the filter of a user; return None where there is none.

    Raises:
        DialectError: If the dialect is unknown or wrong.
        FilterError: If there is a mistake in it.
    """
    from ..dialect.definition import load as load_dialect
    from ..dialect.definition import names
    from ..views.filter import parse

    if wanted is None:
        return None
    keys: set[str] = set()
    for name in [dialect] if dialect is not None else names():
        known = load_dialect(name)
        keys |= known.request_keys.keys() | known.ack_keys.keys()
    return parse(wanted, keys)


def fitting(found: Iterable[Triple], by: Expression | None) -> Iterator[Triple]:
    """Yield the triples that fit a filter."""
    from ..views import data
    from ..views.filter import fits

    return (triple for triple in found if by is None or fits(by, data.triple(triple)))


def triples(
    path: Path, dialect: str | None, limit: int | None = None, by: Expression | None = None
) -> Iterator[Triple]:
    """Yield the triples of a cassette that fit a filter, in order; a sealed one is read only as far as needed."""
    with _opened(path, dialect) as every:
        yield from islice(fitting(every, by), limit)


def find(path: Path, dialect: str | None, *, number: int | None, keys: dict[str, str]) -> list[Triple]:
    """Return the triple of a number, or all triples that have some keys.

    Raises:
        NothingSelected: If there is none.
    """
    with _opened(path, dialect) as every:
        found = every.with_keys(keys) if number is None else every.numbered(number)
        if not found:
            wanted = str(number) if number is not None else " and ".join(f"with {k} {v}" for k, v in keys.items())
            raise NothingSelected(f"{path}: no triple {wanted}; it holds 1 to {len(every)}")
        return found


@contextmanager
def _opened(path: Path, dialect: str | None) -> Iterator[Triples]:
    from ..cassette.reader import open_cassette
    from ..dialect.definition import load as load_dialect
    from ..library.stored import triples

    chosen = load_dialect(dialect) if dialect else None
    with open_cassette(path) as cassette:
        with _without_collector():
            every = triples(cassette, chosen)
        _warn(cassette.torn)
        yield every


def _warn(torn: TornTail | None) -> None:
    if torn is not None:
        say(f"warning: {torn}; the records before that place are used")
