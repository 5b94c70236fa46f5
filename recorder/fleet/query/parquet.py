"""Write an answer as Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from ...errors import UsageError


def write_batches(file: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch], limit: int | None) -> int:
    """Write batches of rows into a file, and return the number of rows.

    Args:
        file: The file; it is not closed.
        schema: The columns.
        batches: The rows.
        limit: Most rows to write; None writes all.

    Raises:
        UsageError: If Parquet has no such type.
    """
    count = 0
    try:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches:
                part = batch if limit is None else batch.slice(0, limit - count)
                writer.write_batch(part)
                count += part.num_rows
                if limit is not None and count >= limit:
                    break
    except pa.ArrowNotImplementedError as exc:
        names = [field.name for field in schema if not _is_kept(field)]
        raise UsageError(f"Parquet has no type for {', '.join(names)}; cast it: CAST(… AS VARCHAR)") from exc
    return count


def _is_kept(field: pa.Field) -> bool:
    try:
        pq.ParquetWriter(pa.BufferOutputStream(), pa.schema([field])).close()
    except pa.ArrowNotImplementedError:
        return False
    return True
