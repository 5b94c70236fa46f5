"""Keep the cassettes that the command line gave, by numbers; what stands in a folder is looked up again and again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from ..dialect.definition import Dialect
from .app import Shown
from .reading import Reading

SUFFIX = ".cassette"
_MOST = 5_000  # files of a folder that are listed
_DEEPEST = 8  # folders in each other


@dataclass(frozen=True, slots=True)
class Place:
    """A file that may be shown.

    Attributes:
        number: Its number, from 1, which stays the same as long as the viewer runs.
        name: For people: below its folder, or as the command line gave it.
        path: Where it is.
        root: The folder that the command line gave, out of which no link may lead; None for a file that it named.
    """

    number: int
    name: str
    path: Path
    root: Path | None = None


class Shelf:
    """Files and folders of files. Its methods may be called from several threads.

    Attributes:
        title: Title of the list.
    """

    def __init__(self, files: Sequence[Path], folders: Sequence[Path] = (), dialect: Dialect | None = None) -> None:
        """Take what the command line gave.

        Args:
            files: Cassettes.
            folders: Folders of cassettes, with those below them.
            dialect: The dialect to read all of them by; None takes that of each.
        """
        self._folders, self._dialect, self._lock = list(folders), dialect, Lock()
        self._places: dict[Path, Place] = {}
        self._open: dict[int, Reading] = {}
        self.title = ", ".join([*(file.name for file in files), *(folder.resolve().name for folder in folders)])
        for file in files:
            self._add(file, file.name, None)
        self._look()

    def listed(self) -> Any:
        """Return the list of cassettes as JSON, after a look into the folders."""
        self._look()
        with self._lock:
            places = list(self._places.values())
        return {"cassettes": [{"k": place.number, "name": place.name} for place in places]}

    def cassette(self, number: int) -> Shown | None:
        """Return a cassette by its number, None if there is none."""
        with self._lock:
            place = next((place for place in self._places.values() if place.number == number), None)
            if place is None:
                return None
            return self._open.setdefault(number, Reading(place.path, place.name, place.root, self._dialect))

    def compared(self, old: int, new: int) -> Shown | None:  # noqa: ARG002  # comes with the comparison
        """Return two cassettes that are compared, None if one of them is not there."""
        return None

    def _look(self) -> None:
        for folder in self._folders:
            for path in below(folder):
                self._add(path, os.path.relpath(path, folder), folder)

    def _add(self, path: Path, name: str, root: Path | None) -> None:
        with self._lock:
            if path not in self._places:
                self._places[path] = Place(len(self._places) + 1, name, path, root)


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
