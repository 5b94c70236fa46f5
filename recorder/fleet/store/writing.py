"""Write a file at a URL whole or not at all: into a temporary file here, and from there to the store in one step.

Without `force` no file of the store is replaced, also if another writer makes one meanwhile: the store itself refuses
then, where it can (If-None-Match of S3, generations of Google, conditions of Azure). An answer that got lost is no
reason to fail: if the store holds our very bytes, they were written.
"""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from inspect import signature
from pathlib import Path
from time import sleep
from typing import IO, TYPE_CHECKING

from ...errors import OutputError, RecorderError, UsageError
from ...files import Remote
from ...output import SUFFIX
from ...output import replacing as replacing_here
from .filesystem import filesystem_of
from .problems import Kind, kind_of, told
from .ranges import fresh, protocols
from .s3 import put_s3

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_WEB = {"http", "https"}
_AZURE = {"abfs", "abfss", "az"}
# stores that show a file only once it is whole; in others it is written beside, and renamed
_WHOLE = {"s3", "gs", "gcs", "memory", *_AZURE}
_WAITS = (0.5, 2.0, 5.0)  # seconds before each further try
_COMPARED = 1 << 20


def refuse(target: Remote, *, force: bool = False) -> None:
    """Refuse a file that must not or cannot be written, before any work is done for it.

    Raises:
        UsageError: If it is on the web, is a folder, or exists without `force`; or there is no library for its scheme.
        OutputError: If the store does not say.
    """
    if target.scheme in _WEB:
        raise UsageError(f"{target}: is on the web, where files are only read; write to a store, such as s3://")
    fs, path = filesystem_of(target.url)
    if not target.name or ("/" not in path.strip("/") and "memory" not in protocols(fs)):
        raise UsageError(f"{target}: names a folder; add the name of a file")
    try:
        kind = fresh(fs, path)["type"]
    except Exception as exc:  # each library has errors of its own
        if kind_of(exc) is Kind.MISSING:
            _refuse_bucket(target, fs, path)
            return
        raise _unwritten(target, exc) from exc
    if kind == "directory":
        raise UsageError(f"{target}: is a folder; add the name of a file")
    if not force:
        raise UsageError(f"{target}: exists already; choose another name, or --force to overwrite it")


def _refuse_bucket(target: Remote, fs: AbstractFileSystem, path: str) -> None:
    """Refuse a file in a bucket that is not there. A bucket that may not be looked at may be written to."""
    if not {"s3", "gs", "gcs"}.intersection(protocols(fs)):
        return
    bucket = path.lstrip("/").partition("/")[0]
    try:
        fs.info(bucket)
    except Exception as exc:  # each library has errors of its own
        if kind_of(exc) is Kind.MISSING:
            raise OutputError(f"{target}: cannot be written: there is no bucket {bucket}; nothing was changed") from exc


@contextmanager
def replacing(target: Remote, *, force: bool = False) -> Iterator[IO[bytes]]:
    """Write a file whole or not at all: it is in the store when the block ends without an error.

    The file that the block gets is a temporary one on this machine, with its path in `name`.

    Raises:
        UsageError: If the file must not be written (`refuse`), or was made by another writer meanwhile.
        OutputError: If the file cannot be written; the old one is unchanged.
    """
    refuse(target, force=force)
    with tempfile.TemporaryDirectory(prefix="recorder-") as folder:
        here = Path(folder) / "file"
        with replacing_here(here, private=True) as file:
            yield file
        put(here, target, force=force)


def put(here: Path, target: Remote, *, force: bool = False, wait: Callable[[float], None] = sleep) -> None:
    """Copy a file of this machine to a URL, whole or not at all; again where the connection is lost.

    Args:
        here: The file.
        target: Where to write it.
        force: Replace an existing file.
        wait: Waits for so many seconds.

    Raises:
        UsageError: Without `force`, if there is a file.
        OutputError: If it cannot be written; an old file is unchanged.
    """
    fs, path = filesystem_of(target.url)
    for pause in (*_WAITS, None):
        try:
            _once(fs, here, path, force=force)
        except RecorderError:
            raise
        except Exception as exc:  # each library has errors of its own
            kind = Kind.THERE if kind_of(exc) is Kind.REPLACED else kind_of(exc)  # the condition was not met
            if kind in {Kind.THERE, Kind.MISSING, Kind.LOST} and _holds(fs, path, here):
                break  # the answer that said so was lost
            if kind is Kind.THERE:
                raise UsageError(
                    f"{target}: was made by another process meanwhile; choose another name, or --force"
                ) from exc
            if kind is not Kind.LOST or pause is None:
                raise _unwritten(target, exc) from exc
            wait(pause)
        else:
            break
    fs.invalidate_cache()


def _once(fs: AbstractFileSystem, here: Path, path: str, *, force: bool) -> None:
    known = set(protocols(fs))
    if "s3" in known:
        put_s3(fs, here, path, force=force)
        return
    _must_be_free(fs, path, force=force)
    if known & _AZURE:
        fs.put_file(os.fspath(here), path, overwrite=force)
        return
    mode = {"mode": "overwrite" if force else "create"} if "mode" in signature(fs.put_file).parameters else {}
    if known & _WHOLE:
        fs.put_file(os.fspath(here), path, **mode)
        return
    folder, _, name = path.rpartition("/")
    beside = f"{folder}/.{name}.{secrets.token_hex(6)}{SUFFIX}"
    try:
        fs.put_file(os.fspath(here), beside)
        _must_be_free(fs, path, force=force)
        fs.mv(beside, path)
    except BaseException:
        with suppress(Exception):  # the error before this one is told
            fs.rm_file(beside)
        raise


def _must_be_free(fs: AbstractFileSystem, path: str, *, force: bool) -> None:
    if not force and fs.exists(path):
        raise FileExistsError(errno.EEXIST, "exists already")


def _holds(fs: AbstractFileSystem, path: str, here: Path) -> bool:
    """Return whether a file of the store has the bytes of a file of this machine."""
    try:
        if int(fresh(fs, path)["size"]) != here.stat().st_size:
            return False
        with fs.open(path, "rb", cache_type="none") as there, here.open("rb") as ours:
            while expected := ours.read(_COMPARED):
                if there.read(len(expected)) != expected:
                    return False
    except Exception:  # noqa: BLE001  # then nobody knows, and the error before this one is told
        return False
    return True


def _unwritten(target: Remote, cause: Exception) -> RecorderError:
    if isinstance(cause, RecorderError):
        return cause
    return OutputError(f"{target}: cannot be written: {told(cause).strerror}; nothing was changed")
