"""Decode WebSockets that carry messages of no protocol that has an adapter of its own: JSON, text or bytes."""

from __future__ import annotations

from base64 import b64encode

from ..model import JSON, Event, Failure, Record, Request, Response, SocketMessage, closing
from .port import WEBSOCKET, Asked, Closed, Observation, Opened
from .rules import MESSAGE, UNNAMED, PushRules, read, topic_of
from .sse import key

UPGRADED = 101
_CUT = 1006  # no closing handshake (RFC 6455, section 7.4.1)


class SocketDecoder:
    """Decodes WebSockets: the messages of the server are events, those of the client are requests."""

    def __init__(self, rules: PushRules) -> None:
        self._rules = rules
        self._silent: dict[int, Opened] = {}  # sockets without a message
        self._open: set[int] = set()

    def feed(self, record: Record) -> list[Observation]:
        """Take the next record; return what it shows. A socket counts as opened with its first message, or its end."""
        match record:
            case Response() if record.status == UPGRADED:
                self._silent[record.exchange] = _opened(record, _chosen(record))
            case SocketMessage():
                return [*self._begun(record), self._message(record)]
            case Failure() if record.exchange in self._open or record.exchange in self._silent:
                return [*self._begun(record), self._closed(record)]
            case _:
                pass
        return []

    def knows(self, exchange: int) -> bool:
        """Return whether a socket is open on which a message without a protocol of its own came."""
        return exchange in self._open

    def leave(self, exchange: int) -> None:
        """Forget a socket whose messages belong to another protocol."""
        self._silent.pop(exchange, None)

    def silent(self) -> list[Opened]:
        """Return the open sockets without a message."""
        return list(self._silent.values())

    def _begun(self, record: SocketMessage | Failure) -> list[Opened]:
        if record.exchange in self._open:
            return []
        self._open.add(record.exchange)
        return [self._silent.pop(record.exchange, None) or _opened(record)]

    def _message(self, record: SocketMessage) -> Observation:
        if record.from_client:
            return Asked(key(record.exchange), as_request(record, self._rules))
        return event_on(record, self._rules)

    def _closed(self, failure: Failure) -> Closed:
        self._open.discard(failure.exchange)
        told, exchange = closing(failure.reason), failure.exchange
        if told is None:
            return Closed(key(exchange), exchange, failure.seq, failure.t, ended=False, reason=failure.reason)
        ended = told.by_server and told.code != _CUT
        return Closed(key(exchange), exchange, failure.seq, failure.t, ended, told.code, told.reason)


def as_request(record: SocketMessage, rules: PushRules) -> Request:
    """Return a message of a client as a request: what it asks for is its target."""
    topic = asked_for(record.body, rules, is_text=record.is_text)
    return Request(record.seq, record.t, record.exchange, "", MESSAGE, topic, (), record.body, 0)


def asked_for(body: bytes, rules: PushRules, *, is_text: bool) -> str:
    """Return what a message of a client asks for, the target of its request."""
    text = text_of(body, is_text=is_text)
    return UNNAMED if text is None else topic_of(read(text), rules.asked)


def event_on(record: SocketMessage, rules: PushRules) -> Event:
    """Return a message on a WebSocket as an event."""
    text = text_of(record.body, is_text=record.is_text)
    data: JSON = read(text) if text is not None else b64encode(record.body).decode()
    channel = topic_of(data, rules.topic) if text is not None else UNNAMED
    beside = None if text is not None else {"binary": True}
    return Event(record.seq, 0, record.t, record.exchange, key(record.exchange), channel, data, beside, record.body)


def text_of(body: bytes, *, is_text: bool) -> str | None:
    """Return the text of a message, None for a binary one.

    Cassettes of before did not tell binary messages, so one that is no UTF-8 counts as binary.
    """
    try:
        return body.decode() if is_text else None
    except UnicodeDecodeError:
        return None


def _opened(record: Response | SocketMessage | Failure, subprotocol: str = "") -> Opened:
    return Opened(key(record.exchange), record.exchange, record.seq, record.t, WEBSOCKET, subprotocol)


def _chosen(response: Response) -> str:
    return next((value for name, value in response.headers if name.lower() == "sec-websocket-protocol"), "")
