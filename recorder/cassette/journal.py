"""A cassette being written, and being read while it grows: whole frames, handed to the kernel in few writes.

After SIGKILL every frame that was written is there, and at most the last one is torn.
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
    """Where a journal ends: what the next record and exchange are numbered, the time of the last one (ns), its size."""

    header: Header
    seq: int
    exchange: int
    t: int
    size: int


class Journal:
    """Appends frames to a file that nobody else writes. Not thread-safe: one writer owns it."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        """Take over an open, locked file of `size` bytes; see `create` and `resume`."""
        self.path = path
        self.size = size  # bytes written
        self._fd = descriptor

    def append(self, frames: list[bytes]) -> None:
        """Hand whole frames to the kernel; what was handed over survives the death of this process.

        Raises:
            OSError: If the disk is full or gone. What was written of a frame is cut off again.
        """
        for chunk in _chunks(frames):
            self._write(chunk)

    def _write(self, data: bytes) -> None:
        view, done = memoryview(data), 0
        try:
            while done < len(view):  # at a limit write() stores a part and says so; only the next call fails
                done += os.write(self._fd, view[done:])
        except OSError:
            with suppress(OSError):  # what counts is why writing failed
                os.ftruncate(self._fd, self.size)
            raise
        self.size += len(view)

    def sync(self) -> None:
        """Ask the kernel to put what was written on the disk; survives a power cut afterwards."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file and give up its lock; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def create(path: Path, header: Header, *, force: bool = False) -> Journal:
    """Begin a journal and write its header.

    Raises:
        UsageError: If the file exists and `force` is not given, is being written, or cannot be opened.
        CaptureError: If the disk is full.
    """
    descriptor = _locked(path, os.O_CREAT | (0 if force else os.O_EXCL))
    journal = Journal(path, descriptor, 0)
    try:
        if os.fstat(descriptor).st_size:  # truncated only once it is ours: somebody may be recording into it
            os.ftruncate(descriptor, 0)
        journal.append([encode_header(header)])
    except OSError as exc:
        journal.close()
        raise CaptureError(f"{path}: cannot be written: {exc.strerror}") from exc
    return journal


def resume(path: Path) -> tuple[Journal, End]:
    """Open an existing journal to go on with; a torn tail is cut off first.

    Raises:
        CassetteError: If it is no journal, or damaged before its tail.
        UsageError: If it is being written, is sealed, or cannot be written.
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
    """Keep recorders from writing a file while it is replaced; one that is not there is free.

    Raises:
        UsageError: If it is being written, or cannot be.
    """
    descriptor = _locked(path, 0) if path.exists() else -1
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def is_written(file: IO[bytes]) -> bool:
    """Whether a recorder has an open journal open too, to write it."""
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
            raise UsageError(f"{path}: is sealed, nothing can be added; record into a new file and merge them")
        seq, exchange, t = 0, 0, 0
        for record in cassette.records():
            seq, t = record.seq + 1, record.t
            if isinstance(record, Request):
                exchange = max(exchange, record.exchange + 1)  # in a merged one they are not in order
        torn = cassette.torn
        size = torn.offset if torn is not None else path.stat().st_size
    if size is None:
        raise CassetteError(str(path), "has a torn tail without a place")
    if torn is not None:
        _nothing_follows(path, size)
    return End(cassette.header, seq, exchange, t, size)


def _nothing_follows(path: Path, offset: int) -> None:
    """Make sure that what seems to be a torn tail is one: a damaged length looks the same, and hides what follows."""
    with path.open("rb") as file:
        file.seek(offset)
        if any(isinstance(piece, Frame) for piece in salvage(file.read(), path=str(path))):
            raise CassetteError(
                str(path), "is damaged, and intact records follow", offset=offset, hint="recover it first"
            )


def _chunks(frames: list[bytes], limit: int = 1 << 20) -> Iterator[bytes]:
    """Join frames into writes of about `limit` bytes: few system calls, and a bounded loss at a full disk."""
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
    """A journal that grows. A frame that is not whole yet is read when it is."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path
        self._offset = 0
        self._facts = Facts(path, sealed=False)
        self.header: Header | None = None

    def new(self) -> Iterator[Record]:
        """Yield the records that became complete since the last call.

        Raises:
            CassetteError: If the file is no cassette, is damaged, or was cut.
            UsageError: If it is sealed, so that nothing will come.
        """
        size = self._file.seek(0, SEEK_END)
        if size < self._offset:
            raise CassetteError(self._path, "was cut while it was followed", offset=size)
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
                    raise UsageError(f"{self._path}: is sealed, nothing will be added; recorder ls lists it")
                continue
            record = self._facts.record(found)
            if record is not None:
                yield record
