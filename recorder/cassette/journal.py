"""Append to a journal, and follow a journal while it grows.

Frames are joined and handed to the kernel in few writes. After SIGKILL the file holds every frame handed over, and at
most the last frame is torn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import IO

from ..errors import CassetteError, OutputError, TornTail, UsageError
from ..files import descriptor_of, open_regular
from ..model import Header, Record, Request
from ..output import Replacement, lock
from ..system.locks import is_free
from ..system.opening import sync_data
from . import codec
from .codec import JOURNAL, encode_header
from .frames import OVERHEAD, Frame, read_frame
from .reader import Facts, open_cassette
from .repair.salvage import salvage


@dataclass(frozen=True, slots=True)
class End:
    """The end of a journal, where `resume` goes on.

    Attributes:
        seq: Number of the next record.
        exchange: Number of the next exchange.
        t: Time of the last record, in nanoseconds since the capture began.
        size: Bytes up to the end of the last intact frame.
        awaited: Number of frames in which the journal may still say its dialect; 0 if it has, or will not.
    """

    header: Header
    seq: int
    exchange: int
    t: int
    size: int
    awaited: int = 0


class Journal:
    """Appends frames to a locked file. Not thread-safe: use it from one thread."""

    def __init__(self, path: Path, descriptor: int, size: int, *, awaited: int = 0) -> None:
        """Take ownership of an open, locked file of `size` bytes; `create` and `resume` call this."""
        self.path, self.awaited = path, awaited  # frames in which the dialect may still be said
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

    def loss(self) -> str | None:
        """Return what another process has done to the file, as the end of a sentence; None while all is well."""
        mine = os.fstat(self._fd)
        try:
            there = self.path.stat()
        except OSError:
            return "was deleted or moved"
        if not os.path.samestat(mine, there):
            return "was replaced by another file"
        return None if mine.st_size == self.size else "was changed by another process"

    def sync(self) -> None:
        """Put the written frames on the disk (fdatasync), so that they survive a power cut."""
        sync_data(self._fd)

    def close(self) -> None:
        """Close the file and release its lock; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def create(
    path: Path, header: Header, *, force: bool = False, private: bool = False, rules_follow: bool = False
) -> Journal:
    """Create a journal and write its header; an old file stays in its place until the header is on the disk.

    Args:
        path: The file to create; missing folders are made.
        header: Its first frame.
        force: Replace an existing file.
        private: Let nobody but the owner read the file.
        rules_follow: The dialect may be said later, by `Writer.rules`; it then replaces that of the header.

    Raises:
        UsageError: If the file exists and `force` is not given, another recorder is writing it, or it is no regular
            file.
        OutputError: If the file cannot be written, e.g. because the disk is full.
    """
    replacement, done = Replacement(path, force=force, private=private), False
    try:
        journal = Journal(path, replacement.descriptor, 0, awaited=codec.RULES_WITHIN if rules_follow else 0)
        journal.append([encode_header(header, rules_follow=rules_follow)])
        replacement.commit(keep=True)
        done = True
        journal = Journal(path, replacement.descriptor, journal.size, awaited=journal.awaited)
    except OSError as exc:
        raise replacement.failed(exc) from exc
    finally:
        replacement.close(keep=done)
    return journal


def resume(path: Path) -> tuple[Journal, End]:
    """Open an existing journal to append to it; a torn tail is cut off first.

    Raises:
        CassetteError: If the file is no cassette, or is damaged before its tail.
        UsageError: If another recorder is writing the file, or the file is sealed or no regular file.
        OutputError: If the file cannot be written.
    """
    descriptor = _opened(path)
    try:
        end = _end(path)
        os.ftruncate(descriptor, end.size)
    except OSError as exc:
        os.close(descriptor)
        raise OutputError(f"{path}: cannot be written: {exc.strerror}") from exc
    except BaseException:
        os.close(descriptor)
        raise
    return Journal(path, descriptor, end.size, awaited=end.awaited), end


def is_written(file: IO[bytes]) -> bool:
    """Return whether a recorder is writing this open journal, that is, holds the lock of it."""
    return not is_free(file.fileno())


def _opened(path: Path) -> int:
    """Return a locked descriptor of an existing file, for appending."""
    try:
        descriptor = descriptor_of(path, os.O_WRONLY | os.O_APPEND)
    except OSError as exc:
        raise OutputError(f"{path}: cannot be written: {exc.strerror}") from exc
    try:
        lock(descriptor, path)
        is_there = os.path.samestat(os.fstat(descriptor), path.stat())
    except (OSError, UsageError):
        os.close(descriptor)
        raise
    if not is_there:
        os.close(descriptor)
        raise UsageError(f"{path}: was replaced by another process meanwhile; try again")
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
    return End(cassette.header, seq, exchange, t, size, cassette.awaited)


def _nothing_follows(path: Path, offset: int) -> None:
    """Refuse a journal with intact frames after its torn tail.

    A damaged length looks like a torn tail; to cut the file there would destroy the intact frames behind it.
    """
    with open_regular(path) as file:
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
    """A reader of a journal that is still being written; an incomplete last frame is read once it is complete.

    Attributes:
        header: The header, None until it is read; another one once the journal has said its dialect after it.
    """

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path
        self._offset = 0
        self._facts = Facts(path, sealed=False)
        self._awaited = 0  # frames in which the journal may still say its dialect
        self.header: Header | None = None

    @property
    def awaits_dialect(self) -> bool:
        """True as long as the journal may say another dialect."""
        return self._awaited > 0

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
                self._awaited = codec.RULES_WITHIN if codec.rules_follow(found, path=self._path) else 0
                continue
            self._awaited -= 1
            if found.kind == codec.RULES and self._awaited >= 0:
                self._awaited = 0  # the first counts
                self.header = codec.decode_rules(found, self.header, path=self._path)
                continue
            record = self._facts.record(found)
            if record is not None:
                yield record
