"""Append to a journal, and follow a journal while it grows.

Frames are joined and handed to the kernel in few writes. After SIGKILL the file holds every frame handed over, and at
most the last frame is torn.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import IO

from ..errors import CaptureError, CassetteError, TornTail, UsageError
from ..files import descriptor_of
from ..model import Header, Record, Request
from . import codec
from .codec import JOURNAL, encode_header
from .frames import OVERHEAD, Frame, read_frame
from .reader import Facts, open_cassette
from .salvage import salvage


@dataclass(frozen=True, slots=True)
class End:
    """The end of a journal, where `resume` goes on.

    Attributes:
        seq: Number of the next record.
        exchange: Number of the next exchange.
        t: Time of the last record, in nanoseconds since the capture began.
        size: Bytes up to the end of the last intact frame.
    """

    header: Header
    seq: int
    exchange: int
    t: int
    size: int


class Journal:
    """Appends frames to a locked file. Not thread-safe: use it from one thread."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        """Take ownership of an open, locked file of `size` bytes; `create` and `resume` call this."""
        self.path = path
        self.size = size  # bytes written
        self._fd = descriptor

    def append(self, frames: list[bytes]) -> None:
        """Hand whole frames to the kernel; from then on the frames survive the death of this process.

        Raises:
            OSError: If the disk is full or gone. The part of this write that reached the file is cut off again.
        """
        for chunk in _chunks(frames):
            self._write(chunk)

    def _write(self, data: bytes) -> None:
        view, done = memoryview(data), 0
        try:
            while done < len(view):  # write() may store only a part at a size limit; the error comes with the next call
                done += os.write(self._fd, view[done:])
        except OSError:
            with suppress(OSError):  # the first error tells the cause; an error here would hide it
                os.ftruncate(self._fd, self.size)
            raise
        self.size += len(view)

    def sync(self) -> None:
        """Put the written frames on the disk (fdatasync), so that they survive a power cut."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file and release its lock; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def create(path: Path, header: Header, *, force: bool = False) -> Journal:
    """Create a journal and write its header.

    Args:
        path: The file to create.
        header: Its first frame.
        force: Overwrite an existing file.

    Raises:
        UsageError: If the file exists and `force` is not given, another recorder is writing it, or it cannot be opened.
        CaptureError: If the disk is full.
    """
    descriptor = _locked(path, os.O_CREAT | (0 if force else os.O_EXCL))
    journal = Journal(path, descriptor, 0)
    try:
        if os.fstat(descriptor).st_size:  # truncated only under the lock: another recorder may be writing this file
            os.ftruncate(descriptor, 0)
        journal.append([encode_header(header)])
    except OSError as exc:
        journal.close()
        raise CaptureError(f"{path}: cannot be written: {exc.strerror}") from exc
    return journal


def resume(path: Path) -> tuple[Journal, End]:
    """Open an existing journal to append to it; a torn tail is cut off first.

    Raises:
        CassetteError: If the file is no cassette, or is damaged before its tail.
        UsageError: If another recorder is writing the file, or the file is sealed or cannot be written.
    """
    descriptor = _locked(path, 0)
    try:
        end = _end(path)
        os.ftruncate(descriptor, end.size)
    except BaseException:
        os.close(descriptor)
        raise
    return Journal(path, descriptor, end.size), end


@contextmanager
def unless_written(path: Path) -> Iterator[None]:
    """Lock a file against recorders while it is replaced; a missing file needs no lock.

    Raises:
        UsageError: If a recorder is writing the file, or the file cannot be opened for writing.
    """
    descriptor = _locked(path, 0) if path.exists() else -1
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def is_written(file: IO[bytes]) -> bool:
    """Return whether a recorder is writing this open journal, that is, holds the lock of it."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def _locked(path: Path, flags: int) -> int:
    try:
        descriptor = descriptor_of(path, os.O_WRONLY | os.O_APPEND | flags)
    except FileExistsError as exc:
        raise UsageError(f"{path}: exists already; choose another name, or --force to overwrite it") from exc
    except OSError as exc:
        raise UsageError(f"{path}: cannot be written: {exc.strerror}") from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        raise UsageError(f"{path}: another recorder is writing it; choose another name") from exc
    return descriptor


def _end(path: Path) -> End:
    with open_cassette(path) as cassette:
        if cassette.header.profile != JOURNAL:
            raise UsageError(f"{path}: is sealed, no record can be added; record into a new file and merge both")
        seq, exchange, t = 0, 0, 0
        for record in cassette.records():
            seq, t = record.seq + 1, record.t
            if isinstance(record, Request):
                exchange = max(exchange, record.exchange + 1)  # in a merged cassette exchanges are not in order
        torn = cassette.torn
        size = torn.offset if torn is not None else path.stat().st_size
    if size is None:
        raise CassetteError(str(path), "has a torn tail at an unknown offset")
    if torn is not None:
        _nothing_follows(path, size)
    return End(cassette.header, seq, exchange, t, size)


def _nothing_follows(path: Path, offset: int) -> None:
    """Refuse a journal with intact frames after its torn tail.

    A damaged length looks like a torn tail; to cut the file there would destroy the intact frames behind it.
    """
    with path.open("rb") as file:
        file.seek(offset)
        if any(isinstance(piece, Frame) for piece in salvage(file.read(), path=str(path))):
            raise CassetteError(
                str(path), "is damaged, and intact records follow", offset=offset, hint="recover it first"
            )


def _chunks(frames: list[bytes], limit: int = 1 << 20) -> Iterator[bytes]:
    """Join frames into writes of about `limit` bytes: few system calls, and a bounded loss when the disk is full."""
    batch: list[bytes] = []
    size = 0
    for item in frames:
        batch.append(item)
        size += len(item)
        if size >= limit:
            yield b"".join(batch)
            batch, size = [], 0
    if batch:
        yield b"".join(batch)


class Following:
    """A reader of a journal that is still being written; an incomplete last frame is read once it is complete."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path
        self._offset = 0
        self._facts = Facts(path, sealed=False)
        self.header: Header | None = None

    def new(self) -> Iterator[Record]:
        """Yield the records that were completed since the last call.

        Raises:
            CassetteError: If the file is no cassette, is damaged, or became shorter.
            UsageError: If the cassette is sealed: no record will be added to it.
        """
        size = self._file.seek(0, SEEK_END)
        if size < self._offset:
            raise CassetteError(self._path, "became shorter while it was read", offset=size)
        while self._offset < size:
            self._file.seek(self._offset)
            try:
                found = read_frame(self._file, self._offset, size, path=self._path)
            except TornTail:
                return
            except CassetteError as exc:
                if self.header is not None:
                    raise
                raise CassetteError(
                    self._path, "not a cassette", hint="it does not begin with a cassette header"
                ) from exc
            self._offset += OVERHEAD + len(found.body)
            if self.header is None:
                self.header = codec.decode_header(found, path=self._path)
                if self.header.profile != JOURNAL:
                    raise UsageError(f"{self._path}: is sealed, no record will be added; list it with recorder ls")
                continue
            record = self._facts.record(found)
            if record is not None:
                yield record
