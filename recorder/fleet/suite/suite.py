"""Find the cassettes of a suite: in the cache, or else in the store, which is asked once for each in a whole run."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ...errors import InputError, RecorderError, UsageError
from .cache import Cache
from .lock import NAME, Entry, name_of, read_lock
from .objects import Objects, StoreError

_AT_ONCE = 8  # transfers: each waits for the network most of its time

Item = TypeVar("Item")


class Suite:
    """The cassettes that a lock file names, from a store.

    What went wrong once is not tried again: twenty tests do not wait twenty times for a store that is not there.

    Attributes:
        root: Folder of the lock file.
        entries: What the lock file says, by name.
        objects: The store.

    Args:
        root: Folder of the lock file, which may be missing.
        url: The store.
        cache: Where what was fetched is kept.
        run: Name of the run, if other processes take part in it.

    Raises:
        UsageError: If the lock file has a mistake.

    """

    def __init__(self, root: Path, url: str, cache: Cache, run: str = "") -> None:
        self.root, self.entries, self.objects = root, read_lock(root / NAME), Objects(url)
        self._cache, self._run = cache, run
        self._problems: dict[str, RecorderError] = {}  # by checksum
        self._dead = ""  # why the store cannot be used

    def entry_of(self, path: Path) -> Entry | None:
        """Return what the lock file says of a cassette; None if it does not name the cassette."""
        return self.entries.get(name_of(path, self.root) or "")

    def missing(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return what is not in the cache, each content once."""
        return list({one.sha256: one for one in entries if not self._cache.has(one)}.values())

    def prefetch(self, entries: Iterable[Entry]) -> None:
        """Fetch what is not in the cache; what goes wrong is told by `file_of`."""
        one_by_one(self._fetch, self.missing(entries))

    def file_of(self, entry: Entry) -> Path:
        """Return the file in the cache with the bytes of a cassette; it is fetched if it is not there.

        Raises:
            RecorderError: If it cannot be fetched, or is not what the lock file says; the text is one line.
        """
        if found := self._cache.find(entry):
            return found
        if entry.sha256 not in self._problems:
            self._fetch(entry)
        if problem := self._problems.get(entry.sha256):
            raise problem
        if found := self._cache.find(entry):
            return found
        is_there = self._cache.has(entry)
        copy = f"its copy {self._cache.path_of(entry)} is damaged" if is_there else "it is not in the cache"
        raise InputError(f"{entry.name}: {copy}, and {self._dead}")

    def _fetch(self, entry: Entry) -> None:
        if self._dead:
            return
        try:
            self._cache.add(entry, self._parts)
        except StoreError as exc:
            self._dead = exc.problem
        except UsageError as exc:  # no library for this URL
            self._dead = str(exc)
        except RecorderError as exc:
            self._problems[entry.sha256] = exc

    def _parts(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of a cassette, unless another process of the run has found the store unusable meanwhile.

        This is called under the lock of the cassette: who waits for the lock finds the note.
        """
        told = self._cache.failure(self._run, self.objects.url) if self._run else None
        if told is not None:
            raise StoreError(entry.name, told)
        try:
            yield from self.objects.parts(entry)
        except StoreError as exc:
            if self._run:
                self._cache.note_failure(self._run, self.objects.url, exc.problem)
            raise


def one_by_one(transfer: Callable[[Item], object], items: Iterable[Item]) -> None:
    """Transfer the first item, and then the others at the same time: if the store is not there, one has tried.

    Raises:
        RecorderError: That of the first transfer that failed.
    """
    left = list(items)
    if left:
        transfer(left[0])
    if len(left) > 1:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            deque(threads.map(transfer, left[1:]), maxlen=0)
