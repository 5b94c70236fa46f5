"""Catalogues made by DuckDB itself, in the shape of version 1, of any number of triples."""

from __future__ import annotations

from pathlib import Path

import duckdb
import fsspec

from recorder.fleet.catalogue.schema import TABLES, Table
from recorder.fleet.query.source import Source

# r is the number of the triple from 0; each cassette has 100
_TRIPLES = """
    'far/' || (r // 100) || '.cassette' AS cassette,
    ['gws-outbound', 'genesys-workspace', 'salesforce', 'mcp', 'cometd-service'][1 + (r // 100) % 5] AS dialect,
    DATE '2026-01-01' + CAST((r // 500) % 20 AS INTEGER) AS day,
    r % 100 + 1 AS n,
    's' || (r % 7) AS session,
    'agent-' || (r % 400) AS client,
    'Operation' || ((r * 7919) % 40) AS operation,
    ['complete', 'complete', 'complete', 'complete', 'complete', 'complete', 'failed', 'acked', 'acked', 'aborted']
        [1 + CAST(hash(r) % 10 AS INTEGER)] AS state,
    'POST' AS method,
    '/api/v2/' || (r % 40) AS path,
    CASE WHEN state != 'aborted' THEN 200 END AS status,
    CAST(r % 5000 AS VARCHAR) AS handle,
    'ref-' || r AS reference,
    CAST(day AS TIMESTAMP) + to_microseconds(CAST(hash(r) % 86400000000 AS BIGINT)) AS time,
    CASE WHEN state != 'aborted' THEN (hash(r, 1) % 1000000) / 1000.0 END AS ack_ms,
    CASE WHEN state IN ('complete', 'failed') THEN (hash(r, 2) % 5000000) / 1000.0 END AS terminal_ms,
    CASE WHEN state IN ('complete', 'failed') THEN 2 ELSE 0 END AS events,
    hash(r) % 20 = 6 AS refused,
    CASE WHEN hash(r) % 10 = 6 THEN 'E' || (hash(r) % 17) END AS error,
    [reference, handle] AS ids
"""
_OTHERS = {
    "events": """
        SELECT * EXCLUDE (time), p AS place, '/v2/' || operation AS channel, 'Event' || p || operation AS name,
            time + to_milliseconds(p * 100) AS time, p * 100.0 AS delay_ms, p = 2 AS is_terminal
        FROM triples, range(1, 3) AS t(p) WHERE triples.events = 2
    """,
    "sessions": """
        SELECT cassette, any_value(dialect) AS dialect, any_value(day) AS day, session, any_value(client) AS client,
            'long-polling' AS transport, min(time) AS began, max(time) AS ended, count(*) AS triples,
            sum(events) AS events
        FROM triples GROUP BY cassette, session
    """,
    "findings": """
        SELECT *, ['lost', 'slow', 'shut'][1 + n % 3] AS kind, ['damage', 'problem', 'remark'][1 + n % 3] AS severity,
            'record ' || n AS place, 'something about ' || n AS text
        FROM triples WHERE n % 20 = 0
    """,
    "cassettes": """
        SELECT cassette AS url, 1000 AS size, md5(cassette) AS mark, '1' AS rules, 1 AS schema, '0.1' AS recorder,
            any_value(dialect) AS dialect, 'gws' AS redaction, min(time) AS began, max(time) AS ended,
            count(*) AS triples, sum(events) AS events, 7 AS sessions, 5 AS findings, [any_value(day)] AS days,
            CAST(NULL AS VARCHAR) AS problem
        FROM triples GROUP BY cassette
        UNION ALL SELECT 'far/torn.cassette', 3, 'x', '1', 1, '0.1', NULL, NULL, NULL, NULL, 0, 0, 0, 0, [], 'is torn'
    """,
}


def made(folder: Path, triples: int = 1_000) -> Source:
    """Write a catalogue of so many triples into a folder; the numbers are the same each time."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE triples AS SELECT {_TRIPLES} FROM range({triples}) AS t(r)")
        for name, table in TABLES.items():
            rows = _OTHERS.get(name, "FROM triples")
            _write(connection, table, rows, folder / name)
    return source(folder)


def _write(connection: duckdb.DuckDBPyConnection, table: Table, rows: str, folder: Path) -> None:
    known = {one[0] for one in connection.execute(f"DESCRIBE ({rows})").fetchall()}
    cells = ((f'"{one.name}"' if one.name in known else "NULL", one.type, f'"{one.name}"') for one in table.columns)
    columns = ", ".join("CAST({} AS {}) AS {}".format(*one) for one in cells)
    parts = "PARTITION_BY (dialect, day)" if table.partitioned else "FILE_SIZE_BYTES '1GB'"
    connection.execute(
        f"COPY (SELECT {columns} FROM ({rows})) TO '{folder}' (FORMAT parquet, COMPRESSION zstd, {parts})"
    )


def source(folder: Path) -> Source:
    """Return the source of all files in a folder."""
    files = {one.relative_to(folder).as_posix(): one.stat().st_size for one in sorted(folder.rglob("*.parquet"))}
    return Source(str(folder), fsspec.filesystem("file"), str(folder), files)
