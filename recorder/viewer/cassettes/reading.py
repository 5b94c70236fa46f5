"""Answer what the page of one cassette asks for.

One thread at a time reads the open file: whoever needs it waits for the lock, and a long search gives it up after each
parcel. What reads the whole file (figures, findings, the explanation of an event) opens it once more for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from ...dialect.definition import Dialect
from ...errors import CassetteError
from ...model import Record, Recording
from ...views.pages.reading import keys_of
from ..errors import Gone
from . import ordering, rows
from .explaining import explained
from .figures import figures
from .findings import Scan, findings, placed
from .searching import searched
from .snapshot import Edition, Fate, Snapshot, Where

_SAID = {
    Fate.SAME: "",
    Fate.GROWN: "has grown since this page was loaded",
    Fate.CHANGED: "was changed or replaced since this page was loaded",
    Fate.GONE: "is gone; this page shows what was in it",
}
_FEW = 4  # answers that are kept


class Reading:
    """One cassette, opened when a page asks for it, and again when a page is loaded after the file changed.

    Attributes:
        title: Title of its page.
        where: Where it is.
    """

    def __init__(self, where: Where, dialect: Dialect | None, now: Callable[[], float], scan: Scan | None) -> None:
        """Take what is shown.

        Args:
            where: Where the cassette is.
            dialect: The dialect to read it by; None takes its own.
            now: Returns UTC seconds.
            scan: Searches for secrets; None does not.
        """
        self.title, self.where = where.name, where
        self._dialect, self._now, self._scan = dialect, now, scan
        self._lock = Lock()
        self._snapshot: Snapshot | None = None
        self._records = 0  # that were read so far, of a file that is being opened
        self._kept: dict[tuple[str, Edition], Any] = {}

    def ask(self, name: str, given: Mapping[str, str]) -> Any:
        """Return the answer to a question of the page; None if there is no such question."""
        match name:
            case "rows":
                return self.rows(given.get("schedule"))
            case "schedules":
                return {"schedules": ordering.listed(self.where)}
            case "state":
                return self._state(given.get("edition", ""))
            case "block":
                return self._block(given.get("k", ""))
            case "search":
                return self._search(given.get("filter", ""))
            case "explain":
                return {"text": explained(given.get("n", ""), self.where, self.turn)}
            case "stats":
                return self._once("stats", lambda snapshot: figures(self.where, snapshot))
            case "findings":
                return self._findings()
        return None

    @contextmanager
    def turn(self) -> Iterator[Snapshot]:
        """Wait for the open file, and have it until the block ends; it is opened if it is not.

        Raises:
            RecorderError: If it cannot be read.
        """
        with self._lock:
            yield self._opened()

    def close(self) -> bool:
        """Close the file until it is asked for again, unless it is in use; return whether it is closed."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._let_go()
        finally:
            self._lock.release()
        return True

    def rows(self, schedule: str | None = None) -> bytes:
        """Return the rows of the file as it is now.

        Args:
            schedule: Id of the schedule whose order they have, too; None for no schedule.

        Raises:
            RecorderError: If the file cannot be read, or there is no such schedule.
        """
        kept = None if schedule is None else ordering.kept(self.where, schedule)
        with self._lock:
            if self._snapshot is not None and self.where.fate(self._snapshot.edition) is not Fate.SAME:
                self._let_go()
            snapshot = self._opened()
            known = self._kept.get(("rows", snapshot.edition))
            if known is None:
                known = rows.document(snapshot, self.title)
                self._keep("rows", snapshot.edition, known)
            return bytes(known) if kept is None else rows.ordered(snapshot, bytes(known), kept)

    def _opened(self) -> Snapshot:
        if self._snapshot is None:
            self._records = 0
            self._snapshot = Snapshot.of(self.where, self._dialect, self._watch)
        return self._snapshot

    def _let_go(self) -> None:
        if self._snapshot is not None:
            self._snapshot.found.close()
            self._snapshot = None
        self._kept.clear()

    def _watch(self, _: Record) -> None:
        self._records += 1

    def _state(self, edition: str) -> dict[str, Any]:
        """Return what became of the file since an edition; without one, which edition is open."""
        snapshot = self._snapshot
        if snapshot is None:
            return {"state": "closed", "text": "", "records": self._records}
        own = snapshot.edition
        fate = self.where.fate(own) if edition in ("", own.name) else Fate.CHANGED
        text = f"{self.title} {_SAID[fate]}" if _SAID[fate] else ""
        return {"state": fate.value, "text": text, "edition": own.name, "records": self._records}

    def _block(self, k: str) -> bytes | None:
        if not (k.isascii() and k.isdigit() and len(k) < 10):
            return None
        with self.turn() as snapshot:
            return rows.block(snapshot, int(k))

    def _search(self, wanted: str) -> Iterator[dict[str, Any]]:
        with self.turn() as snapshot:
            keys, count = set(keys_of(snapshot.dialect)), len(snapshot.found.recording.triples)
        begun = snapshot

        @contextmanager
        def parcel() -> Iterator[Recording]:
            with self._lock:
                if self._snapshot is not begun:
                    raise Gone(f"{self.title} was reloaded meanwhile; search again")
                yield begun.found.recording

        return searched(wanted, keys, count, parcel)

    def _findings(self) -> Any:
        def found(snapshot: Snapshot) -> list[dict[str, Any]]:
            every = findings(self.where.path, self._dialect, self._now(), self._scan)
            with self._lock:
                return placed(every, snapshot.found) if self._snapshot is snapshot else every

        try:
            return {"findings": self._once("findings", found)}
        except CassetteError:  # what cannot be opened has findings all the more
            return {"findings": findings(self.where.path, self._dialect, self._now(), None)}

    def _once(self, name: str, make: Callable[[Snapshot], Any]) -> Any:
        """Return what is made of the open file, once for each edition; others need not wait meanwhile."""
        with self.turn() as snapshot:
            known = self._kept.get((name, snapshot.edition))
        if known is None:
            known = make(snapshot)
            if self.where.fate(snapshot.edition) is Fate.SAME:
                self._keep(name, snapshot.edition, known)
        return known

    def _keep(self, name: str, edition: Edition, value: Any) -> None:
        while len(self._kept) >= _FEW:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[name, edition] = value
