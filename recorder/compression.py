"""Undo the compression of bytes, and make no more of them than a limit: 50 KB may hold gigabytes. Sans-IO.

The names of encodings are those of HTTP (RFC 9110, section 8.4.1). What `br` and `zstd` need is loaded when it is first
used, and may be missing.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

_PIECE = 64 << 10  # bytes that are undone at a time
_BROTLI_PIECE = 16  # bytes; each dozen of them may hold 16 MB, and the library undoes all it is given at once
_WINDOW = 23  # bits, 8 MiB; no server may need more of a client (RFC 9659, section 3)
_MEMBERS = 10_000  # of one gzip or zstd; each costs time, even if there is nothing in it
_JOINED = ("gzip", "x-gzip", "zstd")  # may have one member after the other (RFC 1952, section 2.2; RFC 8878, 3.1)


class EncodingError(Exception):
    """Bytes that cannot be decompressed: TooLarge, Broken (EndsEarly) or Unknown."""


class TooLarge(EncodingError):
    """Decompressed, there are more bytes than the limit."""


class Broken(EncodingError):
    """The bytes are not encoded as they should be; the text says how, without a subject."""


class EndsEarly(Broken):
    """The bytes are a beginning.

    Attributes:
        beginning: What they hold.
    """

    def __init__(self, beginning: bytes) -> None:
        super().__init__("ends early")
        self.beginning = beginning


class Unknown(EncodingError):
    """The encoding is unknown here.

    Attributes:
        library: Name of the library that would know it, if that is what is missing.
    """

    def __init__(self, encoding: str, library: str = "") -> None:
        super().__init__(f"its encoding {encoding[:80]!r} is not supported")
        self.library = library


def decompress(data: bytes, encoding: str, limit: int, *, only_first: bool = False) -> bytes:
    """Return the bytes that are encoded in others, `limit` at most.

    Args:
        data: What is encoded.
        encoding: gzip, x-gzip, deflate (in the zlib format or bare, as some servers have it), br or zstd.
        limit: Number of bytes.
        only_first: Stop at the end of the first member of a gzip or zstd, whatever follows.

    Raises:
        TooLarge: If there are more bytes.
        Broken: If the data is no such encoding; EndsEarly if it is the beginning of one.
        Unknown: If the encoding is unknown, or its library is not installed.
    """
    new, error = _opener(encoding, data)
    found, at, members = bytearray(), 0, 1
    stage = new()
    while at < len(data):
        piece = data[at : at + _PIECE]
        if stage.eof:
            if only_first or encoding not in _JOINED:
                break
            padding = 0 if encoding == "zstd" else len(piece) - len(piece.lstrip(b"\x00"))
            if padding:  # as gzip's own program takes it
                at += padding
                continue
            stage, members = new(), members + 1
            if members > _MEMBERS:
                raise Broken(f"has more than {_MEMBERS} members")
        try:
            found += stage.decompress(piece, limit + 1 - len(found))
        except error as exc:
            raise Broken(f"is not valid {encoding!r}") from exc
        if len(found) > limit:
            raise TooLarge
        at += len(piece) - len(stage.unused_data)  # all else is taken, as there was room for what it holds
    if not stage.eof:
        raise EndsEarly(bytes(found))
    return bytes(found)


def zstd() -> Any:
    """Import the module of the standard library (from Python 3.14 on), or the one that stands in for it.

    Raises:
        Unknown: If it is not installed.
    """
    return _library("zstd", "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _library(encoding: str, name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise Unknown(encoding, name) from exc


def _opener(encoding: str, data: bytes) -> tuple[Callable[[], Any], type[Exception]]:
    """Return a factory of decompressors with the interface of zstd's, and the error they raise."""
    match encoding:
        case "gzip" | "x-gzip":
            return partial(zlib.decompressobj, zlib.MAX_WBITS | 16), zlib.error
        case "deflate":
            is_zlib = data[:1] != b"" and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            return partial(zlib.decompressobj, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS), zlib.error
        case "br":
            brotli = _library("br", "brotli")
            return partial(_Brotli, brotli.Decompressor), brotli.error
        case "zstd":
            library = zstd()
            options = {library.DecompressionParameter.window_log_max: _WINDOW}
            return partial(library.ZstdDecompressor, options=options), library.ZstdError
        case _:
            raise Unknown(encoding)


class _Brotli:
    """A decompressor with the interface of zstd's; what follows the end is dropped."""

    unused_data = b""

    def __init__(self, new: Callable[[], Any]) -> None:
        self._brotli, self.eof = new(), False

    def decompress(self, data: bytes, most: int, /) -> bytes:
        found = bytearray()
        for start in range(0, len(data), _BROTLI_PIECE):
            if self.eof or len(found) >= most:
                break
            found += self._brotli.process(data[start : start + _BROTLI_PIECE])
            self.eof = self._brotli.is_finished()
        return bytes(found)
