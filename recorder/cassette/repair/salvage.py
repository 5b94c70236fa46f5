"""Find the intact frames of a damaged file, and the places of the damage.

A frame is trusted by its checksum alone. After a damaged frame the search first tries the end that the damaged frame
declares, then the next bytes that look like the start of a frame. The number of bytes checked without success is
limited, so that a file built to be slow ends with an error instead of hours of work.
"""

from __future__ import annotations

import mmap as mmaps
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import ACCESS_READ, PAGESIZE, mmap
from pathlib import Path
from typing import TypeAlias

from ...errors import CassetteError
from ...files import open_regular
from ..frames import MAX_BODY, OVERHEAD, Frame

Bytes: TypeAlias = bytes | mmap

_START = re.compile(rb"\x94[\x00-\x7f]\xce", re.DOTALL)
_HEAD = 7  # bytes of a frame before its body
_TAIL, _UINT32 = struct.Struct(">BI"), 0xCE  # what follows the body: the checksum of all before it
_MAPPED = 16 << 20  # bytes of a file that are in memory together
_BUDGET = 8  # limit of bytes checked without success, as a multiple of the file size


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
    offset, budget, left = 0, _BUDGET * len(data) + (1 << 20), 0
    while offset < len(data):
        if offset - left >= _MAPPED:
            left = _leave(data, left, offset)
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


def _leave(data: Bytes, start: int, end: int) -> int:
    """Let the system take back the memory of what was searched, from a page on; return where the rest begins."""
    end -= end % PAGESIZE
    if isinstance(data, mmap) and sys.platform == "linux":
        data.madvise(mmaps.MADV_DONTNEED, start, end - start)  # what is looked at again is read again
    return end


def mapped(path: Path) -> mmap:
    """Map a file into memory, read-only; its bytes are loaded on access. The caller must close the map.

    Raises:
        CassetteError: If the file cannot be opened, or is empty.
    """
    try:
        with open_regular(path) as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
    except ValueError as exc:
        raise CassetteError(str(path), "is empty, not a cassette") from exc
    except OSError as exc:
        raise CassetteError(str(path), exc.strerror or str(exc)) from exc


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
    if not _START.match(data, offset) or offset + OVERHEAD > len(data):
        return None
    length = int.from_bytes(data[offset + 3 : offset + _HEAD], "big")
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
    for candidate in _START.finditer(data, offset + 1):
        size = _declared(data, candidate.start())
        if size is None or candidate.start() + size > len(data):
            continue
        if intact(data, candidate.start()) is not None:
            return candidate.start(), checked
        checked += size
        if checked > budget:
            break
    return len(data), checked


def _goes_on(data: Bytes, offset: int) -> bool:
    return offset == len(data) or intact(data, offset) is not None
