"""Choose the dialect of a capture once, by its first records. Sans-IO.

A choice decides how records are read, never how they are redacted: the redaction of a capture is set before its first
record, and would otherwise depend on the traffic.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from ..dialect.definition import DEFAULT, Dialect, shipped
from ..dialect.fitting import Fit, Fitting, every
from ..model import Record


class Choosing:
    """The choice of a dialect, which is made at most once.

    Attributes:
        dialect: The dialect; the default as long as nothing is chosen.

    """

    def __init__(self, given: Dialect | None = None, candidates: Iterable[Dialect] | None = None) -> None:
        """Begin.

        Args:
            given: The dialect that the user named, or that the cassette to continue has; None to choose one.
            candidates: The dialects to choose from, by default those shipped.

        """
        self.dialect = given or shipped(DEFAULT)
        self._fitting = Fitting(every() if candidates is None else candidates) if given is None else None

    def feed(self, record: Record) -> Fit | None:
        """Take the next record; return the choice when it is made."""
        found = self._fitting.feed(record) if self._fitting is not None else None
        return self._made(found) if found is not None else None

    def end(self) -> Fit | None:
        """Return the choice by the records so far, None if it is made already or there is no traffic to be read."""
        found = self._fitting.best() if self._fitting is not None else None
        return self._made(found) if found is not None and (found.requests or found.events) else None

    def of_all(self, records: Iterable[Record]) -> Fit | None:
        """Choose by all records of a capture, whether or not fewer are enough; the return value is that of `end`."""
        if self._fitting is None:
            return None
        for record in records:
            self._fitting.feed(record)
        return self.end()

    @property
    def is_made(self) -> bool:
        """True if there is nothing left to choose."""
        return self._fitting is None

    def _made(self, found: Fit) -> Fit:
        self._fitting = None
        self.dialect = found.dialect or self.dialect
        return found


def told(fit: Fit, path: Path) -> str:
    """Return the line that tells a user the choice of a dialect, and what to do if there is none."""
    if fit.dialect is None:
        file = shlex.quote(str(path))
        return f"dialect: no shipped dialect fits ({fit}); recorder dialect suggest {file} writes one"
    return f"dialect: {fit.dialect.name} ({fit})"
