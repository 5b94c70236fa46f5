"""Make cassettes, build catalogues of them in this process, and read the tables as any other tool does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from benchmarks.synthetic import HEADER, records
from recorder.cassette.codec import encode
from recorder.cassette.journal import create
from recorder.fleet.catalogue.building import Built, build
from recorder.fleet.catalogue.dataset import Dataset
from recorder.fleet.catalogue.reading import Settings
from recorder.fleet.catalogue.schema import TABLES
from recorder.library.sealing import seal
from recorder.model import Header, Record

REDACTED = replace(HEADER, redaction="gws")
_HIVE = ds.partitioning(pa.schema([("dialect", pa.string()), ("day", pa.date32())]), flavor="hive")


def written(path: Path, some: Iterable[Record], header: Header = REDACTED) -> Path:
    """Write a journal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    journal = create(path, header)
    journal.append(list(map(encode, some)))
    journal.close()
    return path


def made(path: Path, triples: int = 4, seed: int = 1, day: int = 0, *, is_sealed: bool = False) -> Path:
    """Write a cassette with so many triples, which was recorded so many days later than usual."""
    header = replace(REDACTED, started=REDACTED.started + day * 86_400_000_000)
    written(path, records(triples, seed=seed, agents=2), header)
    if is_sealed:
        seal(path, path)
    return path


def older(path: Path) -> Path:
    """Let a file be a minute older: what is written now has another time, however coarse the clock is."""
    now = path.stat().st_mtime
    os.utime(path, (now - 60, now - 60))
    return path


def in_turn(make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...], items: Iterable[Any]) -> Iterator[Any]:
    return map(make(*args), items)


def catalogue(output: Path | str, *patterns: Path | str, settings: Settings = Settings(), **more: Any) -> Built:  # noqa: B008  # it is frozen
    return build([str(one) for one in patterns], str(output), more.pop("spread", in_turn), settings, **more)


def rows(url: Path | str, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table, sorted, as another tool reads the files that count."""
    found = Dataset.open(str(url))
    files = found.files(table)
    if not files:
        return []
    partitioning = _HIVE if TABLES[table].partitioned else None
    content = ds.dataset(files, partitioning=partitioning, partition_base_dir=found.url).to_table()
    return sorted(content.to_pylist(), key=repr)


def everything(url: Path | str) -> dict[str, list[dict[str, Any]]]:
    return {name: rows(url, name) for name in TABLES}


def asked(sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query, on a connection of its own: another test may have left the shared one in use."""
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


def differing(one: Path | str, other: Path | str) -> dict[str, int]:
    """Return how many rows of each table only one of two catalogues has."""
    found = {}
    for name in TABLES:
        first, second = (_selected(url, name) for url in (one, other))
        both = f"(({first}) except all ({second})) union all (({second}) except all ({first}))"
        found[name] = asked(f"select count(*) from ({both})")[0][0]
    return {name: count for name, count in found.items() if count}


def _selected(url: Path | str, name: str) -> str:
    files = Dataset.open(str(url)).files(name)
    if not files:
        nothing = ", ".join(f'null::{column.type} as "{column.name}"' for column in TABLES[name].columns)
        return f"select {nothing} where false"
    columns = ", ".join(f'"{column.name}"' for column in TABLES[name].columns)
    return f"select {columns} from read_parquet({files}, hive_partitioning = true)"
