"""Name operations, keys and parts of paths by what the traffic calls them."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from ..push.rules import MESSAGE
from .causing.joins import READS
from .reading.nouns import singular, snake
from .reading.templates import ID
from .reading.traffic import BARE
from .reading.values import is_version

_SUFFIX = re.compile(r"[_-]?(?:ids?|uuids?|guids?|numbers?|no|nr|handles?|keys?|refs?|references?)$", re.IGNORECASE)
_VERBS = {"POST": "Create", "PUT": "Replace", "PATCH": "Update", "DELETE": "Delete"}
_TAKEN = "notification"


def key_name(paths: Iterable[str], taken: Container[str]) -> str:
    """Return a name for a key by the places of its values, the most telling first."""
    for path in paths:
        for part in reversed(path.removesuffix(BARE).split(".")[1:]):
            if part == "*" or part.isdecimal():
                continue
            found = snake(_SUFFIX.sub("", part))
            if found and found not in {"data", "body", "payload", "location", "self", "uri", "url", "href"}:
                return unique(singular(found), taken)
    return unique("id", taken)


def part_name(parts: list[str], place: int, taken: Container[str]) -> str:
    """Return a name for a part of a path, by the part before it."""
    before = next((part for part in reversed(parts[:place]) if part and part != ID and not is_version(part)), "")
    name = singular(snake(before))
    return unique(name if name.isidentifier() else "id", taken)


def operation_name(operation: str, taken: Container[str]) -> str:
    """Return a name for an operation, by its method and the template of its path."""
    method, _, path = operation.partition(" ")
    if method == MESSAGE:
        return unique(camel(path) or method.title(), taken, "")
    parts = [part for part in path.split("/") if part and not is_version(part)]
    words = [part for part in parts if part != ID]
    last = camel(words[-1]) if words else "Root"
    ends_in_id = bool(parts) and parts[-1] == ID
    is_action = len(parts) > 1 and not ends_in_id and ID in parts and method == "POST" and not last.endswith("s")
    if is_action:
        before = next((part for part in reversed(parts[:-1]) if part != ID), "")
        name = last + camel(singular(snake(before)))
    elif method in READS:
        name = "Get" + last
    elif ends_in_id or method != "POST" or last.endswith("s"):
        name = _VERBS.get(method, method.title()) + camel(singular(snake(words[-1] if words else "")))
    else:
        name = last
    return unique(name or method.title(), taken, "")


def unique(name: str, taken: Container[str], joint: str = "_") -> str:
    """Return a name, with a number if it is taken."""
    if name not in taken and name != _TAKEN:
        return name
    number = 2
    while f"{name}{joint}{number}" in taken:
        number += 1
    return f"{name}{joint}{number}"


def camel(text: str) -> str:
    """Return a name without anything between its words, each with a capital."""
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[\W_]+", text) if word)
