"""Find values in JSON by dotted paths, e.g. `body.referenceId`, and write them as the strings that dialects compare."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from ..bayeux.json_bodies import load_json
from ..model import JSON, Headers

_PATHS = 1000  # split paths in the cache; a dialect has about fifty paths
_NO_KEYS = (dict, list, bool)  # a constant, because `dict | list | bool` would be built at each call


def parse_json(body: bytes, headers: Headers = ()) -> JSON:
    """Return the JSON object or array in a body, None if there is none; the headers may name its charset.

    None too for JSON beyond the limits of `load_json`: nested deeper than 100 levels, or more than a million values.
    """
    try:
        value = load_json(body, headers) if body else None
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def lookup(value: JSON, path: str) -> JSON:
    """Return the value at a dotted path, None if there is none; a number in the path is an array index from 0."""
    for part in _parts(path):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    return value


@lru_cache(_PATHS)
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def without(value: JSON, paths: Collection[str], prefix: str = "") -> JSON:
    """Return a copy of a JSON value without the members at some paths, e.g. the volatile ones.

    Args:
        value: The value. Arrays inside it are not searched.
        paths: The dotted paths of the members to leave out.
        prefix: The path of `value` itself, with a dot at the end.

    """
    if not isinstance(value, dict):
        return value
    return {
        name: without(item, paths, f"{prefix}{name}.") for name, item in value.items() if f"{prefix}{name}" not in paths
    }


def as_key(value: JSON) -> str | None:
    """Return a string or number as the string that is compared; None for all other values and for ""."""
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, _NO_KEYS):
        return None
    return str(value)
