"""Decode the content and transfer encodings of a body, up to a limit, because 50 KB may expand to gigabytes. Sans-IO.

Servers also name encodings that are none, such as `Content-Encoding: UTF-8`, and clients ignore these. So a body is
believed more than its headers: it is decompressed by the encoding that is named, else by its first bytes, else it is
kept as it is if it is plain text. A body that is none of these may hold secrets that redaction does not see. That is an
error, so that such a body is not kept by mistake.
"""

from __future__ import annotations

from ..compression import Broken, EndsEarly, TooLarge, Unknown, decompress
from ..model import Headers
from ..redaction.bodies.charsets import is_plain_text
from .streams import KEPT

_MOST = 5  # encodings of one body
_NONE = {"", "identity", "none", "chunked"}
_COMPRESSED = ("gzip", "x-gzip", "deflate", "br", "zstd")
# The first bytes of compressed data: RFC 1952, section 2.3.1; RFC 8878, section 3.1.1; RFC 1950, section 2.2.
_MAGIC = ((b"\x1f\x8b\x08", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\x78", "deflate"))


class NotUndone(Exception):
    """A body that is not encoded as its headers say, or whose encoding is not supported."""


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


def undone(body: bytes, applied: list[str], limit: int = KEPT, charset: str = "") -> tuple[bytes, str | None]:
    """Decode a body; return the result, and a text that says what is missing from it (None if it is complete).

    Args:
        body: The body as it was on the wire.
        applied: The encodings in the order they were applied, from `encodings`.
        limit: Most bytes after each step of decoding; a larger body is dropped, and b"" is returned.
        charset: The charset that the media type declares; "" if it declares none.

    Raises:
        NotUndone: If the body does not have these encodings and is no plain text, or one of them is not supported.
    """
    if not body or not applied:
        return body, None
    named, lacks = ", ".join(applied), None
    if len(applied) > _MOST:
        raise NotUndone(str(Unknown(named)))
    doubt: NotUndone | None = None  # holds unless the body turns out to be plain text
    for name in reversed(applied):
        try:
            body = _decompressed(body, name, limit)
        except TooLarge:
            return b"", f"decoded from {named!r} it has more than {limit} bytes"
        except EndsEarly as exc:
            if exc.beginning:
                body, lacks = exc.beginning, f"its {named!r} data ends early"
            else:
                doubt = NotUndone(f"it is not valid {name!r}")
        except Broken as exc:
            doubt = NotUndone(f"it {exc}")
        except Unknown as exc:
            doubt = NotUndone(str(exc))
    if doubt is not None and not is_plain_text(body, charset):
        raise doubt
    return body, lacks


def _decompressed(body: bytes, name: str, limit: int) -> bytes:
    """Return a body decompressed by the encoding that is named, else by the one that its first bytes show."""
    if name in _COMPRESSED:
        return decompress(body, name, limit)
    shown = next((encoding for magic, encoding in _MAGIC if body.startswith(magic)), None)
    return decompress(body, name if shown is None else shown, limit)
