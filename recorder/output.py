"""Write files whole or not at all: a reader sees the old file or the whole new one, and never a part.

    refuse → temporary file beside the target → fsync → rename → fsync of the folder

A killed process leaves the old file, and a temporary file whose name ends with `.part`; `leftovers` finds these. While
a temporary file is written, its writer holds a lock on the file, so that `leftovers` can tell the two apart.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from .errors import OutputError, UsageError
from .files import Remote, descriptor_of
from .system import locks, rights
from .system.opening import KEEPS_OPEN_FILES, NO_LINKS, SAFELY, persistently, sync_folder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

SUFFIX = ".part"
RECORDING = ".recording-"  # begin of the name of a folder in which the pytest plugin records
_LONGEST = 200  # bytes of the target's name in the name of its temporary file; file systems allow 255 in all
_LOCK = ".recorder.lock"  # name of the file that stands for its folder
_APPENDING = os.O_WRONLY | os.O_APPEND
# errors of link() on file systems without hard links
_UNLINKABLE = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}


def refuse(target: Path, inputs: Iterable[Path] = (), *, force: bool = False) -> None:
    """Refuse a target that must not or cannot be written, before any work is done for it.

    Args:
        target: The file to write.
        inputs: Files that the command reads; the target must be none of them, under any name.
        force: Allow a target that exists.

    Raises:
        UsageError: If the target is an input, no regular file, written by a recorder, or exists without `force`.
        OutputError: If the target or its folder cannot be written.
    """
    if isinstance(target, Remote):
        if target in inputs:
            raise UsageError(f"{target}: the command reads this file; choose another name for the output")
        target.refuse(force=force)
        return
    real = _resolved(target)  # also for the kernel `missing/../file` is nothing, but missing folders are made
    there = _status(real)
    for path in inputs:
        if _is_same(real, there, path):
            same = "" if path == target else f", it is {path}"
            raise UsageError(f"{target}: the command reads this file{same}; choose another name for the output")
    if there is None and (force or not target.is_symlink()):
        _refuse_folder(target, real)
        return
    if there is not None:
        _refuse_kind(target, there)
    if not force:
        raise UsageError(f"{target}: exists already; choose another name, or --force to overwrite it")
    if not os.access(real, os.W_OK):
        raise OutputError(f"{target}: cannot be written: {_denied(real)}")
    try:
        os.close(_locked(real))
    except OSError as exc:
        raise OutputError(f"{target}: cannot be written: {exc.strerror}") from exc


@contextmanager
def replacing(
    target: Path, *, force: bool = False, like: Iterable[Path] = (), private: bool = False, follow: bool = True
) -> Iterator[IO[bytes]]:
    """Write a file whole or not at all: it takes its place when the block ends without an error.

    The file that the block gets is a temporary one, with its path in `name`. Missing folders are made.

    Args:
        target: The file to write.
        force: Replace a target that exists.
        like: Files from which the content is made: nobody may read the output who may not read each of them.
        private: Let nobody but the owner read the output.
        follow: Of a symbolic link, write the file that it points to; False replaces the link itself, for names that
            others can guess.

    Raises:
        UsageError: If the target is no regular file, written by a recorder, or exists without `force`.
        OutputError: If the target cannot be written, e.g. because the disk is full; the old file is unchanged.
    """
    if isinstance(target, Remote):
        with target.replacing(force=force) as file:
            yield file
        return
    if not follow and target.is_symlink():
        target.unlink()
    replacement = Replacement(target, force=force, like=like, private=private)
    try:
        with replacement.file() as file:
            yield file
            file.flush()
            replacement.commit()
    except OSError as exc:
        raise replacement.failed(exc) from exc
    finally:
        replacement.close()


class Replacement:
    """A new file that takes the place of its target with `commit`.

    Attributes:
        descriptor: The new file, locked and open for appending; the caller may keep it open after `commit`.
        target: The file to write, after symbolic links.
    """

    def __init__(self, target: Path, *, force: bool = False, like: Iterable[Path] = (), private: bool = False) -> None:
        """Open a temporary file beside the target; the arguments and errors are those of `replacing`."""
        if isinstance(target, Remote):
            raise UsageError(f"{target}: is at a URL, where nothing can be written bit by bit; choose a local file")
        self._named, self._force, self.descriptor = target, force, -1
        self._folders: list[Path] = []  # made for this file
        self._is_done = self._is_left = False  # in its place; in its place, and under its temporary name too
        refuse(target, force=force)
        self.target = _resolved(target)  # the file behind a symbolic link, not the link
        name = os.fsencode(self.target.name)[:_LONGEST].decode(errors="ignore")
        self._path = self.target.with_name(f".{name}.{secrets.token_hex(6)}{SUFFIX}")
        self._old = -1
        try:
            self._old = _locked(self.target) if self.target.exists() else -1
            self._make_folders(self.target.parent)
            here = [path for path in like if not isinstance(path, Remote)]  # in a store nobody has such rights
            self._create([status for path in here if (status := _status(path)) is not None], private=private)
        except OSError as exc:
            self.close()
            raise self.failed(exc) from exc
        except BaseException:
            self.close()
            raise

    def _make_folders(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        for path in reversed(missing):
            with suppress(FileExistsError):  # another process made it meanwhile
                os.mkdir(path)  # noqa: PTH102  # the tests inject errors into the functions of `os`
                self._folders.append(path)

    def _create(self, like: list[os.stat_result], *, private: bool) -> None:
        """Create the temporary file with the access rights of the output, so that nobody ever reads too much."""
        old = os.fstat(self._old) if self._old >= 0 else None
        in_place = old is not None and any(os.path.samestat(old, status) for status in like)
        allowed = 0o600 if private or old is not None else _common(like, rights.group())
        self.descriptor = os.open(self._path, _APPENDING | os.O_CREAT | os.O_EXCL | SAFELY, allowed)
        locks.take(self.descriptor)
        if old is None:
            made = os.fstat(self.descriptor)
            wanted = stat.S_IMODE(made.st_mode) & _common(like, made.st_gid)
        else:
            rights.keep_owner(self.descriptor, old)
            made = os.fstat(self.descriptor)
            wanted = _common([old, *like], made.st_gid)
            if in_place and made.st_gid == old.st_gid:
                wanted = stat.S_IMODE(old.st_mode)
        wanted = wanted & 0o600 if private else wanted
        if wanted != stat.S_IMODE(made.st_mode):
            rights.set_mode(self.descriptor, wanted)

    def file(self) -> IO[bytes]:
        """Return a buffered writer of the new file; closing the writer does not close the file."""
        return cast(IO[bytes], _Writer(_Raw(self.descriptor, str(self._path))))

    def commit(self, *, keep: bool = False) -> None:
        """Put the new file on the disk and in its place.

        Args:
            keep: `descriptor` is used afterwards; on Windows it is another one then.

        Raises:
            OSError: If that fails; before the rename the old file is unchanged.
            UsageError: Without `force`, if the target was made by another process meanwhile.
        """
        os.fsync(self.descriptor)
        if KEEPS_OPEN_FILES:
            self._let_go()
        if self._force:
            persistently(self._replace)
        else:
            self._link()
        self._is_done = True
        if keep and self.descriptor < 0:
            self.descriptor = os.open(self.target, _APPENDING | SAFELY)
            lock(self.descriptor, self._named)
        sync_folder(self.target.parent)

    def _replace(self) -> None:
        os.replace(self._path, self.target)  # noqa: PTH105  # the tests inject errors into the functions of `os`

    def _link(self) -> None:
        """Give the new file its name, unless a file with that name exists: a rename would replace such a file."""
        try:
            os.link(self._path, self.target)  # see above
        except FileExistsError as exc:
            raise UsageError(
                f"{self._named}: was made by another process meanwhile; choose another name, or --force"
            ) from exc
        except OSError as exc:
            if exc.errno not in _UNLINKABLE or self.target.exists():
                raise
            persistently(self._replace)
            return
        self._is_done = True  # an error of the next step leaves two names for the file
        try:
            persistently(self._unlink)
        except OSError:
            self._is_left = True
            raise

    def close(self, *, keep: bool = False) -> None:
        """Remove the temporary file, if it did not take its place, and release the locks.

        Args:
            keep: Leave `descriptor` open; its owner closes it.
        """
        if KEEPS_OPEN_FILES and not keep:
            self._let_go()
        if not self._is_done or self._is_left:
            with suppress(OSError):  # an error before this one is being told
                self._unlink()
        if not self._is_done:
            for folder in reversed(self._folders):
                with suppress(OSError):  # another process uses it
                    os.rmdir(folder)  # noqa: PTH106  # see above
        self._let_go(keep=keep)

    def _unlink(self) -> None:
        os.unlink(self._path)  # noqa: PTH108  # the tests inject errors into the functions of `os`

    def _let_go(self, *, keep: bool = False) -> None:
        """Close the files, which releases their locks; the new one only if it is not to be kept."""
        for descriptor in (self._old, -1 if keep else self.descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._old = -1
        self.descriptor = self.descriptor if keep else -1

    def failed(self, cause: OSError) -> OutputError:
        """Return the error for the user; it names the file that could not be used."""
        state = "the new file is in its place" if self._is_done else "nothing was changed"
        return OutputError(f"{self._named}: cannot be written: {_why(cause.errno) or cause}; {state}")


def appending(target: Path) -> int:
    """Return a descriptor that appends to a file, for a log; new files are for their owner alone; folders are made.

    The caller closes the descriptor. A link is not followed: it may lead to a file that another user chose.

    Raises:
        OSError: If the file cannot be opened, is a link, or is neither a regular file nor a device.
    """
    if not NO_LINKS and target.is_symlink():  # Windows, where making a link takes a right that users do not have
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return descriptor_of(target, _APPENDING | os.O_CREAT | NO_LINKS, 0o600)


def lock(descriptor: int, path: Path) -> None:
    """Lock an open file, as its only writer.

    Raises:
        UsageError: If a recorder or another command is writing the file.
    """
    try:
        locks.take(descriptor)
    except OSError as exc:
        raise UsageError(f"{path}: another recorder is writing it; choose another name") from exc


@contextmanager
def locking(folder: Path) -> Iterator[None]:
    """Lock a folder against other processes that lock it, such as workers of pytest-xdist; wait until it is free."""
    # Windows opens no folder; there an empty file in it is locked
    place, made = (folder / _LOCK, os.O_RDWR | os.O_CREAT) if KEEPS_OPEN_FILES else (folder, os.O_RDONLY)
    descriptor = os.open(place, made | SAFELY)
    try:
        locks.take(descriptor, waits=True)
        yield
    finally:
        os.close(descriptor)


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files in a folder whose writers were killed, sorted by name.

    Among them are recordings of the pytest plugin that did not take their place.
    """
    found = []
    for path in (*folder.glob(f".*{SUFFIX}"), *folder.glob(f"{RECORDING}*/*")):
        try:
            descriptor = os.open(path, os.O_RDONLY | SAFELY)
        except OSError:
            continue  # another command's file, which is gone or not readable
        try:
            if locks.is_free(descriptor):  # else its writer lives
                found.append(path)
        finally:
            os.close(descriptor)
    return sorted(found)


class _Raw(io.RawIOBase):
    """The new file for Python's buffered writer, which would close a descriptor that it owns."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor, self.name = descriptor, name

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        return os.write(self._descriptor, data)


class _Writer(io.BufferedWriter):
    """A buffered writer that does not write in `close`: after an error there is nothing to complete."""

    def close(self) -> None:
        with suppress(OSError, ValueError):
            self.detach()


def _resolved(target: Path) -> Path:
    """Return a path without links and dots.

    Raises:
        UsageError: If the name leads to a file that has none, such as a deleted one in /proc.
        OutputError: If the links in it go in a circle.
    """
    try:
        real = target.resolve()
    except (OSError, RuntimeError) as exc:  # RuntimeError: a circle of links, before Python 3.13
        raise OutputError(f"{target}: cannot be written: {_why(errno.ELOOP)}") from exc
    there, found = _status(target), _status(real)
    if there is not None and (found is None or not os.path.samestat(there, found)):
        raise UsageError(f"{target}: is no name of a file on the disk; choose another name")
    return real


def _is_same(real: Path, there: os.stat_result | None, path: Path) -> bool:
    """Return whether a path leads to a file, which may be made yet; its own problems are told by who opens it."""
    if isinstance(path, Remote):
        return False
    if os.path.realpath(path) == os.fspath(real):
        return True
    try:
        return there is not None and os.path.samestat(there, path.stat())
    except OSError:
        return False


def _refuse_folder(target: Path, real: Path) -> None:
    """Refuse a new file whose folder is none, or cannot be written; a missing folder is made later."""
    if not real.name:
        raise UsageError(f"{target}: is no name of a file; add one")
    try:
        folder = next(path for path in real.parents if path.exists())
    except OSError as exc:
        raise OutputError(f"{target}: cannot be written: {exc.strerror}") from exc
    if not folder.is_dir():
        raise OutputError(f"{target}: cannot be written: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: cannot be written: the folder {folder}: {_denied(folder)}")


def _denied(path: Path) -> str:
    """Return why a file or a folder cannot be written, in the words of the system."""
    return _why(errno.EROFS if rights.is_read_only(path) else errno.EACCES)


def _refuse_kind(target: Path, there: os.stat_result) -> None:
    if stat.S_ISDIR(there.st_mode):
        raise UsageError(f"{target}: is a folder; add the name of a file")
    if not stat.S_ISREG(there.st_mode):
        raise UsageError(f"{target}: is not a regular file, and only such a file can be replaced; choose another name")
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        with suppress(OSError):  # it is closed
            if os.path.samestat(os.fstat(descriptor), there):
                raise UsageError(f"{target}: is the file that {name} is redirected into; choose another name")


def _locked(target: Path) -> int:
    """Return a descriptor that locks an existing file until it is closed."""
    descriptor = os.open(target, os.O_RDONLY | SAFELY)
    try:
        lock(descriptor, target)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:  # for example a circle of symbolic links, or a name that is too long
        raise OutputError(f"{path}: cannot be written: {exc.strerror}") from exc


def _common(files: list[os.stat_result], group: int) -> int:
    """Return the access rights that all files grant, for a file of a group; the owner may always read and write."""
    common = 0o666
    for status in files:
        mode = status.st_mode
        if status.st_gid != group:  # the members of either group are others to the file of the other group
            both = mode >> 3 & mode & 0o007
            mode = mode & ~0o077 | both << 3 | both
        common &= mode
    return common | 0o600


def _why(number: int | None) -> str:
    return os.strerror(number) if number else ""
