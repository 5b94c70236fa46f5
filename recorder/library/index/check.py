"""Compare the index of a sealed cassette with what follows from its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import zip_longest
from typing import Any, TypeAlias

from ...cassette import codec
from ...cassette.frames import Frame
from ...cassette.index import KEY, frame_digest, key_entry
from ...cassette.reader import OpenCassette
from ...cassette.tables import ADDRESS, INNER_BITS, Table, in_page
from ...correlate.engine import Correlator
from ...dialect.definition import Dialect
from ...model import Header, Record, Row
from ..lazy import Making, Stored, fresh, lazily, summary_of
from .built import Built
from .deriving import WIDTHS, Derivation
from .details import details_of

Told: TypeAlias = Callable[[Row | list[Any], bytes], None]
Difference: TypeAlias = tuple[str, str]  # where, and how

_OF_KIND = dict.fromkeys(codec.FACTS, "records") | {
    codec.TRIPLE: "triples", codec.PLAIN: "exchanges", codec.UNSOLICITED: "unsolicited", codec.SUMMARY: "details",
    codec.DETAIL: "details",
}  # fmt: skip
_WRONG_PAGES = "has pages that do not begin where the contents of the index say"
_DIGESTED = (codec.TRIPLE, codec.PLAIN, codec.UNSOLICITED)


class IndexCheck(Built):
    """Derives what the index of a sealed cassette holds, and compares it when all records were fed.

    An index that was made by other rules is compared as far as it does not depend on them: nobody uses the rest.

    Attributes:
        is_fresh: Whether the stored triples are of these rules.
    """

    def __init__(self, cassette: OpenCassette, rules: Dialect, header: Header, *, making: Making, told: Told) -> None:
        """Begin.

        Args:
            cassette: The sealed cassette.
            rules: The dialect by which its triples are derived.
            header: Its header, with that dialect.
            making: Returns what makes the tables of a replay.
            told: Called with each triple, other exchange and unsolicited event in its stored form, and the frame of it,
                as it is derived.
        """
        self._cassette, self._told, self._dialect, self._header = cassette, told, rules, header
        self._stored = Stored(cassette) if cassette.has_index else None
        self.is_fresh = self._stored is not None and self._stored.summary().items() >= fresh(rules).items()
        self._astray: list[Difference] = []
        self._left = self._entries()  # of each table of addresses, those of which no frame came yet
        maker = making(rules, header) if self.is_fresh else None
        super().__init__(cassette.path)  # only now, when nothing else can fail: it opens files
        self._keys = self.table_of("keys", KEY.size, is_sorted=True)
        self._derivation = Derivation(Correlator(rules), self, maker)
        self._made = tuple(maker.tables) if maker is not None else ()

    def placed(self, frame: Frame) -> None:
        """Take the next frame of the file, to compare its place and its digest with those that the index has."""
        for name, entry in _entries(frame):
            left = self._left.get(name)
            if left is not None and next(left, b"") != entry:
                self._astray.append((f"table {name}", f"does not fit the frame at byte {frame.offset}"))
                del self._left[name]

    def feed(self, record: Record) -> None:
        """Take the next record."""
        self._derivation.feed(record)

    def row(self, row: Row) -> None:
        """Take the next triple, or an exchange that is no operation."""
        self._told(row, self._put("triples" if row.n else "exchanges", codec.encode_row(row)))
        for name, value in row.index_keys() if row.n else ():
            self._keys.add(key_entry(name, value, row.n))

    def unsolicited(self, row: list[Any]) -> None:
        """Take the next unsolicited event."""
        self._told(row, self._put("unsolicited", codec.encode_value(codec.UNSOLICITED, row)))

    def close(self) -> None:
        """Delete the temporary files."""
        super().close()
        self._derivation.close()

    def differences(self) -> Iterator[Difference]:
        """Yield where the index differs from what was derived, and how; all frames and records must have been fed.

        Raises:
            CassetteError: If the file is damaged.
        """
        bare = replace(self._derivation.finish(self._header), triples=(), plain=(), unsolicited=())
        stored = self._stored
        if stored is None:
            return
        self.finish("keys", "triples", "exchanges", "unsolicited", *WIDTHS)
        yield from self._misplaced(stored)
        if not self.is_fresh:
            return
        if stored.summary() != summary_of(bare, self._dialect):
            yield "summary", "differs from what follows from the facts"
        told = self._derivation.told()
        mixed = _Mixed(self, stored)
        self._derivation.made(lazily(self._cassette, mixed, bare, told, self._dialect)[2])
        self.finish(*self._made)
        stored.widths |= {name: self.table(name).width for name in ("keys", *WIDTHS, *self._made)}
        for name in ("keys", *WIDTHS, *self._made):
            yield from _unequal(name, self.table(name), stored.table(name))
        if list(details_of(bare, told)) != list(stored.details()):
            yield "details", "differ from those that follow from the facts"

    def _entries(self) -> dict[str, Iterator[bytes]]:
        names = dict.fromkeys([*_OF_KIND.values(), "digests"])
        if self._stored is None:
            return {}
        if not len(self._stored.table("details")):
            names = dict.fromkeys(("records", "triples"))
        return {name: iter(self._stored.table(name)) for name in names}

    def _misplaced(self, stored: Stored) -> Iterator[Difference]:
        """Yield the tables of addresses that lead elsewhere than to the frames of their kind, in order."""
        yield from self._astray
        for name, rest in self._left.items():
            table = stored.table(name)
            if next(rest, None) is not None:
                yield f"table {name}", "has more entries than there are frames"
            if table.firsts != list(range(0, len(table), in_page(table.width))):
                yield f"table {name}", _WRONG_PAGES


class _Mixed:
    """The derived index, with the places of the records in the file."""

    def __init__(self, derived: Built, stored: Stored) -> None:
        self._derived, self._stored = derived, stored

    def table(self, name: str) -> Table:
        return (self._stored if name == "records" else self._derived).table(name)

    def frame(self, address: int) -> Frame:
        return self._derived.frame(address)


def _entries(frame: Frame) -> Iterator[tuple[str, bytes]]:
    """Yield the tables that have an entry for a frame, and that entry."""
    if frame.kind in _OF_KIND:
        yield _OF_KIND[frame.kind], ADDRESS.pack(frame.offset << INNER_BITS | frame.inner)
    if frame.kind in _DIGESTED:
        yield "digests", frame_digest(frame)


def _unequal(name: str, derived: Table, stored: Table) -> Iterator[Difference]:
    for place, (mine, its) in enumerate(zip_longest(derived, stored)):
        if mine != its:
            yield f"table {name}", f"differs at entry {place} from what follows from the facts"
            return
    if derived.firsts != stored.firsts:  # equal entries are not found where the contents lead to another page
        yield f"table {name}", _WRONG_PAGES
