"""A cassette as a file: read it, or append to it.

A journal grows by whole frames handed to the kernel in one `write` each, so that after SIGKILL every frame that was
written is there, and at most the last one is torn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import CassetteError, TornTail, UsageError
from ..model import Header, Record
from .codec import decode, decode_header, encode_header
from .frames import unframe


@dataclass(frozen=True, slots=True)
class Cassette:
    """What stands in a cassette.

    Attributes:
        torn: The torn tail of a journal that a crash ended, None where the file ends cleanly.

    """

    header: Header
    records: tuple[Record, ...]
    torn: TornTail | None = None


def read(path: Path) -> Cassette:
    """Read a cassette whole; the torn tail of a crashed capture is left out and reported in the result.

    Raises:
        CassetteError: If the file cannot be opened, is no cassette, or is damaged before its tail.

    """
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise CassetteError(str(path), exc.strerror or str(exc)) from exc
    return parse(data, path=str(path))


def parse(data: bytes, *, path: str = "<bytes>") -> Cassette:
    """Read a cassette from memory; see `read`.

    Raises:
        CassetteError: If the data is no cassette or is damaged before its tail.

    """
    frames = unframe(data, path=path)
    try:
        first = next(frames)
    except StopIteration:
        raise CassetteError(path, "is empty, not a cassette") from None
    except CassetteError as exc:
        raise CassetteError(path, "not a cassette", hint="it does not begin with a cassette header") from exc
    header = decode_header(first, path=path)
    records: list[Record] = []
    torn: TornTail | None = None
    try:
        for found in frames:
            record = decode(found, path=path)
            if record is not None:
                _check_order(record, records, found.offset, path)
                records.append(record)
    except TornTail as exc:
        torn = exc
    return Cassette(header, tuple(records), torn)


def _check_order(record: Record, before: list[Record], offset: int, path: str) -> None:
    expected = before[-1].seq + 1 if before else 0
    if record.seq != expected:
        raise CassetteError(path, f"record {expected} is missing, {record.seq} stands there", offset=offset)


class Journal:
    """A cassette being written. Not thread-safe: one writer owns it."""

    def __init__(self, path: Path, header: Header, *, force: bool = False) -> None:
        """Create the file and write its header.

        Raises:
            UsageError: If the file exists and `force` is not given, or its folder cannot be written.

        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if force else os.O_EXCL)
        try:
            self._fd = os.open(path, flags, 0o644)
        except FileExistsError as exc:
            raise UsageError(f"{path}: exists already; choose another name, or --force to overwrite it") from exc
        except OSError as exc:
            raise UsageError(f"{path}: cannot be written: {exc.strerror}") from exc
        self.path = path
        self.size = 0  # bytes written
        self.append([encode_header(header)])

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
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(view)

    def sync(self) -> None:
        """Ask the kernel to put what was written on the disk; survives a power cut afterwards."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


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
