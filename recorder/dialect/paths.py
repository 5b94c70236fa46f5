"""Find values in JSON by paths of dots, e.g. `body.referenceId`, and compare them as the dialects do: as strings."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from ..bayeux.messages import load_json
from ..model import JSON

_PATHS = 1000  # cached splits; dialects have some fifty paths
_NO_KEYS = (dict, list, bool)  # a union would be made anew at each call


def parse_json(body: bytes) -> JSON:
    """The JSON object or array of a body, None where it is neither, or nested so deep that walking it would fail."""
    try:
        value = load_json(body) if body else None
    except ValueError:
        return None
    return value if isinstance(value, dict | list) else None


def lookup(value: JSON, path: str) -> JSON:
    """What stands at a path of dots, None where nothing does; a number counts from 0 in an array."""
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
    """A JSON value without what stands at some paths, e.g. what is volatile; `prefix` is its own path, with a dot."""
    if not isinstance(value, dict):
        return value
    return {
        name: without(item, paths, f"{prefix}{name}.") for name, item in value.items() if f"{prefix}{name}" not in paths
    }


def as_key(value: JSON) -> str | None:
    """A scalar as the string it is compared by; None for what counts as absent."""
    if isinstance(value, str):  # as most are
        return value or None
    if value is None or isinstance(value, _NO_KEYS):
        return None
    return str(value)
