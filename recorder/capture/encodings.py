"""Decode the content and transfer encodings of a body, up to a limit, because 50 KB may expand to gigabytes. Sans-IO.

A body that cannot be decoded may hold secrets that redaction does not see. That is an error, so that such a body is not
kept by mistake.
"""

from __future__ import annotations

from ..compression import Broken, EndsEarly, TooLarge, Unknown, decompress
from ..model import Headers
from .streams import KEPT

_MOST = 5  # encodings of one body
_NONE = {"", "identity", "none", "chunked"}


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


def undone(body: bytes, applied: list[str], limit: int = KEPT) -> tuple[bytes, str | None]:
    """Decode a body; return the result, and a text that says what is missing from it (None if it is complete).

    Args:
        body: The body as it was on the wire.
        applied: The encodings in the order they were applied, from `encodings`.
        limit: Most bytes after each step of decoding; a larger body is dropped, and b"" is returned.

    Raises:
        NotUndone: If the body does not have these encodings, or one of them is not supported.
    """
    if not body or not applied:
        return body, None
    named, lacks = ", ".join(applied), None
    if len(applied) > _MOST:
        raise NotUndone(str(Unknown(named)))
    for name in reversed(applied):
        try:
            body = decompress(body, name, limit)
        except TooLarge:
            return b"", f"decoded from {named!r} it has more than {limit} bytes"
        except EndsEarly as exc:
            if not exc.beginning:
                raise NotUndone(f"it is not valid {name!r}") from exc
            body, lacks = exc.beginning, f"its {named!r} data ends early"
        except Broken as exc:
            raise NotUndone(f"it {exc}") from exc
        except Unknown as exc:
            raise NotUndone(str(exc)) from exc
    return body, lacks
