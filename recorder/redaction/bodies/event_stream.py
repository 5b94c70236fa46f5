"""Change values in a stream of server-sent events, and leave each other byte as it is.

The lines `data:` of one event make one text, joined by line feeds (HTML, section 9.2.6 "Interpreting an event stream").
"""

from __future__ import annotations

import re
from collections.abc import Callable

STARTS = re.compile(r"\ufeff?(?:(?::|event|id|retry)[^\r\n]*+(?:\r\n|\r|\n))*+data(?::|\r|\n)")
_LINE = re.compile(r"([^\r\n]*+)(\r\n|\r|\n|$)")
_FIELD = re.compile(r"\ufeff?(data|event|id|retry)?(: ?)?(.*)", re.DOTALL)


def changed(text: str, data: Callable[[str], str], other: Callable[[str], str]) -> str:
    """Return a stream with `data` applied to the data of each event, and `other` to all other texts in it."""
    pieces: list[str] = []
    event: list[tuple[int, str]] = []  # of the current event: places in `pieces`, and data

    def finish() -> None:
        if not event:
            return
        old = "\n".join(line for _, line in event)
        new = data(old)
        lines = new.split("\n")
        if new != old and len(lines) == len(event):
            for (place, _), line in zip(event, lines, strict=True):
                pieces[place] = line
        event.clear()

    for line in _LINE.finditer(text):
        if not line[0]:
            break
        found = _FIELD.fullmatch(line[1])
        if not line[1]:
            finish()
        elif found is not None and found[1] == "data" and (found[2] or not found[3]):
            pieces.append(line[1][: found.start(3)])
            event.append((len(pieces), found[3]))
            pieces += [found[3], line[2]]
            continue
        elif found is not None:
            pieces += [line[1][: found.start(3)], other(found[3])]
        pieces += [line[2]] if line[1] else [line[0]]
    finish()  # a stream that was cut off ends inside an event
    return "".join(pieces)
