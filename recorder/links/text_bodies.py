"""Decode recorded bodies that are text, so that they can be changed and encoded again byte for byte."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

from ..model import Headers

_TEXTUAL = re.compile(
    r"text/|[^;]*(?:json|xml|javascript|ecmascript|urlencoded|html|yaml|csv|event-stream|graphql|svg)", re.IGNORECASE
)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c\x1d\x1f]")  # without ESC, and RS, which begins JSON texts (RFC 7464)
_ASCII = r"/:.%&\azAZ09-"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip


class Text(NamedTuple):
    """A body as text, and the charset that makes the same bytes of it."""

    text: str
    charset: str


def is_textual(headers: Headers) -> bool:
    """Return whether headers say that the body is text."""
    return _TEXTUAL.match(next((value for name, value in headers if name.lower() == "content-type"), "")) is not None


def decoded(body: bytes, headers: Headers) -> Text | None:
    """Return a body as text, None for a binary one."""
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    wide = _wide(body, kind)
    if wide is not None:
        return _strictly(body, wide)
    text = _strictly(body, "utf-8")
    if _TEXTUAL.match(kind):
        # any charset that keeps ASCII may be read as latin-1, which knows every byte; so may what is damaged
        return text or Text(body.decode("latin-1"), "latin-1")
    return None if text is None or _BINARY.search(body) else text


def encoded(text: str, charset: str) -> bytes:
    """Return text as bytes again."""
    return text.encode(charset)


def _wide(body: bytes, kind: str) -> str | None:
    """Return the charset of a body in which ASCII characters are no single bytes, None for all others."""
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return charset
    found = _CHARSET.search(kind)
    name = found[1].lower().replace("_", "-") if found else ""
    if name in ("utf-16", "utf-32", "ucs-2") or (not name and b"\0" in body[:4]):
        return _by_zeros(body)
    try:
        return None if not name or _ASCII.encode(name) == _ASCII.encode("ascii") else name
    except (LookupError, ValueError, TypeError):  # no charset at all, or a codec of another kind
        return None


def _by_zeros(body: bytes) -> str | None:
    """Return the Unicode charset of a text that begins with an ASCII character (RFC 4627, section 3)."""
    zeros = "".join("x0"[byte == 0] for byte in body[:4])
    return {"000x": "utf-32-be", "x000": "utf-32-le", "0x0x": "utf-16-be", "x0x0": "utf-16-le"}.get(zeros)


def _strictly(body: bytes, charset: str) -> Text | None:
    """Return a body as text of a charset, None where that text would make other bytes."""
    try:
        text = body.decode(charset)
        is_exact = charset == "utf-8" or text.encode(charset) == body
        return Text(text, charset) if is_exact else None
    except (LookupError, ValueError, TypeError):
        return None
