"""Count what Locust has no column for: sessions, what the end of the run cut off, and each kind of fault.

Workers send what is new since their last report, and the master adds it up; so counts merge as Locust's statistics do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from ...drive.engine.plan import Finding, Found, Odd
from ...printable import counted


class Fault(Enum):
    """The kinds of faults that a session can have; the values are their names in failures."""

    EARLY = "early"
    WRONG_ID = "wrong id"
    LOST = "lost"
    DOUBLED = "doubled"
    UNKNOWN = "not recorded"
    UNANSWERED = "unanswered"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    NO_VALUE = "value missing"
    LEFT_OUT = "left out"
    FAILED = "failed"
    NOT_BEGUN = "not begun"
    WORKER_LOST = "worker lost"


_OF_ODD = {
    Odd.EARLY: Fault.EARLY,
    Odd.WRONG_ID: Fault.WRONG_ID,
    Odd.DOUBLED: Fault.DOUBLED,
    Odd.UNKNOWN: Fault.UNKNOWN,
}
_OF_FOUND = {
    Found.MISSING_EVENT: Fault.LOST,
    Found.MISSING_ANSWER: Fault.UNANSWERED,
    Found.REFUSED: Fault.REFUSED,
    Found.ACCEPTED: Fault.ACCEPTED,
    Found.UNEXPECTED: Fault.UNKNOWN,
    Found.NO_VALUE: Fault.NO_VALUE,
    Found.LEFT_OUT: Fault.LEFT_OUT,
    Found.FAILED: Fault.FAILED,
}
_ALWAYS = (Fault.EARLY, Fault.WRONG_ID, Fault.LOST, Fault.DOUBLED)  # are told also where there are none


def fault_of(finding: Finding) -> Fault | None:
    """Return which fault a finding is; None for a connection that was lost and recovered, which is none."""
    if finding.odd is not None:
        return _OF_ODD[finding.odd]
    return _OF_FOUND.get(finding.found)


@dataclass(slots=True)
class Counts:
    """Numbers of one process, or of all.

    Attributes:
        begun: Sessions that began.
        complete: Sessions that went as recorded, to their end.
        cut_off: Sessions that the end of the run cut off.
        broken: Sessions that ended in another way than recorded.
        reconnected: Connections that were lost and recovered.
        faults: Faults by kind.
        cut: Answers and terminal events that a session waited for when it was cut off, by row of the statistics
            (`ack GetRecord`).
    """

    begun: int = 0
    complete: int = 0
    cut_off: int = 0
    broken: int = 0
    reconnected: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)

    def take(self) -> dict[str, Any]:
        """Return all numbers as a message, and begin at 0 again."""
        taken = {name: getattr(self, name) for name in _SESSIONS} | {name: dict(getattr(self, name)) for name in _KINDS}
        self.clear()
        return taken

    def add(self, message: Mapping[str, Any]) -> Self:
        """Add the numbers of a message."""
        for name in _SESSIONS:
            setattr(self, name, getattr(self, name) + int(message.get(name, 0)))
        for name in _KINDS:
            getattr(self, name).update(message.get(name, {}))
        return self

    def clear(self) -> None:
        """Begin at 0."""
        for name in _SESSIONS:
            setattr(self, name, 0)
        for name in _KINDS:
            getattr(self, name).clear()

    @property
    def is_clean(self) -> bool:
        """True if nothing went other than recorded."""
        return not self.broken and not any(self.faults.values())

    def lines(self) -> list[str]:
        """Return the numbers in sentences."""
        running = self.begun - self.complete - self.cut_off - self.broken
        parts = [f"{self.complete} as recorded", f"{self.cut_off} cut off by the end of the run"]
        parts += [f"{self.broken} other than recorded"] if self.broken else []
        parts += [f"{running} running, or of a worker that was lost"] if running else []
        found = [f"{counted(self.begun, 'session')}: {', '.join(parts)}"]
        told = [one for one in Fault if one in _ALWAYS or self.faults[one.value]]
        found.append(", ".join(f"{self.faults[one.value]} {one.value}" for one in told))
        if self.cut:
            cut = ", ".join(f"{number} {name}" for name, number in sorted(self.cut.items()))
            found.append(f"cut off, and no failures: {cut}")
        if self.reconnected:
            found.append(f"{counted(self.reconnected, 'connection')} lost, and made again")
        return found

    def rows(self) -> Iterator[tuple[str, str, int]]:
        """Yield the numbers as a table: group, name, number."""
        yield from (("sessions", name.replace("_", " "), getattr(self, name)) for name in _SESSIONS)
        yield from (("faults", one.value, self.faults[one.value]) for one in Fault)
        yield from (("cut off", name, number) for name, number in sorted(self.cut.items()))


_SESSIONS = ("begun", "complete", "cut_off", "broken", "reconnected")
_KINDS = ("faults", "cut")
