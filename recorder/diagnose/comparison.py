"""Compare what a sealed file stores, its triples and its index, with what follows from its facts."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ..cassette import codec
from ..cassette.frames import Frame
from ..cassette.reader import OpenCassette, open_cassette
from ..cassette.tables import ADDRESS
from ..dialect.carried import dialect_of
from ..dialect.definition import Dialect
from ..errors import CassetteError, DialectError
from ..library.index.check import IndexCheck, tables_astray
from ..library.index.making import maker_of
from ..library.lazy import open_stored
from ..model import Header, Record, Row
from .check import Finding, Level

_AGAIN = "seal the cassette again"
_COMPARED = {"triples": "triple", "exchanges": "other exchange", "unsolicited": "unsolicited event"}
_MANY = {name: f"{what}s" for name, what in _COMPARED.items()}


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
        self._early: dict[int, Finding] = {}  # of derived triples, by their place
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
            self._check = IndexCheck(self._cassette, rules, header, making=maker_of, told=self)
        except CassetteError as exc:
            self._findings.append(_of_index("contents", exc.problem))

    @property
    def is_fresh(self) -> bool:
        """True if the file stores triples of these rules."""
        return self._check is not None and self._check.is_fresh

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

    def derived(self, row: Row) -> None:
        """Take the next triple that was derived."""
        if (early := _early(row)) is not None:
            self._early[row.n - 1] = early

    def stored(self, name: str, place: int, frame: Frame, *, is_equal: bool) -> None:
        """Take the next frame of a triple, other exchange or unsolicited event, and if it is what was derived."""
        early = self._early.get(place) if name == "triples" else None
        if not is_equal:
            try:
                row = codec.decode_row(frame, path="") if name != "unsolicited" else None
                self._findings.append(_stale(name, place))
                early = _early(row) if name == "triples" and row is not None else None
            except CassetteError as exc:
                self._findings.append(_stale(name, place, exc.problem))
        if early is not None:
            self._findings.append(early)

    def findings(self) -> list[Finding]:
        """Return what differs; call this after the last record of a file without damage."""
        if self._check is None or self._cassette is None:
            return self._findings
        try:
            self._findings += [_of_index(where, how) for where, how in self._check.differences()]
            stored = {name: len(self._cassette.table(name, ADDRESS.size)) for name in _COMPARED}
        except CassetteError as exc:
            return [*self._findings, _of_index("contents", exc.problem)]
        if not self._check.is_fresh and self._cassette.has_index and len(self._cassette.table("details", ADDRESS.size)):
            text = "they are of other rules, or of another dialect, and are derived again on reading; " + _AGAIN
            self._findings.append(Finding(Level.REMARK, "other-rules", "triples", text))
        for name in _COMPARED if self._check.is_fresh else ("triples",):
            count = self._check.count(name)
            if count != stored[name]:
                text = f"{stored[name]} {_MANY[name]} are stored, but {count} are derived from the facts; {_AGAIN}"
                self._findings.append(Finding(Level.PROBLEM, "stale", name, text))
        return self._findings

    def close(self) -> None:
        """Close the file, and delete what was derived."""
        if self._check is not None:
            self._check.close()
        if self._cassette is not None:
            self._cassette.close()


def tables_compared(path: Path, dialect: Dialect | None) -> list[Finding]:
    """Return where the tables of replays in a sealed file differ from what follows from the triples in it.

    They tell nothing where the triples, or other tables, are not those that follow from the facts.
    """
    try:
        found = open_stored(path, dialect)
        if found is None:
            return []
        with closing(found):
            rules = dialect or dialect_of(found.recording.header)
            return [_of_index(where, how) for where, how in tables_astray(found, rules, making=maker_of)]
    except CassetteError as exc:
        return [_of_index("contents", exc.problem)]


def _early(row: Row) -> Finding | None:
    early = [event.seq for event in row.events if event.seq <= row.request]
    if not early:
        return None
    text = f"has events that came before its request: records {early}"
    return Finding(Level.PROBLEM, "event-before-request", f"triple {row.n}", text)


def _stale(name: str, place: int, how: str = "") -> Finding:
    what = "the triple derived" if name == "triples" else "what is derived"
    text = how or f"differs from {what} from the facts; {_AGAIN}"
    return Finding(Level.PROBLEM, "stale", f"{_COMPARED[name]} {place + 1}", text)


def _of_index(where: str, how: str) -> Finding:
    return Finding(Level.PROBLEM, "index", where, f"{how}; {_AGAIN}")
