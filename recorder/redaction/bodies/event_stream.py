"""Change values in a stream of server-sent events, and leave each other byte as it is.

The lines `data:` of one event make one text, joined by line feeds (HTML, section 9.2.6 "Interpreting an event stream").
"""

from __future__ import annotations

import re
from collections.abc import Callable

STARTS = re.compile(r"\ufeff?(?:(?::|event|id|retry)[^\r\n]*+(?:\r\n|\r|\n))*+data(?::|\r|\n)")
_LINE = re.compile(r"([^\r\n]*+)(\r\n|\r|\n|$)")
_FIELD = re.compile(r"\ufeff?(data|event|id|retry)?(: ?)?(.*)", re.DOTALL)


def changed(
    text: str, data: Callable[[str], str], other: Callable[[str], str], name: Callable[[str], object] = str
) -> str:
    """Return a stream with `data` applied to the data of each event, and `other` to comments and ids.

    The name of an event stays, because clients choose by it what to do; `name` is called with it.
    """
    pieces: list[str] = []
    event: list[tuple[int, str]] = []  # of the current event: places in `pieces`, and data
    end = "\n"

    def finish() -> None:
        if not event:
            return
        old = "\n".join(line for _, line in event)
        new = data(old)
        lines = new.split("\n")
        # The text may have fewer or more lines than before, e.g. without an escaped line feed of a script.
        surplus = lines[len(event) - 1 :]
        lines[len(event) - 1 :] = [f"{end}data: ".join(surplus)] if surplus else []
        for number, (place, _) in enumerate(event if new != old else ()):
            if number < len(lines):
                pieces[place] = lines[number]
            else:
                pieces[place - 1 : place + 2] = ["", "", ""]
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
            end = line[2] or end
            pieces += [found[3], line[2]]
            continue
        elif found is not None:
            is_name = found[1] == "event"
            if is_name:
                name(found[3])
            pieces += [line[1][: found.start(3)], found[3] if is_name else other(found[3])]
        pieces += [line[2]] if line[1] else [line[0]]
    finish()  # a stream that was cut off ends inside an event
    return "".join(pieces)
