"""Build the JSON of a record with its exchange, in the documented shape (docs/schemas/show.schema.json)."""

from __future__ import annotations

from typing import Any

from ...model import Chunk, Failure, Headers, Note, Record, Request, Response, SocketMessage, Unsolicited
from .. import data
from .beside import Shown


def shown(found: Shown) -> dict[str, Any]:
    """Return a record as JSON, with those of its exchange beside it."""
    headers = found.response.headers if found.response else ()
    return {
        **_row(found.record, headers),
        "triple": found.triple,
        "beside": [_row(one, headers) for one in found.beside],
        "left_out": found.left_out,
    }


def unsolicited(number: int, pushed: Unsolicited) -> dict[str, Any]:
    """Return one unsolicited event as JSON, with its number and that of the record that carried the event."""
    (row,) = data.unsolicited([Unsolicited(pushed.event, pushed.name, pushed.session)])
    return {"u": number, "record": pushed.event.seq, "ignored": pushed.is_ignored, **row}


def _row(record: Record, of_answer: Headers) -> dict[str, Any]:
    begun = {"record": record.seq, "kind": kind(record), "at": round(record.t / 1e9, 6)}
    exchange = {} if isinstance(record, Note) else {"exchange": record.exchange}
    return data.exchangeable(begun | exchange | _fields(record, of_answer))


def kind(record: Record) -> str:
    """Return the kind of a record, as docs/edit.md names it."""
    return "message" if isinstance(record, SocketMessage) else type(record).__name__.lower()


def _fields(record: Record, of_answer: Headers) -> dict[str, Any]:
    match record:
        case Request():
            return {
                "method": record.method,
                "path": record.target,
                "headers": [list(pair) for pair in record.headers],
                "body": data.content(record.body, record.headers),
            }
        case Response():
            return {
                "status": record.status,
                "headers": [list(pair) for pair in record.headers],
                "body": data.content(record.body, record.headers),
                "streamed": record.streamed,
            }
        case Chunk():
            return {"body": data.content(record.body, of_answer), "last": record.is_last}
        case SocketMessage():
            sender = "client" if record.from_client else "server"
            return {"from": sender, "body": data.content(record.body), "binary": not record.is_text}
        case Failure():
            return {"reason": record.reason}
        case Note():
            return {"about": record.kind, "text": record.text}
