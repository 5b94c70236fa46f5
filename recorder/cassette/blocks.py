"""Compress the frames of an archive into zstd blocks; check the declared size of a block before decompressing."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from ..errors import CassetteError, UsageError
from ..formats import compression
from . import codec
from .frames import Frame, read_frame

RAW = 64 << 10  # bytes of frames collected in one block before compression; a larger frame gets its own block
_MOST = 1 << 20  # largest decompressed size of a block, in bytes
# largest decompressed size as a multiple of the compressed size: real traffic gives 5 to 20, a zip bomb thousands
_RATIO = 100
_LEVEL = 3  # higher zstd levels take many times as long and save a few percent
_INSTALL = "pip install 'outbound-recorder[archive]'"


def compress(raw: bytes) -> bytes | None:
    """Return the encoded frame of a block that holds `raw`, or None where `raw` must be stored uncompressed.

    `decompress` refuses a block over the size limits as a zip bomb, so no such block is ever written.

    Args:
        raw: Encoded frames, one after another.

    Raises:
        UsageError: If the zstd library is not installed.
    """
    try:
        packed = bytes(compression.zstd().compress(raw, level=_LEVEL))
    except compression.Unknown as exc:
        raise _missing(exc) from exc
    return codec.encode_value(codec.BLOCK, [len(raw), packed]) if _is_modest(len(raw), packed) else None


def decompress(block: Frame, *, path: str) -> bytes:
    """Return the decompressed bytes of a block: encoded frames, one after another.

    The block declares its decompressed size. The declared size is checked against the limits first, and no more bytes
    than declared are ever produced.

    Raises:
        CassetteError: If the block is damaged, or its content differs in size from the declaration.
        UsageError: If the zstd library is not installed.
    """
    value = codec.decode_value(block, path=path)
    match value:
        case [int(size), bytes(packed)] if _is_modest(size, packed):
            pass
        case _:
            raise CassetteError(path, "a compressed block declares no valid size", offset=block.offset)
    try:
        raw = compression.decompress(packed, "zstd", size, only_first=True)
    except compression.Unknown as exc:
        raise _missing(exc) from exc
    except (compression.TooLarge, compression.EndsEarly):
        raw = b""
    except compression.Broken as exc:
        problem = f"a block cannot be decompressed: {exc.__cause__}"
        raise CassetteError(path, problem, offset=block.offset) from exc
    if len(raw) != size:
        problem = f"a compressed block does not hold the {size} bytes that it declares"
        raise CassetteError(path, problem, offset=block.offset)
    return raw


def inside(block: Frame, *, path: str) -> Iterator[Frame]:
    """Yield the frames inside a block; yield any other frame unchanged.

    Frames from a block carry the file offset of the block (bytes): inside compressed data they have none of their own.

    Raises:
        CassetteError: If the block or a frame in it is damaged.
        UsageError: If the zstd library is not installed.
    """
    if block.kind != codec.BLOCK:
        yield block
        return
    raw = decompress(block, path=path)
    file = BytesIO(raw)
    while (inner := file.tell()) < len(raw):
        try:
            found = read_frame(file, inner, len(raw), path=path)
        except CassetteError as exc:  # includes TornTail: in an intact block a cut frame is damage, not a crash
            raise CassetteError(path, f"in a compressed block: {exc.problem}", offset=block.offset) from exc
        yield Frame(block.offset, found.kind, found.body, inner)


def _is_modest(size: int, packed: bytes) -> bool:
    return 0 < size <= min(_MOST, _RATIO * len(packed))


def _missing(exc: compression.Unknown) -> UsageError:
    # zstd is an optional dependency before Python 3.14, because only archives are compressed
    return UsageError(f"compressed cassettes need {exc.library}: {_INSTALL}")
