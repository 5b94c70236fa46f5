"""Read and write cassettes in a store, under their checksums.

    URL/4c/4c1f…e0.cassette

What is there is never changed: each commit of a repository, also an old one, finds the bytes that its lock file names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, OutputError, RecorderError
from ...files import without_secrets
from ..store.filesystem import filesystem_of, is_url
from ..store.problems import told
from ..store.problems import without_secrets as said
from .lock import SUFFIX, Entry

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_PART = 16 << 20  # bytes that are held in memory at once


class StoreError(InputError):
    """A store that cannot be used at all, unlike one that lacks a file.

    Attributes:
        problem: Its URL, and why.
    """

    def __init__(self, cassette: str, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{cassette}: {problem}")


class Objects:
    """The cassettes in one store. No library is imported, and nothing asked, before the first call.

    Attributes:
        url: Where they are: a URL, or a folder of this machine.

    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._found: tuple[AbstractFileSystem, str] | None = None

    def parts(self, entry: Entry) -> Iterator[bytes]:
        """Yield the bytes of a cassette, each read once.

        Raises:
            InputError: If the store has no such cassette.
            StoreError: If the store cannot be used.
        """
        system, path = self._place(entry)
        with self._told(entry, "fetched"):
            for start in range(0, entry.size, _PART):
                # by ranges also what is small: for a whole file s3fs would ask its size first
                end = min(start + _PART, entry.size)
                part = system.cat_file(path, start=start, end=end)
                yield part
                if len(part) != end - start or len(part) == entry.size:
                    return  # the file is shorter than the lock file says; or a web server has no ranges

    def size(self, entry: Entry) -> int | None:
        """Return the number of bytes that the store has of a cassette; None if there is none.

        Raises:
            StoreError: If the store cannot be used.
        """
        system, path = self._place(entry)
        try:
            with self._told(entry, "looked for"):
                return int(system.info(path)["size"])
        except StoreError:
            raise
        except InputError:
            return None

    def put(self, entry: Entry, file: Path) -> None:
        """Upload a cassette.

        Raises:
            OutputError: If it cannot be written.
        """
        system, path = self._place(entry)
        try:
            with self._told(entry, "uploaded"):
                if not system.async_impl:  # those of object stores know no folders
                    system.makedirs(path.rpartition("/")[0], exist_ok=True)
                system.put_file(str(file), path)
        except InputError as exc:
            raise OutputError(str(exc)) from exc

    def remove(self, entry: Entry) -> None:
        """Take a cassette out of the store.

        Raises:
            InputError: If it is not there, or the store cannot be used.
        """
        system, path = self._place(entry)
        with self._told(entry, "removed"):
            system.rm_file(path)

    def _place(self, entry: Entry) -> tuple[Any, str]:
        if self._found is None:
            self._found = filesystem_of(self.url if is_url(self.url) else Path(self.url).absolute().as_uri())
        system, path = self._found
        return system, f"{path.rstrip('/')}/{entry.sha256[:2]}/{entry.sha256}{SUFFIX}"

    @contextmanager
    def _told(self, entry: Entry, done: str) -> Iterator[None]:
        """Turn what a library raises into an error with one line."""
        place = f"{without_secrets(self.url)}/{entry.sha256[:2]}/{entry.sha256}{SUFFIX}"
        where = f"{entry.name}: cannot be {done}"
        try:
            yield
        except RecorderError:
            raise
        except FileNotFoundError as exc:
            if lost := _lost(exc):
                raise StoreError(where, f"{without_secrets(self.url)}: {told(lost).strerror}") from exc
            hint = "`recorder store push` uploads it, where its file is"
            raise InputError(f"{where}: there is no {place}; {hint}") from exc
        except PermissionError as exc:  # S3 answers so for a missing one, too, if the user may not list the bucket
            raise InputError(f"{where}: no access to {place}: {said(str(exc))}") from exc
        except Exception as exc:  # each library has errors of its own, and those of what it is built on
            raise StoreError(where, f"{without_secrets(self.url)}: {told(exc).strerror}") from exc


def _lost(error: BaseException) -> OSError | None:
    """Return the lost connection that a missing file stands for: fsspec's HTTP tells no difference."""
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
            return cause
        cause = cause.__cause__
    return None
