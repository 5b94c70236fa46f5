"""Decode the bytes of a body to text, and say which bytes are no text."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# Records of SignalR end in U+001E, frames of STOMP in NUL.
_ENDS = "\x00\x1e\r\n"
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([\w.:-]{1,40})", re.ASCII)
# The codecs of one byte order: they keep the mark as the first character, and write it again as it was.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
# A text in UTF-16 or UTF-32 without a mark is told by its first character, which is that of JSON or markup, or by its
# first ones, which are those of a script around JSON: `while(1);`, `)]}',`, `cb(`.
_STARTS = ("{", "[", '"', "<")
_SCRIPT = re.compile(r"[ -~\t\r\n]{8}", re.ASCII)
_MEDIA_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE | re.ASCII)
_NO_BYTES = re.compile(r"([\ud800-\udc7f\udd00-\udfff]+)")  # surrogates that stand for no byte
_EBCDIC = "<?xm".encode("cp500")  # all EBCDIC code pages have these characters at the same places (XML, appendix F)
# Codecs of Python that are no charset of a text: they decode escapes or host names.
_NO_CHARSETS = {"unicode-escape", "raw-unicode-escape", "idna", "punycode", "undefined"}


def media_of(headers: Iterable[tuple[str, str]]) -> str:
    """Return the value of the header Content-Type; "" without one."""
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def charset_of(media: str) -> str:
    """Return the charset that a media type declares; "" if it declares none."""
    found = _MEDIA_CHARSET.search(media)
    return found[1] if found else ""


def decoded(body: bytes, charset: str = "") -> tuple[str, str]:
    """Return the text of a body, and the name of the codec that encodes it again to the same bytes.

    A byte order mark comes first, then a declared charset (of the media type or of an XML declaration), then UTF-8. All
    other bytes are read as Latin-1, which has a character for each byte. A byte order mark is the first character. Of a
    text in UTF-16 or UTF-32 that ends within a character, such as one that was cut, that character is left out.

    Args:
        body: The bytes.
        charset: The charset that the media type declares; "" if it declares none.

    """
    for name in _candidates(body, charset):
        try:
            text = body[: len(body) - len(body) % _width(name)].decode(name)
        except (UnicodeError, ValueError):
            continue
        return text, name
    return body.decode("latin-1"), "latin-1"


def encoded(text: str, codec: str, *, markup: bool = False) -> bytes:
    """Return a text in a codec; a character that the codec lacks becomes a reference of XML, or an escape of JSON."""
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return "".join(one if _has(codec, one) else _reference(one, markup=markup) for one in text).encode(codec)


def as_utf8(text: str) -> bytes:
    """Return a text in UTF-8, also one with lone surrogates, which UTF-8 has not.

    One that stands for a byte (PEP 383) becomes this byte; another one, of an escape in JSON, its three bytes in WTF-8.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        parts = enumerate(_NO_BYTES.split(text))
        return b"".join(part.encode("utf-8", "surrogatepass" if n % 2 else "surrogateescape") for n, part in parts)


def _has(codec: str, one: str) -> bool:
    try:
        one.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _reference(one: str, *, markup: bool) -> str:
    return f"&#{ord(one)};" if markup else json.dumps(one)[1:-1]


def is_text(text: str) -> bool:
    """Return whether a decoded body is text for people: it has no control characters, except at its end."""
    return _CONTROL.search(text.rstrip(_ENDS)) is None


def is_plain_text(body: bytes, charset: str = "") -> bool:
    """Return whether bytes decode strictly in their charset, UTF-8 if none is declared, and hold no control bytes."""
    try:
        return _CONTROL.search(body.decode(_candidates(body, charset)[0])) is None
    except (UnicodeError, ValueError):
        return False


def codec(charset: str) -> str:
    """Return Python's name of a charset; "" if there is no such charset."""
    try:
        found = codecs.lookup(charset.strip("\"' "))
    except (LookupError, ValueError):
        return ""
    if found.name == "utf-8-sig":
        return "utf-8"
    return "" if not found._is_text_encoding or found.name in _NO_CHARSETS else found.name  # noqa: SLF001  # the only way to tell


def _candidates(body: bytes, charset: str) -> list[str]:
    marked = next((name for mark, name in _MARKS if body.startswith(mark)), None)
    if marked is not None:
        return [marked]
    declared = codec(charset) or _declared(body)
    if declared in ("utf-16", "utf-32"):  # these two write a mark, which the body does not have
        declared += "-be" if body[:1] == b"\0" else "-le"
    return [*_wide(body), *([declared] if declared else []), "utf-8"]


def _wide(body: bytes) -> list[str]:
    """Return the codec of JSON or XML in UTF-16 or UTF-32 without a mark (RFC 4627, section 3; XML, appendix F)."""
    if 0 not in body[:4]:
        return []
    name = json.detect_encoding(body)
    start = body[:64].decode(name, "ignore")
    return [name] if start.lstrip()[:1] in _STARTS or _SCRIPT.match(start) else []


def _width(codec: str) -> int:
    return {"utf-16": 2, "utf-32": 4}.get(codec[:6], 1)


def _declared(body: bytes) -> str:
    """Return the codec that an XML declaration names; "" without one."""
    start = body[:300]
    if start.startswith(_EBCDIC):
        start = start.decode("cp500").encode("ascii", "replace")
    found = _DECLARED.match(start)
    return codec(found[1].decode("ascii")) if found else ""
