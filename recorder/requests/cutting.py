"""Cut the values of minted ids out of bodies, so that requests which differ in them alone have one text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

NO_JSON = b"\0"  # in place of a value; in no JSON but that of UTF-16
_QUOTED = b'"\0"'


class Rest(NamedTuple):
    """A body without the plainly written values of minted ids.

    Attributes:
        body: The body.
        names: The names of the values that were cut out.
        values: These values.
    """

    body: bytes
    names: list[bytes]
    values: list[str | int]


class Cutter:
    """Cuts out the values of members with certain names, where they are written plainly."""

    def __init__(self, names: Iterable[str]) -> None:
        """Take the names."""
        either = "|".join(re.escape(name) for name in names) or "(?!)"
        plain, number = r'"[ !#-\[\]-~]*"', r"-?(?:0|[1-9][0-9]{0,15})"
        self._values = re.compile(rf'"({either})"\s*:\s*({plain}|{number})(?=\s*[,}}])'.encode())

    def rest(self, body: bytes) -> Rest:
        """Return what is left of a body, and what was cut out."""
        pieces: list[bytes] = []
        names: list[bytes] = []
        values: list[str | int] = []
        end = 0
        for found in self._values.finditer(body) if body else ():
            name, text = found.groups()
            is_text = text.startswith(b'"')
            start = found.start(2)
            pieces += body[end:start], _QUOTED if is_text else NO_JSON
            names.append(name)
            values.append(text[1:-1].decode() if is_text else int(text))
            end = start + len(text)
        return Rest(b"".join([*pieces, body[end:]]) if pieces else body, names, values)
