"""Keep cassettes on this machine under their checksums, for all suites, runs and processes of a user.

    CACHE/cassettes/4c/4c1f…e0.cassette

A file is in its place whole or not at all, with the bytes that its name says, or it is no member: what another hand has
changed is found by its size when a run begins, and by its checksum when a process reads it for the first time.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InputError, OutputError, RecorderError
from ...files import open_regular
from ...output import leftovers, locking, replacing
from .lock import SUFFIX, Entry

_CHUNK = 1 << 20
_HINT = "RECORDER_CACHE names another folder for the cache of cassettes"
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL}  # of file systems on networks


@dataclass(frozen=True, slots=True)
class Cache:
    """The cassettes that were fetched before.

    Attributes:
        folder: Where they are; need not exist.

    """

    folder: Path
    _sound: set[str] = field(default_factory=set)  # checksums that this process has verified

    def path_of(self, entry: Entry) -> Path:
        """Return the path of a cassette, whether or not it is there."""
        return self.folder / "cassettes" / entry.sha256[:2] / f"{entry.sha256}{SUFFIX}"

    def has(self, entry: Entry) -> bool:
        """Return whether a cassette is there, by its size alone."""
        try:
            return self.path_of(entry).stat().st_size == entry.size
        except OSError:
            return False

    def find(self, entry: Entry) -> Path | None:
        """Return the path of a cassette whose bytes are sound; None if there is none."""
        path = self.path_of(entry)
        if not self.has(entry):
            return None
        if entry.sha256 not in self._sound:
            try:
                if checksum(path) != (entry.sha256, entry.size):
                    return None
            except InputError:  # a file that cannot be read is as good as none: it is fetched again
                return None
            self._sound.add(entry.sha256)
        return path

    def add(self, entry: Entry, fetch: Callable[[Entry], Iterable[bytes]]) -> Path:
        """Return the path of a cassette; fetch it if no other process does meanwhile.

        Args:
            entry: The cassette.
            fetch: Returns its bytes, from elsewhere.

        Raises:
            InputError: If other bytes come than the lock file says.
            OutputError: If the cache cannot be written, e.g. because the disk is full.
            RecorderError: If they cannot be fetched.
        """
        if found := self.find(entry):
            return found
        path = self.path_of(entry)
        with self._alone(path.parent):
            if found := self.find(entry):  # by another process, while this one waited
                return found
            for left in leftovers(path.parent):
                with suppress(OSError):  # another user's
                    left.unlink()
            self._write(path, entry, fetch(entry))
        self._sound.add(entry.sha256)
        return path

    def _write(self, path: Path, entry: Entry, parts: Iterable[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            with replacing(path, force=True) as file:
                for part in parts:
                    digest.update(part)
                    size += len(part)
                    file.write(part)
                if (digest.hexdigest(), size) != (entry.sha256, entry.size):
                    raise InputError(
                        f"{entry.name}: the store has other bytes than cassettes.lock says: sha256 "
                        f"{digest.hexdigest()}, {size} bytes, not {entry.sha256}, {entry.size}; nothing of them is "
                        "used. Delete this object in the store, and push the cassette again"
                    )
        except OutputError as exc:
            raise OutputError(f"{entry.name}: {exc}; {_HINT}") from exc

    @contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        """Make a folder, and keep other processes that fetch into it waiting."""
        try:
            if not self.folder.exists():
                self.folder.mkdir(mode=0o700, parents=True)  # what is in the cassettes is the user's business
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise OutputError(f"{folder}: cannot be made: {exc.strerror}; {_HINT}") from exc
        with ExitStack() as held:
            try:
                held.enter_context(locking(folder))
            except OSError as exc:
                # without a lock two processes may fetch the same bytes, and one replaces what the other has written
                if exc.errno not in _NO_LOCKS:
                    raise OutputError(f"{folder}: cannot be locked: {exc.strerror}; {_HINT}") from exc
            yield

    def note_failure(self, run: str, store: str, problem: str) -> None:
        """Tell the other processes of a run that its store cannot be used, so that they need not find out."""
        text = json.dumps({"run": run, "store": _digest(store), "problem": problem})
        with suppress(RecorderError), replacing(self._note, force=True) as file:
            file.write(text.encode())

    def failure(self, run: str, store: str) -> str | None:
        """Return why another process of a run could not use its store; None if there was no such failure."""
        try:
            with open_regular(self._note) as file:
                told = json.loads(file.read())
        except (OSError, InputError, ValueError):
            return None
        is_of_run = isinstance(told, dict) and (told.get("run"), told.get("store")) == (run, _digest(store))
        return str(told.get("problem")) if is_of_run else None

    @property
    def _note(self) -> Path:
        return self.folder / "unreachable.json"


def _digest(store: str) -> str:
    """Return what stands for a URL in a file: the URL may hold secrets."""
    return hashlib.sha256(store.encode("utf-8", "surrogatepass")).hexdigest()


def checksum(path: Path) -> tuple[str, int]:
    """Return the SHA-256 of a file, as hexadecimal digits, and its number of bytes.

    Raises:
        InputError: If the file cannot be read, or is not a regular file.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with open_regular(path) as file:
            while part := file.read(_CHUNK):
                digest.update(part)
                size += len(part)
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc
    return digest.hexdigest(), size
