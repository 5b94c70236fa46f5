"""Pack values as msgpack in frames, and unpack them within the limits; no other module imports msgpack."""

from __future__ import annotations

from codecs import getincrementaldecoder
from contextlib import suppress
from typing import Any

import msgpack

from ..errors import CassetteError
from ..frozen import dataclass
from .frames import MAX_BODY, Frame, frame, framed

MAX_HEADERS = 4096  # HTTP headers of one record

LIMITS: dict[str, Any] = {
    "raw": False,
    "strict_map_key": True,
    "max_str_len": MAX_BODY,
    "max_bin_len": MAX_BODY,
    "max_array_len": 65_536,
    "max_map_len": 64,
    "max_ext_len": 0,
}
# msgpack allocates an array when it reads the declared length, so nested arrays can claim a thousand times this limit
OF_RECORD = LIMITS | {"max_array_len": MAX_HEADERS, "use_list": False}
MOST_SESSIONS = 65_536  # that the summary maps
OF_SUMMARY = LIMITS | {"max_map_len": MOST_SESSIONS}
_KEPT = 1 << 20  # bytes of the largest value after which a packer is used again
_LARGE = 64 << 10  # bytes; each value takes a byte or more, so a smaller body cannot reach `MOST_VALUES`
MOST_VALUES = 600_000  # a triple may have 65 536 events of nine values each
_MOST_FOREIGN = 256 << 10  # bytes of frames in one file that msgpack may fail on; see `Foreign`


class Undecodable(CassetteError):
    """A frame whose checksum fits but whose body this module cannot decode: written by another program, not damaged."""


class _Packer:
    """A packer of msgpack that is used again and again: a new one takes as long as packing a record."""

    __slots__ = ("_packer",)

    def __init__(self) -> None:
        self._packer = msgpack.Packer()

    def pack(self, value: Any) -> bytes:
        """Return a value as msgpack; text must be encodable as UTF-8."""
        packed = bytes(self._packer.pack(value))
        if len(packed) > _KEPT:
            self._packer = msgpack.Packer()  # a packer never frees its memory
        return packed


_PACKER = _Packer()
_COPIED = 256 << 10  # bytes; copies of a larger body take milliseconds


class Foreign:
    """Limits the bytes of undecodable frames in one file.

    A caller that reads on after an error needs this limit: msgpack never frees values decoded before an error.
    """

    def __init__(self, path: str) -> None:
        self._path, self._left = path, _MOST_FOREIGN

    def count(self, found: Frame, exc: CassetteError) -> None:
        """Count the bytes of a frame that could not be decoded; other errors are not counted.

        Raises:
            CassetteError: If the file holds more than 256 KiB of undecodable frames.
        """
        self._left -= len(found.body) if isinstance(exc, Undecodable) else 0
        if self._left < 0:
            raise CassetteError(self._path, "holds too many frames that are not msgpack", offset=found.offset) from exc


@dataclass(frozen=True, slots=True)
class Utf8:
    """A large text that is encoded already; to decode it and to encode it again would take a tenth of a second."""

    utf8: bytes


def body_text(body: bytes) -> str | bytes | Utf8:
    """Return what a record's body is packed as: text if it is valid UTF-8."""
    if len(body) <= _COPIED:
        return text_or_bytes(body)
    return Utf8(body) if _is_utf8(body) else body


def _is_utf8(body: bytes) -> bool:
    """Return whether a large body is valid UTF-8; a piece of it at a time, as a text may take four times its size."""
    if body.isascii():
        return True
    decoder = getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(body), _COPIED):
            decoder.decode(body[at : at + _COPIED])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def packed(kind: int, body: dict[str, Any]) -> bytes:
    """Return a frame with a packed body; text must be encodable as UTF-8."""
    return frame(kind, _PACKER.pack(body))


def packed_text(kind: int, body: dict[str, Any]) -> bytes:
    """Encode a body; store text with lone surrogates, which UTF-8 cannot encode, as bytes (WTF-8)."""
    try:
        return packed(kind, body)
    except UnicodeEncodeError:
        return packed(kind, _to_wtf8(body))


def _to_wtf8(value: Any) -> Any:
    match value:
        case str():
            return text_or_bytes(value.encode("utf-8", "surrogatepass"))
        case dict():
            return {key: _to_wtf8(item) for key, item in value.items()}
        case list() | tuple():
            return [_to_wtf8(item) for item in value]
        case _:
            return value


def from_wtf8(value: Any) -> Any:
    """Undo `_to_wtf8` for the direct items of a list; nested lists stay as they are, because nesting is unlimited."""
    if not isinstance(value, list) or bytes not in map(type, value):
        return value
    with suppress(UnicodeDecodeError):
        return [item.decode("utf-8", "surrogatepass") if isinstance(item, bytes) else item for item in value]
    return value


def unpack(found: Frame, path: str, limits: dict[str, Any] = LIMITS) -> Any:
    if len(found.body) > _LARGE:
        counter = _Counter()
        limits = limits | {"list_hook": counter, "object_hook": counter}
    try:
        return msgpack.unpackb(found.body, **limits)
    except (ValueError, msgpack.exceptions.UnpackException) as exc:
        raise Undecodable(path, f"the frame's body is no msgpack: {exc}", offset=found.offset) from exc


class _Counter:
    """Counts decoded values and refuses a body with too many: each takes many times its encoded size in memory."""

    def __init__(self) -> None:
        self._left = MOST_VALUES

    def __call__(self, value: Any) -> Any:
        self._left -= 1 + len(value)
        if self._left < 0:
            raise ValueError(f"holds more than {MOST_VALUES} values")
        return value


def packed_record(kind: int, body: dict[str, Any]) -> bytes:
    """Encode a record whose body, in the member `b`, comes from `body_text`."""
    large = body["b"]
    return _packed_around(kind, body, large) if isinstance(large, Utf8) else packed_text(kind, body)


def _packed_around(kind: int, body: dict[str, Any], large: Utf8) -> bytes:
    """Return the frame that `packed_text` makes of a map, with one copy of its large text in place of five."""
    names = list(body)
    at = names.index("b")
    before, behind = ({name: body[name] for name in part} for part in (names[:at], names[at + 1 :]))
    # one byte for a map of up to 15 members, and a text of 4 bytes of length: msgpack, "map format", "str format"
    heads = [_fields(before), _PACKER.pack("b"), b"\xdb", len(large.utf8).to_bytes(4, "big")]
    return framed(kind, [bytes([0x80 | len(names)]), *heads, large.utf8, _fields(behind)])


def _fields(body: dict[str, Any]) -> bytes:
    try:
        return _PACKER.pack(body)[1:]
    except UnicodeEncodeError:
        return _PACKER.pack(_to_wtf8(body))[1:]


def text_or_bytes(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
