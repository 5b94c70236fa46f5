"""Propose what a dialect would have to say for a live request to match a recorded one that it differs from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from ....dialect.content import content_of
from ....dialect.definition import Dialect
from ....dialect.paths import EACH, as_key
from ....formats.charsets import media_of
from ....model import JSON, Triple
from ....requests.bindings import ABSENT
from .difference import Difference

_ODD = frozenset(".*|[]\"'`\\")  # characters that no part of a path has
_ID = re.compile(r"(?=.*\d)[^/]{2,}")
_LEAST = 3  # characters of a value that is told from others


def proposal(differences: Sequence[Difference], triple: Triple, dialect: Dialect) -> str:
    """Return what a dialect would have to say for two requests to match; "" if that is not one thing.

    A value that the recorded answer or an event repeats is an id that the client made up; any other is volatile.
    """
    path = _one_path({one.path for one in differences})
    if not path:
        return _of_path(differences, dialect)
    values = {as_key(one.recorded) for one in differences if one.recorded is not ABSENT}
    if not path.startswith("data.") and any(value and _comes_back(value, triple) for value in values):
        key = re.sub(r"\W", "_", path.rpartition(".")[2].strip(EACH)) or "id"
        return (
            f'`{path}` differs each time, and comes back: `{key} = ["{path}"]` in [request.keys] and [event.keys], '
            f'`minted = ["{key}"]` and `per_operation = ["{key}"]` in [replay]'
        )
    return f'`{path}` differs each time: `volatile = ["{path}"]`'


def _one_path(paths: set[tuple[str, ...]]) -> str:
    """Return the path that leads to all places, with `*` for indices that differ; "" if there is none."""
    if len({len(path) for path in paths}) != 1:
        return ""
    columns = [set(column) for column in zip(*paths, strict=True)]
    if any(len(column) > 1 and not all(map(str.isdecimal, column)) for column in columns):
        return ""
    parts = [next(iter(column)) if len(column) == 1 else EACH for column in columns]
    fit = len(parts) > 1 and all(
        part == EACH or (part.isprintable() and part and not set(part) & _ODD) for part in parts
    )
    return ".".join(parts) if fit else ""


def _of_path(differences: Sequence[Difference], dialect: Dialect) -> str:
    """Return the proposal for requests whose paths differ in one segment that is an id and no key of the dialect."""
    if [one.where for one in differences] != ["path"]:
        return ""
    recorded, live = (str(text).split("/") for text in (differences[0].recorded, differences[0].live))
    places = [number for number, pair in enumerate(zip(recorded, live, strict=False)) if pair[0] != pair[1]]
    if len(recorded) != len(live) or len(places) != 1:
        return ""
    place = places[0]
    if not (_ID.fullmatch(recorded[place]) and _ID.fullmatch(live[place])):
        return ""
    found = dialect.fitting("/".join(recorded))
    if found is None:
        route = "/".join([*recorded[:place], "{id}", *recorded[place + 1 :]])
        return f'`path.id` differs each time: `routes = ["{route}"]` in [request], `volatile = ["path.id"]` in [replay]'
    name = next((name for name in found.re.groupindex if found[name] == recorded[place]), None)
    keys = set(chain.from_iterable(map(dialect.sources, dialect.key_names())))
    return (
        ""
        if name is None or f"path.{name}" in keys
        else f'`path.{name}` differs each time: `volatile = ["path.{name}"]`'
    )


def _comes_back(value: str, triple: Triple) -> bool:
    """Return whether the recorded answer or an event has a value that its request had."""
    if len(value) < _LEAST:
        return False
    ack = triple.ack
    answers = [] if ack is None else [content_of(ack.body, media_of(ack.headers))]
    return any(text == value for text in _leaves([*answers, *(link.event.data for link in triple.events)]))


def _leaves(values: Iterable[JSON]) -> Iterator[str | None]:
    for value in values:
        if isinstance(value, dict | list):
            yield from _leaves(value.values() if isinstance(value, dict) else value)
        else:
            yield as_key(value)
