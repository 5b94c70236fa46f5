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
    kind = type(value)
    if kind is dict:
        if not _VALUES.isdisjoint(value):
            return False
        inner, empty = place.inner, change.empty
        for name, item in value.items():
            here = inner.get(name) or policy.inside(place, name)
            rule = here.rule
            if type(item) is str and (rule.kept or (rule.kind is None and item in empty)):
                continue
            if not _read(item, change, policy, here):
                return False
    elif kind is list:
        return all(_read(item, change, policy, place) for item in value)
    elif value is not None and kind is not bool and not place.rule.kept:
        _read_leaf(value, change, place)
    return True


def _read_leaf(value: str | float, change: Change, place: Place) -> None:
    if isinstance(value, str):
        if place.rule.kind is not None or value not in change.empty:
            change.value(value, place)
    elif isfinite(value):
        change.number(str(value), place)
    else:
        change.text(json.dumps(value))
