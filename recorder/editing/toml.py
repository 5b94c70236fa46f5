"""Write values as TOML, and split a text into its tables with the lines of their keys.

Texts are written here and not by tomli-w, which writes a CR LF inside of a text as LF: a body would change.
"""

from __future__ import annotations

import re
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..dialect.mistakes.toml import begins, explained, halved, statements
from ..errors import EditError

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_LITERAL, _BASIC = "'''", '"""'


def text(value: str) -> str:
    """Return a text as a value of TOML: over several lines if it has some, and without escapes where TOML allows it.

    A text with lone surrogates, which TOML has not, becomes `{ base64 = "…" }` of its bytes in WTF-8.
    """
    if _SURROGATE.search(value):
        return f"{{ base64 = {text(base64(value.encode('utf-8', 'surrogatepass')))} }}"
    is_plain = value.replace("\n", "").replace("\t", "").isprintable()
    if "\n" in value:
        if is_plain and _LITERAL not in value and not value.endswith("'"):
            return f"{_LITERAL}\n{value}{_LITERAL}"
        return f"{_BASIC}\n" + "\n".join(map(_escaped, value.split("\n"))) + _BASIC
    if is_plain and "'" not in value and ('"' in value or "\\" in value):
        return f"'{value}'"
    return f'"{_escaped(value)}"'


def base64(value: bytes) -> str:
    """Return bytes as Base64."""
    return b64encode(value).decode()


def _escaped(value: str) -> str:
    return "".join(_ESCAPED.get(char) or (char if char.isprintable() else _code(ord(char))) for char in value)


def _code(number: int) -> str:
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a text.

    Attributes:
        name: Its name.
        line: The line of its head, from 1.
        values: Its values by their keys.
        lines: The line of each key.
    """

    name: str
    line: int
    values: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)


def tables(content: str, path: str) -> Iterator[Table]:
    """Yield the tables of a text, in their order; each is parsed by itself.

    Args:
        content: The text.
        path: Name of the file, for errors.

    Raises:
        EditError: At the first part that is no TOML, or stands before the first table.
    """
    content = content.replace("\r\n", "\n")
    half = halved(content)
    if half is not None:
        raise EditError(path, "text", half[1], line=half[0])
    rows = content.split("\n")
    heads: list[tuple[int, str]] = []
    keys: list[tuple[int, str]] = []
    for number, row in statements(content):
        found = begins(row)
        if found is not None:
            (heads if found[1] else keys).append((number, found[0]))
    heads.append((len(rows) + 1, ""))
    _parsed("\n".join(rows[: heads[0][0] - 1]), "text", path, 1)
    if keys and keys[0][0] < heads[0][0]:
        line, key = keys[0]
        raise EditError(path, key, "stands before the first table; write [cassette] first", line=line)
    at = 0
    for (start, name), (end, _) in pairwise(heads):
        lines: dict[str, int] = {}
        while at < len(keys) and keys[at][0] < end:
            lines.setdefault(keys[at][1], keys[at][0])
            at += 1
        value = _parsed("\n".join(rows[start - 1 : end - 1]), name, path, start).get(name)
        values = value[0] if isinstance(value, list) else value
        yield Table(name, start, values if isinstance(values, dict) else {}, lines)


def _parsed(part: str, name: str, path: str, start: int) -> dict[str, Any]:
    """Return the values of a part of a text, which begins at a line.

    Raises:
        EditError: If the part is no TOML.
    """
    try:
        return tomllib.loads(part)
    except RecursionError as exc:
        raise EditError(path, name, "nests its values too deep", line=start) from exc
    except ValueError as exc:  # also of a number with more digits than Python converts
        line, problem = explained(part, str(exc))
        raise EditError(path, name, problem, line=start + line - 1) from exc
