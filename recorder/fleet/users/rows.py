"""Hold the values of many users: those that all have in common, and a row of its own for each user.

A values file may hold the rows as `[[users]]`, tables as those of the whole file. A CSV file holds a user in each line:

    headers.Authorization,keys.device,login.json.user
    Bearer abc,dev-17,ann

The name of a column is a place in a values file, as TOML writes it; a name without a table is one of `[keys]`. An empty
cell gives nothing. Values are secrets: no text of this module shows one.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from ...drive.engine.values import Values
from ...errors import UsageError, ValuesError

USERS: Final = "users"
_KEYS: Final = "keys"
_TABLES: Final = frozenset({"client", "cookies", "headers", "keys", "login", "pseudonyms"})

Tables: TypeAlias = dict[str, Any]


class Rows:
    """The values of many users.

    Attributes:
        count: Number of rows; None if all users have the same values, so that any number of users can be played.
        where: Name of the file that holds the rows; "" without rows.
    """

    def __init__(
        self, common: Tables, rows: Sequence[tuple[str, Tables]] | None, environment: Mapping[str, str], name: str
    ) -> None:
        """Take what was read; `read_rows` reads files.

        Args:
            common: Values of all users.
            rows: Where each row stands, and its values; they go before those of all users. None without rows.
            environment: Variables that give what neither has.
            name: Name of the file with the values of all users, for error messages.
        """
        self._common, self._rows, self._environment, self._name = common, rows, environment, name
        self.count = None if rows is None else len(rows)
        self.where = rows[0][0].partition(",")[0] if rows else ""

    def values(self, number: int) -> Values:
        """Return the values of a user, made anew: a login keeps its token in them.

        Args:
            number: Number of the row, from 0; without rows it does not matter.

        Raises:
            ValuesError: With the row and the key of the first mistake.
            IndexError: If there is no such row.
        """
        if self._rows is None:
            return Values.of(self._common, self._name, self._environment)
        where, own = self._rows[number]
        return Values.of(merged(self._common, own), where, self._environment)

    def shape(self, number: int) -> frozenset[tuple[str, ...]]:
        """Return which values a user has, without the values: users of one shape have one plan."""
        tables = self._common if self._rows is None else merged(self._common, self._rows[number][1])
        return frozenset(_paths(tables, ()))


def read_rows(paths: Sequence[Path], environment: Mapping[str, str]) -> Rows:
    """Read files with values: TOML files, and CSV files with a row for each user.

    Args:
        paths: The files; those whose names end in `.csv` hold rows. No two may give rows.
        environment: The variables of the environment.

    Raises:
        UsageError: If a file cannot be read, or two files give rows.
        ValuesError: If a file has a mistake.
    """
    common: Tables = {}
    rows: list[tuple[str, Tables]] | None = None
    giver = ""
    for path in paths:
        text = _text(path)
        if path.suffix.lower() == ".csv":
            found: list[tuple[str, Tables]] | None = rows_of_csv(text, str(path))
        else:
            tables, found = _of_toml(text, str(path), environment)
            common = merged(common, tables)
        if found is None:
            continue
        if rows is not None:
            raise UsageError(f"{giver} and {path} both hold rows of users; write the rows into one of them")
        rows, giver = found, str(path)
    return Rows(common, rows, environment, str(paths[0]) if paths else "environment")


def rows_of_csv(text: str, name: str) -> list[tuple[str, Tables]]:
    """Read the rows of a CSV text, each with the place where it stands.

    Raises:
        ValuesError: If a column has no place in a values file, or a row has more cells than there are columns.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[str, Tables]] = []
    try:
        columns = [_column(one, name) for one in next(reader, [])]
        if not columns:
            raise ValuesError(
                name, "columns", "are missing; write names such as keys.device into the first line", line=1
            )
        for place, column in enumerate(columns):
            if column in columns[:place]:
                raise ValuesError(name, ".".join(column), "is the name of two columns; delete one of them", line=1)
        for cells in reader:
            if len(cells) > len(columns):
                problem = f"has {len(cells)} cells, and there are {len(columns)} columns; quote a cell that has a comma"
                raise ValuesError(name, "row", problem, line=reader.line_num)
            if any(cells):
                given = {column: cell for column, cell in zip(columns, cells, strict=False) if cell}
                rows.append((f"{name}, line {reader.line_num}", _nested(given)))
    except csv.Error as exc:
        raise ValuesError(name, "CSV", str(exc), line=reader.line_num) from None
    return rows


def merged(common: Tables, own: Tables) -> Tables:
    """Return tables in which those of `own` go before those in common."""
    made = dict(common)
    for name, value in own.items():
        known = made.get(name)
        made[name] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return made


def _of_toml(text: str, name: str, environment: Mapping[str, str]) -> tuple[Tables, list[tuple[str, Tables]] | None]:
    """Read a values file; return the values of all users, and the rows, None if it has none."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError):
        tables = {}
    if USERS not in tables:
        Values.parse(text, name, environment)  # tells mistakes with their lines
        return tables, None
    users = tables.pop(USERS)
    if not isinstance(users, list) or not all(isinstance(one, dict) for one in users):
        raise ValuesError(name, USERS, "must be tables; write [[users]] before the values of each user")
    return tables, [(f"{name}, user {number}", one) for number, one in enumerate(users, 1)]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # spreadsheets begin a CSV file with a mark of its encoding
    except OSError as exc:
        raise UsageError(f"{path}: the file with values cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ValuesError(str(path), "encoding", f"is not UTF-8 at byte {exc.start}; save it as UTF-8") from None


def _column(title: str, name: str) -> tuple[str, ...]:
    """Return the place in a values file that a column names, as `("keys", "device")`.

    Raises:
        ValuesError: If it names none.
    """
    try:
        found: Any = tomllib.loads(f"{title.strip()} = 0")
    except tomllib.TOMLDecodeError:
        found = None
    parts: list[str] = []
    while isinstance(found, dict) and len(found) == 1:
        [(part, found)] = found.items()
        parts.append(part)
    if found != 0 or not parts:
        problem = 'is no name of a value; write keys.device, headers.Authorization or pseudonyms."user 1"'
        raise ValuesError(name, title, problem, line=1)
    if len(parts) == 1:
        return _KEYS, parts[0]
    if parts[0] not in _TABLES:
        raise ValuesError(name, title, f"begins with none of {', '.join(sorted(_TABLES))}", line=1)
    return tuple(parts)


def _nested(given: Mapping[tuple[str, ...], str]) -> Tables:
    made: Tables = {}
    for parts, value in given.items():
        table = made
        for part in parts[:-1]:
            table = table.setdefault(part, {})
        table[parts[-1]] = value
    return made


def _paths(tables: Tables, before: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, value in tables.items():
        at = (*before, name)
        found += _paths(value, at) if isinstance(value, dict) else [at]
    return found
