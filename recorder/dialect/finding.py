"""Find all keys of a message at once: the objects that paths lead through are looked up once, not once for each path.

`values.py` says what sources are and how one is read. A `Finder` reads a table of them in two steps: first the objects
that hold values (`data.record`), each from the one around it, then the members of these objects. Only a path that leads
through a list, or that asks for several values, is read by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from ..model import JSON, Value, value_of
from .paths import EACH, as_key
from .values import Roots, Source, compiled, is_constant, is_template, parts_of

_Place: TypeAlias = tuple[int, str, Source]  # number of an object, name of the member, and the source read by itself

_ALONE: Final = object()  # in place of an object: the source is read by itself


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

    def find(self, roots: Roots) -> dict[str, Value]:
        """Return the keys that have a value, in the order of the table.

        Args:
            roots: The values that paths begin at, by the first part of a path.

        """
        objects = self._objects_in(roots)
        found: dict[str, Value] = {}
        for key, places, is_path in self._keys:
            for number, name, source in places:
                holder = objects[number]
                if type(holder) is dict:
                    value = holder.get(name)
                    if value is None:
                        continue
                    if type(value) is not str or not value:
                        value = as_key(value)
                elif type(holder) is list or holder is _ALONE:
                    value = source(roots)
                else:
                    continue
                if value is not None:
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
    short = bare(value) if isinstance(value, str) else value_of(filter(None, map(bare, value)))
    if short:
        found[key] = short
    else:
        del found[key]
