"""Show DuckDB the files of a catalogue, wherever they are, and nothing else: to read, never to write.

DuckDB asks a file system of Python for files whose names begin with `catalogue://`. This one knows the files of one
catalogue with their sizes, and reads them by ranges.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fsspec import AbstractFileSystem

from ...errors import InputError, RecorderError, UsageError
from ..store.problems import Kind, kind_of, told
from .source import Source
from .waiting import begun, ended

SCHEME = "catalogue"
ROOT = f"{SCHEME}://"
# A file of up to 128 KiB is read at once: to a store, two requests for its parts take longer. The last 512 are kept,
# since DuckDB opens each file twice
_WHOLE = 128 * 1024
_KEPT = 512
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # the files of a catalogue never change


class Replaced(InputError):
    """A file of a catalogue is gone: a build has replaced it."""


class CatalogueFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """The files of a catalogue, by `catalogue://PATH`.

    Attributes:
        problem: The first error of a read, for the user: DuckDB turns all errors into text of its own.
    """

    protocol = SCHEME
    cachable = False  # fsspec would hand out one object for equal arguments

    def __init__(self, source: Source) -> None:
        """Take the files; nothing is read."""
        super().__init__()
        self._store, self._root, self._files, self._name = source.store, source.root, source.files, source.name
        self._is_far = source.is_far
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._guard = threading.Lock()  # DuckDB reads in several threads
        self._is_stopped = False
        self.problem: RecorderError | None = None

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix(ROOT)

    def open(self, path: str, mode: str = "rb", *_: object, **__: object) -> io.RawIOBase:
        """Open a file of the catalogue for reading.

        Raises:
            PermissionError: If it is to be written.
            FileNotFoundError: If it is no file of the catalogue.
        """
        if mode not in ("r", "rb"):
            self.problem = UsageError("a query reads the tables of the catalogue, and nothing else; it cannot write")
            raise PermissionError(f"{path}: a query writes nothing")
        path = self._strip_protocol(path)
        return _File(self, path, self.info(path)["size"])

    def read_range(self, path: str, begin: int, end: int) -> bytes:
        """Return a range of bytes of a file."""
        size = self._files[path]
        if size > _WHOLE:
            return self._read(path, begin, end)
        with self._guard:
            content = self._kept.get(path)
        if content is None:
            content = self._read(path, 0, size)
            with self._guard:
                self._kept[path] = content
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
        return content[begin:end]

    def _read(self, path: str, begin: int, end: int) -> bytes:
        with self._remembered(path):
            read = partial(self._store.cat_file, f"{self._root}/{path}", start=begin, end=end)
            # a thread for each read can be left alone, but takes 0.5 ms of CPU
            content: bytes = ended(begun(read), self._look) if self._is_far else read()
            if len(content) != end - begin:
                raise InputError("is shorter than the catalogue says")
        return content

    def stop(self) -> None:
        """End all reads that wait: DuckDB cannot end as long as its threads are in them."""
        self._is_stopped = True

    def _look(self) -> None:
        if self._is_stopped:
            raise InterruptedError("the query was interrupted")

    @contextmanager
    def _remembered(self, path: str) -> Iterator[None]:
        try:
            yield
        except Exception as exc:  # each library of a store has errors of its own
            where = f"{self._name}/{path}: cannot be read"
            if kind_of(exc) is Kind.MISSING:
                self.problem = Replaced(f"{where}: a build has replaced it meanwhile; run the query again")
            else:
                why = exc if isinstance(exc, InputError) else told(exc).strerror
                self.problem = self.problem or InputError(f"{where}: {why}")
            raise

    def info(self, path: str, **_: object) -> dict[str, Any]:
        """Return name, type and size of a file.

        Raises:
            FileNotFoundError: If it is no file of the catalogue.
        """
        path = self._strip_protocol(path)
        if path not in self._files:
            raise FileNotFoundError(f"{ROOT}{path}: is no file of the catalogue")
        return {"name": f"{ROOT}{path}", "type": "file", "size": self._files[path]}

    def exists(self, path: str, **_: object) -> bool:
        """Return whether a path is one of the files."""
        return self._strip_protocol(path) in self._files

    def isfile(self, path: str) -> bool:
        """Return whether a path is one of the files."""
        return self.exists(path)

    def isdir(self, path: str) -> bool:  # noqa: ARG002  # the signature is fsspec's
        """Return False: folders are not shown."""
        return False

    def modified(self, path: str) -> datetime:  # noqa: ARG002  # see above
        """Return one time for all files: they never change."""
        return _LONG_AGO

    def glob(self, path: str, **_: object) -> list[str]:
        """Return the files of a table for `catalogue://TABLE/**`; of another name, the one file."""
        path = self._strip_protocol(path)
        table, mark, rest = path.partition("/")
        if mark and rest == "**":
            return [f"{ROOT}{one}" for one in self._files if one.startswith(f"{table}/")]
        return [f"{ROOT}{path}"] if path in self._files else []


class _File(io.RawIOBase):
    """A file of the catalogue that is read by ranges."""

    def __init__(self, files: CatalogueFiles, path: str, size: int) -> None:
        self._files, self._path, self._size, self._at = files, path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        if end <= self._at:
            return b""
        content = self._files.read_range(self._path, self._at, end)
        self._at = end
        return content
