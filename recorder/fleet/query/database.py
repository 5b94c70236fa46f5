"""Run SQL over a catalogue, by a DuckDB in memory that reads the files of the catalogue and can do nothing else.

The wall is DuckDB's own: no file but those of `catalogue://` (reading.py, which opens none for writing), no extension,
no network, no variables of Python, and no setting that changes any of this. Statements that are no query are refused
before, for a better message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from ...errors import OutputError, RecorderError, UsageError
from ..catalogue.schema import PARTITIONS, TABLES, Table
from .mistakes import explained, refused
from .reading import ROOT, CatalogueFiles
from .source import COLUMNS, Source
from .waiting import begun, ended

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

_BATCH = 2_000  # rows that are fetched at once
_FAR_THREADS = 16  # of DuckDB, where each read waits for a server
_END = 5.0  # seconds that an interrupted query has to end
_QUERIES = {"SELECT", "EXPLAIN", "MULTI"}  # the last: PIVOT, which is several statements
_SETTINGS = {
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,  # `select * from x` would read a variable x of this module
}


_LOCKS = (  # in this order
    "TimeZone = 'UTC'",
    "enable_progress_bar = false",
    f"allowed_directories = ['{ROOT}']",
    "enable_external_access = false",
    "lock_configuration = true",
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; its type is that of DuckDB, e.g. `VARCHAR[]`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query: its columns, and its rows as they are computed."""

    columns: tuple[Column, ...]
    rows: Iterator[tuple[Any, ...]]


class Database:
    """A DuckDB over one catalogue, for one query after the other; made by `opened`."""

    def __init__(self, source: Source, folder: str) -> None:
        """Open it; `folder` holds rows that do not fit into memory."""
        self._source = source
        self._files = CatalogueFiles(source)
        far = {"threads": _FAR_THREADS} if source.is_far else {}
        self._connection = duckdb.connect(config={**_SETTINGS, **far, "temp_directory": folder})
        self._connection.register_filesystem(self._files)
        for setting in _LOCKS:
            self._connection.execute(f"SET {setting}")
        self._views: set[str] = set()

    def answer(self, sql: str, values: Mapping[str, Any] | None = None) -> Answer:
        """Run a query.

        Args:
            sql: One SELECT, or another query such as DESCRIBE, SUMMARIZE, PIVOT.
            values: Values of its parameters `$name`.

        Raises:
            UsageError: If the SQL has a mistake, or is no query.
            InputError: If a file of the catalogue cannot be read; so does each row.
        """

        def run() -> tuple[Column, ...]:
            statement = self._prepare(sql)
            self._connection.execute(statement, dict(values or {}))
            return tuple(Column(one[0], str(one[1])) for one in self._connection.description or ())

        return Answer(self._done(sql, run), self._rows(sql))

    def _rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        while part := self._done(sql, lambda: self._connection.fetchmany(_BATCH)):
            yield from part

    def redactions(self) -> list[str]:
        """Return the names of the policies that redacted the cassettes; the errors are those of `answer`."""
        found = self.answer("SELECT DISTINCT redaction FROM cassettes WHERE problem IS NULL ORDER BY 1")
        return [name for (name,) in found.rows]

    def batches(self, sql: str, values: Mapping[str, Any] | None = None) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Run a query, and return its schema and its rows in Arrow; the arguments and errors are those of `answer`."""

        def run() -> pa.RecordBatchReader:
            self._prepare(sql)
            return self._connection.sql(sql, params=dict(values or {})).to_arrow_reader(_BATCH)

        reader = self._done(sql, run)

        def every() -> Iterator[pa.RecordBatch]:
            while (batch := self._done(sql, lambda: next(reader, None))) is not None:
                yield batch

        return reader.schema, every()

    def _prepare(self, sql: str) -> duckdb.Statement:
        """Return the one statement that the text holds, after the views it may need were made."""
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1:
            raise UsageError("give one SQL query" if statements else "the SQL is empty")
        kind = statements[0].type.name
        if kind not in _QUERIES:
            raise refused(kind)
        named = {name for name in TABLES if re.search(rf"\b{name}\b", sql, re.IGNORECASE)}
        for name in sorted((named or set(TABLES)) - self._views):  # none is named by SHOW TABLES
            self._connection.execute(_view(TABLES[name], self._source))
            self._views.add(name)
        return statements[0]

    def _done(self, sql: str, work: Callable[[], T]) -> T:
        """Return what `work` does in a thread: DuckDB hears no Ctrl-C while it computes, but it can be interrupted."""
        future = begun(work)
        try:
            return ended(future)
        except Exception as exc:
            raise self._told(sql, exc) from exc
        except BaseException:
            self._files.stop()
            self._connection.interrupt()
            wait([future], _END)
            raise

    def _told(self, sql: str, problem: Exception) -> Exception:
        if self._files.problem is not None:
            return self._files.problem
        if isinstance(problem, RecorderError):
            return problem
        return explained(problem, sql, COLUMNS, self._source.name)

    def close(self) -> None:
        """Forget all."""
        self._connection.close()


@contextmanager
def opened(source: Source) -> Iterator[Database]:
    """Open a database over a catalogue in the block.

    Raises:
        OutputError: If there is no room for temporary data.
    """
    try:
        folder = TemporaryDirectory(prefix="recorder-query-", ignore_cleanup_errors=True)
    except OSError as exc:
        raise OutputError(f"{gettempdir()}: cannot hold temporary data: {exc.strerror}") from exc
    with folder as name:
        database = Database(source, name)
        try:
            yield database
        finally:
            database.close()


def _view(table: Table, source: Source) -> str:
    """Return the SQL of the view of a table; its columns are those of this version, whatever a file lacks is null."""
    columns = ", ".join(f'"{one.name}"' for one in table.columns)
    if not any(path.startswith(f"{table.name}/") for path in source.files):
        empty = ", ".join(f'CAST(NULL AS {one.type}) AS "{one.name}"' for one in table.columns)
        return f"CREATE VIEW {table.name} AS SELECT {empty} WHERE false"
    # with the schema, no file is opened before its rows are needed
    fields = ", ".join(
        f"'{one.name}': {{name: '{one.name}', type: '{one.type}', default_value: NULL}}" for one in table.stored
    )
    hive = ""
    if table.partitioned:
        types = ", ".join(f"{one.name}: {one.type}" for one in table.columns if one.name in PARTITIONS)
        hive = f", hive_partitioning = true, hive_types = {{{types}}}"
    files = f"'{ROOT}{table.name}/**'"
    read = f"read_parquet({files}, schema = MAP {{{fields}}}{hive})"
    return f"CREATE VIEW {table.name} AS SELECT {columns} FROM {read}"  # noqa: S608  # of the names in schema.py
