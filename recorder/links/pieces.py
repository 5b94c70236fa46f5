"""Change the text of a body that arrives in pieces, with no link cut in two."""

from __future__ import annotations

import re
from collections.abc import Callable

_END = re.compile(rb".*[\s\"'<>]", re.DOTALL)  # no link goes on behind these characters
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
        end = len(held) if not piece or (found is None and len(held) > _MOST) else found.end() if found else 0
        self._held = held[end:]
        return [self._change(held[:end])] if end else []
