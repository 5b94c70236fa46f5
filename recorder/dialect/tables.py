"""Read TOML tables and check each value when it is taken; all mistakes are collected, with their lines."""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ..errors import SettingsError
from .mistakes import kinds
from .mistakes.kinds import missing, other
from .mistakes.toml import begins, explained, halved, statements
from .mistakes.words import named, near, quoted

_LONGEST = 86_400 * 365  # seconds (a year)
_DEEPEST = 8  # parts of a key whose lines are remembered; no setting is deeper
_TOLD = 200  # mistakes after which a file is read no further: it may come with a cassette of anybody


@dataclass(slots=True)
class File:
    """A TOML file while it is read.

    Attributes:
        path: Name of the file, for error messages.
        kind: Class of the errors for this file.
        text: The lines of the file.
        lines: Line of each key and table, counted from 1.
        starts: Lines in which a key or table begins.
        problems: The mistakes found so far.
        doubts: What is no mistake, but seems to be one.
        tables: The tables read so far.
        owners: The tables that known keys belong to.

    """

    path: str
    kind: type[SettingsError]
    text: list[str]
    lines: dict[tuple[str, ...], int]
    starts: list[int]
    problems: list[SettingsError] = field(default_factory=list)
    doubts: list[SettingsError] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    owners: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def problem(
        self, keys: tuple[str, ...], problem: str, item: str | None = None, at: tuple[str, ...] | None = None
    ) -> SettingsError:
        """Return a mistake, with the line of its key; for a missing key, with the line of the table around it.

        Args:
            keys: The tables and the key.
            problem: The cause, and a proposal.
            item: The text in a list that has the mistake, for its line in a list of several lines.
            at: The tables and the key in whose line the mistake is; None for `keys`.
        """
        wanted = at or keys
        places = (self.lines.get(wanted[:length]) for length in range(len(wanted), 0, -1))
        line = next((line for line in places if line is not None), 1 if self.text else None)
        if item is not None and line is not None:
            line = self._line_of(item, line)
        return self.kind(self.path, ".".join(keys), problem, line=line)

    def _line_of(self, item: str, begin: int) -> int:
        """Return the line of a text in the value that begins in a line; that line itself if the text is not found."""
        place = bisect_right(self.starts, begin)
        end = self.starts[place] if place < len(self.starts) else len(self.text) + 1
        written = quoted(item), f"'{item}'"
        inside = range(begin, min(end, len(self.text) + 1))
        return next((line for line in inside if any(one in self.text[line - 1] for one in written)), begin)

    def finish(self) -> None:
        """Report the keys that were not taken, then raise the first mistake, if there is any.

        Raises:
            SettingsError: An error of class `kind`: the first mistake by line; `problems` lists all mistakes.
        """
        for table in self.tables:
            table.unknown()
        self._raise()

    def wrong(self, problem: SettingsError) -> None:
        """Collect a mistake.

        Raises:
            SettingsError: If there are too many mistakes to go on.
        """
        self.problems.append(problem)
        if len(self.problems) >= _TOLD:
            self._raise()

    def _raise(self) -> None:
        if self.problems:
            ordered = _by_line(self.problems)
            raise ordered[0].among(ordered)


class Table:
    """One TOML table. A value that is missing or has the wrong type is reported, and an empty one is returned."""

    def __init__(self, value: dict[str, Any], file: File, keys: tuple[str, ...] = (), *, there: bool = True) -> None:
        self._value, self._file, self._keys, self._there = value, file, keys, there
        self._taken: set[str] = set()
        self._missing: list[tuple[str, str]] = []
        self._is_free = False
        self._tables: dict[str, Table] = {}
        file.tables.append(self)

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def raw(self, key: str) -> Any:
        """Return the value of a key as the file has it, of any kind; None if the key is missing."""
        return self._value.get(key)

    def take(self, key: str) -> Any:
        """Return the value of a key of any kind, which the caller checks; None if the key is missing."""
        self._taken.add(key)
        return self._value.get(key)

    def is_empty(self) -> bool:
        """Return whether the table has no keys."""
        return not self._value

    def names(self) -> list[str]:
        """Return the keys of a table in which the user chooses the keys; each counts as taken."""
        self._is_free = True
        self._taken |= self._value.keys()
        return list(self._value)

    def table(self, key: str, *, optional: bool = False) -> Table:
        if key not in self._tables:
            value = self._take(key, dict, kinds.TABLE, {}, optional=optional)
            there = isinstance(self._value.get(key), dict)
            self._tables[key] = Table(value, self._file, (*self._keys, key), there=there)
        return self._tables[key]

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._take(key, str, kinds.TEXT, default or "", optional=default is not None))

    def seconds(self, key: str) -> float:
        value = self._take(key, (int, float), kinds.SECONDS, 0)
        example = kinds.example((*self._keys, key))
        if isinstance(value, bool):
            problem = f"must be {kinds.SECONDS}"
        elif not value >= 0:  # not `value < 0`, which is False for nan
            problem = "must be 0 or more"
        elif value > _LONGEST:
            problem = f"must be at most {_LONGEST} seconds"
        else:
            return float(value)
        self.wrong(key, f"{problem}; write {key} = {example}")
        return 0.0

    def texts(self, key: str, *, optional: bool = False) -> tuple[str, ...]:
        value = self._take(key, list, kinds.TEXTS, [], optional=optional)
        if not all(isinstance(item, str) for item in value):
            self.wrong(key, other((*self._keys, key), kinds.TEXTS, value))
            return ()
        return tuple(value)

    def one_or_more(self, key: str) -> tuple[str, ...]:
        """Return a text or a list of texts, as a list."""
        value = self._take(key, (str, list), kinds.MARKS, [])
        found = [value] if isinstance(value, str) else value
        is_told = not isinstance(self._value.get(key), str | list)
        if not is_told and not (found and all(isinstance(item, str) for item in found)):
            self.wrong(key, other((*self._keys, key), kinds.MARKS, value))
            return ()
        return tuple(found)

    def flag(self, key: str) -> bool:
        """Return a value that is true or false; false where it is left out."""
        return bool(self._take(key, bool, kinds.FLAG, False, optional=True))

    def groups(self, key: str) -> list[list[str]]:
        value = self._take(key, list, kinds.GROUPS, [])
        if not all(isinstance(group, list) and all(isinstance(item, str) for item in group) for group in value):
            self.wrong(key, other((*self._keys, key), kinds.GROUPS, value))
            return []
        return list(value)

    def texts_or_groups(self, key: str) -> list[list[str]]:
        """Return a list of texts and lists of texts, each text as a list of one; none where the list is left out."""
        value = self._take(key, list, kinds.MIXED, [], optional=True)
        found = [[one] if isinstance(one, str) else one for one in value]
        if not all(isinstance(one, list) and one and all(isinstance(text, str) for text in one) for one in found):
            self.wrong(key, other((*self._keys, key), kinds.MIXED, value))
            return []
        return found

    def lists(self) -> Iterator[tuple[Table, str, list[str]]]:
        """Yield each list of texts in this table and the tables in it: its table, its key, its texts."""
        for key, value in self._value.items():
            if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
                yield self, key, value
        for inner in self._tables.values():
            yield from inner.lists()

    def wrong(self, key: str, problem: str, item: str | None = None) -> None:
        """Collect a mistake at a key of this table, or at a dotted path inside this table.

        Args:
            key: The key, or the path.
            problem: The cause, and a proposal.
            item: The text in the list at the key that has the mistake, if it is a list.
        """
        self._file.wrong(self._file.problem(self._to(key), problem, item))

    def doubt(self, key: str, problem: str, item: str | None = None) -> None:
        """Collect what seems to be a mistake but may be meant, with the arguments of `wrong`."""
        self._file.doubts.append(self._file.problem(self._to(key), problem, item))

    def unknown(self) -> None:
        """Report the keys that were not taken: a misspelt name would otherwise have no effect, without a message."""
        others = list(islice((key for key in self._value if key not in self._taken), _TOLD))
        for key, kind in self._missing:
            instead = near(key, others)
            problem = f"is missing; rename {instead!r} to {key!r}" if instead else missing((*self._keys, key), kind)
            at = (*self._keys, instead) if instead else None  # the line of the key in its place
            self._file.wrong(self._file.problem((*self._keys, key), problem, at=at))
        for key in others:
            self.wrong(key, f"is unknown; {self._instead(key)}")

    def _instead(self, key: str) -> str:
        """Return a proposal for an unknown key."""
        meant = near(key, self._taken, 0.75)
        owner = self._file.owners.get(key)
        if meant is None and owner is not None:
            name = ".".join(owner)
            return f"did you mean it in [{name}]?" if name else "write it before the first table, where it belongs"
        meant = meant or near(key, self._taken)
        if meant is None and self._keys[:1] == ("operations",) and isinstance(self._value[key], dict):
            name = quoted(".".join((*self._keys[1:], key)))
            return f"a name with a dot stands in quotation marks: [operations.{name}]"
        return f"did you mean {meant!r}?" if meant else f"known here: {named(self._taken)}; delete it"

    def _to(self, key: str) -> tuple[str, ...]:
        return (*self._keys, key) if key in self._value else (*self._keys, *key.split("."))

    def _take(
        self, key: str, kind: type | tuple[type, ...], meant: str, default: Any, *, optional: bool = False
    ) -> Any:
        # Mistakes are collected, not raised, so that a user sees all of them in one run.
        self._taken.add(key)
        if not self._is_free:
            self._file.owners.setdefault(key, self._keys)
        if key not in self._value:
            if not optional and self._there:  # a missing table is one mistake, its keys are no further ones
                self._missing.append((key, meant))
            return default
        if not isinstance(self._value[key], kind):
            self.wrong(key, other((*self._keys, key), meant, self._value[key]))
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
    text = text.replace("\r\n", "\n")
    found = halved(text)
    if found is not None:
        line, problem = found
        raise kind(path, "TOML", problem, line=line)
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # ValueError is also that of a number with too many digits
        line, problem = explained(text, str(exc))
        raise kind(path, "TOML", problem, line=line) from exc
    lines: dict[tuple[str, ...], int] = {}
    for keys, line in _places(text):
        for length in range(1, min(len(keys), _DEEPEST) + 1):
            lines.setdefault(keys[:length], line)
    return Table(value, File(path, kind, text.split("\n"), lines, sorted({*lines.values()})))


def held(value: dict[str, Any], path: str, kind: type[SettingsError]) -> Table:
    """Return the top table of settings that were read already, and so have no lines.

    Args:
        value: The settings.
        path: Where they come from, for error messages.
        kind: Class of the errors for them.
    """
    return Table(value, File(path, kind, [], {}, []))


def finish(top: Table) -> None:
    """End the reading of a file by its top table: report the keys not taken, and raise the first mistake.

    Raises:
        SettingsError: An error of the class given to `read`: the first mistake by line; `problems` lists all mistakes.
    """
    top._file.finish()  # noqa: SLF001  # both classes belong to this module


def doubts_of(top: Table) -> tuple[SettingsError, ...]:
    """Return what seems to be a mistake in a file but may be meant, by line, for the top table of the file."""
    return _by_line(top._file.doubts)  # noqa: SLF001  # both classes belong to this module


def _by_line(found: list[SettingsError]) -> tuple[SettingsError, ...]:
    unlike = {str(problem): problem for problem in found}
    return tuple(sorted(unlike.values(), key=lambda problem: problem.line or 0))


def _places(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path and the line of each key and table, which tomllib does not report."""
    table: tuple[str, ...] = ()
    for number, line in statements(text):
        found = begins(line)
        if found is None or found[0].count(".") > _DEEPEST**2:  # tomllib needs quadratic time for such keys
            continue
        name, is_table = found
        if is_table:
            table = _path(f"[{name}]")
        yield table if is_table else (*table, *_path(f"{name}=0")), number


def _path(line: str) -> tuple[str, ...]:
    value: Any = tomllib.loads(line)
    keys: list[str] = []
    while isinstance(value, dict) and value:
        key, value = next(iter(value.items()))
        keys.append(key)
    return tuple(keys)
