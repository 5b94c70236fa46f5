"""Take names apart, and put nouns in the singular."""

from __future__ import annotations

import re
from functools import lru_cache

from .templates import ID

_STEM = 4  # letters that make two words one: `cancel` and `Cancelled`
_DONE = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}  # by a request without a verb
_CACHED = 10_000


def snake(text: str) -> str:
    """Return a name in small letters, its words joined by underscores."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"\W+|_+", "_", words).strip("_").lower()


def singular(word: str) -> str:
    """Return a noun without the `s` of its plural."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ses", "xes", "ches")) and len(word) > 4:
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 2 else word


@lru_cache(_CACHED)
def alike(operation: str, kind: str) -> int:
    """Return how many words of the name of an event an operation has too, in whatever form."""
    method, _, rest = operation.partition(" ")
    words = set(snake(rest.replace(ID, " ")).split("_")) | {_DONE.get(method, "")}
    of_kind = set(snake(kind).split("_"))
    return sum(any(_is_one(word, own) for own in words) for word in of_kind)


def _is_one(word: str, other: str) -> bool:
    stem = min(len(word), len(other), _STEM)
    return stem == _STEM and word[:stem] == other[:stem]
