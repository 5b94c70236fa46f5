"""Change or remove recorded exchanges by a function of the user, before the recording is played."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from ..cassette.codec import encode, encode_header
from ..cassette.reader import read
from ..errors import UsageError
from ..model import Chunk, Record, Request, Response, SocketMessage
from ..output import replacing
from ..printable import name_of

Change: TypeAlias = Callable[[Record], Record | None]
_GIVEN = (Request, Response, Chunk, SocketMessage)


def change(path: Path, before_record: Change) -> int:
    """Change the records of a journal in its place; return the number of exchanges that were left out.

    Args:
        path: The journal; nobody writes to it any more.
        before_record: Is called with each request, response, chunk and message on a WebSocket, as they are redacted.
            It returns the record, the record with other content, or None to leave out the whole exchange.

    Raises:
        CassetteError: If the file is damaged.
        UsageError: If the function raised an error, or returned what cannot stand in place of the record.
        OutputError: If the file cannot be written.

    """
    cassette = read(path)
    found, dropped = [], set()
    for record in cassette.records:
        kept = _changed(record, before_record) if isinstance(record, _GIVEN) else record
        if kept is None and isinstance(record, _GIVEN):
            dropped.add(record.exchange)
        elif kept is not None:
            found.append(kept)
    left = (record for record in found if getattr(record, "exchange", None) not in dropped)
    frames = [encode(replace(record, seq=seq)) for seq, record in enumerate(left)]
    with replacing(path, force=True, like=[path]) as file:
        file.write(encode_header(cassette.header) + b"".join(frames))
    return len(dropped)


def _changed(record: Record, before_record: Change) -> Record | None:
    name = name_of(before_record)
    try:
        kept = before_record(record)
    except Exception as exc:
        raise UsageError(f"before_record {name} raised {exc!r} at {_called(record)}") from exc
    if kept is None:
        return None
    if type(kept) is not type(record) or any(getattr(kept, one) != getattr(record, one) for one in _fixed(record)):
        raise UsageError(
            f"before_record {name} returned {type(kept).__name__} for {_called(record)}: return None, the record, or "
            "dataclasses.replace(record, …) with another target, status, headers or body"
        )
    return kept


def _fixed(record: Record) -> Iterator[str]:
    return (one for one in ("seq", "t", "exchange", "streamed", "from_client") if hasattr(record, one))


def _called(record: Record) -> str:
    if isinstance(record, Request):
        return f"{record.method} {record.target}"
    return f"the {type(record).__name__.lower()} of record {record.seq}"
