"""Find all keys of a message at once: the objects that paths lead through are looked up once, not once for each path.

`values.py` says what sources are and how one is read. A `Finder` reads a table of them in two steps: first the objects
that hold values (`data.record`), each from the one around it, then the members of these objects. Only a path that leads
through a list, or that asks for several values, is read by itself. Messages are of a few shapes, so which sources are
worth a look where some objects are missing is worked out once for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from ..model import JSON, Value, value_of
from .paths import EACH, as_key
from .values import Roots, Source, compiled, is_constant, is_template, parts_of

_Place: TypeAlias = tuple[int, str, Source]  # number of an object, name of the member, and the source read by itself
# For each key: its places, with a source where that is to be read by itself, and whether its values are paths.
_Plan: TypeAlias = list[tuple[str, list[tuple[int, str, Source | None]], bool]]

_ALONE: Final = object()  # in place of an object: the source is read by itself
_BY_ITSELF = (list, object)  # types of what stands in place of an object that sources are not looked up in
_PLANS = 256  # shapes of messages that are remembered


class Finder:
    """Finds the keys of messages of one kind."""

    def __init__(self, table: Mapping[str, tuple[str, ...]], path_keys: frozenset[str]) -> None:
        """Prepare a table of keys.

        Args:
            table: The sources of each key; the first one that finds a value counts.
            path_keys: Keys of whose values the part after the last slash is compared.

        """
        self._objects: list[tuple[int, str]] = []  # for each object: the one around it, and its name in that
        self._numbers: dict[tuple[str, ...], int] = {(): 0}
        self._keys = [
            (name, tuple(map(self._place, sources, compiled(sources))), name in path_keys)
            for name, sources in table.items()
        ]
        self._plans: dict[tuple[type, ...], _Plan] = {}

    def find(self, roots: Roots) -> dict[str, Value]:
        """Return the keys that have a value, in the order of the table.

        Args:
            roots: The values that paths begin at, by the first part of a path.

        """
        objects = self._objects_in(roots)
        kinds = tuple(map(type, objects))
        plan = self._plans.get(kinds)
        if plan is None:
            plan = self._planned(kinds)
        found: dict[str, Value] = {}
        for key, places, is_path in plan:
            for number, name, source in places:
                value = objects[number].get(name) if source is None else source(roots)
                if value is None:
                    continue
                if source is None and (type(value) is not str or not value):
                    value = str(value) if type(value) is int else as_key(value)
                    if value is None:
                        continue
                found[key] = value
                if is_path:
                    _shorten(found, key, value)
                break
        return found

    def _objects_in(self, roots: Roots) -> list[JSON]:
        # the first two stand for the roots and for sources that are read by themselves
        objects: list[JSON] = [roots, _ALONE]
        for around, name in self._objects:
            outer = objects[around]
            if type(outer) is dict:
                objects.append(outer.get(name))
            else:
                objects.append(_ALONE if type(outer) is list or outer is _ALONE else None)
        return objects

    def _planned(self, kinds: tuple[type, ...]) -> _Plan:
        """Return what is worth a look where objects are of these types."""
        plan: _Plan = []
        for key, places, is_path in self._keys:
            own = [
                (number, name, source if kinds[number] in _BY_ITSELF else None)
                for number, name, source in places
                if kinds[number] is dict or kinds[number] in _BY_ITSELF
            ]
            if own:
                plan.append((key, own, is_path))
        if len(self._plans) < _PLANS:
            self._plans[kinds] = plan
        return plan

    def _place(self, path: str, source: Source) -> _Place:
        parts = () if is_constant(path) or is_template(path) else parts_of(path)
        if not parts or EACH in parts:
            return 1, "", source
        return self._number(parts[:-1]), parts[-1], source

    def _number(self, parts: tuple[str, ...]) -> int:
        if parts not in self._numbers:
            self._objects.append((self._number(parts[:-1]), parts[-1]))
            self._numbers[parts] = len(self._objects) + 1
        return self._numbers[parts]


def bare(text: str) -> str:
    """Return the part of a text after the last slash."""
    return text.rsplit("/", 1)[-1]


def _shorten(found: dict[str, Value], key: str, value: Value) -> None:
    if isinstance(value, str):
        short: Value | None = bare(value) if "/" in value else value
    else:
        short = value_of(filter(None, map(bare, value)))
    if short:
        found[key] = short
    else:
        del found[key]
