"""Change the values at a dotted path of a dialect in a copy of a JSON value."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..model import JSON
from .paths import is_place

_EACH = "*"


def changed(value: JSON, parts: Sequence[str], change: Callable[[JSON], JSON]) -> JSON:
    """Return a JSON value with the values at a path replaced by what `change` returns; the same object if none is.

    A name or `*` leads through each element of an array, a number to one of them.
    """
    if not parts:
        return value if isinstance(value, dict | list) else change(value)
    part, rest = parts[0], parts[1:]
    if isinstance(value, dict):
        new = {name: changed(item, rest, change) if part in (name, _EACH) else item for name, item in value.items()}
        return new if any(new[name] is not item for name, item in value.items()) else value
    if not isinstance(value, list):
        return value
    if is_place(part):
        items = [changed(item, rest, change) if place == int(part) else item for place, item in enumerate(value)]
    else:
        items = [changed(item, rest if part == _EACH else parts, change) for item in value]
    return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
