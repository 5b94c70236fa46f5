"""Write the files of a catalogue anew where its rows change: old rows without those that go, then the new ones.

Cassettes whose rows stay are not read again. Small files of a partition are joined on the way, so that a partition
has a few large files however often a catalogue is built.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from ...errors import InputError
from .dataset import DataFile, Dataset, Folder, path_of
from .pieces import Partition, Spool
from .schema import TABLES, arrow

if TYPE_CHECKING:
    import pyarrow as pa

_MOST = 1_000_000  # rows of a file
_SMALL = 250_000  # rows below which a file is written anew with its new neighbours
_GROUP = 65_536  # rows of a group in a file
_COMPRESSION = "zstd"
_EPOCH = 719_163  # ordinal of 1970-01-01


@dataclass(frozen=True, slots=True)
class Known:
    """The entry of a cassette in a catalogue.

    Attributes:
        recorder: Version of the recorder that read it.
        days: Days of its rows, as numbers since 1970-01-01.
    """

    mark: str
    rules: str
    recorder: str
    dialect: str | None
    days: tuple[int, ...]
    problem: str | None


def known_in(dataset: Dataset, folder: Folder) -> dict[str, Known]:
    """Return the cassettes in a catalogue, by name.

    Raises:
        InputError: If a file of the catalogue cannot be read.
    """
    columns = ["url", "mark", "rules", "recorder", "dialect", "days", "problem"]
    found: dict[str, Known] = {}
    for one in dataset.tables["cassettes"]:
        for batch in _batches(folder, one, columns):
            for row in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                name, mark, rules, by, dialect, days, problem = row
                numbers = tuple(day.toordinal() - _EPOCH for day in days or ())
                found[name] = Known(mark, rules, by, dialect, numbers, problem)
    return found


def merged(
    dataset: Dataset | None, folder: Folder, spool: Spool, gone: Mapping[str, Known], name: str
) -> dict[str, tuple[DataFile, ...]]:
    """Write the files of the next generation; return all files of each table.

    Args:
        dataset: The catalogue so far; None if there is none.
        folder: Its folder.
        spool: The new rows.
        gone: The cassettes whose old rows go: those that changed too.
        name: Begin of the names of new files.

    Raises:
        InputError: If a file of the catalogue cannot be read.
        OutputError: If a file cannot be written.
    """
    files: dict[str, list[DataFile]] = defaultdict(list)  # by their folder
    for one in chain.from_iterable(dataset.tables.values() if dataset is not None else ()):
        files[one.path.rpartition("/")[0]].append(one)
    losing = {Partition(table, *rest) for rest in _places(gone) for table in TABLES if TABLES[table].partitioned}
    losing |= {Partition("cassettes")} if gone else set()
    for partition in sorted({*spool.partitions(), *losing}):
        where, has_new = path_of(partition, name).rpartition("/")[0], spool.rows_of(partition) > 0
        again = [
            one
            for one in files[where]
            if (has_new and one.rows < _SMALL) or (partition in losing and _holds(folder, one, gone))
        ]
        if again or has_new:
            rows = _rows(folder, again, gone.keys(), spool, partition)
            files[where] = [one for one in files[where] if one not in again]
            files[where] += _written(folder, partition, rows, name)
    found: dict[str, list[DataFile]] = {table: [] for table in TABLES}
    for one in sorted(chain.from_iterable(files.values()), key=lambda one: one.path):
        found[one.path.partition("/")[0]].append(one)
    return {table: tuple(some) for table, some in found.items()}


def _places(gone: Mapping[str, Known]) -> set[tuple[str, int]]:
    """Return the dialects and days of the rows that go."""
    return {(one.dialect, day) for one in gone.values() if one.dialect is not None for day in one.days}


def _holds(folder: Folder, file: DataFile, gone: Mapping[str, Known]) -> bool:
    """Return whether a file has rows of a cassette that is gone; only the column that tells is read."""
    names = [TABLES[file.path.partition("/")[0]].columns[0].name]
    return any(
        not gone.keys().isdisjoint(batch.column(0).unique().to_pylist()) for batch in _batches(folder, file, names)
    )


def _rows(
    folder: Folder, old: Iterable[DataFile], gone: Collection[str], spool: Spool, partition: Partition
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of old files without those of cassettes that are gone, then the new ones."""
    import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import
    import pyarrow.compute as pc  # noqa: PLC0415

    names = pa.array(sorted(gone), pa.string())
    for file in old:
        for batch in _batches(folder, file):
            yield batch.filter(pc.invert(pc.is_in(batch.column(0), value_set=names))) if len(names) else batch
    yield from spool.of(partition)


def _batches(folder: Folder, file: DataFile, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import
    import pyarrow.parquet as pq  # noqa: PLC0415  # see above

    schema = arrow(TABLES[file.path.partition("/")[0]])
    wanted = pa.schema([schema.field(name) for name in columns]) if columns is not None else schema
    with folder.reading(file.path) as opened:
        try:
            with pq.ParquetFile(opened) as content:
                for batch in content.iter_batches(_GROUP, columns=columns):
                    yield _whole(batch, wanted)
        except (pa.ArrowException, OSError, ValueError) as exc:  # it also raises errors of Python's own classes
            where = folder.told(file.path)
            raise InputError(f"{where}: is damaged; build the catalogue anew in another place") from exc


def _whole(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows with all columns: an older version of this package may not have known one that may be null."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    known = set(batch.schema.names)
    if lacking := [one.name for one in schema if not one.nullable and one.name not in known]:
        raise ValueError(f"lacks the columns {', '.join(lacking)}")
    columns = [
        batch.column(one.name).cast(one.type) if one.name in known else pa.nulls(batch.num_rows, one.type)
        for one in schema
    ]
    return pa.record_batch(columns, schema=schema)


def _written(folder: Folder, partition: Partition, rows: Iterator[pa.RecordBatch], name: str) -> Iterator[DataFile]:
    """Write rows into files of at most so many; yield the files."""
    import pyarrow.parquet as pq  # noqa: PLC0415  # an extra, and slow to import

    schema = arrow(TABLES[partition.table])
    groups = _groups(rows, schema)
    group = next(groups, None)
    number = 0
    while group is not None:
        number += 1
        path, count = path_of(partition, f"{name}-{number:04}"), 0
        with folder.writing(path) as file, pq.ParquetWriter(file, schema, compression=_COMPRESSION) as writer:
            while group is not None and (count == 0 or count + group.num_rows <= _MOST):
                writer.write_table(group, row_group_size=_GROUP)
                count += group.num_rows
                group = next(groups, None)
        yield DataFile(path, count, file.size)


def _groups(rows: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield rows in tables of about a group."""
    import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import

    held: list[pa.RecordBatch] = []
    count = 0
    for batch in rows:
        held.append(batch)
        count += batch.num_rows
        if count >= _GROUP:
            yield pa.Table.from_batches(held, schema)
            held, count = [], 0
    if count:
        yield pa.Table.from_batches(held, schema)
