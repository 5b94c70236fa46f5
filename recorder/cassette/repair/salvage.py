"""Find the intact frames of a damaged file, and the places of the damage.

A frame is trusted by its checksum alone. After a damaged frame the search first tries the end that the damaged frame
declares, then the next bytes that look like the start of a frame. The number of bytes checked without success is
limited, so that a file built to be slow ends with an error instead of hours of work.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import Self, TypeAlias

from ...errors import CassetteError
from ...files import open_regular
from ..frames import MAX_BODY, OVERHEAD, Frame, shorter

_START = re.compile(rb"\x94[\x00-\x7f]\xce", re.DOTALL)
_LIKE = 3  # bytes of it
_HEAD = 7  # bytes of a frame before its body
_TAIL, _UINT32 = struct.Struct(">BI"), 0xCE  # what follows the body: the checksum of all before it
_WINDOW = 1 << 20  # bytes of a file that are read at once
_BUDGET = 8  # limit of bytes checked without success, as a multiple of the file size


class FileBytes:
    """The bytes of a file, of which a window is in memory; use it as a context manager, and take slices of it.

    It is no map of the file: if the file shrinks or its disk fails, a map ends the process by SIGBUS.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            CassetteError: If the file cannot be opened, or is empty.
        """
        try:
            self._file = open_regular(path)
        except OSError as exc:
            raise CassetteError(str(path), exc.strerror or str(exc)) from exc
        self._path, self._size = str(path), self._file.seek(0, SEEK_END)
        self._start, self._content = 0, b""
        if not self._size:
            self._file.close()
            raise CassetteError(str(path), "is empty, not a cassette")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        """Return a part of the file.

        Raises:
            CassetteError: If the file became shorter.
            InputError: If it cannot be read.
        """
        start, end, _ = part.indices(self._size)
        if start < self._start or end > self._start + len(self._content):
            self._file.seek(start)
            wanted = min(max(end - start, _WINDOW), self._size - start)
            self._start, self._content = start, self._file.read(wanted)
            if len(self._content) < wanted:
                raise shorter(self._path, start + len(self._content))
        return self._content[start - self._start : end - self._start]


Bytes: TypeAlias = bytes | FileBytes


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of the file without an intact frame; offset and size in bytes."""

    offset: int
    size: int


def salvage(data: Bytes, *, path: str = "<bytes>") -> Iterator[Frame | Damage]:
    """Yield the intact frames of a file and the damaged stretches between them, in order.

    Raises:
        CassetteError: If the file is too damaged to be searched.
    """
    offset, budget = 0, _BUDGET * len(data) + (1 << 20)
    while offset < len(data):
        found = intact(data, offset)
        if found is not None:
            yield found
            offset += OVERHEAD + len(found.body)
            continue
        following, checked = _resync(data, offset, budget)
        budget -= checked
        if budget < 0:
            raise CassetteError(path, "is too damaged to be searched", offset=offset)
        yield Damage(offset, following - offset)
        offset = following


def intact(data: Bytes, offset: int) -> Frame | None:
    """Return the frame at byte `offset`, or None where no intact frame starts there."""
    size = _declared(data, offset)
    if size is None or offset + size > len(data):
        return None
    end = offset + size
    covered, tail = data[offset : end - _TAIL.size], data[end - _TAIL.size : end]
    if _TAIL.unpack(tail) != (_UINT32, zlib.crc32(covered)):
        return None
    return Frame(offset, covered[1], covered[_HEAD:])


def _declared(data: Bytes, offset: int) -> int | None:
    """Return the declared size in bytes of the frame that seems to begin at `offset`, or None where none does."""
    head = data[offset : offset + _HEAD]
    if not _START.match(head) or offset + OVERHEAD > len(data):
        return None
    length = int.from_bytes(head[3:], "big")
    return OVERHEAD + length if length <= MAX_BODY else None


def _resync(data: Bytes, offset: int, budget: int) -> tuple[int, int]:
    """Return the start of the next intact frame (or the end of the file), and the bytes checked without success.

    The search stops once more than `budget` bytes were checked without success.
    """
    checked = 0
    size = _declared(data, offset)
    # try the declared end first: the damaged body may itself contain frames, for example a recorded cassette
    if size is not None and offset + size <= len(data) and _goes_on(data, offset + size):
        return offset + size, 0
    for candidate in _starts(data, offset + 1):
        size = _declared(data, candidate)
        if size is None or candidate + size > len(data):
            continue
        if intact(data, candidate) is not None:
            return candidate, checked
        checked += size
        if checked > budget:
            break
    return len(data), checked


def _starts(data: Bytes, offset: int) -> Iterator[int]:
    """Yield the places from `offset` on that look like the start of a frame."""
    while offset < len(data):
        part = data[offset : offset + _WINDOW]
        for found in _START.finditer(part):
            yield offset + found.start()
        offset += max(len(part) - _LIKE + 1, 1)  # what looks so may lie across the edge of two parts


def _goes_on(data: Bytes, offset: int) -> bool:
    return offset == len(data) or intact(data, offset) is not None
