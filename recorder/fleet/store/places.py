"""Name files, on this machine or at URLs."""

from __future__ import annotations

import glob
import os
import stat
import zlib
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ...errors import InputError, RecorderError
from ...files import Remote, is_url
from .filesystem import filesystem_of
from .problems import Kind, kind_of, told
from .ranges import fresh

if TYPE_CHECKING:
    from .reading import Before

_LOCAL = {"file", "local"}
_WEB = {"http", "https"}
CASSETTE = ".cassette"


def place(file: str | os.PathLike[str]) -> Path:
    """Return the path of a file: a `RemotePath` for a URL, else a `Path`; nothing is read.

    A path comes back as it is, also one of several files (`cassette.reader.Whole`).
    """
    if isinstance(file, Path):
        return file
    text = os.fspath(file)
    if not is_url(text):
        return Path(text)
    scheme, _, rest = text.partition("://")
    return Path(rest) if scheme.lower() in _LOCAL else RemotePath(text)


def is_pattern(file: str | os.PathLike[str]) -> bool:
    """Return whether a text is a pattern (`*`, `?`, `[a-z]`); in a URL of the web `?` begins a query."""
    scheme, mark, _ = os.fspath(file).partition("://")
    text = file.url if isinstance(file, Remote) else os.fspath(file)
    if mark and scheme.lower() in _WEB:
        text = text.partition("?")[0].replace("[", "")  # it is in addresses of IPv6
    return glob.has_magic(text)


def found(pattern: str | os.PathLike[str]) -> list[Path]:
    """Return the files that fit a pattern, here or at a URL, sorted; without a pattern, the one that is named.

    A pattern that ends with `**` finds the cassettes in all folders below, others find any files.

    Raises:
        InputError: If the store does not list them.
        UsageError: If there is no library for the scheme of a URL.
    """
    where = place(pattern)
    if not is_pattern(where) or (not isinstance(where, Remote) and where.exists()):
        return [where]
    text = where.url if isinstance(where, Remote) else str(where)
    wide = text.rpartition("/")[2] == "**"
    if isinstance(where, Remote) and "*" not in text and where.is_file():  # a key may have `[` and `?` in it
        return [where]
    every = list(_listed(where)) if isinstance(where, Remote) else list(_here(text))
    if not every and where.is_file():  # or a `*`
        return [where]
    return sorted((path for path in every if not wide or path.suffix == CASSETTE), key=str)


def _here(pattern: str) -> Iterable[Path]:
    every = glob.iglob(pattern, recursive=True)  # noqa: PTH207  # Path.glob takes no absolute pattern
    return filter(Path.is_file, map(Path, every))


def _listed(where: Remote) -> Iterable[Path]:
    try:
        fs, path = filesystem_of(where.url)
        fs.invalidate_cache()
        listed: dict[str, Any] = fs.glob(path, detail=True)
    except RecorderError:
        raise
    except Exception as exc:  # each library has errors of its own
        if kind_of(exc) is Kind.MISSING:
            return []
        raise InputError(f"{where}: cannot be listed: {told(exc).strerror}") from exc
    names = (name for name, info in listed.items() if info["type"] != "directory")
    if where.scheme in _WEB:
        return [RemotePath(name) for name in names]
    before = where.url[: where.url.index("://") + 3]
    return [RemotePath(f"{before}{name.lstrip('/')}") for name in names]


class RemotePath(Remote):
    """The path of a file at a URL; what was fetched of it lives as long as the path."""

    _fetched: Before | None = None

    def opened(self) -> IO[bytes]:
        """Open the file for reading, by ranges.

        Raises:
            OSError: If the file cannot be opened.
            UsageError: If there is no library for its scheme.
        """
        from .reading import Before, opened  # noqa: PLC0415  # not for a name alone

        if self._fetched is None:
            self._fetched = Before()
        return opened(self.url, str(self), self._fetched)

    def refuse(self, *, force: bool) -> None:
        """Refuse a file that must not be written; the errors are those of `recorder.output.refuse`."""
        from .writing import refuse  # noqa: PLC0415  # not for a name alone

        refuse(self, force=force)

    def replacing(self, *, force: bool) -> AbstractContextManager[IO[bytes]]:
        """Write the file whole or not at all; the errors are those of `recorder.output.replacing`."""
        from .writing import replacing  # noqa: PLC0415  # not for a name alone

        return replacing(self, force=force)

    def info(self) -> dict[str, Any]:
        """Return what the store says of the file now.

        Raises:
            FileNotFoundError: If there is no such file.
            InputError: If the store does not say.
            UsageError: If there is no library for its scheme.
        """
        try:
            if self.scheme in _WEB:  # of a signed URL only GET may be asked
                with self.opened() as file:
                    return {"type": "file", "size": file.seek(0, os.SEEK_END)}
            return fresh(*filesystem_of(self.url))
        except RecorderError:
            raise
        except Exception as exc:  # each library has errors of its own
            problem = told(exc)
            if isinstance(problem, FileNotFoundError):
                raise problem from exc
            raise InputError(f"{self}: {problem.strerror}") from exc

    def stat(self, **_: Any) -> os.stat_result:
        """Return its size, its kind, and the time of its last change; the rest is made up.

        Raises:
            FileNotFoundError: If there is no such file.
            InputError: If the store does not say.
        """
        info = self.info()
        kind = stat.S_IFDIR if info["type"] == "directory" else stat.S_IFREG
        changed = next(
            (
                info[name]
                for name in ("LastModified", "last_modified", "mtime", "modified", "updated", "created")
                if info.get(name)
            ),
            None,
        )
        seconds = _seconds(changed)
        number = zlib.crc32(self.url.encode())  # two URLs are two files for os.path.samestat
        return os.stat_result((kind | 0o644, number, -1, 1, 0, 0, int(info["size"] or 0), seconds, seconds, seconds))

    def exists(self, **_: Any) -> bool:
        """Return whether there is such a file or folder.

        Raises:
            InputError: If the store does not say.
        """
        try:
            self.info()
        except FileNotFoundError:
            return False
        return True

    def is_file(self, **_: Any) -> bool:
        """Return whether there is such a file."""
        return self._is("file")

    def is_dir(self, **_: Any) -> bool:
        """Return whether there is such a folder."""
        return self._is("directory")

    def _is(self, kind: str) -> bool:
        try:
            return bool(self.info()["type"] == kind)
        except (OSError, InputError):
            return False

    def read_bytes(self) -> bytes:
        """Return the whole content."""
        with self.opened() as file:
            return file.read()


def _seconds(changed: Any) -> int:
    if isinstance(changed, datetime):
        return int(changed.timestamp())
    if isinstance(changed, str):
        try:
            return int(datetime.fromisoformat(changed).astimezone(UTC).timestamp())
        except ValueError:
            return 0
    return int(changed or 0)
