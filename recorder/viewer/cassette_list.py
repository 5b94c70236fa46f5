"""Keep the cassettes that the command line gave, by numbers; what stands in a folder is looked up again and again."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from ..dialect.definition import Dialect
from .app import Shown
from .cassettes.catalogue import Catalogue
from .cassettes.comparing import Compared
from .cassettes.findings import Scan
from .cassettes.reading import Reading
from .cassettes.snapshot import Where

SUFFIX = ".cassette"
_OPEN = 6  # cassettes that are kept open
_PAIRS = 3  # comparisons that are kept open
_MOST = 5_000  # files of a folder that are listed
_DEEPEST = 8  # folders in each other


class CassetteList:
    """Files and folders of files. Its methods may be called from several threads.

    Attributes:
        title: Title of the list.
    """

    def __init__(
        self,
        files: Sequence[Path],
        folders: Sequence[Path] = (),
        dialect: Dialect | None = None,
        scan: Scan | None = None,
    ) -> None:
        """Take what the command line gave.

        Args:
            files: Cassettes.
            folders: Folders of cassettes, with those below them.
            dialect: The dialect to read all of them by; None takes that of each.
            scan: Searches a cassette for secrets; None does not.
        """
        self._folders, self._dialect, self._scan, self._lock = list(folders), dialect, scan, Lock()
        self._catalogue = Catalogue(dialect)
        self._numbers: dict[Path, int] = {}
        self._readings: list[Reading] = []  # by number, from 1
        self._pairs: dict[tuple[int, int], Compared] = {}  # those that may be open, the last used ones last
        self._used: list[Reading] = []  # those that may be open, the last used ones last
        self.title = ", ".join([*(file.name for file in files), *(folder.resolve().name for folder in folders)])
        for file in files:
            self._add(file, file.name, None)
        self._look()

    def listed(self) -> Any:
        """Return the list of cassettes as JSON, after a look into the folders."""
        self._look()
        with self._lock:
            readings = list(self._readings)
        return {
            "title": self.title,
            "cassettes": self._catalogue.rows((k, reading.where) for k, reading in enumerate(readings, 1)),
        }

    def close(self) -> None:
        """End what goes on in the background."""
        self._catalogue.close()

    def cassette(self, number: int) -> Shown | None:
        """Return a cassette by its number, None if there is none."""
        with self._lock:
            if not 1 <= number <= len(self._readings):
                return None
            reading = self._readings[number - 1]
            self._used = [*(one for one in self._used if one is not reading), reading]
            spare = self._used[:-_OPEN]
            self._used = [one for one in spare if not one.close()] + self._used[-_OPEN:]
            return reading

    def compared(self, old: int, new: int) -> Shown | None:
        """Return two cassettes that are compared, None if one of them is not there."""
        with self._lock:
            count = len(self._readings)
            if not (1 <= old <= count and 1 <= new <= count) or old == new:
                return None
            found = self._pairs.pop((old, new), None)
            found = found or Compared(self._readings[old - 1].where, self._readings[new - 1].where, self._dialect)
            for pair in list(self._pairs)[: 1 - _PAIRS] if len(self._pairs) >= _PAIRS else []:
                if self._pairs[pair].close():
                    del self._pairs[pair]
            self._pairs[old, new] = found
            return found

    def _look(self) -> None:
        for folder in self._folders:
            for path in below(folder):
                self._add(path, os.path.relpath(path, folder), folder)

    def _add(self, path: Path, name: str, root: Path | None) -> None:
        with self._lock:
            if path not in self._numbers:
                self._numbers[path] = len(self._readings) + 1
                self._readings.append(Reading(Where(path, name, root), self._dialect, time.time, self._scan))


def below(folder: Path) -> Iterator[Path]:
    """Yield the cassettes in a folder and below it, by name; no link to a folder is followed."""
    count = 0
    for here, folders, names in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < _DEEPEST else []
        for name in sorted(names):
            if name.endswith(SUFFIX):
                count += 1
                if count > _MOST:
                    return
                yield Path(here, name)
