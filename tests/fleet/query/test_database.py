from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from recorder.errors import InputError, OutputError, UsageError
from recorder.fleet.catalogue.dataset import path_of
from recorder.fleet.catalogue.pieces import Partition
from recorder.fleet.catalogue.schema import TABLES, arrow
from recorder.fleet.query.database import Database, opened
from recorder.fleet.query.source import COLUMNS, Source
from recorder.fleet.query.waiting import THREAD
from tests.fleet.query.made import source


class Counted(LocalFileSystem):
    """A local file system that keeps which ranges were read."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, int]] = []

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        content = super().cat_file(path, start=start, end=end, **kwargs)
        self.reads.append((path, len(content)))
        return content


def rows(database: Database, sql: str, **values: object) -> list[tuple[Any, ...]]:
    return list(database.answer(sql, values).rows)


def asked(found: Source, sql: str) -> list[tuple[Any, ...]]:
    with opened(found) as database:
        return rows(database, sql)


def of_rows(
    folder: Path, table: str, dialect: str, more: list[dict[str, Any]], schema: pa.Schema | None = None
) -> None:
    """Write a file of a table as a build does, with a row for each dict; other values are those of any row."""
    schema = schema or arrow(TABLES[table])
    any_of = {"string": "x", "int64": 1, "int32": 1, "double": 1.0, "bool": False, "timestamp[us]": 0}
    usual = {one.name: any_of.get(str(one.type), ["x"]) for one in schema}
    path = folder / path_of(Partition(table, dialect, 20_000), "x.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([usual | one for one in more], schema=schema), path)


# -- tables


@pytest.mark.parametrize("table", TABLES)
def test_a_view_has_the_columns_of_the_schema_in_their_order(small: Source, table: str) -> None:
    found = asked(small, f"DESCRIBE {table}")

    assert [(name, kind) for name, kind, *_ in found] == list(COLUMNS[table].items())


@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_files_is_empty_and_has_its_columns(small: Source, table: str) -> None:
    with opened(replace(small, files={})) as database:
        answer = database.answer(f"SELECT * FROM {table}")

        assert [(one.name, one.type) for one in answer.columns] == list(COLUMNS[table].items())
        assert list(answer.rows) == []


def test_tables_are_there_even_if_the_sql_names_none(database: Database) -> None:
    assert sorted(name for (name,) in rows(database, "SHOW TABLES")) == sorted(TABLES)


def test_a_file_of_an_older_build_lacks_a_column_and_its_rows_have_null(tmp_path: Path) -> None:
    schema = arrow(TABLES["triples"])
    older = schema.remove(schema.get_field_index("error"))
    of_rows(tmp_path, "triples", "old", [{"n": 1}], older)
    of_rows(tmp_path, "triples", "new", [{"n": 2, "error": "E"}])

    assert asked(source(tmp_path), "SELECT dialect, n, error FROM triples ORDER BY n") == [
        ("old", 1, None),
        ("new", 2, "E"),
    ]


@pytest.mark.parametrize("dialect", ["2024", "null", "a/b", "ü %20 [x]*?", "day=1999-01-01", "o'clock", "#;"])
def test_any_name_of_a_dialect_comes_back_as_text(tmp_path: Path, dialect: str) -> None:
    of_rows(tmp_path, "triples", dialect, [{"n": 7}])

    assert asked(source(tmp_path), "SELECT dialect, CAST(day AS VARCHAR), n FROM triples") == [
        (dialect, "2024-10-04", 7)
    ]


def test_pivot_summarize_and_explain_are_queries(small: Source) -> None:
    assert len(asked(small, "PIVOT triples ON state USING count(*) GROUP BY dialect")) == 5
    assert len(asked(small, "SUMMARIZE triples")) == len(COLUMNS["triples"])
    assert "PARQUET" in asked(small, "EXPLAIN SELECT * FROM triples")[0][1].upper()


def test_values_of_parameters_are_no_sql(database: Database) -> None:
    assert rows(database, "SELECT $a", a="'; DROP VIEW triples") == [("'; DROP VIEW triples",)]


def test_times_are_in_utc_wherever_the_machine_is(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    found = rows(database, "SELECT current_setting('TimeZone'), CAST(TIMESTAMPTZ '2026-01-01 00:00:00+02' AS VARCHAR)")

    assert found == [("UTC", "2025-12-31 22:00:00+00")]


# -- reads


def test_only_the_files_of_the_dialect_and_day_are_read(small: Source) -> None:
    store = Counted()

    found = asked(
        replace(small, store=store), "SELECT count(*) FROM triples WHERE dialect = 'mcp' AND day = DATE '2026-01-01'"
    )

    assert found == [(100,)]
    assert {Path(path).parent.relative_to(small.root).as_posix() for path, _ in store.reads} == {
        "triples/dialect=mcp/day=2026-01-01"
    }


def test_a_small_file_is_read_by_one_request(small: Source) -> None:
    store = Counted()

    asked(replace(small, store=store), "SELECT operation, max(ack_ms) FROM triples GROUP BY 1")

    assert len(store.reads) == len([path for path in small.files if path.startswith("triples/")])


def test_of_a_large_file_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    texts = [{"n": n, "path": os.urandom(100).hex()} for n in range(10_000)]
    of_rows(tmp_path, "triples", "d", texts)
    found = source(tmp_path)
    store = Counted()

    assert asked(replace(found, store=store), "SELECT sum(n) FROM triples") == [(49_995_000,)]
    assert sum(size for _, size in store.reads) < sum(found.files.values()) / 10


def test_nothing_is_read_before_rows_are_needed(small: Source) -> None:
    store = Counted()

    asked(replace(small, store=store), "DESCRIBE triples")

    assert store.reads == []


# -- mistakes


def problem(database: Database, sql: str) -> str:
    with pytest.raises(UsageError) as told:
        rows(database, sql)
    return str(told.value)


def test_a_column_that_is_not_there_is_told_with_the_columns_of_its_table(database: Database) -> None:
    text = problem(database, "SELECT n,\n  opration FROM triples")

    assert text.startswith("SQL, line 2, at 'opration': Referenced column")
    assert '"operation"' in text
    assert f"(columns of triples: {', '.join(COLUMNS['triples'])})" in text


def test_a_table_that_is_not_there_is_told_with_all_tables(database: Database) -> None:
    text = problem(database, "SELECT * FROM triple")

    assert text.endswith("(tables: triples, events, sessions, findings, cassettes)")
    assert 'Did you mean "triples"' in text


@pytest.mark.parametrize(
    "sql",
    ["selct 1", "SELECT nofun(1)", "SELECT CAST('x' AS INT)", "SELECT $1", "SELECT state FROM triples GROUP BY n"],
)
def test_a_mistake_is_one_line(database: Database, sql: str) -> None:
    text = problem(database, sql)

    assert text.startswith("SQL")
    assert "\n" not in text
    assert "Error:" not in text


@pytest.mark.parametrize(
    ("sql", "text"),
    [("", "the SQL is empty"), ("-- nothing", "the SQL is empty"), ("SELECT 1; SELECT 2", "give one SQL query")],
)
def test_one_query_is_asked_for(database: Database, sql: str, text: str) -> None:
    assert problem(database, sql) == text


def test_a_mistake_that_a_row_makes_is_told_too(database: Database) -> None:
    assert problem(database, "SELECT CAST(operation AS INT) FROM triples").startswith(
        "SQL, line 1, at 'CAST(operation AS INT)': Could not convert string 'Operation"
    )


# -- the wall

HOSTILE = """
COPY (SELECT 1) TO '{out}'
COPY triples TO '{out}' (FORMAT parquet)
COPY (SELECT 1) TO '{live}' (FORMAT csv, USE_TMP_FILE false)
COPY (SELECT 1) TO 'catalogue://{path}' (FORMAT csv, USE_TMP_FILE false)
COPY (SELECT 1) TO 'catalogue://new.csv'
COPY (PIVOT triples ON state USING count(*)) TO '{out}'
EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'
EXPORT DATABASE '{out}'
IMPORT DATABASE '{folder}'
ATTACH '{out}'
CREATE TABLE t AS SELECT 1
CREATE SECRET (TYPE s3)
CREATE PERSISTENT SECRET p (TYPE s3)
INSTALL httpfs
LOAD httpfs
SET enable_external_access = true
SET lock_configuration = false
PRAGMA enable_profiling
PRAGMA database_list
CALL pragma_version()
CHECKPOINT
SELECT * FROM read_csv('{secret}')
SELECT * FROM read_text('{secret}')
SELECT * FROM read_blob('{secret}')
SELECT * FROM sniff_csv('{secret}')
SELECT * FROM '{secret}'
SELECT * FROM glob('{folder}/*')
SELECT * FROM read_parquet('{live}')
SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')
SELECT * FROM read_parquet('s3://bucket/x.parquet')
SELECT * FROM read_text('file://{secret}')
SELECT * FROM read_text('catalogue://triples/../../secret.csv')
SELECT * FROM small
SELECT * FROM query('COPY (SELECT 1) TO ''{out}''')
SELECT getenv('HOME')
PREPARE x AS COPY (SELECT 1) TO '{out}'
EXECUTE x
DROP VIEW triples
INSERT INTO triples VALUES (1)
WITH x AS (INSERT INTO triples VALUES (1) RETURNING *) SELECT * FROM x
VACUUM
""".strip().splitlines()


@pytest.mark.parametrize("sql", HOSTILE)
def test_sql_cannot_write_or_read_anything_else(
    small: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.csv").write_text("token\nhidden\n", encoding="utf-8")
    path = next(iter(small.files))
    live = Path(small.root, path)
    before = live.read_bytes()
    places = {
        "out": tmp_path / "out",
        "secret": tmp_path / "secret.csv",
        "folder": tmp_path,
        "live": live,
        "path": path,
    }

    with pytest.raises((UsageError, InputError)) as told:
        asked(small, sql.format(**places))

    assert "hidden" not in str(told.value)
    assert "\n" not in str(told.value)
    assert [one.name for one in tmp_path.iterdir()] == ["secret.csv"]
    assert live.read_bytes() == before


@pytest.mark.parametrize("name", ["../secret.csv", "{secret}", "**", "triples/*"])
def test_names_that_lead_out_of_the_catalogue_name_nothing(small: Source, name: str) -> None:
    outside = Path(small.root).parent / "secret.csv"
    outside.write_text("hidden", encoding="utf-8")

    assert asked(small, f"SELECT * FROM read_text('catalogue://{name.format(secret=outside)}')") == []


def test_rows_that_do_not_fit_into_memory_stand_in_a_folder_that_is_gone_afterwards(
    small: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with opened(small) as database:
        (folder,) = rows(database, "SELECT current_setting('temp_directory')")[0]
        assert Path(folder).parent == tmp_path

    assert list(tmp_path.iterdir()) == []


def test_no_room_for_temporary_data_is_told(small: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))

    with pytest.raises(OutputError, match="missing: cannot hold temporary data: No such file"), opened(small):
        pass


# -- files that cannot be read


def copied(small: Source, folder: Path, keep: str = "triples/") -> Source:
    for path in small.files:
        if path.startswith(keep):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(Path(small.root, path).read_bytes())
    return source(folder)


def test_a_file_that_a_build_removed_meanwhile_is_told(small: Source, tmp_path: Path) -> None:
    found = copied(small, tmp_path)
    next(tmp_path.rglob("*.parquet")).unlink()

    with pytest.raises(InputError, match=r"triples/.*parquet: cannot be read: a build has replaced it meanwhile"):
        asked(found, "SELECT * FROM triples")


def test_a_file_that_is_shorter_is_told(small: Source, tmp_path: Path) -> None:
    found = copied(small, tmp_path)
    path = next(tmp_path.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(InputError, match="parquet: cannot be read: is shorter than the catalogue says"):
        asked(found, "SELECT * FROM triples")


def test_a_damaged_file_is_told(small: Source, tmp_path: Path) -> None:
    found = copied(small, tmp_path)
    path = next(tmp_path.rglob("*.parquet"))
    path.write_bytes(bytes(path.stat().st_size))

    with pytest.raises(InputError, match=f"{tmp_path}: cannot be read: .*magic bytes"):
        asked(found, "SELECT * FROM triples")


class Shut(LocalFileSystem):
    cachable = False

    def cat_file(self, path: str, *_: object, **__: object) -> bytes:
        raise PermissionError("403 Forbidden")


def test_an_error_of_the_store_is_told_with_the_file(small: Source) -> None:
    with pytest.raises(InputError, match=r"triples/.*parquet: cannot be read: access denied .403 Forbidden."):
        asked(replace(small, store=Shut()), "SELECT * FROM triples")


# -- Ctrl-C


LONG = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT do what it does in a command: shells let it be ignored by what they run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)  # None: one in C


def interrupted(number: signal.Signals) -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), number)).start()


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_long_query(database: Database) -> None:
    began = time.thread_time()
    interrupted(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        rows(database, LONG)

    assert rows_of_nothing(database) == "interrupted"
    assert time.thread_time() - began < 10


class Dead(LocalFileSystem):
    """A store that never answers."""

    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.answers = threading.Event(), threading.Event()

    def cat_file(self, *_: object, **__: object) -> bytes:
        self.is_asked.set()
        self.answers.wait(60)
        return b""


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_a_query_that_waits_for_a_store(small: Source) -> None:
    store = Dead()

    def press() -> None:
        assert store.is_asked.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    threading.Thread(target=press).start()

    with pytest.raises(KeyboardInterrupt):
        asked(replace(small, store=store, is_far=True), "SELECT * FROM triples")

    assert time.monotonic() - began < 50
    store.answers.set()


def rows_of_nothing(database: Database) -> str:
    """Return that the connection is free again: the thread of the long query has ended."""
    assert not any(one.name == THREAD and one.is_alive() for one in threading.enumerate())
    return "interrupted"


def test_a_query_of_another_thread_is_not_disturbed(small: Source) -> None:
    with opened(small) as one, opened(small) as other:
        threading.Timer(0.2, one._connection.interrupt).start()
        with pytest.raises(duckdb.InterruptException):
            one._connection.execute(LONG).fetchall()

        assert rows(other, "SELECT count(*) FROM triples") == [(1_000,)]


# -- Arrow


def test_batches_have_all_rows_and_their_types(database: Database) -> None:
    schema, batches = database.batches("SELECT n, time, ids FROM triples WHERE n <= $most", {"most": 50})

    assert [str(one.type) for one in schema] == ["int64", "timestamp[us]", "list<l: string>"]
    assert sum(batch.num_rows for batch in batches) == 500


def test_a_store_is_read_by_more_threads(small: Source) -> None:
    assert asked(replace(small, is_far=True), "SELECT current_setting('threads')") == [(16,)]
    assert fsspec.filesystem("file") is small.store


def test_what_would_write_inside_of_an_explanation_is_refused_in_one_line(database: Database) -> None:
    with pytest.raises(UsageError, match=r"^a query reads the tables .* nothing else; it cannot write$"):
        list(database.answer("EXPLAIN ANALYZE COPY (SELECT 1) TO 'catalogue://triples/x.csv'").rows)
