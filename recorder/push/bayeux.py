"""Decode Bayeux on the wire: handshakes, subscriptions, advice and events.

The decoder takes records one at a time. It keeps only requests without a response, open sockets, and events without an
acknowledgement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from ..bayeux import channels
from ..bayeux.extensions import batch_of
from ..bayeux.json_bodies import guard_of
from ..bayeux.messages import Message, carried, encode, is_event
from ..bayeux.replies import is_lost
from ..model import JSON, Event, Failure, Record, Request, Response, SocketMessage
from .port import Advised, Guarded, Observation, Opened, Refused, Replied, Sent, Subscribed


@dataclass(slots=True)
class Unacknowledged:
    """The events that one client was sent and has not acknowledged, oldest first.

    With the acknowledgement extension the server sends such events again, before new ones. A copy is recognised by its
    place in that order and by its hash.
    """

    _sent: list[tuple[int, bytes]] = field(default_factory=list)  # batch, hash of the event
    _delivery: list[bytes] = field(default_factory=list)  # hashes of the new events in the current delivery
    _repeated: int = 0  # how many events of `_sent` the current delivery has repeated so far

    def acknowledged(self, batch: int) -> None:
        """Drop the events up to this batch, which the client has acknowledged."""
        self._sent = [(sent, event) for sent, event in self._sent if sent > batch]
        self._delivery, self._repeated = [], 0

    def is_new(self, event: Message) -> bool:
        """Take the next event of a delivery; return whether it is new, not a copy of an unacknowledged one."""
        digest = sha256(encode([event])).digest()
        if not self._delivery and self._repeated < len(self._sent) and self._sent[self._repeated][1] == digest:
            self._repeated += 1
            return False
        self._delivery.append(digest)
        return True

    def delivered(self, batch: int) -> None:
        """End a delivery: the reply to /meta/connect gave it this batch number."""
        self._sent += [(batch, digest) for digest in self._delivery]
        self._delivery, self._repeated = [], 0


# Milliseconds (a day). A longer timeout is ignored: it is implausible, and may be too big for a float.
_LONGEST = 86_400_000
_NOT_SENT = frozenset({channels.HANDSHAKE, channels.CONNECT})
_OF_EVENT = frozenset({"channel", "data", "clientId", "advice"})


class BayeuxDecoder:
    """Decodes Bayeux over HTTP and WebSockets."""

    def __init__(self, *, replies: bool = False) -> None:
        """Start without sessions; `replies` observes each reply too."""
        self._with_replies = replies
        self._open: dict[int, list[Message]] = {}
        self._sockets: dict[int, str] = {}  # WebSocket exchange → its clientId
        self.sockets: set[int] = set()  # exchanges of all WebSockets that carried Bayeux
        self._unacknowledged: dict[str, Unacknowledged] = {}  # by clientId; only with the extension
        self._read: tuple[Record | None, list[Message] | None] = None, None  # the last record with its messages

    def knows(self, record: Record, messages: list[Message]) -> None:
        """Take the messages of a record from its maker: they are not parsed again."""
        self._read = record, messages

    def messages(self, record: Record) -> list[Message] | None:
        """Return the Bayeux messages in a record, None if there are none; the last record is not parsed again."""
        if self._read[0] is not record:
            self._read = record, carried(record)
        return self._read[1]

    def feed(self, record: Record) -> list[Observation]:
        """Take the next record; return what it shows."""
        match record:
            case Request():
                messages = self.messages(record)
                if messages is not None:
                    self._open[record.exchange] = messages
                    self._acknowledge(messages)
                    return _sent(record, messages, "")
            case Response():
                asked = self._open.pop(record.exchange, None)
                if asked is None:
                    return []
                replies = self.messages(record) or []
                seen = self._replies(record, replies, _client_id(asked), asked)
                if replies and (guard := guard_of(record.body, record.headers)) is not None:
                    seen.append(Guarded(guard))
                return seen
            case SocketMessage():
                return self._socket(record)
            case Failure():
                self._open.pop(record.exchange, None)
                self._sockets.pop(record.exchange, None)
            case _:
                pass
        return []

    def carries(self, request: Request) -> bool:
        """Return whether a request carries Bayeux messages and has no response yet, or upgraded to a Bayeux socket."""
        return request.exchange in self._open or request.exchange in self.sockets

    def client_of(self, request: Request) -> str:
        """Return the clientId in a Bayeux request without a response, "" if it has none, as in a handshake."""
        return _client_id(self._open.get(request.exchange, []))

    def client_on(self, socket: int) -> str:
        """Return the clientId of a WebSocket, given by its exchange; "" if the clientId is not known yet."""
        return self._sockets.get(socket, "")

    def _socket(self, record: SocketMessage) -> list[Observation]:
        messages = self.messages(record) or []
        if messages:
            self.sockets.add(record.exchange)
        if record.from_client:
            client_id = _client_id(messages)
            if client_id:
                self._sockets[record.exchange] = client_id
            self._acknowledge(messages)
            return _sent(record, messages, self.client_on(record.exchange))
        return self._replies(record, messages, self._sockets.get(record.exchange, ""), [])

    def _replies(
        self, record: Response | SocketMessage, messages: list[Message], client_id: str, asked: list[Message]
    ) -> list[Observation]:
        seen: list[Observation] = []
        for index, message in enumerate(messages):
            channel = message["channel"]
            is_pushed = is_event(message)
            if is_pushed:
                if self._is_new(client_id, message):
                    seen.append(_event(record, index, client_id, message))
            elif channel == channels.HANDSHAKE and message.get("successful") and message.get("clientId"):
                client_id = str(message["clientId"])
                seen.append(Opened(client_id, record.exchange, record.seq, record.t))
                if isinstance(record, SocketMessage):
                    self._sockets[record.exchange] = client_id
            elif channel == channels.SUBSCRIBE and message.get("successful"):
                wanted = message.get("subscription")
                names = wanted if isinstance(wanted, list) else [wanted]
                seen += [Subscribed(client_id, n, record.seq, record.t) for n in names if isinstance(n, str)]
            elif message.get("successful") is False:
                seen.append(Refused(client_id, record.exchange, message, is_lost(message)))
            if "advice" in message:
                seen += _advice(message)
            if self._with_replies and not is_pushed:
                its = _asked(asked, channel, message)
                seen.append(Replied(client_id, record.exchange, record.seq, index, record.t, message, its))
        if self._unacknowledged:
            self._delivered(client_id, messages)
        return seen

    def _acknowledge(self, asked: list[Message]) -> None:
        for message in asked:
            batch = batch_of(message) if message["channel"] == channels.CONNECT else None
            if batch is not None:
                client_id = str(message.get("clientId", ""))
                self._unacknowledged.setdefault(client_id, Unacknowledged()).acknowledged(batch)

    def _is_new(self, client_id: str, event: Message) -> bool:
        sent = self._unacknowledged.get(client_id)
        return sent is None or sent.is_new(event)

    def _delivered(self, client_id: str, replies: list[Message]) -> None:
        sent = self._unacknowledged.get(client_id)
        for reply in replies:
            batch = batch_of(reply) if reply["channel"] == channels.CONNECT else None
            if sent is not None and batch is not None:
                sent.delivered(batch)
            elif reply["channel"] == channels.DISCONNECT:
                self._unacknowledged.pop(client_id, None)


def beside_of(event: Message) -> dict[str, JSON] | None:
    """Return the members of an event beside its channel and data, None if it has none."""
    if _OF_EVENT.issuperset(event):
        return None
    return {name: event[name] for name in event if name not in _OF_EVENT}


def _sent(record: Request | SocketMessage, messages: list[Message], client_id: str) -> list[Observation]:
    return [
        Sent(str(message.get("clientId") or client_id), record.exchange, record.seq, index, record.t, message)
        for index, message in enumerate(messages)
        if message["channel"] not in _NOT_SENT
    ]


def _event(record: Response | SocketMessage, index: int, client_id: str, message: Message) -> Event:
    data, beside = message.get("data"), beside_of(message)
    return Event(record.seq, index, record.t, record.exchange, client_id, message["channel"], data, beside)


def _asked(asked: list[Message], channel: str, reply: Message) -> Message | None:
    """Return the message with the channel and the id of a reply, None if there is none."""
    for message in asked:
        if message["channel"] == channel and str(message.get("id")) == str(reply.get("id")):
            return message
    return None


def _advice(message: Message) -> list[Observation]:
    advice = message.get("advice")
    timeout = advice.get("timeout") if isinstance(advice, dict) else None
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 < timeout <= _LONGEST:
        return []
    return [Advised(timeout / 1000)]


def _client_id(messages: list[Message]) -> str:
    for message in messages:
        client_id = message.get("clientId")
        if client_id:
            return str(client_id)
    return ""
