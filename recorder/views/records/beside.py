"""Find the records that are shown with one: those of its exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...model import Chunk, Note, Record, Request, Response, SocketMessage

MOST = 8  # records of the body of a stream, or messages of a WebSocket, that are shown beside a record


@dataclass(frozen=True, slots=True)
class Shown:
    """A record and its exchange.

    Attributes:
        record: The record.
        beside: The others of its exchange, in order; of chunks and messages the first ones only.
        left_out: How many chunks and messages are not in `beside`.
        triple: Number of the triple that it belongs to by its request; None if that is no operation.
    """

    record: Record
    beside: tuple[Record, ...] = ()
    left_out: int = 0
    triple: int | None = None

    @property
    def request(self) -> Request | None:
        """The request of the exchange; None if the recording does not have it."""
        return next((one for one in (self.record, *self.beside) if isinstance(one, Request)), None)

    @property
    def response(self) -> Response | None:
        """The response of the exchange; None without one."""
        return next((one for one in (self.record, *self.beside) if isinstance(one, Response)), None)


def with_exchange(record: Record, records: Iterable[Record]) -> Shown:
    """Return a record with the others of its exchange.

    Args:
        record: The record.
        records: All records, in order; they are read once.
    """
    if isinstance(record, Note):
        return Shown(record)
    beside: list[Record] = []
    parts = 0
    for other in records:
        if isinstance(other, Note) or other.exchange != record.exchange or other.seq == record.seq:
            continue
        parts += isinstance(other, Chunk | SocketMessage)
        if parts <= MOST or not isinstance(other, Chunk | SocketMessage):
            beside.append(other)
    return Shown(record, tuple(beside), max(parts - MOST, 0))
