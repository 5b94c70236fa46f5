"""Compare what a sealed file stores, its triples and its index, with what follows from its facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..cassette import codec
from ..cassette.frames import Frame
from ..cassette.reader import OpenCassette, open_cassette
from ..cassette.tables import ADDRESS
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect
from ..errors import CassetteError, DialectError
from ..library.index.check import IndexCheck
from ..library.index.making import maker_of
from ..model import Header, Record, Row
from .check import Finding, Level

_AGAIN = "seal the cassette again"
_COMPARED = {"triples": "triple", "exchanges": "other exchange", "unsolicited": "unsolicited event"}


class Comparison:
    """Compares what a sealed file stores with what follows from its facts."""

    def __init__(self, path: Path, header: Header | None, dialect: Dialect | None) -> None:
        """Open the file; a journal stores nothing, so that nothing is compared.

        Args:
            path: The file.
            header: Its header, None where it is damaged.
            dialect: The rules to derive its triples by; None takes those of the file.

        """
        self._findings: list[Finding] = []
        self._counts = dict.fromkeys(_COMPARED, 0)
        self._cassette: OpenCassette | None = None
        self._check: IndexCheck | None = None
        if header is None or header.profile == codec.JOURNAL:
            return
        try:
            rules = dialect or dialect_of(header)
        except (CassetteError, DialectError) as exc:
            text = f"the triples were not compared: {exc}"
            self._findings.append(Finding(Level.REMARK, "unknown-dialect", "header", text))
            return
        self._cassette = open_cassette(path)
        try:
            self._check = IndexCheck(self._cassette, rules, header, making=maker_of, told=self._derived)
        except CassetteError as exc:
            self._findings.append(_of_index("contents", exc.problem))

    def placed(self, frame: Frame) -> None:
        """Take the next frame of the file."""
        if self._check is not None:
            try:
                self._check.placed(frame)
            except CassetteError as exc:
                self._findings.append(_of_index("contents", exc.problem))

    def feed(self, record: Record) -> None:
        """Take the next record."""
        if self._check is not None:
            self._check.feed(record)

    def findings(self) -> list[Finding]:
        """Return what differs; call this after the last record of a file without damage."""
        if self._check is None or self._cassette is None:
            return self._findings
        try:
            self._findings += [_of_index(where, how) for where, how in self._check.differences()]
            stored = self._cassette.stored
        except CassetteError as exc:
            return [*self._findings, _of_index("contents", exc.problem)]
        if not self._check.is_fresh and self._cassette.has_index and len(self._cassette.table("details", ADDRESS.size)):
            text = "they are of other rules, or of another dialect, and are derived again on reading; " + _AGAIN
            self._findings.append(Finding(Level.REMARK, "other-rules", "triples", text))
        count = self._counts["triples"]
        if count != stored:
            text = f"{stored} triples are stored, but {count} are derived from the facts; {_AGAIN}"
            self._findings.append(Finding(Level.PROBLEM, "stale", "triples", text))
        return self._findings

    def close(self) -> None:
        """Close the file, and delete what was derived."""
        if self._check is not None:
            self._check.close()
        if self._cassette is not None:
            self._cassette.close()

    def _derived(self, item: Row | list[Any], wanted: bytes) -> None:
        name = "unsolicited" if isinstance(item, list) else "triples" if item.n else "exchanges"
        place = self._counts[name]
        self._counts[name] += 1
        try:
            self._findings += self._compared(item, wanted, name, place)
        except CassetteError as exc:
            self._findings.append(_stale(name, place, exc.problem))

    def _compared(self, item: Row | list[Any], wanted: bytes, name: str, place: int) -> Iterator[Finding]:
        if self._cassette is None or self._check is None:
            return
        path, table = self._cassette.path, self._cassette.table(name, ADDRESS.size)
        if place >= len(table) or not (self._check.is_fresh or name == "triples"):
            return  # where there are too few, the index tells
        frame = self._cassette.at(ADDRESS.unpack(table[place])[0])
        if codec.reframe(frame) == wanted:
            yield from _early(item) if name == "triples" and isinstance(item, Row) else ()
            return
        stored = codec.decode_row(frame, path=path) if isinstance(item, Row) else None
        if self._check.is_fresh or stored != item:
            yield _stale(name, place)
        yield from _early(stored) if name == "triples" and stored is not None else ()


def _early(row: Row) -> Iterator[Finding]:
    early = [event.seq for event in row.events if event.seq <= row.request]
    if early:
        text = f"has events that came before its request: records {early}"
        yield Finding(Level.PROBLEM, "event-before-request", f"triple {row.n}", text)


def _stale(name: str, place: int, how: str = "") -> Finding:
    what = "the triple derived" if name == "triples" else "what is derived"
    text = how or f"differs from {what} from the facts; {_AGAIN}"
    return Finding(Level.PROBLEM, "stale", f"{_COMPARED[name]} {place + 1}", text)


def _of_index(where: str, how: str) -> Finding:
    return Finding(Level.PROBLEM, "index", where, f"{how}; {_AGAIN}")
