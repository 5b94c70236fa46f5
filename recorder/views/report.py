"""Build the document of a report page for one or more cassettes, or for two that are compared."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..cassette.reader import Cassette
from ..dialect.definition import Dialect
from ..model import Header, Recording
from . import selection
from .document import Document
from .orders.beside import Orders
from .orders.placing import with_orders
from .pages import reading
from .pages.blocks import Blocks
from .pages.columns import Columns
from .pages.reading import Judge, Keep, Reader, Source, keys_of
from .pages.rows import About, Pages, Place, differing
from .pages.rows import document as rows_of
from .selection import WHAT, Choice

__all__ = [
    "Keep",
    "Part",
    "Source",
    "comparison",
    "document",
    "keys_of",
    "left_out",
    "of_recording",
    "part",
    "parts",
    "shown",
]


@dataclass(frozen=True, slots=True)
class Part:
    """One cassette of a report.

    Attributes:
        about: What the page tells of it beside its items.
        columns: The rows of the items that the page shows.
        blocks: Their content.
        requests: `seq` of the requests of all triples, also of those that are not shown.
        fitting: Number of triples that the filter accepts; without a filter, of all.
        shows_all: Whether the page shows all triples, and else all exchanges and events.
    """

    about: About
    columns: Columns
    blocks: Blocks
    requests: Sequence[int]
    fitting: int
    shows_all: bool = True


def part(name: str, cassette: Cassette, dialect: Dialect) -> Part:
    """Build the part of a report for one whole cassette.

    Args:
        name: Name of the cassette's file.
        cassette: The cassette.
        dialect: The dialect to link the events by.
    """
    return parts([Source(name, cassette.header, cassette.records, dialect)], most=None)[0]


def of_recording(name: str, recording: Recording, dialect: Dialect) -> Part:
    """Build the part of a report for a recording in memory, without its polls and notes.

    Args:
        name: Name of the recording, for people.
        recording: The recording.
        dialect: The dialect that its events are linked by.
    """
    return Part(*reading.of_recording(name, recording, dialect))


def parts(
    sources: Sequence[Source],
    *,
    keep: Keep | None = None,
    most: int | None,
    wanted: Sequence[Container[int]] = (),
) -> list[Part]:
    """Read the parts of a report for one or more cassettes.

    Args:
        sources: The cassettes.
        keep: A test for the triples to show; with it, other exchanges and unsolicited events are left out.
        most: Number of items that the page may show: if there are more, or more than `selection.MOST_BYTES` of content,
            a choice of them is made. None shows all.
        wanted: For each cassette the numbers of triples that a choice takes before all others; none by default.
    """
    share = most // len(sources) if most is not None and sources else None
    offsets = _offsets([source.header for source in sources])
    readers: list[Reader] = []
    before = count = 0
    for place, (source, offset) in enumerate(zip(sources, offsets, strict=True)):
        # when more items passed than the page may show, each cassette gets its share
        choice = Choice(most if most is None or count <= most else share, wanted[place] if wanted else ())
        reader = Reader(source, choice, keep and Judge(keep, before, offset))
        reader.read()
        readers.append(reader)
        count += choice.count
        before += len(reader.requests)
    room = share if most is not None and count > most else None
    most_bytes = None if most is None else selection.MOST_BYTES // max(1, len(sources))
    return [Part(*reader.shown(room, most_bytes)) for reader in readers]


def document(parts: Sequence[Part], title: str, orders: Orders | None = None) -> Document:
    """Return the document of a page for one or more cassettes.

    Args:
        parts: The cassettes. Triples are numbered on from one to the next; sessions are kept apart.
        title: Title of the page.
        orders: Two orders of what these cassettes hold, to be drawn side by side; None draws none.
    """
    pages = Pages()
    for one, place in _placed(parts, _offsets([part.about.header for part in parts])):
        pages.add(one.about, one.columns, one.blocks.first, place)
    rows = rows_of(title, pages)
    drawn = rows if orders is None else with_orders(rows, orders, len(parts))
    return Document(drawn, tuple(part.blocks for part in parts))


def shown(parts: Iterable[Part]) -> tuple[int, int]:
    """Return the number of triples that the page shows, and the number of those there are, or that fit the filter."""
    counts = [(len(part.columns.triples), part.fitting) for part in parts]
    return sum(count for count, _ in counts), sum(count for _, count in counts)


def left_out(parts: Sequence[Part], before: str = "") -> str:
    """Return a sentence about what the page shows of the triples; "" if it shows all that fit the filter.

    Args:
        parts: The cassettes.
        before: What a choice takes before all else.
    """
    some, of = shown(parts)
    if all(part.shows_all for part in parts):
        return ""
    return f"shows {some:,} of {of:,} triples: {before}{WHAT}"


def comparison(
    old: Part, new: Part, title: str, differences: Iterable[Mapping[str, Any]], orders: Orders | None = None
) -> Document:
    """Return the document of a page that compares two recordings; both begin at time 0.

    Args:
        old: The recording to compare with.
        new: The other recording; its triples are numbered after those of `old`.
        title: Title of the page.
        differences: Rows of `recorder diff --json`: `what`, `where`, `n` (with `old` and `new`, each a number or
            None), and `old` and `new` if something stands there.
        orders: Two orders of the old recording, to be drawn side by side; None draws none.
    """
    before = len(old.requests)
    rows = []
    for row in differences:
        mine, its = row["n"]["old"], row["n"]["new"]
        rows.append({**row, "n": [mine, its and its + before]})
    pages = Pages()
    for side, (one, place) in enumerate(_placed([old, new], [0, 0])):
        triples = one.columns.triples
        numbers = {n + place.before: at for at, n in enumerate(triples.n)}
        pages.add(one.about, one.columns, one.blocks.first, place, differing(rows, side, numbers, triples.at))
    compared = rows_of(title, pages, rows)
    drawn = compared if orders is None else with_orders(compared, orders)
    return Document(drawn, (old.blocks, new.blocks))


def _offsets(headers: Sequence[Header]) -> list[int]:
    """Return when each capture began on the clock of the page, in microseconds."""
    starts = [header.started for header in headers]
    began = min(starts) if all(starts) else None  # 0 in a rebased cassette: the time of the capture is unknown
    return [0 if began is None else started - began for started in starts]


def _placed(parts: Sequence[Part], offsets: Sequence[int]) -> Iterator[tuple[Part, Place]]:
    before = 0
    for place, (one, offset) in enumerate(zip(parts, offsets, strict=True), 1):
        yield one, Place("" if place == 1 else f"c{place}.", before, offset)
        before += len(one.requests)
