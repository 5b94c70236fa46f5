"""Change the text of a body that arrives in pieces, with no link cut in two."""

from __future__ import annotations

import re
from collections.abc import Callable

# no link goes on behind these characters; each is searched alone, for `re` takes a hundred times as long
_ENDS = tuple(bytes([code]) for code in b" \t\n\r\f\v\"'<>")
# what the beginning of a link shows: a slash, an escape, half of a wide character, or letters that may become a scheme
_MARKS = tuple(bytes([code]) for code in b"/\\%&\0")
_SCHEME = re.compile(rb"(?:h|ht|htt|https?|w|wss?):?\Z", re.IGNORECASE)
_LETTERS = len(b"https:")
_MOST = 1 << 16  # bytes held back; a link is much shorter


class Pieces:
    """A body in pieces; what may be the beginning of a link waits for the next piece."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        """Take the function that changes a piece of text."""
        self._change, self._held = change, b""

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next piece, b"" at the end of the body; return the bytes that may leave now, none empty."""
        held = self._held + piece
        end = max(held.rfind(mark) for mark in _ENDS) + 1
        if not piece or (end == 0 and len(held) > _MOST) or not _may_begin(held, end):
            end = len(held)
        self._held = held[end:]
        return [self._change(held[:end])] if end else []


def _may_begin(text: bytes, start: int) -> bool:
    is_marked = any(text.find(mark, start) >= 0 for mark in _MARKS)
    return is_marked or _SCHEME.search(text, max(start, len(text) - _LETTERS)) is not None
