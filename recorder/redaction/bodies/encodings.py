"""Decode the content and transfer encodings of a body, up to a limit, because 50 KB may expand to gigabytes. Sans-IO.

Servers and clients also name encodings that are none, such as `Content-Encoding: UTF-8`, and their peers ignore these.
So a body is believed more than its headers: it is decompressed by the encoding that is named, else by its first bytes,
else it is kept as it is if it is plain text. A body that is none of these may hold secrets that redaction does not see.
That is an error, so that such a body is not kept by mistake. The recorder and the stand-in both read bodies by this
module: a request that was recorded must be read again in the replay.
"""

from __future__ import annotations

import codecs

from ...formats.charsets import charset_of, is_plain_text, media_of
from ...formats.compression import Broken, Decompressor, EndsEarly, TooLarge, Unknown, decompress
from ...model import Headers

_MOST = 5  # encodings of one body
_NONE = {"", "identity", "none", "chunked"}
_COMPRESSED = ("gzip", "x-gzip", "deflate", "br", "zstd")
# The first bytes of compressed data: RFC 1952, section 2.3.1; RFC 8878, section 3.1.1; RFC 1950, section 2.2.
_LONGEST_MAGIC = 4
_LONGEST_PLAIN = (
    64 << 10
)  # bytes that give nothing when they are decompressed, and are kept in case they are plain text
_MAGIC = ((b"\x1f\x8b\x08", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x78", "deflate"))


class NotUndone(Exception):
    """A body that is not encoded as its headers say, or whose encoding is not supported."""


class NotSupported(NotUndone):
    """A body whose encoding is not supported."""


def content(body: bytes, headers: Headers, limit: int) -> tuple[bytes, str | None]:
    """Decode a body by its headers, as `undone` does."""
    applied = encodings(headers)
    return undone(body, applied, limit, charset_of(media_of(headers))) if applied else (body, None)


def encodings(headers: Headers) -> list[str]:
    """Return the encodings of a body in the order they were applied: content encodings, then transfer encodings."""
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


def undone(body: bytes, applied: list[str], limit: int, charset: str = "") -> tuple[bytes, str | None]:
    """Decode a body; return the result, and a text that says what is missing from it (None if it is complete).

    Args:
        body: The body as it was on the wire.
        applied: The encodings in the order they were applied, from `encodings`.
        limit: Most bytes after each step of decoding.
        charset: The charset that the media type declares; "" if it declares none.

    Raises:
        NotUndone: If the body does not have these encodings and is no plain text; the subclass NotSupported if one of
            the encodings is not supported.
        TooLarge: If the body exceeds the limit; it has the beginning, decoded.
    """
    if not body or not applied:
        return body, None
    named, lacks = ", ".join(applied)[:80], None
    if len(applied) > _MOST:
        raise NotSupported(str(Unknown(named)))
    large: str | None = None
    doubt: NotUndone | None = None  # holds unless the body turns out to be plain text
    for name in reversed(applied):
        try:
            body = _decompressed(body, name, limit)
        except TooLarge as exc:
            body, large = exc.beginning, f"decoded from {named!r} it has more than {limit} bytes"
        except EndsEarly as exc:
            if exc.beginning:
                body, lacks = exc.beginning, f"its {named!r} data ends early"
            else:
                doubt = NotUndone(f"it is not valid {name!r}")
        except Broken as exc:
            doubt = NotUndone(f"it {exc}")
        except Unknown as exc:
            doubt = NotSupported(str(exc))
    if doubt is not None and not is_plain_text(body, charset):
        raise doubt
    if large is not None:
        raise TooLarge(large, body)
    return body, lacks


def _decompressed(body: bytes, name: str, limit: int) -> bytes:
    """Return a body decompressed by the encoding that is named, else by the one that its first bytes show."""
    if name in _COMPRESSED:
        return decompress(body, name, limit)
    shown = next((encoding for magic, encoding in _MAGIC if body.startswith(magic)), None)
    return decompress(body, name if shown is None else shown, limit)


class Undoing:
    """Decodes a body that arrives in pieces, as `undone` does; after an error it cannot go on."""

    def __init__(self, applied: list[str], limit: int) -> None:
        """Take the encodings in the order they were applied, and the most bytes that one piece may give.

        Raises:
            NotSupported: If one of the encodings is not supported.
        """
        if len(applied) > _MOST:
            raise NotSupported(str(Unknown(", ".join(applied)[:80])))
        self._steps = [_Step(name, limit) for name in reversed(applied)]

    def feed(self, piece: bytes) -> bytes:
        """Return what the next piece gives.

        Raises:
            NotUndone: If the body does not have these encodings and is no plain text in UTF-8.
            TooLarge: If the piece gives more than the limit.
        """
        for step in self._steps:
            piece = step.feed(piece)
        return piece


class _Step:
    """One encoding of a body that arrives in pieces; a body that does not have it must be plain text."""

    def __init__(self, name: str, limit: int) -> None:
        self._name, self._limit = name, limit
        self._begun: bytes | None = b""  # what has come, as long as it gave nothing and may be plain text
        self._is_plain = False
        self._text = codecs.getincrementaldecoder("utf-8")()
        self._stage = _decompressor(name) if name in _COMPRESSED else None

    def feed(self, piece: bytes) -> bytes:
        if self._is_plain:
            return self._plain(piece)
        if self._begun is not None:
            self._begun += piece
        if self._stage is None:  # of an encoding that is none the first bytes show another one
            begun = piece = self._begun or b""
            if len(begun) < _LONGEST_MAGIC:
                return b""
            shown = next((encoding for magic, encoding in _MAGIC if begun.startswith(magic)), None)
            if shown is None:
                return self._as_plain()
            self._stage = _decompressor(shown)
        try:
            found = self._stage.feed(piece, self._limit)
        except Broken as exc:
            if self._begun is None:
                raise NotUndone(f"it {exc}") from exc
            return self._as_plain()
        except TooLarge as exc:
            raise TooLarge(f"a piece of it decoded from {self._name!r} has more than {self._limit} bytes") from exc
        if found or len(self._begun or b"") > _LONGEST_PLAIN:
            self._begun = None
        return found

    def _as_plain(self) -> bytes:
        begun, self._begun, self._is_plain = self._begun or b"", None, True
        return self._plain(begun)

    def _plain(self, piece: bytes) -> bytes:
        try:
            is_plain = is_plain_text(self._text.decode(piece).encode())
        except UnicodeDecodeError:
            is_plain = False
        if not is_plain:
            raise NotUndone(f"it is not valid {self._name!r}")
        return piece


def _decompressor(name: str) -> Decompressor:
    try:
        return Decompressor(name)
    except Unknown as exc:
        raise NotSupported(str(exc)) from exc
