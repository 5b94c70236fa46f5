"""Finds the intact frames of a damaged file, and says where the damage is.

A frame is trusted by its checksum alone. Where one is damaged, the search goes on at the place it says it ends, if an
intact frame stands there; else at the next bytes that look like a frame. What it checks in vain is limited, so that a
file made to be slow is given up and not waited for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TypeAlias

from ..errors import CassetteError
from ..files import open_regular
from .frames import MAX_BODY, OVERHEAD, Frame, read_frame

Bytes: TypeAlias = bytes | mmap

_START = re.compile(rb"\x94[\x00-\x7f]\xce", re.DOTALL)
_HEAD = 7  # bytes of a frame before its body
_BUDGET = 8  # times the size of the file that may be checked in vain


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of the file (bytes) in which nothing intact was found."""

    offset: int
    size: int


def salvage(data: Bytes, *, path: str = "<bytes>") -> Iterator[Frame | Damage]:
    """Yield what is in a file, in order: intact frames, and the stretches between them.

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


def mapped(path: Path) -> mmap:
    """Map a file into memory; bytes are read when they are accessed.

    Raises:
        CassetteError: If it cannot be opened, or is empty.
    """
    try:
        with open_regular(path) as file:
            return mmap(file.fileno(), 0, access=ACCESS_READ)
    except ValueError as exc:
        raise CassetteError(str(path), "is empty, not a cassette") from exc
    except OSError as exc:
        raise CassetteError(str(path), exc.strerror or str(exc)) from exc


def intact(data: Bytes, offset: int) -> Frame | None:
    """Return the frame at an offset, None where no intact frame begins."""
    size = _declared(data, offset)
    if size is None or offset + size > len(data):
        return None
    try:
        found = read_frame(BytesIO(data[offset : offset + size]), 0, size, path="")
    except CassetteError:
        return None
    return Frame(offset, found.kind, found.body)


def _declared(data: Bytes, offset: int) -> int | None:
    """Return the size of the frame that seems to begin at an offset."""
    if not _START.match(data, offset) or offset + OVERHEAD > len(data):
        return None
    length = int.from_bytes(data[offset + 3 : offset + _HEAD], "big")
    return OVERHEAD + length if length <= MAX_BODY else None


def _resync(data: Bytes, offset: int, budget: int) -> tuple[int, int]:
    """Where the next intact frame begins (or the file ends), and how many bytes were checked in vain.

    Gives up when they are more than `budget`.
    """
    checked = 0
    size = _declared(data, offset)
    # what it holds may look like frames too (a recorded cassette, say): its own end comes first
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
