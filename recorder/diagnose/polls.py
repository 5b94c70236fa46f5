"""The polls of a capture: when each was held, and what it brought. A view shows them; nothing is derived from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..bayeux import channels
from ..bayeux.messages import Message, is_event, parse, parse_request
from ..model import Failure, Record, Request, Response


@dataclass(frozen=True, slots=True)
class Poll:
    """A `/meta/connect` over HTTP.

    Attributes:
        client_id: Whose it was, as its request says.
        opened: `t` of its request (ns).
        closed: `t` of its answer or its failure; None where the capture ended before.
        answered: It got an answer.
        events: How many events were in it.

    """

    exchange: int
    client_id: str
    opened: int
    closed: int | None = None
    answered: bool = False
    events: int = 0


def polls(records: Iterable[Record]) -> Iterator[Poll]:
    """Yield the polls as they end, and those that are still open at the end of the records."""
    held: dict[int, tuple[Request, str]] = {}
    for record in records:
        match record:
            case Request():
                client = _polling(parse_request(record.target, record.body) or [])
                if client is not None:
                    held[record.exchange] = record, client
            case Response() if record.exchange in held:
                request, client = held.pop(record.exchange)
                events = sum(map(is_event, parse(record.body) or []))
                yield Poll(record.exchange, client, request.t, record.t, answered=True, events=events)
            case Failure() if record.exchange in held:
                request, client = held.pop(record.exchange)
                yield Poll(record.exchange, client, request.t, record.t)
            case _:
                pass
    for exchange, (request, client) in held.items():
        yield Poll(exchange, client, request.t)


def _polling(messages: list[Message]) -> str | None:
    """The clientId of a request that polls; None of one that does not."""
    return next((str(m.get("clientId", "")) for m in messages if m["channel"] == channels.CONNECT), None)
