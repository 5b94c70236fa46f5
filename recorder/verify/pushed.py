"""Find events again: those that came twice, and those that differ so much that nothing paired them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence

from ..dialect.definition import Dialect
from ..dialect.paths import tree_of, without
from ..frozen import dataclass
from ..model import JSON, Event

_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.DOTALL)
_EPOCH = 10**9  # seconds; greater numbers are taken for times
_MOST = 1_000  # new events that are compared with missing ones: a broken server may send any number
_SAME, _NEAR, _FAR = 0.3, 0.6, 0.8  # likeness from which two events are one: by kind, in one triple, and elsewhere


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that one recording alone seems to have.

    Attributes:
        event: The event.
        name: Its name in the dialect.
        n: Number of its triple in its own recording; 0 for an event that nobody asked for.
        operation: What its triple is called; "" for none.
        where: Its path.
        home: What tells its triple from others in both recordings.
    """

    event: Event
    name: str
    n: int
    operation: str
    where: str
    home: int


def likened(event: Event, dialect: Dialect) -> Hashable:
    """Return what two events have in common if one is the other one again; then one is found among many.

    Times and what the dialect calls volatile do not count.
    """
    tree = tree_of(dialect.volatile, "data")
    return event.channel, _hashed(without(event.data, tree) if tree else event.data)


def reunited(missing: Sequence[Heard], new: Sequence[Heard]) -> Iterator[tuple[Heard, Heard]]:
    """Yield missing events with the new ones that seem to be them, the most alike first."""
    new = new[:_MOST]
    scores = sorted(
        ((score, -i, -j) for i, a in enumerate(missing) for j, b in enumerate(new) if (score := _score(a, b)) > 0),
        reverse=True,
    )
    left, right = set(range(len(missing))), set(range(len(new)))
    for _, i, j in scores:
        if -i in left and -j in right:
            left.discard(-i)
            right.discard(-j)
            yield missing[-i], new[-j]


def _score(one: Heard, other: Heard) -> float:
    likeness = _likeness(one.event.data, other.event.data)
    is_home = one.home == other.home
    is_kind = one.name == other.name and one.event.channel == other.event.channel
    if is_kind and likeness >= _SAME:
        return 2 + is_home + likeness
    if one.event.channel != other.event.channel and one.name != other.name and not is_home:
        return 0.0
    return likeness + is_home if likeness >= (_NEAR if is_home else _FAR) else 0.0


def _likeness(one: JSON, other: JSON) -> float:
    """Return the share of places that both have, those with equal values counted twice; 1 for none on both sides."""
    mine, its = dict(_leaves(one, "")), dict(_leaves(other, ""))
    if not mine and not its:
        return 1.0
    shared = mine.keys() & its.keys()
    equal = len([place for place in shared if mine[place] == its[place]])
    return (len(shared) + equal) / (len({*mine, *its}) + equal)


def _leaves(value: JSON, path: str) -> Iterator[tuple[str, JSON]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaves(item, f"{path}[{place}]")
    else:
        yield path, value


def _hashed(value: JSON) -> Hashable:
    if isinstance(value, dict):
        return "object", frozenset((name, _hashed(item)) for name, item in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_hashed, value))
    return ("time",) if _is_time(value) else value


def _is_time(value: JSON) -> bool:
    if isinstance(value, int | float):
        return abs(value) >= _EPOCH
    return isinstance(value, str) and _TIME.fullmatch(value) is not None
