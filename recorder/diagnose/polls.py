"""List the polls of a capture, over HTTP or a WebSocket: when each was opened and closed, and how it ended.

A late event may come from a late poll: over HTTP a server can push only while it holds a poll.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from typing import TypeAlias

from ..bayeux import channels
from ..bayeux.messages import Message, carried, is_event
from ..correlate.engine import Correlator, Watch
from ..dialect.definition import Dialect
from ..model import Failure, Header, Note, Record, Recording, Request, Response, SocketMessage
from ..push.decoders import Decoders
from .answers import not_kept, otherwise


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll: a `/meta/connect` and its reply.

    Attributes:
        exchange: Number of the exchange of the request, or of the WebSocket.
        client_id: clientId in the request, or the clientId of the WebSocket.
        opened: Time of the request, in nanoseconds since the capture began.
        closed: Time of the reply or failure, in nanoseconds since the capture began; None if still open at its end.
        failure: Reason why the poll ended without a reply, or what was answered in place of Bayeux messages; None if it
            was answered or is open.
        events: Number of events in the reply; None on a WebSocket, where events need no poll.
        session: Label of the session; None where the capture does not hold its handshake.
    """

    exchange: int
    client_id: str
    opened: int
    closed: int | None = None
    failure: str | None = None
    events: int | None = 0
    session: str | None = None


_Numbered: TypeAlias = tuple[int, Poll]


def with_polls(
    records: Iterable[Record], dialect: Dialect, header: Header, watch: Watch | None = None
) -> tuple[Recording, tuple[Poll, ...]]:
    """Return the recording of a capture, and its polls in the order they were opened.

    Args:
        records: All records of the capture, in order.
        dialect: The rules that find operations and link events.
        header: Header of the cassette.
        watch: Callback for each event; see `Correlator`.
    """
    correlator = Correlator(dialect, watch=watch, file=header.file or "cassette")
    polls = Polls(correlator.decoder, is_fed=True)
    found: list[tuple[int, Poll]] = []
    for record in records:
        correlator.feed(record)
        found += polls.feed(record)
    found += polls.end()
    found.sort(key=itemgetter(0))
    # labels come last: the session of a poll may become known only after the poll
    labelled = tuple(replace(poll, session=correlator.session_of(poll.client_id)) for _, poll in found)
    return correlator.finish(header), labelled


class Polls:
    """Pairs each `/meta/connect` of an exchange or a WebSocket with its reply or failure; keeps only what is open."""

    def __init__(self, clients: Decoders | None = None, *, is_fed: bool = False) -> None:
        """Begin without polls.

        Args:
            clients: A decoder that tells the client of each poll; without one, polls name no client.
            is_fed: Whether somebody else feeds the decoder, each record before it comes here; else it must be fresh.

        """
        self._clients, self._is_fed = clients, is_fed
        self._open: dict[int, list[_Numbered]] = {}  # by exchange, oldest first
        self._last: tuple[int, list[_Numbered]] | None = None  # the last response to polls, and these
        self._count = 0

    def feed(self, record: Record) -> list[_Numbered]:
        """Take the next record; return the polls whose end is known by now, each with its number, from 0."""
        if self._clients is not None and not self._is_fed:
            self._clients.feed(record)
        match record:
            case Request():
                if connects(self._messages(record)):
                    client_id = self._clients.client_of(record) if self._clients is not None else ""
                    self._opened(Poll(record.exchange, client_id, record.t))
            case SocketMessage(from_client=True):
                client_id = self._clients.client_on(record.exchange) if self._clients is not None else ""
                for _ in range(connects(self._messages(record))):
                    self._opened(Poll(record.exchange, client_id, record.t, events=None))
            case SocketMessage() if record.exchange in self._open:
                return self._closed(record.exchange, record.t, None, most=connects(self._messages(record)))
            case Response() if record.exchange in self._open:
                replies = self._messages(record)
                return self.answered(record, otherwise(record, replies), sum(map(is_event, replies or [])))
            case Failure():
                return self._closed(record.exchange, record.t, record.reason)
            case Note() if self._last is not None and not_kept(record) == self._last[0]:
                # nothing is known about a body that was not kept
                self._last = self._last[0], [(n, replace(poll, failure=None)) for n, poll in self._last[1]]
            case _:
                pass
        return []

    def answered(self, response: Response, failure: str | None, events: int) -> list[_Numbered]:
        """Take the response to polls; return the polls whose end is known by now.

        Args:
            response: The response.
            failure: What was answered in place of Bayeux messages, if so.
            events: Number of events in it.
        """
        found = self._closed(response.exchange, response.t, failure, events)
        if response.status >= 300:
            return found
        before, self._last = self._last, (response.seq, found)
        return before[1] if before is not None else []

    def _messages(self, record: Request | Response | SocketMessage) -> list[Message] | None:
        """Return the Bayeux messages of a record; the decoder has parsed them already."""
        return carried(record) if self._clients is None else self._clients.messages(record)

    def is_open(self, exchange: int) -> bool:
        """Return whether polls wait on an exchange."""
        return exchange in self._open

    def end(self) -> list[_Numbered]:
        """Return the polls that `feed` has not returned: the last one, and those still open."""
        return [*(self._last[1] if self._last is not None else ()), *chain.from_iterable(self._open.values())]

    def _opened(self, poll: Poll) -> None:
        self._open.setdefault(poll.exchange, []).append((self._count, poll))
        self._count += 1

    def _closed(
        self, exchange: int, at: int, failure: str | None, events: int = 0, most: int | None = None
    ) -> list[_Numbered]:
        """Close the open polls of an exchange, or only the `most` oldest ones; return them."""
        waiting = self._open.pop(exchange, [])
        if left := waiting[len(waiting[:most]) :]:
            self._open[exchange] = left
        return [
            (n, replace(poll, closed=at, failure=failure, events=None if poll.events is None else events))
            for n, poll in waiting[:most]
        ]


def connects(messages: list[Message] | None) -> int:
    """Return how many of the messages are a `/meta/connect`."""
    return sum(message["channel"] == channels.CONNECT for message in messages or [])
