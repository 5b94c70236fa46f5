"""Implement `recorder query`."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import NothingSelected, UsageError
from ...printable import counted, printable, shown
from ..options import OUTPUT, force_option, json_option, jsonl_option, offers
from ..output import json_list, screen, write
from ..saying import say
from ..writing import must_be_writable, write_text, writing

if TYPE_CHECKING:
    import pyarrow as pa

    from ...fleet.query.database import Column, Database
    from ...fleet.query.shipped import Shipped
    from ...views.screen import Cell, Screen


_SQL = {
    "DESCRIBE",
    "EXPLAIN",
    "FROM",
    "SELECT",
    "SHOW",
    "SUMMARIZE",
    "TABLE",
    "VALUES",
    "WITH",
}  # words a query begins with
_LEAST = 6  # cells of a column of a table, however narrow the screen is


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query with its values, and how its answer is wanted."""

    sql: str
    values: dict[str, str]
    form: str  # "table", "json", "jsonl" or "csv"
    limit: int | None


@click.command("query")
@click.argument("words", metavar="SQL|NAME [VALUE]...", nargs=-1, shell_complete=offers("queries"))
@click.option(
    "--catalogue",
    metavar="URL",
    envvar="RECORDER_CATALOGUE",
    show_envvar=True,
    help="Folder of the catalogue, here or in a store.",
)
@json_option
@jsonl_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with the names of the columns first.")
@click.option("--parquet", type=OUTPUT, help="Write the answer as Parquet into a file.")
@click.option("-o", "--output", type=OUTPUT, help="Write what would be printed into a file.")
@force_option
@click.option("--limit", metavar="N", type=click.IntRange(min=0), help="Take only the first N rows.")
@click.option("--list", "as_list", is_flag=True, help="List the shipped queries.")
@click.option("--show", metavar="NAME", help="Print the SQL of a shipped query.", shell_complete=offers("queries"))
def command(
    words: tuple[str, ...], *, catalogue: str | None, as_json: bool, as_lines: bool, as_csv: bool,
    parquet: Path | None, output: Path | None, force: bool, limit: int | None, as_list: bool, show: str | None,
) -> None:  # fmt: skip
    """Ask a catalogue of cassettes in SQL, or by a shipped query (see --list).

    The SQL is that of DuckDB, over the tables triples, events, sessions, findings and cassettes of a catalogue that
    recorder catalogue build made; DESCRIBE triples lists columns. A query can read these tables and nothing else.
    Times are in UTC, and names that end in _ms are milliseconds. Exit code 5 if there is no row.

    \b
    Example:  recorder query --catalogue s3://team/catalogue slowest
              recorder query "select operation, count(*) from triples group by 1"
              recorder query holding 6501 --json | jq -r '.[].cassette'
    """
    if as_list or show is not None:
        if words or (as_list and show is not None):
            raise UsageError("--list and --show take no query, and exclude each other")
        write([_shown(show)] if show is not None else _listing())
        return
    if as_json + as_lines + as_csv + (parquet is not None) > 1:
        raise UsageError("--json, --jsonl, --csv and --parquet exclude each other")
    if parquet is not None and output is not None:
        raise UsageError("--parquet names the file to write; leave -o out")
    for target in (parquet, output):
        if target is not None:
            _must_be_elsewhere(target, catalogue)
            must_be_writable(target, force=force)
    form = "json" if as_json else "jsonl" if as_lines else "csv" if as_csv else "table"
    asked = _asked(words, form, limit)
    if catalogue is None:
        raise UsageError("--catalogue is missing: give the folder or URL, or set RECORDER_CATALOGUE")
    if parquet is not None:
        count = _write_parquet(catalogue, asked, parquet, force=force)
    else:
        count = _print(catalogue, asked, output, force=force)
    if not count and limit != 0:
        raise NothingSelected("the query found no rows")


def _must_be_elsewhere(target: Path, catalogue: str | None) -> None:
    """Refuse an output in the catalogue: it could be one of its files."""
    there = os.path.realpath(catalogue or ".")
    if catalogue and os.path.realpath(target).startswith(there + os.sep):
        raise UsageError(f"{target}: is in the catalogue, which the command reads; choose another folder")


def _asked(words: tuple[str, ...], form: str, limit: int | None) -> _Asked:
    """Return the query that the words are: SQL, or the name of a shipped query and its values.

    Raises:
        UsageError: If they are neither.
    """
    from ...fleet.query.shipped import names

    if not words:
        raise UsageError("give SQL, or the name of a shipped query: recorder query --list shows these")
    first, *values = words
    if first in names():
        query = _load(first)
        return _Asked(query.sql, query.values(values), form, limit)
    if values and first.upper() in _SQL:
        raise UsageError(f'quote the SQL as one word: recorder query "{first} …"')
    if first.replace("-", "").replace("_", "").isalnum():  # one word is no SQL
        raise UsageError(_unknown(first))
    if values:
        raise UsageError(f"{values[0]!r} is too much: quote the SQL as one word")
    return _Asked(first, {}, form, limit)


def _load(name: str) -> Shipped:
    from ...fleet.query.shipped import load, names

    if name not in names():
        raise UsageError(_unknown(name))
    return load(name)


def _unknown(name: str) -> str:
    from ...fleet.query.shipped import names
    from ..guide.nearest import did_you_mean

    hint = did_you_mean(name, names()) or f"; there are {', '.join(names())}"
    return f"there is no shipped query {name!r}{hint}"


@contextmanager
def _needing() -> Iterator[None]:
    """Tell which library is missing, if one is."""
    try:
        yield
    except ModuleNotFoundError as exc:
        name = (exc.name or "").partition(".")[0]
        raise UsageError(f"recorder query needs {name}: pip install 'outbound-recorder[catalogue]'") from exc


def _shown(name: str) -> str:
    return shown(_load(name).sql)


def _listing() -> Iterator[str]:
    from ...fleet.query.shipped import load, names
    from ...views.screen import Column, aligned

    queries = [load(name) for name in names()]
    rows: list[list[Cell]] = [[query.usage, query.about] for query in queries]
    on = screen()
    if on is None:
        yield aligned([["query", "answer"], *[[str(cell) for cell in row] for row in rows]])
    else:
        yield on.table([Column("query", "bold"), Column("answer", least=20)], rows)


def _print(catalogue: str, asked: _Asked, output: Path | None, *, force: bool) -> int:
    """Print the answer, or write it into a file; return the number of rows."""
    with _needing():
        from ...fleet.query.asking import asked as asking

    def ask(database: Database) -> tuple[tuple[list[str], tuple[Column, ...]], Iterator[tuple[Any, ...]]]:
        redaction = [] if output is None else database.redactions()
        answer = database.answer(asked.sql, asked.values)
        if asked.form in ("json", "jsonl"):
            _must_differ([one.name for one in answer.columns])
        return (redaction, answer.columns), answer.rows

    with asking(catalogue, ask) as ((redaction, columns), rows):
        counting = _Counting(islice(rows, asked.limit))
        chunks = _text(columns, iter(counting), asked.form, is_shown=output is None)
        if output is None:
            write(chunks)
        else:
            write_text(output, chunks, force=force, redaction=redaction)
            say(f"{output}: {counted(counting.count, 'row')}")
    return counting.count


class _Counting:
    """Counts rows as they pass."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows, self.count = rows, 0

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for row in self._rows:
            self.count += 1
            yield row


def _text(columns: Sequence[Column], rows: Iterator[tuple[Any, ...]], form: str, *, is_shown: bool) -> Iterator[str]:
    """Yield the answer in a form; `is_shown` says that stdout takes it, which may be a terminal."""
    from ...fleet.query.values import exact

    names = [one.name for one in columns]
    if form == "table":
        yield from _table(columns, rows, screen() if is_shown else None)
    elif form == "csv":
        yield from _csv(names, rows, is_steered=is_shown and screen() is not None)
    else:
        objects = (dict(zip(names, map(exact, row), strict=True)) for row in rows)
        yield from json_list(objects, lines=form == "jsonl")


def _must_differ(names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two columns have the name {twice!r}, and an object holds one; name them: … AS NAME")


def _table(columns: Sequence[Column], rows: Iterable[tuple[Any, ...]], on: Screen | None) -> Iterator[str]:
    """Yield a table: complete for a pipe, fitted for a screen."""
    from ...fleet.query.values import cell, is_number
    from ...views import screen as views

    heading = [printable(one.name) for one in columns]
    cells = ([printable(cell(value)) for value in row] for row in rows)
    if on is None:
        yield from views.aligning(_with_heading(heading, cells))
        return
    if len(columns) * (_LEAST + 2) - 2 > on.width:
        yield from _blocks(heading, cells, on)
        return
    right = is_number([one.type for one in columns])
    drawn = [
        views.Column(name, right=one, least=None if one else _LEAST) for name, one in zip(heading, right, strict=True)
    ]
    yield from on.drawing(drawn, cells)


def _blocks(heading: list[str], rows: Iterable[list[str]], on: Screen) -> Iterator[str]:
    """Yield each row as a block of lines, a column in each: so many columns do not fit beside each other."""
    from ...views.screen import cells

    widest = max(map(cells, heading))
    for n, row in enumerate(rows):
        lines = (
            on.line((f"{name}{' ' * (widest - cells(name))}  ", "bold"), value, indent=widest + 2)
            for name, value in zip(heading, row, strict=True)
        )
        yield ("\n" if n else "") + "".join(lines)


def _with_heading(heading: list[str], rows: Iterable[list[str]]) -> Iterator[list[str]]:
    yield heading
    yield from rows


def _csv(names: list[str], rows: Iterable[tuple[Any, ...]], *, is_steered: bool) -> Iterator[str]:
    """Yield CSV as RFC 4180 has it, with LF; on a terminal, control characters are escaped."""
    from ...fleet.query.values import text

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for row in _with_heading(names, (list(map(text, row)) for row in rows)):
        writer.writerow([printable(one) for one in row] if is_steered else row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _write_parquet(catalogue: str, asked: _Asked, target: Path, *, force: bool) -> int:
    """Write the answer as Parquet; return the number of rows."""
    with _needing():
        from ...fleet.query.asking import asked as asking
        from ...fleet.query.parquet import write_batches

    def ask(database: Database) -> tuple[tuple[list[str], pa.Schema], Iterator[pa.RecordBatch]]:
        redaction = database.redactions()
        schema, batches = database.batches(asked.sql, asked.values)
        _must_differ(schema.names)
        return (redaction, schema), batches

    with (
        asking(catalogue, ask) as ((redaction, schema), batches),
        writing(target, force=force, redaction=redaction) as file,
    ):
        count = write_batches(file, schema, batches, asked.limit)
    say(f"{target}: {counted(count, 'row')}")
    return count
