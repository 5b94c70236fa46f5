"""Look into the cassettes of the list in the background: first into their headers, then at what they hold.

The small ones come first. A file that cannot be read is a line of the list, and is looked at again when it changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from threading import Event, Lock, Thread
from typing import Any, NamedTuple

from ...cassette.reader import open_cassette
from ...dialect.definition import Dialect
from ...errors import RecorderError
from ...model import Record
from . import rows
from .snapshot import Edition, Snapshot, Where

_JUDGED = 20_000  # triples up to which it is judged what is wrong with them
_PARCEL = 2_000  # triples that are counted before it looks whether it should end


class _Ended(Exception):
    """Nobody wants to know any more."""


class Facts(NamedTuple):
    """A row of the list of cassettes.

    Attributes:
        edition: The edition of the file that was looked at; None for one that is gone.
        row: The facts, as JSON.
        is_whole: Whether that is all, or what it holds is still to be counted.
    """

    edition: Edition | None
    row: dict[str, Any]
    is_whole: bool


class Catalogue:
    """The facts of the cassettes of a list, by number. Its methods may be called from several threads."""

    def __init__(self, dialect: Dialect | None) -> None:
        """Begin without facts; `dialect` reads the cassettes, None takes that of each."""
        self._dialect = dialect
        self._facts: dict[int, Facts] = {}
        self._wanted: dict[int, Where] = {}
        self._lock, self._woken, self._ended = Lock(), Event(), Event()
        self._thread: Thread | None = None

    def rows(self, places: Iterable[tuple[int, Where]]) -> list[dict[str, Any]]:
        """Return what is known of cassettes, `pending` where something is missing; what is missing is looked up.

        Args:
            places: The cassettes, with their numbers.
        """
        found = []
        for number, where in places:
            facts = self._facts.get(number)
            edition = _edition(where)
            is_open = facts is None or facts.edition != edition or not facts.is_whole
            if is_open:
                self._want(number, where)
            found.append(
                {"k": number, "name": where.name, **(facts.row if facts is not None else {}), "pending": is_open}
            )
        return found

    def close(self) -> None:
        """End the look-ups."""
        self._ended.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def _want(self, number: int, where: Where) -> None:
        with self._lock:
            self._wanted[number] = where
            if self._thread is None:
                self._thread = Thread(target=self._run, name="catalogue", daemon=True)
                self._thread.start()
        self._woken.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._woken.wait()
            self._woken.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, {}
            for number, where in wanted.items():
                if not self._ended.is_set():
                    self._facts[number] = _whatever_comes(where, partial(glanced, where))
            if self._ended.is_set():
                return
            left = [(number, where) for number, where in wanted.items() if not self._facts[number].is_whole]
            for number, where in sorted(left, key=lambda one: self._facts[one[0]].row["size"]):
                if not self._ended.is_set():
                    counting = partial(counted, where, self._dialect, self._facts[number], self._ended.is_set)
                    self._facts[number] = _whatever_comes(where, counting)


def glanced(where: Where) -> Facts:
    """Return what the header of a cassette tells."""
    try:
        edition = where.edition()
    except RecorderError as exc:
        return Facts(None, {"size": 0, "error": _text(exc, where)}, is_whole=True)
    row: dict[str, Any] = {"size": edition.size, "error": ""}
    try:
        with open_cassette(where.path) as cassette:
            header = cassette.header
            row |= {
                "form": header.profile,
                "format": header.format,
                "started": header.started,
                "dialect": header.dialect,
                "redaction": header.redaction,
                "upstream": header.upstream,
            }
    except (RecorderError, OSError) as exc:
        return Facts(edition, row | {"error": _text(exc, where)}, is_whole=True)
    return Facts(edition, row, is_whole=False)


def counted(where: Where, dialect: Dialect | None, facts: Facts, ended: Callable[[], bool]) -> Facts:
    """Return also what a cassette holds.

    Args:
        where: Where it is.
        dialect: The dialect to read it by; None takes its own.
        facts: What its header tells.
        ended: Tells whether nobody wants to know any more.
    """

    def watch(_: Record) -> None:
        if ended():
            raise _Ended

    try:
        snapshot = Snapshot.of(where, dialect, watch)
    except _Ended:
        return facts
    except (RecorderError, OSError) as exc:
        return Facts(facts.edition, facts.row | {"error": _text(exc, where)}, is_whole=True)
    found, states = snapshot.found, Counter[str]()
    count = len(found.recording.triples)
    try:
        for n in range(1, count + 1):
            states[found.row(n).state] += 1
            if n % _PARCEL == 0 and ended():
                return facts
        problems = rows.problems(snapshot) if count <= _JUDGED else None
    except RecorderError as exc:
        return Facts(snapshot.edition, facts.row | {"error": _text(exc, where)}, is_whole=True)
    finally:
        found.close()
    row = {
        "size": snapshot.edition.size,
        "triples": count,
        "others": len(found.recording.plain),
        "unsolicited": len(found.recording.unsolicited),
        "sessions": len(found.recording.session_starts),
        "states": dict(states),
        "problems": problems,
        "error": "its end was cut off, as by a crash" if found.torn is not None else "",
    }
    return Facts(snapshot.edition, facts.row | row, is_whole=True)


def _whatever_comes(where: Where, look: Callable[[], Facts]) -> Facts:
    """Return what a look at a file finds, or that it failed: the files after it are looked at all the same."""
    try:
        return look()
    except Exception as exc:  # noqa: BLE001  # a file can be damaged in any way; the line of the list tells it
        return Facts(_edition(where), {"size": 0, "error": f"cannot be read: {exc!r}"}, is_whole=True)


def _edition(where: Where) -> Edition | None:
    try:
        return where.edition()
    except RecorderError:
        return None


def _text(error: Exception, where: Where) -> str:
    """Return an error without the path, which the list tells."""
    text = str(error) if isinstance(error, RecorderError) else getattr(error, "strerror", None) or str(error)
    return text.removeprefix(f"{where.path}: ").removeprefix(f"{where.name}: ")
