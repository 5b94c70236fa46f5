"""Decompress bytes up to a limit, because 50 KB of compressed data may hold gigabytes. Sans-IO.

Encodings have the names that HTTP gives them (RFC 9110, section 8.4.1). The libraries for `br` and `zstd` are optional
and imported on first use.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

_PIECE = 64 << 10  # compressed bytes given to the decompressor at a time
# compressed bytes given to brotli at a time: a dozen may hold 16 MB, and the library decompresses its whole input
_BROTLI_PIECE = 16
_WINDOW = 23  # bits, that is 8 MiB; a server must not require a larger window (RFC 9659, section 3)
_MEMBERS = 10_000  # limit of members in one gzip or zstd stream; even an empty member costs time
_JOINED = ("gzip", "x-gzip", "zstd")  # may consist of several members (RFC 1952, section 2.2; RFC 8878, 3.1)


class EncodingError(Exception):
    """Base class of the errors: TooLarge, Broken (with the subclass EndsEarly) and Unknown."""


class TooLarge(EncodingError):
    """The decompressed data exceeds the limit.

    Attributes:
        beginning: The decompressed bytes up to the limit.
    """

    def __init__(self, text: str = "", beginning: bytes = b"") -> None:
        super().__init__(text)
        self.beginning = beginning


class Broken(EncodingError):
    """The data is not valid in its encoding; the error text is a predicate, to be put after a subject."""


class EndsEarly(Broken):
    """The compressed data is cut off.

    Attributes:
        beginning: The decompressed bytes up to the cut.
    """

    def __init__(self, beginning: bytes) -> None:
        super().__init__("ends early")
        self.beginning = beginning


class Unknown(EncodingError):
    """The encoding is not supported.

    Attributes:
        library: Name of the optional library that supports the encoding but is not installed; else empty.
    """

    def __init__(self, encoding: str, library: str = "") -> None:
        super().__init__(f"its encoding {encoding[:80]!r} is not supported")
        self.library = library


def decompress(data: bytes, encoding: str, limit: int, *, only_first: bool = False) -> bytes:
    """Return the decompressed bytes of `data`, at most `limit` bytes.

    Args:
        data: The compressed bytes.
        encoding: gzip, x-gzip, deflate, br or zstd. Deflate may be in the zlib format or raw, as some servers send it.
        limit: Largest size of the result, in bytes.
        only_first: Stop at the end of the first gzip or zstd member and ignore all bytes after it.

    Raises:
        TooLarge: If the decompressed data exceeds `limit`.
        Broken: If the data is not valid in the encoding; the subclass EndsEarly if the data is cut off.
        Unknown: If the encoding is not supported, or its library is not installed.
    """
    stage = Decompressor(encoding, only_first=only_first)
    found = stage.feed(data, limit)
    if not stage.eof:
        raise EndsEarly(found)
    return found


class Decompressor:
    """Decompresses data that arrives in pieces, as `decompress` does; after an error it cannot go on."""

    def __init__(self, encoding: str, *, only_first: bool = False) -> None:
        """Begin; see `decompress` for the arguments.

        Raises:
            Unknown: If the encoding is not supported, or its library is not installed.
        """
        self._encoding, self._only_first = encoding, only_first
        self._held, self._members = b"", 0
        self._stage: Any = None
        if encoding != "deflate":
            self._begin(b"")

    @property
    def eof(self) -> bool:
        """True if the data has come to its end."""
        return self._stage is not None and bool(self._stage.eof)

    def feed(self, data: bytes, limit: int) -> bytes:
        """Return what the next piece gives, at most `limit` bytes.

        Raises:
            TooLarge: If it gives more.
            Broken: If the data is not valid in the encoding.
        """
        if self._stage is None:  # the first two bytes tell the format of deflate
            data = self._held + data
            if len(data) < 2:
                self._held = data
                return b""
            self._begin(data)
        found, at = bytearray(), 0
        while at < len(data):
            piece = data[at : at + _PIECE]
            if self._stage.eof:
                if self._only_first or self._encoding not in _JOINED:
                    break
                padding = 0 if self._encoding == "zstd" else len(piece) - len(piece.lstrip(b"\x00"))
                if padding:  # the gzip program also ignores zero bytes between and after members
                    at += padding
                    continue
                self._begin(b"")
            try:
                found += self._stage.decompress(piece, limit + 1 - len(found))
            except self._error as exc:
                raise Broken(f"is not valid {self._encoding!r}") from exc
            if len(found) > limit:
                raise TooLarge(beginning=bytes(memoryview(found)[:limit]))
            at += len(piece) - len(self._stage.unused_data)  # the rest was consumed: output stayed below the limit
        return bytes(found)

    def _begin(self, data: bytes) -> None:
        self._members += 1
        if self._members > _MEMBERS:
            raise Broken(f"has more than {_MEMBERS} members")
        new, self._error = _opener(self._encoding, data)
        self._stage = new()


def zstd() -> Any:
    """Import the zstd module: `compression.zstd` from Python 3.14 on, else `backports.zstd`.

    Raises:
        Unknown: If the module is not installed.
    """
    return _library("zstd", "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def _library(encoding: str, name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise Unknown(encoding, name) from exc


def _opener(encoding: str, data: bytes) -> tuple[Callable[[], Any], type[Exception]]:
    """Return a factory of decompressors with the interface of `ZstdDecompressor`, and their error class."""
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
    """A brotli decompressor with the interface of `ZstdDecompressor`; bytes after the end of the stream are dropped."""

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
