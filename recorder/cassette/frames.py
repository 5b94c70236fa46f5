"""Frames: how bytes stand in the file, so that damage is seen before anything is decoded.

    94 | TT | CE LLLLLLLL | body (L bytes, one msgpack object) | CE CCCCCCCC

That is a legal msgpack array `[type, length, body, crc32]`, so any streaming unpacker walks the file, and at the same
time a fixed frame: length and checksum always in the 5-byte form. The crc covers every preceding byte of the frame.
`docs/format.md` is normative.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from typing import IO

from ..errors import CassetteError, TornTail

MAX_BODY = 64 << 20  # bytes; a length above it is damage or malice, and is refused before anything is allocated

_HEAD = struct.Struct(">BBBI")
_TAIL = struct.Struct(">BI")
_ARRAY4 = 0x94
_UINT32 = 0xCE
_MAX_KIND = 0x7F  # the positive fixints
OVERHEAD = _HEAD.size + _TAIL.size


@dataclass(frozen=True, slots=True)
class Frame:
    """An intact frame: where it starts (bytes), its type, its body still encoded."""

    offset: int
    kind: int
    body: bytes


def frame(kind: int, body: bytes) -> bytes:
    """Wrap one encoded object.

    Raises:
        ValueError: If the body is over the limit of 64 MiB or the kind is not 0..127.

    """
    if len(body) > MAX_BODY:
        raise ValueError(f"a frame holds at most {MAX_BODY} bytes, this body has {len(body)}")
    if not 0 <= kind <= _MAX_KIND:
        raise ValueError(f"frame type {kind} is not 0..{_MAX_KIND}")
    covered = _HEAD.pack(_ARRAY4, kind, _UINT32, len(body)) + body
    return covered + _TAIL.pack(_UINT32, zlib.crc32(covered))


def unframe(source: bytes | IO[bytes], *, path: str = "<bytes>") -> Iterator[Frame]:
    """Yield the frames of a whole file, each verified before it is handed out; holds one frame at a time.

    Raises:
        TornTail: If the data ends inside a frame (what a crash leaves).
        CassetteError: At the first byte that is not part of an intact frame.

    """
    file = BytesIO(source) if isinstance(source, bytes) else source
    size = file.seek(0, SEEK_END)
    file.seek(0)
    offset = 0
    while offset < size:
        found = read_frame(file, offset, size, path=path)
        yield found
        offset += OVERHEAD + len(found.body)


def read_frame(file: IO[bytes], offset: int, size: int, *, path: str) -> Frame:
    """Read the frame at the file's position, which is `offset`; nothing is allocated before its length is checked.

    Args:
        file: Where to read.
        offset: Byte offset, for the frame and for errors.
        size: Size of the whole file in bytes.
        path: Name of the file, for errors.

    Raises:
        TornTail: If the file ends inside the frame.
        CassetteError: If there is no intact frame.

    """
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise TornTail(path, f"ends inside a frame header ({len(head)} bytes)", offset=offset)
    array, kind, uint, length = _HEAD.unpack(head)
    if array != _ARRAY4 or uint != _UINT32 or kind > _MAX_KIND or length > MAX_BODY:
        raise CassetteError(path, "not the start of a frame", offset=offset, hint="damaged here")
    if offset + OVERHEAD + length > size:
        raise TornTail(path, f"ends inside a frame of {OVERHEAD + length} bytes", offset=offset)
    body, tail = file.read(length), file.read(_TAIL.size)
    uint, crc = _TAIL.unpack(tail)
    if uint != _UINT32 or crc != zlib.crc32(body, zlib.crc32(head)):
        raise CassetteError(path, "checksum of the frame does not fit", offset=offset, hint="damaged here")
    return Frame(offset, kind, body)
