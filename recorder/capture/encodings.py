"""Undoes the encodings of a body, and no more of it than can be kept. Sans-IO.

What cannot be undone may hold secrets that redaction does not see: it is an error, so that nobody keeps it by mistake.
"""

from __future__ import annotations

from ..compression import Broken, EndsEarly, TooLarge, Unknown, decompress
from ..model import Headers
from .streams import KEPT

_MOST = 5  # encodings of one body
_NONE = {"", "identity", "none", "chunked"}


class NotUndone(Exception):
    """A body that is not encoded as its headers say, or in a way that nobody understands here."""


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
    named, lacks = ", ".join(applied), None
    if len(applied) > _MOST:
        raise NotUndone(str(Unknown(named)))
    for name in reversed(applied):
        try:
            body = decompress(body, name, limit)
        except TooLarge:
            return b"", f"without its encoding {named!r} it has more than {limit} bytes"
        except EndsEarly as exc:
            if not exc.beginning:
                raise NotUndone(f"it is no {name!r}") from exc
            body, lacks = exc.beginning, f"its {named!r} ends early"
        except Broken as exc:
            raise NotUndone(f"it {exc}") from exc
        except Unknown as exc:
            raise NotUndone(str(exc)) from exc
    return body, lacks
