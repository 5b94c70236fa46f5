"""Compare two cassettes for a page, by the functions of `recorder diff --html`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from ...dialect.definition import Dialect
from ...diff.choosing import dialect_for, policy_for
from ...diff.differences import differences
from ...views.difference import Tally
from ...views.filter import parse
from ...views.fitting import accepting
from ...views.pages.rows import Pages, Place, differing
from ...views.pages.rows import document as document_of
from ..answers import as_bytes
from . import rows
from .snapshot import Fate, Snapshot, Where

MOST_ROWS = 5_000  # differences on a page


class Compared:
    """Two cassettes; both are opened for the page alone, and one thread at a time reads them.

    Attributes:
        title: Title of the page.
    """

    def __init__(self, old: Where, new: Where, dialect: Dialect | None) -> None:
        """Take the cassettes.

        Args:
            old: The one to compare with.
            new: The other one.
            dialect: The dialect to read both by; None takes theirs.
        """
        self.title = f"{old.name} → {new.name}"
        self._places, self._dialect, self._lock = (old, new), dialect, Lock()
        self._snapshots: tuple[Snapshot, ...] = ()
        self._rows, self._note = b"", ""

    def ask(self, name: str, given: Mapping[str, str]) -> Any:
        """Return the answer to a question of the page; None if there is no such question."""
        match name:
            case "rows":
                return self._document()
            case "state":
                return self._state()
            case "block":
                return self._block(given.get("recording", ""), given.get("k", ""))
            case "search":
                return self._search(given.get("filter", ""))
        return None

    def close(self) -> bool:
        """Close the files until they are asked for again, unless they are in use; return whether they are closed."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._let_go()
        finally:
            self._lock.release()
        return True

    @contextmanager
    def _turn(self) -> Iterator[tuple[Snapshot, ...]]:
        with self._lock:
            if not self._snapshots:
                old, new = self._places
                first = Snapshot.of(old, self._dialect)
                try:
                    self._snapshots = first, Snapshot.of(new, self._dialect)
                except BaseException:
                    first.found.close()
                    raise
            yield self._snapshots

    def _let_go(self) -> None:
        for snapshot in self._snapshots:
            snapshot.found.close()
        self._snapshots, self._rows = (), b""

    def _document(self) -> bytes:
        with self._lock:
            if any(fate is not Fate.SAME for fate in self._fates()):
                self._let_go()
        with self._turn() as (old, new):
            self._rows = self._rows or self._compared(old, new)
            return self._rows

    def _compared(self, old: Snapshot, new: Snapshot) -> bytes:
        recordings = old.found.recording, new.found.recording
        headers = recordings[0].header, recordings[1].header
        rules, tally = dialect_for(*headers), Tally(MOST_ROWS)
        for change in differences(*recordings, rules, policy_for(*headers), None):
            tally.note(change)
        before = len(recordings[0].triples)
        found = [row | {"n": [row["n"]["old"], row["n"]["new"] and row["n"]["new"] + before]} for row in tally.rows]
        pages = Pages()
        for side, snapshot in enumerate((old, new)):
            wire = snapshot.wire()
            columns = rows.columns_of(snapshot, wire)
            place = Place("c2.", before) if side else Place()
            numbers = {n + place.before: at for at, n in enumerate(columns.triples.n)}
            differ = differing(found, side, numbers, columns.triples.at)
            about = rows.about(snapshot, self._places[side].name, wire)
            pages.add(about, columns, rows.Layout.of(snapshot).first(), place, differ)
        more = tally.total > MOST_ROWS
        self._note = f"This page shows the first {MOST_ROWS:,} of {tally.total:,} differences." if more else ""
        return as_bytes(document_of(self.title, pages, found))

    def _block(self, side: str, k: str) -> bytes | None:
        if side not in ("0", "1") or not (k.isascii() and k.isdigit() and len(k) < 10):
            return None
        with self._turn() as snapshots:
            return rows.block(snapshots[int(side)], int(k))

    def _search(self, wanted: str) -> Iterator[dict[str, Any]]:
        with self._turn() as snapshots:
            fits = accepting(parse(wanted, set(snapshots[0].dialect.key_names())))
            before, hits = 0, list[int]()
            for snapshot in snapshots:
                every = snapshot.found.recording.triples
                hits += [n + before for n, item in enumerate(every, 1) if fits(item)]
                before += len(every)
        return iter([{"done": before, "of": before, "found": hits, "ended": True}])

    def _fates(self) -> list[Fate]:
        pairs = zip(self._places, self._snapshots, strict=False)
        return [where.fate(snapshot.edition) for where, snapshot in pairs]

    def _state(self) -> dict[str, Any]:
        fates = self._fates()
        changed = [where.name for where, fate in zip(self._places, fates, strict=False) if fate is not Fate.SAME]
        text = f"{' and '.join(changed)}: changed since this page was loaded" if changed else ""
        return {"state": "changed" if changed else "same", "text": text or self._note}
