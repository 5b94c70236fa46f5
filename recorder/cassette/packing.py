"""Pack values as msgpack in frames, and unpack them within the limits; no other module imports msgpack."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgpack

from ..errors import CassetteError
from .frames import MAX_BODY, Frame, frame

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


def text_or_bytes(body: bytes) -> str | bytes:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body
