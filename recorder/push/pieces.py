"""Join the chunks of answers that are no event streams, such as JSON lines: readers want those whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..formats.streamed import EVENTS, streamed_media
from ..model import Chunk, Failure, Record, Response


@dataclass(slots=True)
class Pieces:
    """Passes records on; a streamed response that is no event stream waits for its last chunk.

    Then it has its whole body, and in `pieces` the time and length of each chunk. It keeps the number and the time of
    its head. One that broke off is given before its failure, as far as it came.

    Attributes:
        joins_events: Join event streams, too: for readers of whole bodies.

    """

    joins_events: bool = False
    _open: dict[int, tuple[Response, list[Chunk]]] = field(default_factory=dict)

    def feed(self, record: Record) -> list[Record]:
        """Take the next record; return the records that are complete now."""
        match record:
            case Response(streamed=True) if self.joins_events or streamed_media(record.headers) != EVENTS:
                self._open[record.exchange] = record, []
                return []
            case Chunk() if record.exchange in self._open:
                self._open[record.exchange][1].append(record)
                return [self._joined(record.exchange)] if record.is_last else []
            case Failure() if record.exchange in self._open:
                return [self._joined(record.exchange), record]
            case _:
                return [record]

    def end(self) -> list[Record]:
        """Return the responses that were still open at the end of the records, as far as they came."""
        return [self._joined(exchange) for exchange in list(self._open)]

    def _joined(self, exchange: int) -> Response:
        head, chunks = self._open.pop(exchange)
        return replace(
            head,
            body=b"".join([chunk.body for chunk in chunks]),
            streamed=False,
            pieces=tuple([(chunk.t, len(chunk.body)) for chunk in chunks if chunk.body]),
        )


def joined(records: Iterable[Record], *, joins_events: bool = False) -> Iterator[Record]:
    """Yield records with the chunks of each streamed response joined to one body, as `Pieces` does."""
    pieces = Pieces(joins_events)
    for record in records:
        yield from pieces.feed(record)
    yield from pieces.end()
