"""Pack JSON for a page: names of objects are written once, and so is each value that repeats.

An object becomes `[shape, value…]`, where `shapes[shape]` holds its names. A list becomes `[-1, item…]`. A value that
repeats becomes `[-2, place]`, where `pool[place]` is the value. A number that JavaScript would print differently
becomes `[-3, text]`. Every other value stands for itself. Events of one kind share most of their content, so a packed
session takes about a third of the space.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from typing import Any

from ..printable import printable

_LIST, _REPEATED, _NUMBER = -1, -2, -3
_WORTH = 12  # characters; a reference saves no space for a shorter value
_EXACT = 2**53  # JavaScript numbers hold every integer up to this one
_FRACTION = re.compile(r"-?\d{1,9}\.\d*[1-9]")  # a fraction that Python and JavaScript print alike


@dataclass(slots=True)
class _Node:
    """A value of the document: a scalar with its JSON, or an object or list with the numbers of its items."""

    scalar: str
    kind: int
    items: tuple[int, ...]
    size: int
    uses: int = 0
    place: int | None = None  # place in the pool, None until the value is written there


@dataclass(slots=True)
class _Packer:
    nodes: list[_Node] = field(default_factory=list)
    scalars: dict[tuple[type, Any], int] = field(default_factory=dict)
    known: dict[tuple[str, int, tuple[int, ...]], int] = field(default_factory=dict)
    shapes: dict[tuple[str, ...], int] = field(default_factory=dict)
    pool: list[str] = field(default_factory=list)

    def meet(self, value: Any) -> int:
        """Return the number of the node for a value; equal values share one node."""
        match value:
            case dict():
                shape = self.shapes.setdefault(tuple(value), len(self.shapes))
                return self._row(shape, value.values())
            case list():
                return self._row(_LIST, value)
            case _:
                return self._scalar(value)

    def _scalar(self, value: Any) -> int:
        key = type(value), value  # the type too, because 1, 1.0 and True are equal in Python
        number = self.scalars.get(key)
        if number is None:
            text = _text(value)
            number = self.scalars[key] = self._node(text if _is_common(value, text) else f'[{_NUMBER},"{text}"]')
        return number

    def _row(self, kind: int, items: Iterable[Any]) -> int:
        return self._node("", kind, tuple(self.meet(item) for item in items))

    def _node(self, scalar: str, kind: int = 0, items: tuple[int, ...] = ()) -> int:
        key = scalar, kind, items
        number = self.known.get(key)
        if number is None:
            number = self.known[key] = len(self.nodes)
            size = len(scalar) or 4 + sum(self.nodes[item].size + 1 for item in items)
            self.nodes.append(_Node(scalar, kind, items, size))
            for item in items:
                self.nodes[item].uses += 1
        return number

    def write(self, number: int) -> str:
        """Return the JSON of a node; a value that repeats is written to the pool first."""
        node = self.nodes[number]
        if node.uses < 2 or node.size < _WORTH:
            return self._written(node)
        if node.place is None:
            written = self._written(node)
            node.place = len(self.pool)
            self.pool.append(written)
        return f"[{_REPEATED},{node.place}]"

    def _written(self, node: _Node) -> str:
        return node.scalar or "[" + ",".join([str(node.kind), *map(self.write, node.items)]) + "]"


def pack(value: Any) -> str:
    """Return the text of `{"shapes": [[name…]…], "pool": [value…], "value": value}`.

    The packer is recursive: a value may have about 100 levels.
    """
    packer = _Packer()
    written = packer.write(packer.meet(value))
    shapes = ",".join(_text(list(names)) for names in packer.shapes)
    return f'{{"shapes":[{shapes}],"pool":[{",".join(packer.pool)}],"value":{written}}}'


def _is_common(value: Any, text: str) -> bool:
    """Return whether JavaScript prints a scalar as it is written in JSON."""
    match value:
        case int():
            return abs(value) <= _EXACT
        case float():
            return _FRACTION.fullmatch(text) is not None
        case _:
            return True


def _text(value: Any) -> str:
    """Return the JSON of a value; a lone surrogate, which UTF-8 cannot hold, becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()


# In JSON these characters occur in strings only, so each may be written as an escape. Without `<`, no tag can begin
# and no </script> can end the data. U+2028 and U+2029 were not allowed in strings of scripts before ECMAScript 2019.
_INERT = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029", "\x7f": "\\u007f"}
)


def page(document: dict[str, Any], note: str = "") -> str:
    """Return the HTML of a report page.

    Args:
        document: The document, as `report.document` or `report.comparison` builds it.
        note: What stands beside the title, e.g. that the page does not show all; "" for nothing.
    """
    script, style = _built("page.js"), _built("page.css")
    policy = f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src data:"
    filled = {
        "policy": escape(f"{policy}; base-uri 'none'; form-action 'none'", quote=False),
        "title": escape(printable(document["title"])),
        "note": f'<p id="note" class="facts">{escape(printable(note))}</p>' if note else "",
        "style": style,
        "data": pack(document).translate(_INERT),
        "script": script,
    }
    first, *rest = _built("template.html").split("{{")
    pieces = (piece.partition("}}") for piece in rest)
    return first + "".join(filled[name] + text for name, _, text in pieces)


def _built(name: str) -> str:
    return files(__package__).joinpath("page", "built", name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
