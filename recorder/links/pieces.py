"""Change the text of a body that arrives in pieces, with no link cut in two."""

from __future__ import annotations

import re
from collections.abc import Callable

_END = re.compile(rb".*[\s\"'<>]", re.DOTALL)  # no link goes on behind these characters
# what the beginning of a link shows: a slash, an escape, half of a wide character, or letters that may become a scheme
_BEGINNING = re.compile(rb"[/\\%&\0]|(?:h|ht|htt|https?|w|wss?):?\Z", re.IGNORECASE)
_MOST = 1 << 16  # bytes held back; a link is much shorter


class Pieces:
    """A body in pieces; what may be the beginning of a link waits for the next piece."""

    def __init__(self, change: Callable[[bytes], bytes]) -> None:
        """Take the function that changes a piece of text."""
        self._change, self._held = change, b""

    def feed(self, piece: bytes) -> list[bytes]:
        """Take the next piece, b"" at the end of the body; return the bytes that may leave now, none empty."""
        held = self._held + piece
        found = _END.match(held)
        end = found.end() if found else 0
        if not piece or (end == 0 and len(held) > _MOST) or not _BEGINNING.search(held, end):
            end = len(held)
        self._held = held[end:]
        return [self._change(held[:end])] if end else []
