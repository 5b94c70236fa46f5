"""Combine the decoders of all protocols to one."""

from __future__ import annotations

from dataclasses import replace

from ..bayeux.messages import Message, carried
from ..model import Chunk, Event, Failure, Record, Request, Response, SocketMessage
from .bayeux import BayeuxDecoder
from .port import Observation, Opened
from .rules import PushRules
from .sockets import UPGRADED, SocketDecoder, event_on
from .sse import SseDecoder, events_in, is_stream

_NO_RULES = PushRules()


def event_in(record: Record, index: int, channel: str, rules: PushRules = _NO_RULES) -> Event | None:
    """Return an event of a record that is looked up alone, None if there is none.

    Args:
        record: The record; a chunk holds whole events.
        index: Place of the event in the record.
        channel: The channel or topic that the event was decoded with, which tells Bayeux from other messages.
        rules: What the dialect says about push without Bayeux.
    """
    if not isinstance(record, Response | SocketMessage | Chunk):
        return None
    messages = carried(record) or []
    if 0 <= index < len(messages) and messages[index]["channel"] == channel:
        return Event(record.seq, index, record.t, record.exchange, "", channel, messages[index].get("data"))
    found = [event_on(record, rules)] if isinstance(record, SocketMessage) else events_in(record, rules)
    return replace(found[index], channel=channel) if 0 <= index < len(found) else None


class Decoders:
    """Decodes push of any protocol; the messages on a WebSocket say which one it is."""

    def __init__(self, rules: PushRules = _NO_RULES, *, replies: bool = False) -> None:
        """Begin without sessions and streams.

        Args:
            rules: What the dialect says about push without Bayeux.
            replies: Whether to observe each reply of Bayeux too.

        """
        self._bayeux = BayeuxDecoder(replies=replies)
        self._sse, self._sockets = SseDecoder(rules), SocketDecoder(rules)

    def feed(self, record: Record) -> list[Observation]:
        """Take the next record; return what it shows."""
        match record:
            case Response():
                # Bayeux first: it forgets the request with the answer
                seen = self._bayeux.feed(record)
                if seen or not (record.status == UPGRADED or is_stream(record)):
                    return seen
                return self._sse.feed(record) or self._sockets.feed(record)
            case SocketMessage():
                return self._message(record)
            case Chunk():
                return self._sse.feed(record)
            case Failure():
                return [*self._bayeux.feed(record), *self._sse.feed(record), *self._sockets.feed(record)]
            case _:
                return self._bayeux.feed(record)

    def messages(self, record: Record) -> list[Message] | None:
        """Return the Bayeux messages in a record, None if there are none; the last record is not parsed again."""
        return self._bayeux.messages(record)

    def knows(self, record: Record, messages: list[Message]) -> None:
        """Take the Bayeux messages of the next record from its maker: they are not parsed again."""
        self._bayeux.knows(record, messages)

    def carries(self, request: Request) -> bool:
        """Return whether a request is only a carrier of push messages, such as a poll: no exchange of its own."""
        return self._bayeux.carries(request)

    def client_of(self, request: Request) -> str:
        """Return the client that a carrier without a response belongs to, "" if it names none, as in a handshake."""
        return self._bayeux.client_of(request)

    def client_on(self, socket: int) -> str:
        """Return the client on a WebSocket, given by its exchange; "" if the client is not known yet."""
        return self._bayeux.client_on(socket)

    def silent(self) -> list[Opened]:
        """Return the open WebSockets without a message, of which nobody knows the protocol."""
        return self._sockets.silent()

    def _message(self, record: SocketMessage) -> list[Observation]:
        if self._sockets.knows(record.exchange):
            return self._sockets.feed(record)
        seen = self._bayeux.feed(record)
        if record.exchange not in self._bayeux.sockets:
            return self._sockets.feed(record)
        self._sockets.leave(record.exchange)
        return seen
