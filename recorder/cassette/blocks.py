"""Compression of the archive form: frames in zstd blocks, each limited before a byte is decompressed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from typing import Any

from ..errors import CassetteError, UsageError
from . import codec
from .frames import Frame, read_frame

RAW = 64 << 10  # bytes of frames a block is filled to; a larger frame is a block of its own
_MOST = 1 << 20  # bytes a block may hold
_RATIO = 100  # times its size a block may hold: real traffic gives 5 to 20, a bomb gives thousands
_LEVEL = 3  # more costs many times the time for a few percent
_INSTALL = "pip install 'outbound-recorder[archive]'"


def compress(raw: bytes) -> bytes | None:
    """The frame of one block; None for what a reader would take for a bomb, which must stand as it is.

    Raises:
        UsageError: If the library for it is not installed.
    """
    packed = bytes(_zstd().compress(raw, level=_LEVEL))
    return codec.encode_value(codec.BLOCK, [len(raw), packed]) if _is_modest(len(raw), packed) else None


def decompress(block: Frame, *, path: str) -> bytes:
    """The frames a block holds; never more bytes are made than it says, and what it may say is limited.

    Raises:
        CassetteError: If it holds another number of bytes than it says, or is damaged.
        UsageError: If the library for it is not installed.
    """
    value = codec.decode_value(block, path=path)
    match value:
        case [int(size), bytes(packed)] if _is_modest(size, packed):
            pass
        case _:
            raise CassetteError(path, "the block is no block", offset=block.offset)
    zstd = _zstd()
    decompressor = zstd.ZstdDecompressor()
    try:
        raw = bytes(decompressor.decompress(packed, max_length=size + 1))
    except zstd.ZstdError as exc:
        raise CassetteError(path, f"the block cannot be decompressed: {exc}", offset=block.offset) from exc
    if len(raw) != size or not decompressor.eof:
        raise CassetteError(path, f"the block does not hold the {size} bytes it says", offset=block.offset)
    return raw


def inside(block: Frame, *, path: str) -> Iterator[Frame]:
    """The frames of a block; their offset is that of the block.

    Raises:
        CassetteError: If the block or a frame in it is damaged.
        UsageError: If the library for it is not installed.
    """
    raw = decompress(block, path=path)
    file = BytesIO(raw)
    while (inner := file.tell()) < len(raw):
        try:
            found = read_frame(file, inner, len(raw), path=path)
        except CassetteError as exc:  # even a torn one is damage here: the block itself is whole
            raise CassetteError(path, f"in the block: {exc.problem}", offset=block.offset) from exc
        yield Frame(block.offset, found.kind, found.body)


def _is_modest(size: int, packed: bytes) -> bool:
    return 0 < size <= min(_MOST, _RATIO * len(packed))


def _zstd() -> Any:
    # in the standard library from 3.14 on; before, an extra: the git form needs no compression
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise UsageError(f"compressed cassettes need {name}: {_INSTALL}") from exc
