"""Read cassettes for a page of the browser: each once, so that a large one takes little memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RecorderError
from .loading import hint_if_none, rules_of, warn

if TYPE_CHECKING:
    from ..cassette.reader import OpenCassette
    from ..dialect.definition import Dialect
    from ..views.report import Part, Source


@contextmanager
def sources(paths: Sequence[Path], dialect: str | None) -> Iterator[list[Source]]:
    """Open cassettes to read each once; say on stderr what a crash cut off.

    Args:
        paths: The cassettes.
        dialect: Name of a shipped dialect, or path of a file; None takes the dialect of each cassette.

    Raises:
        CassetteError: If a cassette cannot be read.
        DialectError: If the dialect is unknown or wrong.
    """
    from ..cassette.reader import open_cassette
    from ..views.report import Source

    with ExitStack() as stack:
        found = []
        for path in paths:
            cassette = stack.enter_context(open_cassette(path))
            rules = _rules(cassette, dialect)
            found.append(Source(path.name, cassette.header, cassette.records(), rules))
        yield found


def tell(sources: Sequence[Source], parts: Sequence[Part]) -> None:
    """Say on stderr why a cassette has no triples, if so."""
    from ..cassette.reader import open_cassette

    for source, part in zip(sources, parts, strict=True):
        if not part.requests:
            with open_cassette(Path(source.header.file)) as cassette:
                hint_if_none(part.requests, cassette.header, cassette.records(), source.dialect.name)


def _rules(cassette: OpenCassette, dialect: str | None) -> Dialect:
    """Return the dialect of a cassette; damage and a torn tail are told before what is said of the dialect."""
    if not cassette.is_sealed:
        deque(cassette.frames(), maxlen=0)
        warn(cassette.torn)
    try:
        return rules_of(cassette.header, dialect)
    except RecorderError:
        deque(cassette.records(), maxlen=0)
        raise
