"""The polls of a capture, over HTTP or a WebSocket: when each was opened, how long it was held, how it ended.

A late event is often a late poll: while none is held, a server can push nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..bayeux import channels
from ..bayeux.messages import Message, parse, parse_request
from ..bayeux.observer import Observer
from ..correlate.engine import Correlator, Watch
from ..dialect.definition import Dialect
from ..model import Failure, Header, Record, Recording, Request, Response, SocketMessage


@dataclass(frozen=True, slots=True)
class Poll:
    """A `/meta/connect` and its reply.

    Attributes:
        session: Label of its session, None where its handshake was not seen.
        opened: Nanoseconds since the capture began, like all times of records.
        closed: None for one that was open when the capture ended.
        failure: Why it ended without a reply, None for one that was answered.

    """

    session: str | None
    opened: int
    closed: int | None
    failure: str | None


@dataclass(slots=True)
class _Open:
    client_id: str
    opened: int
    closed: int | None = None
    failure: str | None = None


def with_polls(
    records: Iterable[Record], dialect: Dialect, header: Header, watch: Watch | None = None
) -> tuple[Recording, tuple[Poll, ...]]:
    """What a whole capture holds, and its polls in the order they were opened; `watch` as `Correlator` has it."""
    correlator, polls = Correlator(dialect, watch=watch), _Polls()
    for record in records:
        correlator.feed(record)
        polls.feed(record)
    # a session may be known only after its first poll
    found = (Poll(correlator.session_of(p.client_id), p.opened, p.closed, p.failure) for p in polls.seen)
    return correlator.finish(header), tuple(found)


class _Polls:
    """Pairs the connects of each exchange, or WebSocket, with their ends."""

    def __init__(self) -> None:
        self._observer = Observer()
        self._open: dict[int, list[_Open]] = {}
        self.seen: list[_Open] = []

    def feed(self, record: Record) -> None:
        self._observer.feed(record)
        match record:
            case Request() if self._observer.is_bayeux(record):
                connects = _connects(parse_request(record.target, record.body))
                self._opened(record.exchange, connects, self._observer.client_of(record), record.t)
            case SocketMessage(from_client=True):
                client_id = self._observer.client_on(record.exchange)
                self._opened(record.exchange, _connects(parse(record.body)), client_id, record.t)
            case SocketMessage():
                for _ in _connects(parse(record.body)):
                    self._closed(record.exchange, record.t, None)
            case Response():
                while self._closed(record.exchange, record.t, None):
                    pass
            case Failure():
                while self._closed(record.exchange, record.t, record.reason):
                    pass
            case _:
                pass

    def _opened(self, exchange: int, connects: Iterator[Message], client_id: str, at: int) -> None:
        for _ in connects:
            poll = _Open(client_id, at)
            self._open.setdefault(exchange, []).append(poll)
            self.seen.append(poll)

    def _closed(self, exchange: int, at: int, failure: str | None) -> bool:
        """End the oldest poll of an exchange, if it has one."""
        waiting = self._open.get(exchange)
        if not waiting:
            return False
        poll = waiting.pop(0)
        poll.closed, poll.failure = at, failure
        if not waiting:
            del self._open[exchange]
        return True


def _connects(messages: list[Message] | None) -> Iterator[Message]:
    return (message for message in messages or [] if message["channel"] == channels.CONNECT)
