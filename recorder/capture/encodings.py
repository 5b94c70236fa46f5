"""Undoes the encodings of a body, and no more of it than can be kept: 50 KB may hold gigabytes. Sans-IO.

What cannot be undone may hold secrets that redaction does not see: it is an error, so that nobody keeps it by mistake.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import IO, cast

import brotli
import zstandard

from ..model import Headers
from .streams import KEPT

_PIECE = 64 << 10  # bytes that are undone at a time
_BROTLI_PIECE = 16  # bytes; each dozen of them may hold 16 MB, and the library undoes all it is given at once
_WINDOW = 8 << 20  # bytes; no server may need more of a client (RFC 9659, section 3)
_MEMBERS = 10_000  # of one gzip body; each costs time, even if there is nothing in it
_MOST = 5  # encodings of one body
_NONE = {"", "identity", "none", "chunked"}

Undo = Callable[[Iterable[bytes]], Iterator[bytes]]


class NotUndone(Exception):
    """A body that is not encoded as its headers say, or in a way that nobody understands here."""


class _EndsEarly(Exception):
    """What there was is undone, and it is not all."""


class _TooLarge(Exception):
    """More than can be kept."""


def encodings(headers: Headers) -> list[str]:
    """The encodings of a body in the order they were applied: those of its content, then those of the transfer."""
    content: list[str] = []
    transfer: list[str] = []
    for header, value in headers:
        match header.lower():
            case "content-encoding":
                content += value.split(",")
            case "transfer-encoding":
                transfer += value.split(",")
    named = (name.strip().lower() for name in (*content, *transfer))
    return [name for name in named if name not in _NONE]


def undone(body: bytes, applied: list[str], limit: int = KEPT) -> tuple[bytes, str | None]:
    """A body without its encodings, and what it lacks of the whole, if anything.

    Nothing is left of one that has more than `limit` bytes at any stage.

    Raises:
        NotUndone: If it is not what its encodings say, or one of them is unknown.
    """
    if not body or not applied:
        return body, None
    named = ", ".join(applied)
    if len(applied) > _MOST or not _UNDO.keys() >= set(applied):
        raise NotUndone(f"its encoding {named[:80]!r} is unknown")
    pieces: Iterable[bytes] = [body]
    for name in reversed(applied):
        pieces = _bounded(_UNDO[name](pieces), limit)
    found = bytearray()
    try:
        for piece in pieces:
            found += piece
    except _TooLarge:
        return b"", f"without its encoding {named!r} it has more than {limit} bytes"
    except _EndsEarly as exc:
        if not found:
            raise NotUndone(f"it is no {named!r}") from exc
        return bytes(found), f"its {named!r} ends early"
    except (zlib.error, brotli.error, zstandard.ZstdError) as exc:
        raise NotUndone(f"it is no {named!r}") from exc
    return bytes(found), None


def _bounded(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise _TooLarge
        if piece:
            yield piece


def _gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """One gzip member after the other (RFC 1952, section 2.2); zeros may follow."""
    inflate, members = zlib.decompressobj(zlib.MAX_WBITS | 16), 1
    for piece in pieces:
        left = piece
        while left:
            if inflate.eof:
                left = left.lstrip(b"\x00")
                if not left:
                    break
                inflate, members = zlib.decompressobj(zlib.MAX_WBITS | 16), members + 1
                if members > _MEMBERS:
                    raise NotUndone(f"its gzip has more than {_MEMBERS} members")
            yield inflate.decompress(left, _PIECE)
            left = inflate.unconsumed_tail or inflate.unused_data
    yield from _rest(inflate)


def _inflate(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Deflate as it should be, in the zlib format, or bare, as some servers have it."""
    source = iter(pieces)
    head = b""
    while len(head) < 2 and (piece := next(source, b"")):
        head += piece
    is_zlib = head[:1] != b"" and head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    inflate = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
    for piece in chain([head], source):
        left = piece
        while left and not inflate.eof:
            yield inflate.decompress(left, _PIECE)
            left = inflate.unconsumed_tail
    yield from _rest(inflate)


def _rest(inflate: zlib._Decompress) -> Iterator[bytes]:
    """What zlib had no room for: a copy of 258 bytes at most."""
    if inflate.eof:
        return
    yield inflate.flush()
    if not inflate.eof:
        raise _EndsEarly


def _unbrotli(pieces: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = brotli.Decompressor()
    for piece in pieces:
        for start in range(0, len(piece), _BROTLI_PIECE):
            if decompressor.is_finished():
                return
            yield decompressor.process(piece[start : start + _BROTLI_PIECE])
    if not decompressor.is_finished():
        raise _EndsEarly


def _unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    source = cast("IO[bytes]", _Source(pieces))  # all of a file that is used
    with decompressor.stream_reader(source, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            yield piece


class _Source:
    """Pieces as a file to read from."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._left = iter(pieces), b""

    def read(self, size: int) -> bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        taken, self._left = self._left[:size], self._left[size:]
        return taken


_UNDO: dict[str, Undo] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
