"""Read TOML tables and check each value when it is taken; all mistakes are collected, with their lines."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Any

from ..errors import SettingsError

_LONGEST = 86_400 * 365  # seconds (a year)
_KEY = re.compile(r"\s*+([^\s=\[\]{}#][^=\[\]{}#]*+)=")
_DEEPEST = 8  # parts of a key whose lines are remembered; no setting is deeper
_TOLD = 100  # unknown keys of one table that are told
_HEADER = re.compile(r"\s*\[\[?[^\[\]]+\]\]?\s*(?:#.*)?$")


@dataclass(slots=True)
class File:
    """A TOML file while it is read.

    Attributes:
        path: Name of the file, for error messages.
        kind: Class of the errors for this file.
        lines: Line of each key and table, counted from 1.
        problems: The mistakes found so far.
        tables: The tables read so far.

    """

    path: str
    kind: type[SettingsError]
    lines: dict[tuple[str, ...], int]
    problems: list[SettingsError] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def wrong(self, keys: tuple[str, ...], problem: str) -> None:
        """Collect a mistake, with the line of its key; for a missing key, with the line of the table around it."""
        places = (self.lines.get(keys[:length]) for length in range(len(keys), 0, -1))
        line = next((line for line in places if line is not None), None)
        self.problems.append(self.kind(self.path, ".".join(keys), problem, line=line))

    def finish(self) -> None:
        """Report the keys that were not taken, then raise the first mistake, if there are any.

        Raises:
            SettingsError: An error of class `kind`: the first mistake by line; `problems` lists all mistakes.
        """
        for table in self.tables:
            table.unknown()
        if self.problems:
            ordered = sorted(self.problems, key=lambda problem: problem.line or 0)
            ordered[0].problems = tuple(ordered)
            raise ordered[0]


class Table:
    """One TOML table. A value that is missing or has the wrong type is reported, and an empty one is returned."""

    def __init__(self, value: dict[str, Any], file: File, keys: tuple[str, ...] = (), *, there: bool = True) -> None:
        self._value, self._file, self._keys, self._there = value, file, keys, there
        self._taken: set[str] = set()
        self._tables: dict[str, Table] = {}
        file.tables.append(self)

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def names(self) -> list[str]:
        """Return the keys of a table in which the user chooses the keys; each counts as taken."""
        self._taken |= self._value.keys()
        return list(self._value)

    def table(self, key: str, *, optional: bool = False) -> Table:
        if key not in self._tables:
            value = self._take(key, dict, "a table", {}, optional=optional)
            there = isinstance(self._value.get(key), dict)
            self._tables[key] = Table(value, self._file, (*self._keys, key), there=there)
        return self._tables[key]

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._take(key, str, "a string", default or "", optional=default is not None))

    def seconds(self, key: str) -> float:
        value = self._take(key, (int, float), "a number of seconds", 0)
        if isinstance(value, bool):
            self.wrong(key, "must be a number of seconds")
        elif not value >= 0:  # not `value < 0`, which is False for nan
            self.wrong(key, "must be 0 or more")
        elif value > _LONGEST:
            self.wrong(key, f"must be at most {_LONGEST} seconds")
            return 0.0
        return float(value)

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        value = self._take(key, list, "a list of strings", [], optional=optional)
        if not all(isinstance(item, str) for item in value):
            self.wrong(key, "must be a list of strings")
            return ()
        return tuple(value)

    def one_or_more(self, key: str) -> tuple[str, ...]:
        """Return a text or a list of texts, as a list."""
        value = self._take(key, (str, list), "a string or a list of strings", [])
        found = [value] if isinstance(value, str) else value
        if not found or not all(isinstance(item, str) for item in found):
            self.wrong(key, "must be a string or a list of strings")
            return ()
        return tuple(found)

    def flag(self, key: str) -> bool:
        """Return a value that is true or false; false where it is left out."""
        return bool(self._take(key, bool, "true or false", False, optional=True))

    def groups(self, key: str) -> list[list[str]]:
        value = self._take(key, list, "a list of lists of strings", [])
        if not all(isinstance(group, list) and all(isinstance(item, str) for item in group) for group in value):
            self.wrong(key, "must be a list of lists of strings")
            return []
        return list(value)

    def wrong(self, key: str, problem: str) -> None:
        """Collect a mistake at a key of this table, or at a dotted path inside this table."""
        self._file.wrong((*self._keys, *key.split(".")), problem)

    def unknown(self) -> None:
        """Report the keys that were not taken: a misspelt name would otherwise have no effect, without a message."""
        for key in islice(self._value.keys() - self._taken, _TOLD):
            near = get_close_matches(key, self._taken, 1)
            self.wrong(key, "is unknown" + (f"; did you mean {near[0]!r}?" if near else ""))

    def _take(
        self, key: str, kind: type | tuple[type, ...], meant: str, default: Any, *, optional: bool = False
    ) -> Any:
        # Mistakes are collected, not raised, so that a user sees all of them in one run.
        self._taken.add(key)
        if key not in self._value:
            if not optional and self._there:  # a missing table is one mistake, its keys are no further ones
                self.wrong(key, "is missing")
            return default
        if not isinstance(self._value[key], kind):
            self.wrong(key, f"must be {meant}")
            return default
        return self._value[key]


def read(text: str, path: str, kind: type[SettingsError]) -> Table:
    """Parse a TOML text; return its top table.

    Args:
        text: The TOML text.
        path: Name of the file, for error messages.
        kind: Class of the errors for this file.

    Raises:
        SettingsError: An error of class `kind`, if the text is not TOML.
    """
    try:
        value = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        found = re.search(r"line (\d+)", str(exc))
        raise kind(path, "TOML", str(exc), line=int(found[1]) if found else None) from exc
    lines: dict[tuple[str, ...], int] = {}
    for keys, line in _lines(text):
        for length in range(1, min(len(keys), _DEEPEST) + 1):
            lines.setdefault(keys[:length], line)
    return Table(value, File(path, kind, lines))


def finish(top: Table) -> None:
    """End the reading of a file by its top table: report the keys not taken, and raise the first mistake.

    Raises:
        SettingsError: An error of the class given to `read`: the first mistake by line; `problems` lists all mistakes.
    """
    top._file.finish()  # noqa: SLF001  # both classes belong to this module


def _lines(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path and the line of each key and table, which tomllib does not report.

    A line inside a multi-line string may look like a key. That does no harm: no mistake is reported for such a key.
    """
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if _HEADER.match(line):
            table = _path(line)
            yield table, number
        elif found := _KEY.match(line):
            yield (*table, *_path(f"{found[1]}=0")), number


def _path(line: str) -> tuple[str, ...]:
    try:
        value: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:  # a line inside a multi-line value
        return ()
    keys: list[str] = []
    while isinstance(value, dict | list) and value:
        value = value[0] if isinstance(value, list) else value
        if not value:
            break
        key, value = next(iter(value.items()))
        keys.append(key)
    return tuple(keys)
