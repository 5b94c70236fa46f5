"""Decode the bytes of a body to text, and say which bytes are no text."""

from __future__ import annotations

import codecs
import json
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# Records of SignalR end in U+001E, frames of STOMP in NUL.
_ENDS = "\x00\x1e\r\n"
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([\w.:-]{1,40})", re.ASCII)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_WIDE, _JSON = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"), ("{", "[", '"')
# Codecs of Python that are no charset of a text: they decode escapes or host names.
_NO_CHARSETS = {"unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined"}


def decoded(body: bytes, charset: str = "") -> tuple[str, str]:
    """Return the text of a body, and the name of the codec that encodes it again to the same bytes.

    A byte order mark comes first, then a declared charset (of the media type or of an XML declaration), then UTF-8. All
    other bytes are read as Latin-1, which has a character for each byte.

    Args:
        body: The bytes.
        charset: The charset that the media type declares; "" if it declares none.

    """
    for name in _candidates(body, charset):
        try:
            text = body.decode(name)
        except (UnicodeError, ValueError):
            continue
        if name in _WIDE and text.lstrip()[:1] not in _JSON:
            continue  # a guess that was wrong
        return text, name
    return body.decode("latin-1"), "latin-1"


def is_text(text: str) -> bool:
    """Return whether a decoded body is text for people: it has no control characters, except at its end."""
    return _CONTROL.search(text.rstrip(_ENDS)) is None


def is_plain_text(body: bytes, charset: str = "") -> bool:
    """Return whether bytes decode strictly in their charset, UTF-8 if none is declared, and hold no control bytes."""
    marked = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    try:
        return _CONTROL.search(body.decode(marked or codec(charset) or "utf-8")) is None
    except (UnicodeError, ValueError):
        return False


def codec(charset: str) -> str:
    """Return Python's name of a charset; "" if there is no such charset."""
    try:
        found = codecs.lookup(charset.strip("\"' "))
    except (LookupError, ValueError):
        return ""
    return "" if not found._is_text_encoding or found.name in _NO_CHARSETS else found.name  # noqa: SLF001  # the only way to tell


def _candidates(body: bytes, charset: str) -> list[str]:
    marked = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    if marked is not None:
        return [marked]
    # JSON in UTF-16 or UTF-32 without a mark (RFC 4627, section 3)
    wide = [json.detect_encoding(body)] if 0 in body[:4] else []
    declared = codec(charset) if charset else ""
    if not declared and (found := _DECLARED.match(body)):
        declared = codec(found[1].decode("ascii"))
    return [*wide, declared, "utf-8"] if declared and declared != "utf-8" else [*wide, "utf-8"]
