"""Change values in tables of text (CSV, RFC 4180), each by the name of its column in the first row."""

from __future__ import annotations

import re

from ..policy import Place, Policy
from .change import Change

MEDIA = frozenset(("text/csv", "application/csv", "text/tab-separated-values"))
_SEPARATORS = ",;\t|"
_FIELDS = {
    one: re.compile(
        rf'(?P<quoted>"(?:[^"]|"")*+"?)|(?P<plain>[^"{one}\r\n][^{one}\r\n]*+)|(?P<next>[{one}])|(?P<row>\r?\n|\r)'
    )
    for one in _SEPARATORS
}
_NAME = re.compile(r"[^\W\d][\w .:()/-]{0,60}")  # other texts in the first row are values of a table without names


def changed(text: str, change: Change, policy: Policy, place: Place) -> str:
    """Return a table with its values changed; the names of columns, in the first row, stay.

    Args:
        text: The table.
        change: Says what to write in place of each value.
        policy: Knows the places inside a place.
        place: The place of the table itself.

    """
    head = re.split(r"[\r\n]", text, maxsplit=1)[0]
    separator = max(_SEPARATORS, key=head.count)
    pieces: list[str] = []
    columns: list[Place] = []
    column, is_head = 0, True
    for token in _FIELDS[separator].finditer(text):
        kind = token.lastgroup
        new = token[0]
        if kind == "next":
            column += 1
        elif kind == "row":
            column, is_head = 0, False
        elif is_head:
            columns += [place] * (column - len(columns))
            name = _plain(new).strip()
            if _NAME.fullmatch(name):
                columns.append(policy.walk(place, name))
            else:
                columns.append(place)
                new = _changed(new, change, place)
            if change.wants_names:
                change.name(name, columns[-1])
        else:
            new = _changed(new, change, columns[column] if column < len(columns) else place)
        pieces.append(new)
    return "".join(pieces)


def _plain(text: str) -> str:
    return text.strip('"').replace('""', '"') if text.startswith('"') else text


def _changed(text: str, change: Change, place: Place) -> str:
    if not text.startswith('"'):
        return change.value(text, place)
    inner, end = (text[1:-1], '"') if text.endswith('"') and len(text) > 1 else (text[1:], "")
    old = inner.replace('""', '"')
    new = change.value(old, place) if old else old
    quoted = new.replace('"', '""')
    return text if new == old else f'"{quoted}{end}'
