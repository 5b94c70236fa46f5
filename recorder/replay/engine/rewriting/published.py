"""Put what a live client published in place of what was published in the recording, in an event that followed it.

A publish is no operation: no dialect names its ids. So a value counts as an id of the publish where the event repeats
it under the same name, or recognisably (`correlate.references`) under any name, and the live client published another
value in its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from ....model import JSON

_Leaf: TypeAlias = tuple[str, str, JSON]  # name, type and value: 1 is no True, and no "1"
_ANY = "\0"  # in place of a name


def republished(event: JSON, recorded: JSON, live: JSON, ids: Collection[str] = ()) -> JSON:
    """Return the data of an event with the values of a live publish; the same object where nothing changes.

    Args:
        event: Data of the recorded event.
        recorded: What was published in the recording.
        live: What the live client published in its place.
        ids: Values, as text, that stand for the live ones under any name.
    """
    new: dict[_Leaf, list[JSON]] = {}
    for leaf, value in _changes("", recorded, live):
        new.setdefault(leaf, []).append(value)
        if str(leaf[2]) in ids:
            new.setdefault((_ANY, *leaf[1:]), []).append(value)
    sure = {leaf: values[0] for leaf, values in new.items() if all(value == values[0] for value in values)}
    return _replaced("", event, sure) if any(leaf[2] != value for leaf, value in sure.items()) else event


def _changes(name: str, recorded: JSON, live: JSON) -> Iterator[tuple[_Leaf, JSON]]:
    if isinstance(recorded, dict) and isinstance(live, dict):
        for member in recorded.keys() & live.keys():
            yield from _changes(member, recorded[member], live[member])
    elif isinstance(recorded, list) and isinstance(live, list):
        for one, other in zip(recorded, live, strict=False):
            yield from _changes(name, one, other)
    elif _is_scalar(recorded) and _is_scalar(live):
        yield (name, type(recorded).__name__, recorded), live


def _replaced(name: str, value: JSON, new: Mapping[_Leaf, JSON]) -> JSON:
    if isinstance(value, dict):
        return {member: _replaced(member, item, new) for member, item in value.items()}
    if isinstance(value, list):
        return [_replaced(name, item, new) for item in value]
    if not _is_scalar(value):
        return value
    kind = type(value).__name__
    return new.get((name, kind, value), new.get((_ANY, kind, value), value))


def _is_scalar(value: JSON) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
