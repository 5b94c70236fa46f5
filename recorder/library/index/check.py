"""Compare the index of a sealed cassette with what follows from its facts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any, Protocol, TypeAlias

from ...cassette import codec
from ...cassette.frames import Frame
from ...cassette.index import DIGEST, KEY, frame_digest, key_entries
from ...cassette.reader import OpenCassette
from ...cassette.tables import ADDRESS, INNER_BITS, Rows, Table, in_page
from ...correlate.engine import Correlator
from ...dialect.definition import Dialect
from ...errors import CassetteError
from ...model import Header, Record, Recording, Row, Triple, Unsolicited
from ..lazy import Making, OpenRecording, Stored, fresh, summary_of
from .deriving import Derivation
from .details import details_of

Difference: TypeAlias = tuple[str, str]  # where, and how

_OF_KIND = dict.fromkeys(codec.FACTS, "records") | {
    codec.TRIPLE: "triples", codec.PLAIN: "exchanges", codec.UNSOLICITED: "unsolicited", codec.SUMMARY: "details",
    codec.DETAIL: "details",
}  # fmt: skip
_WRONG_PAGES = "has pages that do not begin where the contents of the index say"
_DERIVED = ("triples", "exchanges", "unsolicited")


class Told(Protocol):
    """Takes what is derived, and what is stored otherwise."""

    def derived(self, row: Row) -> None:
        """Take the next triple that was derived."""

    def stored(self, name: str, place: int, frame: Frame, *, is_equal: bool) -> None:
        """Take the next frame of a triple, other exchange or unsolicited event, and if it is what was derived."""


class IndexCheck:
    """Derives what the index of a sealed cassette holds, and compares it when all records were fed.

    The triples, other exchanges and unsolicited events are compared by digests of their frames as these come. The
    tables of replays follow from them alone: `tables_astray` compares those.

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
            told: Takes the triples.
        """
        self._path, self._told, self._dialect, self._header = cassette.path, told, rules, header
        self._stored = Stored(cassette) if cassette.has_index else None
        self.is_fresh = self._stored is not None and self._stored.summary().items() >= fresh(rules).items()
        self._astray: list[Difference] = []
        self._left = self._entries()  # of each table of addresses, those of which no frame came yet
        maker = making(rules, header) if self.is_fresh else None
        self._widths = {} if maker is None else {name: width for name, (width, _) in maker.tables.items()}
        self._rows: dict[str, Rows] = {}  # from here on nothing can fail: they open files
        self._keys = self.table_of("keys", KEY.size, is_sorted=True)
        self._derivation = Derivation(Correlator(rules, file=cassette.path), self)
        self._bare: Recording | None = None
        self._digests: dict[str, bytearray] = defaultdict(bytearray)  # of what was derived, in order
        self._placed = dict.fromkeys(_DERIVED, 0)  # how many frames of them came

    def placed(self, frame: Frame) -> None:
        """Take the next frame of the file, to compare its place and its digest with those that the index has."""
        name = _OF_KIND.get(frame.kind)
        if name is None:
            return
        self._expect(name, ADDRESS.pack(frame.offset << INNER_BITS | frame.inner), frame)
        if name in self._placed:
            digest = frame_digest(frame)
            self._expect("digests", digest, frame)
            self._compare(name, frame, digest)

    def feed(self, record: Record) -> None:
        """Take the next record."""
        self._derivation.feed(record)

    def row(self, row: Row) -> None:
        """Take the next triple, or an exchange that is no operation."""
        if not row.n:
            self._derived("exchanges", codec.encode_row(row))
            return
        self._derived("triples", codec.encode_row(row))
        self._told.derived(row)
        self._keys.extend(key_entries(row.index_keys(), row.n))

    def unsolicited(self, row: list[Any]) -> None:
        """Take the next unsolicited event."""
        self._derived("unsolicited", codec.encode_value(codec.UNSOLICITED, row))

    def table_of(self, name: str, width: int, *, is_sorted: bool = False) -> Rows:
        """Begin a table."""
        rows = self._rows[name] = Rows(width, is_sorted=is_sorted)
        return rows

    def count(self, name: str) -> int:
        """Return how many triples, exchanges or unsolicited events were derived."""
        return len(self._digests[name]) // DIGEST

    def close(self) -> None:
        """Delete the temporary files."""
        for rows in self._rows.values():
            rows.close()

    def differences(self) -> Iterator[Difference]:
        """Yield where the index differs from what was derived, and how; all frames and records must have been fed.

        Raises:
            CassetteError: If the file is damaged.
        """
        bare, stored = self._finished(), self._stored
        if stored is None:
            return
        yield from self._misplaced(stored)
        if not self.is_fresh:
            return
        if stored.summary() != summary_of(bare, self._dialect):
            yield "summary", "differs from what follows from the facts"
        stored.widths["keys"] = KEY.size
        for name, rows in self._rows.items():
            yield from _unequal(name, rows, stored.table(name))
        told = self._derivation.told()._replace(widths=self._widths)
        if list(details_of(bare, told)) != list(stored.details()):
            yield "details", "differ from those that follow from the facts"

    def _finished(self) -> Recording:
        """End the pass over the records, if it has not ended; return what was derived beside the triples."""
        if self._bare is None:
            self._bare = replace(self._derivation.finish(self._header), triples=(), plain=(), unsolicited=())
        return self._bare

    def _derived(self, name: str, frame: bytes) -> None:
        self._digests[name] += sha256(frame).digest()[:DIGEST]

    def _expect(self, name: str, entry: bytes, frame: Frame) -> None:
        left = self._left.get(name)
        if left is not None and next(left, b"") != entry:
            self._astray.append((f"table {name}", f"does not fit the frame at byte {frame.offset}"))
            del self._left[name]

    def _compare(self, name: str, frame: Frame, digest: bytes) -> None:
        self._finished()  # the records stand before all that was derived from them
        place = self._placed[name]
        self._placed[name] += 1
        wanted = self._digests[name][place * DIGEST : (place + 1) * DIGEST]
        if wanted and (self.is_fresh or name == "triples"):  # where there are too many, their numbers tell
            is_equal = digest == wanted or (not self.is_fresh and self._again(frame) == wanted)
            self._told.stored(name, place, frame, is_equal=is_equal)

    def _again(self, frame: Frame) -> bytes:
        """Return the digest of a triple as it is written today; of b"" if it is damaged."""
        with suppress(CassetteError):
            return sha256(codec.encode_row(codec.decode_row(frame, path=self._path))).digest()[:DIGEST]
        return b""

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


def tables_astray(found: OpenRecording, rules: Dialect, *, making: Making) -> Iterator[Difference]:
    """Yield where the tables of replays differ from what follows from the stored triples, and how.

    Args:
        found: The recording of a sealed cassette, by its stored triples.
        rules: The dialect by which they were derived.
        making: Returns what makes the tables.

    Raises:
        CassetteError: If the file is damaged.
    """
    recording, stored = found.recording, Stored(found.cassette)
    maker = making(rules, recording.header)
    if maker is None:
        return
    kinds: tuple[Sequence[Triple | Unsolicited], ...] = recording.triples, recording.plain, recording.unsolicited
    with ExitStack() as open_files:
        open_files.callback(maker.close)
        made = {name: Rows(width, is_sorted=is_sorted) for name, (width, is_sorted) in maker.tables.items()}
        for rows in made.values():
            open_files.callback(rows.close)
        for items in kinds:
            for place, item in enumerate(items):
                for name, entry in maker.feed(item, place):
                    made[name].add(entry)
        for name, entry in maker.finish(recording):
            made[name].add(entry)
        for name, rows in made.items():
            stored.widths[name] = rows.width
            yield from _unequal(name, rows, stored.table(name))


def _unequal(name: str, derived: Rows, stored: Table) -> Iterator[Difference]:
    """Yield how a table differs; pages are compared as a whole."""
    width, place, firsts = derived.width, 0, []
    for first, page in derived.pages():
        firsts.append(first)
        its = stored.read(place, place + len(page) // width)
        if page != its:
            same = next(at for at in range(0, len(page), width) if page[at : at + width] != its[at : at + width])
            yield f"table {name}", f"differs at entry {place + same // width} from what follows from the facts"
            return
        place += len(page) // width
    if place != len(stored):
        yield f"table {name}", f"differs at entry {place} from what follows from the facts"
    elif firsts != stored.firsts:  # equal entries are not found where the contents lead to another page
        yield f"table {name}", _WRONG_PAGES
