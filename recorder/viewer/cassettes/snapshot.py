"""Open a cassette as it is now, and tell later whether it still is so.

A snapshot is an open file: it stays readable when the file is removed, replaced, or goes on to be written.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ...dialect.carried import dialect_of
from ...dialect.definition import Dialect
from ...errors import CassetteError
from ...library.lazy import OpenRecording, open_recording
from ...model import Record
from ..errors import Gone
from .wire import Wire


class Fate(Enum):
    """A change of a cassette file since a page opened it."""

    SAME = "same"
    GROWN = "grown"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Edition:
    """The state of a cassette file at one moment: device, inode, bytes and nanoseconds of each of its parts."""

    parts: tuple[tuple[int, int, int, int], ...]

    @property
    def name(self) -> str:
        """A text that is another one for each edition."""
        return "_".join("-".join(f"{number:x}" for number in part) for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(part[2] for part in self.parts)

    def fate(self, now: Edition) -> Fate:
        """Return what became of the file until now."""
        if now == self:
            return Fate.SAME
        grew = len(now.parts) == len(self.parts) and all(
            new[:2] == old[:2] and new[2] >= old[2] for old, new in zip(self.parts, now.parts, strict=True)
        )
        return Fate.GROWN if grew and now.size > self.size else Fate.CHANGED


def _real(path: Path) -> Path:
    """Return a path without links; `Path.resolve` raises RuntimeError for a link that leads to itself (Python 3.12)."""
    return Path(os.path.realpath(path))


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a cassette file, and the folder that limits links.

    Attributes:
        path: The file.
        name: Its name for people.
        root: The folder that the command line gave, out of which no link may lead; None for a file that it named.
    """

    path: Path
    name: str
    root: Path | None = None

    def edition(self) -> Edition:
        """Return what the file is like now.

        Raises:
            Gone: If it is not there.
            CassetteError: If it is no file, or a link that leads out of its folder.
        """
        if self.root is not None and not _real(self.path).is_relative_to(_real(self.root)):
            raise CassetteError(self.name, "is a link that leads out of the folder", hint="name the file itself")
        parts = []
        for file in getattr(self.path, "files", [self.path]):
            try:
                found = file.stat()
            except FileNotFoundError:
                raise Gone(f"{self.name}: the file is gone") from None
            except OSError as exc:
                raise CassetteError(self.name, exc.strerror or str(exc)) from exc
            if not stat.S_ISREG(found.st_mode):
                raise CassetteError(self.name, "is not a regular file")
            parts.append((found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))
        return Edition(tuple(parts))

    def fate(self, edition: Edition) -> Fate:
        """Return what became of the file since an edition of it."""
        try:
            return edition.fate(self.edition())
        except Gone:
            return Fate.GONE
        except CassetteError:
            return Fate.CHANGED


@dataclass(slots=True)
class Snapshot:
    """A cassette as it was when it was opened.

    Attributes:
        found: The recording.
        edition: The edition of the file.
        dialect: The rules it was read by.
    """

    found: OpenRecording
    edition: Edition
    dialect: Dialect
    _wire: Wire | None = None

    @classmethod
    def of(cls, where: Where, dialect: Dialect | None, watch: Callable[[Record], None] = lambda _: None) -> Snapshot:
        """Open a cassette.

        Args:
            where: Where it is.
            dialect: Rules to read it by; None takes its own.
            watch: Called with each record, where all of them must be read.

        Raises:
            Gone: If it is not there.
            RecorderError: If it cannot be read.
        """
        edition, wire = where.edition(), Wire()

        def watching(record: Record) -> None:
            wire.feed(record)
            watch(record)

        try:
            found = open_recording(where.path, dialect, watch=watching)
        except FileNotFoundError:
            raise Gone(f"{where.name}: the file is gone") from None
        except OSError as exc:
            raise CassetteError(where.name, exc.strerror or str(exc)) from exc
        rules = dialect or dialect_of(found.cassette.header)
        return cls(found, edition, rules, None if found.is_stored else wire)

    def wire(self) -> Wire:
        """Return what the rows need of the records: known of a file that was read through, else read now.

        Raises:
            CassetteError: If the file is damaged.
        """
        known, self._wire = self._wire, None  # it is needed once, and takes memory
        return known or Wire.of(self.found)
