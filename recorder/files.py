"""Open files that a user named, but only regular files.

A pipe without a writer would block the reader for ever, and a device may never end. A file may also be at a URL: its
path is a `Remote` then, and everything that takes paths takes it too.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Self, cast

from .errors import InputError
from .system.opening import SAFELY, read_into

if TYPE_CHECKING:
    _Local = Path
else:
    _Local = type(Path())  # before Python 3.12 only the class of this system can have subclasses

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(?=://)")  # RFC 3986 section 3.1; one letter is a drive of Windows
_BY_NEW = sys.version_info < (3, 12)  # the text of a path was taken by __new__ alone
_WEB = {"http", "https"}  # only there is a query none of the name
_NEXT = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]+://)")  # fsspec: `zip://day.cassette::https://host/days.zip`
# the query of a signed URL, where a query may be a part of the name
_SIGNED = re.compile(r"\?(?:.*&)?[^=&]*(?:sig|token|secret|passw|credential|key)[^=&]*=.*", re.IGNORECASE)
# a password with a slash: the host would end before it, with a port that is no number
_SLASHED = re.compile(r"[^/@]*:(?!\d*(?:/|$))[^@]*/.*@")


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file, or a file at a URL, for reading.

    Reading raises `InputError` if the disk fails: an error of the system would not tell which file it is about, and
    many callers have an output open meanwhile.

    Raises:
        OSError: If the file cannot be opened, or is not a regular file.
    """
    if isinstance(path, Remote):
        return path.opened()
    return io.BufferedReader(_Raw(descriptor_of(path, os.O_RDONLY), str(path)))


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, with CRLF line ends turned into LF.

    Raises:
        OSError: If the file cannot be opened, or is not a regular file.
        UnicodeDecodeError: If the content is not UTF-8.
    """
    with open_regular(path) as file:
        return file.read().decode().replace("\r\n", "\n")


def descriptor_of(path: Path, flags: int, mode: int = 0o644) -> int:
    """Return a descriptor of a file, opened with `flags` of `os.open`; a new file gets the access rights `mode`.

    The caller closes the descriptor. For writing, a character device (e.g. /dev/stdout) is accepted too.

    Raises:
        OSError: If the file cannot be opened, or is not a regular file.
    """
    try:
        descriptor = os.open(path, flags | SAFELY, mode)
    except PermissionError as exc:
        if path.is_dir():  # Windows opens no folder; elsewhere it is told below
            raise OSError(errno.EINVAL, "is a directory") from exc
        raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not (flags & os.O_WRONLY and stat.S_ISCHR(mode)):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is a directory" if stat.S_ISDIR(mode) else "is not a regular file")
    return descriptor


def is_url(text: str) -> bool:
    """Return whether a text names a file in a store, e.g. `s3://bucket/day.cassette`, and no local file."""
    return _SCHEME.match(text) is not None


def without_secrets(url: str) -> str:
    """Return a URL without its secrets: the logins (`user:password@`), and the queries that may be signed.

    What is left can be in any message. A text that is no URL comes back as it is.
    """
    return "::".join(map(_masked, _NEXT.split(url)))


def _masked(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark or not is_url(url):
        return url
    is_web = scheme.lower() in _WEB
    cut = re.search("[?#]", rest) if is_web else _SIGNED.search(rest)
    before, query = (rest[: cut.start()], "?\N{HORIZONTAL ELLIPSIS}") if cut else (rest, "")
    slashed = _SLASHED.match(before)
    end = slashed.end() if slashed and "@" not in before.partition("/")[0] else 0
    host, slash, path = before[end:].partition("/")
    login, at, host = host.rpartition("@")
    if end or (at and (is_web or ":" in login)):  # the container of abfs://container@account is none
        login, at = "\N{HORIZONTAL ELLIPSIS}", "@"
    return f"{scheme}://{login}{at}{host}{slash}{path}{query}"


class Remote(_Local):
    """The path of a file at a URL; `recorder.fleet.store.places` has the one that can be opened.

    A `Path` would lose the second slash of the URL, and everything on the disk is another file than this one. The text
    of it is the URL without its secrets: a login (`user:password@`), and the query of a URL of the web, which may be
    signed. So it can be in any message, and is no way back to the URL.

    Attributes:
        url: The URL, with its secrets.
        scheme: Its scheme, in small letters.
    """

    def __new__(cls, url: str) -> Self:
        """Make the path; see `__init__`."""
        return super().__new__(cls, _flat(url))

    def __init__(self, url: str) -> None:
        """Take a URL.

        Args:
            url: The URL, e.g. `s3://bucket/team/day.cassette`.

        Raises:
            ValueError: If the text has no scheme.
        """
        if not is_url(url):
            raise ValueError(f"{url!r} is no URL")
        super().__init__(*[_flat(url)][_BY_NEW:])
        self.url = url
        scheme, _, rest = url.partition("://")
        self.scheme = scheme.lower()
        self._before = f"{scheme}://"
        cut = re.search("[?#]", rest) if self.scheme in _WEB else None
        self._rest, self._query = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "")
        self._text = without_secrets(url)

    def opened(self) -> IO[bytes]:
        """Open the file for reading; the errors are those of `open_regular`."""
        raise NotImplementedError

    def refuse(self, *, force: bool) -> None:
        """Refuse a file that must not be written; the errors are those of `recorder.output.refuse`."""
        raise NotImplementedError

    def replacing(self, *, force: bool) -> AbstractContextManager[IO[bytes]]:
        """Write the file whole or not at all; the errors are those of `recorder.output.replacing`."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self._text

    def __fspath__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._text!r})"

    def __bytes__(self) -> bytes:
        return os.fsencode(self._text)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.url,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and self.url == other.url

    def __hash__(self) -> int:
        return hash(self.url)

    def __lt__(self, other: os.PathLike[str]) -> bool:
        return str(self) < str(other)

    def __le__(self, other: os.PathLike[str]) -> bool:
        return str(self) <= str(other)

    def __gt__(self, other: os.PathLike[str]) -> bool:
        return str(self) > str(other)

    def __ge__(self, other: os.PathLike[str]) -> bool:
        return str(self) >= str(other)

    def __truediv__(self, other: str | os.PathLike[str]) -> Self:
        return self.joinpath(other)

    def __rtruediv__(self, _: str | os.PathLike[str]) -> Self:
        return self  # as any absolute path

    def joinpath(self, *others: str | os.PathLike[str]) -> Self:
        """Return the path behind others; one that is absolute takes the place of all before it."""
        if not others:
            return self
        if isinstance(others[0], Remote):
            return cast(Self, others[0].joinpath(*others[1:]))
        path = PurePosixPath(others[0])
        if path.is_absolute():
            return cast(Self, Path(path, *others[1:]))
        return self._with(f"{self._rest.removesuffix('/')}/{path}").joinpath(*others[1:])

    def _with(self, rest: str) -> Self:
        return type(self)(f"{self._before}{rest}{self._query}")

    @property
    def name(self) -> str:
        """Name of the file in its folder; that of the bucket or host for the topmost one."""
        return self._rest.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """End of the name, from its last dot."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """All ends of the name, from each of its dots."""
        return PurePosixPath(self.name).suffixes

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> Self:
        """The folder; of the topmost one, itself."""
        folder, slash, _ = self._rest.rpartition("/")
        return self._with(folder) if slash else self

    @property
    def parents(self) -> Any:
        """All folders, from the nearest."""
        return tuple(self._folders())

    def _folders(self) -> Iterator[Self]:
        here = self
        while "/" in here._rest:
            here = here.parent
            yield here

    @property
    def parts(self) -> tuple[str, ...]:
        """The scheme, the bucket or host, and the names behind it."""
        return (self._before, *self._rest.split("/"))

    def with_name(self, name: str) -> Self:
        """Return the path of another file in the folder."""
        folder, slash, _ = self._rest.rpartition("/")
        return self._with(f"{folder}{slash}{name}")

    def with_stem(self, stem: str) -> Self:
        """Return the path with another name that has the suffix."""
        return self.with_name(f"{stem}{self.suffix}")

    def with_suffix(self, suffix: str) -> Self:
        """Return the path with another end of its name."""
        return self.with_name(str(PurePosixPath(self.name).with_suffix(suffix)))

    def match(self, path_pattern: str, **_: Any) -> bool:
        """Return whether the end of the path fits a pattern."""
        return PurePosixPath(self._rest).match(path_pattern)

    def is_absolute(self) -> bool:
        """Return True: a URL depends on no folder."""
        return True

    def as_posix(self) -> str:
        """Return the text."""
        return self._text

    def as_uri(self) -> str:
        """Return the text."""
        return self._text

    def absolute(self) -> Self:
        """Return the path itself."""
        return self

    def resolve(self, strict: bool = False) -> Self:  # noqa: ARG002, FBT001, FBT002  # the signature of Path
        """Return the path itself: stores have no links."""
        return self

    def expanduser(self) -> Self:
        """Return the path itself."""
        return self

    def is_symlink(self) -> bool:
        """Return False: stores have no links."""
        return False

    def samefile(self, other: str | os.PathLike[str]) -> bool:
        """Return whether the other path is equal."""
        return self == other

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOTSUP, "is at a URL, where this cannot be done")

    # none of these may happen on the disk instead
    mkdir = touch = unlink = rmdir = rename = replace = chmod = iterdir = walk = _refused
    write_bytes = write_text = symlink_to = hardlink_to = readlink = relative_to = _refused


def is_same_place(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one file, which need not exist yet."""
    if isinstance(one, Remote) or isinstance(other, Remote):
        return one == other
    return os.path.realpath(one) == os.path.realpath(other)


def as_argument(path: Path) -> str:
    """Return the text by which another process of this user finds a file: of a URL, with its secrets."""
    return path.url if isinstance(path, Remote) else str(path)


def folder_of(path: Path) -> Path | None:
    """Return the folder of a file, for temporary files beside it; None, the system's, for a file at a URL."""
    return None if isinstance(path, Remote) else path.resolve().parent


def _flat(url: str) -> str:
    return re.sub("/+", "/", url)


class _Raw(io.RawIOBase):
    """A regular file for Python's buffered reader; an error names the file."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor, self.name = descriptor, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer is one
        try:
            return read_into(self._descriptor, buffer)
        except OSError as exc:
            raise InputError(f"{self.name}: cannot be read: {exc.strerror}; check the disk") from exc

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def close(self) -> None:
        if not self.closed:
            super().close()
            with suppress(OSError):  # all that was wanted is read
                os.close(self._descriptor)
