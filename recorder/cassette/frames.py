"""Write and read frames: each carries a length and a checksum, so a reader detects damage before it decodes anything.

    94 | TT | CE LLLLLLLL | body (L bytes, one msgpack object) | CE CCCCCCCC

A frame is a legal msgpack array `[type, length, body, crc32]`, so any streaming unpacker can walk the file. Length and
checksum always take the 5-byte form, so all offsets are fixed. The CRC-32 covers every preceding byte of the frame.
`docs/format.md` is normative.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import field
from io import SEEK_END, BytesIO
from typing import IO

from ..errors import CassetteError, TornTail
from ..frozen import dataclass
from ..printable import counted

MAX_BODY = 64 << 20  # bytes; a reader refuses a larger length before it allocates memory

_HEAD = struct.Struct(">BBBI")
_TAIL = struct.Struct(">BI")
_AHEAD = 256 << 10  # bytes that are read at once
_FAR_AHEAD = 1 << 15  # the same where each byte comes over a network
_BULK = 1 << 20  # bytes that are read at once, where all frames are wanted
_NEAR = 64 << 10  # bytes that may be left out between two frames without a new start
_ARRAY4 = 0x94
_UINT32 = 0xCE
_MAX_KIND = 0x7F  # the positive fixints
OVERHEAD = _HEAD.size + _TAIL.size


@dataclass(frozen=True, slots=True)
class Frame:
    """An intact frame.

    Attributes:
        offset: Byte in the file at which the frame starts.
        kind: Frame type, 0 to 127.
        body: One msgpack object, still encoded.
        inner: Byte at which the frame starts in its decompressed block, if it stands in one.
    """

    offset: int
    kind: int
    body: bytes
    inner: int = field(default=0, compare=False)


def frame(kind: int, body: bytes) -> bytes:
    """Return the bytes of a frame around one encoded msgpack object.

    Raises:
        ValueError: If the body exceeds 64 MiB, or `kind` is not 0..127.

    """
    if len(body) > MAX_BODY:
        raise ValueError(f"a frame holds at most {MAX_BODY} bytes, this body has {len(body)}")
    if not 0 <= kind <= _MAX_KIND:
        raise ValueError(f"frame type {kind} is not 0..{_MAX_KIND}")
    covered = _HEAD.pack(_ARRAY4, kind, _UINT32, len(body)) + body
    return covered + _TAIL.pack(_UINT32, zlib.crc32(covered))


def framed(kind: int, parts: Sequence[bytes]) -> bytes:
    """Return the frame that `frame` makes of joined parts, with one copy of them.

    Raises:
        ValueError: If the body exceeds 64 MiB.

    """
    size = sum(map(len, parts))
    if size > MAX_BODY:
        raise ValueError(f"a frame holds at most {MAX_BODY} bytes, this body has {size}")
    head = _HEAD.pack(_ARRAY4, kind, _UINT32, size)
    check = zlib.crc32(head)
    for part in parts:
        check = zlib.crc32(part, check)
    return b"".join([head, *parts, _TAIL.pack(_UINT32, check)])


def unframe(source: bytes | IO[bytes], *, path: str = "<bytes>") -> Iterator[Frame]:
    """Yield the verified frames of a whole file; at most one frame is in memory at a time.

    Raises:
        TornTail: If the data ends inside a frame, as after a crash.
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


def encoded(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the bytes of the frames in a file that this process wrote, unverified; a few are in memory at a time."""
    file.seek(0)
    left = b""
    while content := file.read(_AHEAD):
        left, start = left + content, 0
        while start + _HEAD.size <= len(left):
            end = start + OVERHEAD + _HEAD.unpack_from(left, start)[3]
            if end > len(left):
                break
            yield left[start:end]
            start = end
        left = left[start:]


def peek(file: IO[bytes]) -> tuple[int, int] | None:
    """Return the type and the size in bytes of the frame that seems to start at the position of `file`, unverified."""
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    array, kind, uint, length = _HEAD.unpack(head)
    return (kind, OVERHEAD + length) if array == _ARRAY4 and uint == _UINT32 and kind <= _MAX_KIND else None


def read_frame(file: IO[bytes], offset: int, size: int, *, path: str) -> Frame:
    """Read and verify the frame at the current position of `file`; the length is checked before memory is allocated.

    Args:
        file: A file whose position is `offset`.
        offset: Byte in the file, for the result and for errors.
        size: Size of the whole file in bytes.
        path: Name of the file, for errors.

    Raises:
        TornTail: If the file ends inside the frame.
        CassetteError: If no intact frame starts at this position.

    """
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        if offset + _HEAD.size <= size:
            raise shorter(path, offset)
        raise TornTail(path, f"ends inside a frame header ({counted(len(head), 'byte')})", offset=offset)
    array, kind, uint, length = _HEAD.unpack(head)
    if array != _ARRAY4 or uint != _UINT32 or kind > _MAX_KIND or length > MAX_BODY:
        raise CassetteError(path, "not the start of a frame", offset=offset, hint="damaged here")
    if offset + OVERHEAD + length > size:
        raise TornTail(path, f"ends inside a frame of {OVERHEAD + length} bytes", offset=offset)
    rest = file.read(length + _TAIL.size)
    if len(rest) < length + _TAIL.size:
        raise shorter(path, offset)
    body = rest[:length]
    uint, crc = _TAIL.unpack_from(rest, length)
    if uint != _UINT32 or crc != zlib.crc32(body, zlib.crc32(head)):
        raise CassetteError(path, "the checksum of the frame is wrong", offset=offset, hint="damaged here")
    return Frame(offset, kind, body)


def shorter(path: str, offset: int) -> CassetteError:
    """Return the error for a file that another process cut while it was read; `offset` is the byte that was wanted."""
    return CassetteError(path, "became shorter while it was read", offset=offset, hint="is it being written anew?")


def frame_in(content: bytes, start: int, offset: int) -> Frame | None:
    """Return the intact frame at a place in memory; None if no such frame lies there as a whole.

    Args:
        content: A part of a file.
        start: Place of the frame in it, from 0.
        offset: Byte in the file, for the result.
    """
    end = _behind(content, start)
    if end is None:
        return None
    return Frame(offset, content[start + 1], content[start + _HEAD.size : end - _TAIL.size])


class Window:
    """A part of a file in memory, which moves on with the frames that are asked for.

    A frame that is far from the one before is read alone, so that a look-up here and there reads no more than it needs.
    """

    def __init__(self, file: IO[bytes], size: int, path: str, *, is_far: bool = False) -> None:
        """Take a file that others may read, too.

        Args:
            file: The file.
            size: Its size in bytes.
            path: Its name, for errors.
            is_far: Whether each byte comes over a network, by a file that itself reads more for who reads on.
        """
        self._file, self._size, self._path = file, size, path
        self._ahead = _FAR_AHEAD if is_far else _AHEAD
        self._start, self._content = 0, b""
        self._next = 0  # byte behind the frame that was asked for last

    def frame(self, offset: int) -> Frame:
        """Return the frame that starts at a byte of the file.

        Raises:
            TornTail: If the file ends inside the frame.
            CassetteError: If no intact frame starts there.
        """
        start = offset - self._start
        found = frame_in(self._content, start, offset) if start >= 0 else None
        if found is None and 0 <= offset - self._next < _NEAR:
            self._file.seek(offset)
            self._start, self._content = offset, self._file.read(min(self._ahead, self._size - offset))
            found = frame_in(self._content, 0, offset)
        if found is None:  # it is far off, longer than the window, or damaged
            self._file.seek(offset)
            found = read_frame(self._file, offset, self._size, path=self._path)
        self._next = offset + OVERHEAD + len(found.body)
        return found

    def encoded(self, start: int, end: int) -> Iterator[tuple[int, int, memoryview]]:
        """Yield the frames between two bytes of the file: byte at which each starts, type, and its bytes.

        Raises:
            TornTail: If the file ends inside a frame.
            CassetteError: If one of them is damaged.
        """
        while start < end:
            self._file.seek(start)
            content = memoryview(self._file.read(min(_BULK, end - start)))
            place = 0
            while (after := _behind(content, place)) is not None:
                yield start + place, content[place + 1], content[place:after]
                place = after
            start += place
            if not place:  # it is longer than what is read at once, or damaged
                found = self.frame(start)
                yield start, found.kind, memoryview(frame(found.kind, found.body))
                start = self._next


def _behind(content: bytes | memoryview, start: int) -> int | None:
    """Return the place behind the frame that begins at another; None if no intact frame lies there as a whole."""
    begin = start + _HEAD.size
    if begin > len(content):
        return None
    array, kind, uint, length = _HEAD.unpack_from(content, start)
    end = begin + length
    if array != _ARRAY4 or uint != _UINT32 or kind > _MAX_KIND or end + _TAIL.size > len(content):
        return None
    uint, crc = _TAIL.unpack_from(content, end)
    return end + _TAIL.size if uint == _UINT32 and crc == zlib.crc32(content[start:end]) else None
