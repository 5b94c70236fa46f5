"""Compare the values of two requests: each place in which they differ, as people read it and as a dialect writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ....dialect.paths import names_in, pair_of
from ....model import JSON
from ....printable import printable
from ....requests.bindings import ABSENT

_SHOWN = 80  # characters of a value


@dataclass(frozen=True, slots=True)
class Difference:
    """One place in which a live request is not the recorded one.

    Attributes:
        where: The place, e.g. `body.records[0].id`.
        recorded: The recorded value.
        live: The live value.
        path: The place as paths of dialects have it, in parts; empty for a place that no path leads to.

    """

    where: str
    recorded: JSON
    live: JSON
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return printable(f"{self.where} differs: recorded {shown(self.recorded)}, live {shown(self.live)}")


def compare(recorded: JSON, live: JSON, where: str, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Yield the places where two JSON values differ; 1, 1.0 and true are three different values."""
    path = path or (where,)
    if isinstance(recorded, dict) and isinstance(live, dict):
        for name in [*recorded, *(name for name in live if name not in recorded)]:
            inner = (*path, *(names_in(name) if where == "query" else (name,)))
            yield from compare(recorded.get(name, ABSENT), live.get(name, ABSENT), f"{where}.{name}", inner)
    elif isinstance(recorded, list) and isinstance(live, list) and len(recorded) == len(live):
        for place, (mine, its) in enumerate(zip(recorded, live, strict=True)):
            found = compare(mine, its, f"{where}[{place}]", (*path, str(place)))
            yield from (_by_key(one, mine, its, path) for one in found)
    elif repr(recorded) != repr(live):  # not ==, which takes 1 for true, and nan for another nan
        yield Difference(where, recorded, live, path)


def by_name(query: Iterable[tuple[str, str]]) -> JSON:
    """Return a query as an object, with a list for values of one name."""
    found: dict[str, list[str]] = {}
    for name, value in query:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def shown(value: JSON) -> str:
    """Return a value as a miss shows it."""
    if value is ABSENT:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _by_key(found: Difference, recorded: JSON, live: JSON, path: tuple[str, ...]) -> Difference:
    """Return a difference in the value of a pair in a list under the name that the key gives it."""
    pair, at = pair_of(recorded), len(path) + 1
    if pair is None or pair != pair_of(live) or found.path[at : at + 1] != (pair.member,):
        return found
    return Difference(found.where, found.recorded, found.live, (*path, *pair.names, *found.path[at + 1 :]))
