"""Tell of which kind of thing a value is the id: APIs call one id `id` in an order, `orderId`, and `/orders/17`."""

from __future__ import annotations

from functools import lru_cache

from ....dialect.paths import path_of
from ....requests.masks import PATH, Address
from .leaves import compared, last_name

_KEPT = 20_000  # places and targets that are remembered
_IDS = frozenset({"id", "uuid", "guid", "handle"})
_ENDS = ("uuid", "guid", "handle", "id")


@lru_cache(_KEPT)
def thing_of(path: Address, around: str) -> str:
    """Return the kind of thing that a leaf is the id of, in small letters and in the singular; "" if it is no id.

    Args:
        path: The place of the leaf.
        around: What a bare `id` is the id of: what the request asks for, or the segment before that of the leaf.
    """
    if path[0] == PATH:
        return one_of(around) if _is_name(around) else ""
    name = compared(last_name(path))
    if name in _IDS:
        names = [part for part in path[1:] if isinstance(part, str)]
        return one_of(names[-2] if len(names) > 1 else around)
    end = next((end for end in _ENDS if name.endswith(end)), "")
    return one_of(name.removesuffix(end)) if end else ""


@lru_cache(_KEPT)
def asked_for(target: str) -> str:
    """Return what a request asks for: the last segment of its path that is no id."""
    return next(filter(_is_name, reversed(path_of(target).split("/"))), "")


def one_of(name: str) -> str:
    """Return a name in the singular; how well it is made does not count, only that it is always the same."""
    small = compared(name)
    if small.endswith("ies"):
        return small[:-3] + "y"
    return small[:-1] if small.endswith("s") and not small.endswith("ss") else small


def _is_name(segment: str) -> bool:
    return bool(segment) and not any(map(str.isdigit, segment))
