"""List the polls of a capture, over HTTP or a WebSocket: when each was opened and closed, and how it ended.

A late event may come from a late poll: over HTTP a server can push only while it holds a poll.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

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
    correlator, polls = Correlator(dialect, watch=watch), _Polls()
    for record in records:
        correlator.feed(record)
        polls.feed(record)
    # labels come last: the session of a poll may become known only after the poll
    found = tuple(replace(poll, session=correlator.session_of(poll.client_id)) for poll in polls.seen)
    return correlator.finish(header), found


class _Polls:
    """Pairs each `/meta/connect` of an exchange or a WebSocket with its reply or failure."""

    def __init__(self) -> None:
        self._decoder = Decoders()
        self._open: dict[int, list[int]] = {}  # exchange → places of its polls, oldest first
        self._last: tuple[int, list[int]] | None = None  # the last response to polls, and the places of these
        self.seen: list[Poll] = []

    def feed(self, record: Record) -> None:
        self._decoder.feed(record)
        match record:
            case Request() if self._decoder.carries(record):
                if _connects(carried(record)):
                    self._opened(Poll(record.exchange, self._decoder.client_of(record), record.t))
            case SocketMessage(from_client=True):
                client_id = self._decoder.client_on(record.exchange)
                for _ in range(_connects(carried(record))):
                    self._opened(Poll(record.exchange, client_id, record.t, events=None))
            case SocketMessage():
                self._close(record.exchange, record.t, None, most=_connects(carried(record)))
            case Response() if record.exchange in self._open:
                replies = carried(record)
                if record.status < 300:
                    self._last = record.seq, self._open[record.exchange]
                failure = otherwise(record, replies)
                self._close(record.exchange, record.t, failure, sum(map(is_event, replies or [])))
            case Failure():
                self._close(record.exchange, record.t, record.reason)
            case Note() if self._last is not None and not_kept(record) == self._last[0]:
                for place in self._last[1]:  # nothing is known about a body that was not kept
                    self.seen[place] = replace(self.seen[place], failure=None)
            case _:
                pass

    def _opened(self, poll: Poll) -> None:
        self._open.setdefault(poll.exchange, []).append(len(self.seen))
        self.seen.append(poll)

    def _close(self, exchange: int, at: int, failure: str | None, events: int = 0, most: int | None = None) -> None:
        """Close the open polls of an exchange, or only the `most` oldest ones."""
        waiting = self._open.pop(exchange, [])
        for place in waiting[:most]:
            poll = self.seen[place]
            self.seen[place] = replace(poll, closed=at, failure=failure, events=None if poll.events is None else events)
        if left := waiting[len(waiting[:most]) :]:
            self._open[exchange] = left


def _connects(messages: list[Message] | None) -> int:
    return sum(message["channel"] == channels.CONNECT for message in messages or [])
