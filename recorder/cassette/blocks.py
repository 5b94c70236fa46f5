"""Compression of the archive form: frames in zstd blocks, each limited before a byte is decompressed."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from .. import compression
from ..errors import CassetteError, UsageError
from . import codec
from .frames import Frame, read_frame

RAW = 64 << 10  # bytes of frames a block is filled to; a larger frame is a block of its own
_MOST = 1 << 20  # bytes a block may hold
_RATIO = 100  # times its size a block may hold: real traffic gives 5 to 20, a bomb gives thousands
_LEVEL = 3  # more costs many times the time for a few percent
_INSTALL = "pip install 'outbound-recorder[archive]'"


def compress(raw: bytes) -> bytes | None:
    """Compress frames into the frame of one block; return None for bytes a reader would take for a bomb.

    Raises:
        UsageError: If the library for it is not installed.
    """
    try:
        packed = bytes(compression.zstd().compress(raw, level=_LEVEL))
    except compression.Unknown as exc:
        raise _missing(exc) from exc
    return codec.encode_value(codec.BLOCK, [len(raw), packed]) if _is_modest(len(raw), packed) else None


def decompress(block: Frame, *, path: str) -> bytes:
    """Decompress the frames of a block; never more bytes than the block declares, and that is limited too.

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
    try:
        raw = compression.decompress(packed, "zstd", size, only_first=True)
    except compression.Unknown as exc:
        raise _missing(exc) from exc
    except (compression.TooLarge, compression.EndsEarly):
        raw = b""
    except compression.Broken as exc:
        problem = f"the block cannot be decompressed: {exc.__cause__}"
        raise CassetteError(path, problem, offset=block.offset) from exc
    if len(raw) != size:
        raise CassetteError(path, f"the block does not hold the {size} bytes it says", offset=block.offset)
    return raw


def inside(block: Frame, *, path: str) -> Iterator[Frame]:
    """Yield the frames of a block, with the offset of the block; of another frame, itself.

    Raises:
        CassetteError: If the block or a frame in it is damaged.
        UsageError: If the library for it is not installed.
    """
    if block.kind != codec.BLOCK:
        yield block
        return
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


def _missing(exc: compression.Unknown) -> UsageError:
    # an extra before Python 3.14: the git form needs no compression
    return UsageError(f"compressed cassettes need {exc.library}: {_INSTALL}")
