"""Tell what is wrong with a query in one line: what DuckDB says, where, and which tables and columns there are."""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb

from ...errors import InputError, RecorderError, UsageError
from .reading import ROOT

_ONLY = "a query reads the tables of the catalogue, and nothing else"
_PLACE = re.compile(r"\n+LINE (\d+): (.*)\n(\s*)(\^+)\s*$")


def refused(kind: str) -> UsageError:
    """Return the error for a statement that is no query, by its kind, e.g. `COPY`."""
    hint = "; --parquet, --csv and -o write what a query answers" if kind in ("COPY", "EXPORT") else ""
    return UsageError(f"{kind} is refused: {_ONLY}{hint}")


def explained(problem: Exception, sql: str, columns: Mapping[str, Mapping[str, str]], where: str) -> RecorderError:
    """Return the error for the user.

    Args:
        problem: The error of DuckDB.
        sql: The query.
        columns: The columns of each table.
        where: The catalogue.
    """
    text = str(problem)
    if isinstance(problem, duckdb.PermissionException) or not isinstance(problem, duckdb.Error):
        what = text.partition("\n")[0].removeprefix("Permission Error: ").partition(" - file system")[0]
        return UsageError(f"{_ONLY}: {what}")
    if isinstance(problem, duckdb.OutOfMemoryException):
        return UsageError(f"the query needs too much memory; select less ({_one_line(text)})")
    if (ROOT in text and ROOT not in sql) or isinstance(problem, duckdb.IOException | duckdb.InternalException):
        return InputError(f"{where}: cannot be read: {_one_line(text.replace(ROOT, ''))}")
    place = _PLACE.search(text)
    said = _one_line(_PLACE.sub("", text))
    at = ""
    if place is not None:
        line, shown, before, marks = place.groups()
        begin = len(before) - len(f"LINE {line}: ")
        fragment = shown[max(begin, 0) : begin + len(marks)]
        at = f", line {line}" + (f", at {fragment!r}" if fragment.strip() else "")
    return UsageError(f"SQL{at}: {said}{_known(problem, sql, columns)}")


def _known(problem: duckdb.Error, sql: str, columns: Mapping[str, Mapping[str, str]]) -> str:
    """Return the names that the user may have meant."""
    text = str(problem)
    if isinstance(problem, duckdb.CatalogException) and text.startswith("Catalog Error: Table with name"):
        return f" (tables: {', '.join(columns)})"
    if isinstance(problem, duckdb.BinderException) and "column" in text:
        named = [name for name in columns if re.search(rf"\b{name}\b", sql, re.IGNORECASE)]
        return "".join(f" (columns of {name}: {', '.join(columns[name])})" for name in named)
    return ""


def _one_line(text: str) -> str:
    """Return a message of DuckDB on one line, without the name of its class."""
    said = re.sub(r"^(?:[A-Z][A-Za-z]* )+Error: ", "", text.strip())
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " ".join(
        line if line.endswith((".", "!", "?", ":", ";")) or line is lines[-1] else f"{line};" for line in lines
    )
