"""Write a cassette as TOML: a table for the cassette, one for each record in order, and the texts of its rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from ..cassette.codec import ARCHIVE, SEALED
from ..model import Chunk, Failure, Header, Headers, Note, Record, Request, Response, SocketMessage
from . import bodies
from .toml import text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEAD = """\
# A cassette as text, by recorder edit. docs/edit.md explains the keys.
# To make a cassette of it: recorder edit --from THIS_FILE -o NEW.cassette
# The order of the records is that of the tables; their numbers in comments are for the reader.
"""


def to_text(header: Header, records: Iterable[Record]) -> Iterator[str]:
    """Yield the text of a cassette, one record at a time.

    Args:
        header: The header of the cassette.
        records: All its records, in order.
    """
    yield f"{_HEAD}\n[cassette]\n"
    yield from (f"{line}\n" for line in _of_header(header))
    for record in records:
        yield f"\n# record {record.seq}\n[[record]]\n"
        yield from (f"{line}\n" for line in _of_record(record))
    if header.dialect_text or header.policy_text:
        yield "\n[texts]\n"
        yield f"dialect = {text(header.dialect_text)}\n" if header.dialect_text else ""
        yield f"policy = {text(header.policy_text)}\n" if header.policy_text else ""


def _of_header(header: Header) -> Iterator[str]:
    yield f"started = {_moment(header.started)}"
    yield f"upstream = {text(header.upstream)}"
    yield f"dialect = {text(header.dialect)}"
    if header.fitted:
        yield f"fitted = {text(header.fitted)}"
    yield f"redaction = {text(header.redaction)}"
    yield f"profile = {text(ARCHIVE if header.profile == ARCHIVE else SEALED)}"
    part = header.part
    if part is not None:
        numbers = f"number = {part.number}, after = {part.after}, repeated = {part.repeated}"
        yield f"part = {{ capture = {text(part.capture)}, {numbers} }}"


def _moment(microseconds: int) -> str:
    """Return a time as TOML writes it; as a number of microseconds where TOML has no such date."""
    try:
        found = EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return str(microseconds)
    return f"{found.isoformat(timespec='microseconds').removesuffix('+00:00')}Z"


def _of_record(record: Record) -> Iterator[str]:
    match record:
        case Request():
            yield from _begun(record, "request", record.exchange)
            yield f"connection = {text(record.connection)}"
            yield f"method = {text(record.method)}"
            yield f"target = {text(record.target)}"
            yield from _headers(record.headers)
            yield from bodies.lines(record.body)
        case Response():
            yield from _begun(record, "response", record.exchange)
            yield f"status = {record.status}"
            yield from ["streamed = true"] * record.streamed
            yield from _headers(record.headers)
            yield from bodies.lines(record.body)
        case Chunk():
            yield from _begun(record, "chunk", record.exchange)
            yield from ["last = true"] * record.is_last
            yield from bodies.lines(record.body)
        case Failure():
            yield from _begun(record, "failure", record.exchange)
            yield f"reason = {text(record.reason)}"
        case SocketMessage():
            yield from _begun(record, "message", record.exchange)
            yield f"from = {text('client' if record.from_client else 'server')}"
            yield from ["binary = true"] * (not record.is_text)
            yield from bodies.lines(record.body)
        case Note():
            yield from _begun(record, "note", None)
            yield f"about = {text(record.kind)}"
            yield f"text = {text(record.text)}"


def _begun(record: Record, kind: str, exchange: int | None) -> Iterator[str]:
    yield f'kind = "{kind}"'
    yield f"at = {record.t:_}"
    if exchange is not None:
        yield f"exchange = {exchange}"


def _headers(headers: Headers) -> Iterator[str]:
    if headers:
        yield "headers = ["
        yield from (f"  [{text(name)}, {text(value)}]," for name, value in headers)
        yield "]"
