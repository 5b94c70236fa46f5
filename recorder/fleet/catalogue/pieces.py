"""Pack rows into pieces: batches of Arrow for one table, dialect and day, small to send and to keep."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ...temporary import temporary
from .rows import Row, Values
from .schema import TABLES, arrow

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 8_192  # of a piece
_CODEC = "zstd"


class Partition(NamedTuple):
    """The place of rows in the dataset; `dialect` is "" and `day` 0 in a table that is not partitioned."""

    table: str
    dialect: str = ""
    day: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one partition, packed.

    Attributes:
        size: Bytes when unpacked.
    """

    partition: Partition
    rows: int
    size: int
    content: bytes


class Packer:
    """Packs rows into pieces as they come."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._rows: dict[Partition, list[Values]] = defaultdict(list)
        self._schemas = {name: arrow(table) for name, table in TABLES.items()}
        self.pieces: list[Piece] = []

    def add(self, dialect: str, row: Row) -> None:
        """Take a row of a partitioned table."""
        self._add(Partition(row.table, dialect, row.day), row.values)

    def cassette(self, values: Values) -> None:
        """Take a row of the table of cassettes."""
        self._add(Partition("cassettes"), values)

    def drop(self, cassette: str) -> None:
        """Drop all rows of a cassette, for one that cannot be read to its end."""
        for rows in self._rows.values():
            rows[:] = [values for values in rows if values[0] != cassette]
        self._rows = defaultdict(list, {partition: rows for partition, rows in self._rows.items() if rows})
        self.pieces = [left for piece in self.pieces for left in _without(piece, cassette)]

    def finish(self) -> list[Piece]:
        """Return all pieces."""
        for partition in list(self._rows):
            self._pack(partition)
        return self.pieces

    def _add(self, partition: Partition, values: Values) -> None:
        rows = self._rows[partition]
        rows.append(values)
        if len(rows) == _ROWS:
            self._pack(partition)

    def _pack(self, partition: Partition) -> None:
        import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import

        rows, schema = self._rows.pop(partition), self._schemas[partition.table]
        columns = [_array(column, field.type) for column, field in zip(zip(*rows, strict=True), schema, strict=True)]
        self.pieces.append(_packed(partition, pa.record_batch(columns, schema=schema)))


def unpacked(piece: Piece) -> pa.RecordBatch:
    """Return the rows of a piece."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    content = pa.Codec(_CODEC).decompress(piece.content, decompressed_size=piece.size)
    return pa.ipc.read_record_batch(content, arrow(TABLES[piece.partition.table]))


class Spool:
    """Pieces that wait in a temporary file; some 100 bytes of memory each."""

    def __init__(self) -> None:
        """Begin without pieces."""
        self._file: IO[bytes] = temporary()
        self._end = 0
        self._places: dict[Partition, list[tuple[int, int, int, int]]] = defaultdict(list)

    def add(self, piece: Piece) -> None:
        """Append a piece.

        Raises:
            OutputError: If the temporary file cannot be written.
        """
        self._file.seek(self._end)
        self._file.write(piece.content)
        self._places[piece.partition].append((self._end, len(piece.content), piece.rows, piece.size))
        self._end += len(piece.content)

    def partitions(self) -> list[Partition]:
        """Return the partitions of the pieces, sorted."""
        return sorted(self._places)

    def rows_of(self, partition: Partition) -> int:
        """Return the number of rows of a partition."""
        return sum(rows for _, _, rows, _ in self._places.get(partition, ()))

    def of(self, partition: Partition) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a partition, in the order in which they came."""
        for offset, length, rows, size in self._places.get(partition, ()):
            self._file.seek(offset)
            yield unpacked(Piece(partition, rows, size, self._file.read(length)))

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


def _packed(partition: Partition, batch: pa.RecordBatch) -> Piece:
    import pyarrow as pa  # noqa: PLC0415  # see above

    content = batch.serialize()
    return Piece(partition, batch.num_rows, content.size, pa.Codec(_CODEC).compress(content, asbytes=True))


def _without(piece: Piece, cassette: str) -> Iterator[Piece]:
    """Yield a piece without the rows of a cassette, if it has others."""
    import pyarrow.compute as pc  # noqa: PLC0415  # see above

    rows = unpacked(piece)
    left = rows.filter(pc.not_equal(rows.column(0), cassette))
    if left.num_rows:
        yield piece if left.num_rows == piece.rows else _packed(piece.partition, left)


def _array(column: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415  # see above

    try:
        return pa.array(column, kind)
    except (UnicodeEncodeError, OverflowError, pa.ArrowInvalid):
        most = (1 << (kind.bit_width - 1)) - 1 if pa.types.is_integer(kind) else sys.maxsize
        return pa.array([_clean(value, most) for value in column], kind)


def _clean(value: Any, most: int) -> Any:
    """Return what the type of a column can hold: a cassette may tell more, and must not end a build.

    That is no half of a surrogate pair, which UTF-8 cannot tell, and no number beyond those of the type: of these the
    nearest one.
    """
    if isinstance(value, list):
        return [_clean(one, most) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-most - 1, min(value, most))
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
