"""Read the values of parsed JSON at their places, as the reader of JSON texts reads them, where nothing is replaced."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import product
from math import isfinite

from ...dialect.paths import VALUES
from ...model import JSON
from ..policy import Place, Policy
from .change import Change
from .json_text import by_token


def _any_case(names: Iterable[str]) -> Iterator[str]:
    return ("".join(letters) for name in names for letters in product(*zip(name, name.upper(), strict=True)))


_VALUES = frozenset(_any_case(VALUES))  # names of which an object has one that is a pair: its places go by its values


def read(value: JSON, change: Change, policy: Policy, place: Place) -> None:
    """Hand each value to a change by its place inside `place`, in the order of the text; what it returns is dropped."""
    if not _read(value, change, policy, place):
        by_token(json.dumps(value), change, policy, place)


def _read(value: JSON, change: Change, policy: Policy, place: Place) -> bool:
    """Return False as soon as an object may be a pair, whose places only the text tells."""
    if type(value) is list:
        items = [(place, item) for item in value]
    elif _VALUES.isdisjoint(value):
        inner = place.inner
        items = [(inner.get(name) or policy.inside(place, name), item) for name, item in value.items()]
    else:
        return False
    empty = change.empty
    for here, item in items:
        kind = type(item)
        if kind is str:
            rule = here.rule
            if not rule.kept and (rule.kind is not None or item not in empty):
                change.value(item, here)
        elif kind is dict or kind is list:
            if not _read(item, change, policy, here):
                return False
        elif kind is not bool and item is not None and not here.rule.kept:
            if kind is int or isfinite(item):
                change.number(str(item), here)
            else:
                change.text(json.dumps(item))
    return True
