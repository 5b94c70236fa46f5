"""Keep what clients sent by Bayeux and a server did not refuse: events without an operation may follow it.

Publishes that a dialect calls operations are paired with their replies, by exchange, channel and message id.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, TypeGuard

from ..bayeux import channels
from ..bayeux.messages import Message
from ..model import AnchorKind, ClientMessage
from ..push.port import Opened, Refused, Sent
from .operations import Operation

_Publish: TypeAlias = tuple[str, str]  # channel and id

_KINDS = {channels.SUBSCRIBE: AnchorKind.SUBSCRIPTION, channels.UNSUBSCRIBE: AnchorKind.UNSUBSCRIPTION}

_OPEN = 1000  # messages whose refusal is waited for; a reply comes soon, or never


class ClientMessages:
    """The handshakes, subscriptions, unsubscriptions and publishes of a capture, in the order of the wire."""

    def __init__(self) -> None:
        self._messages: dict[tuple[tuple[int, int], str], ClientMessage] = {}
        self._open: dict[tuple[int, str, str], list[tuple[tuple[int, int], str]]] = {}  # by exchange, channel and id
        self._lost: set[int] = set()  # sessions whose server told a client to shake hands again

    def __iter__(self) -> Iterator[ClientMessage]:
        yield from self._messages.values()

    def take(self) -> Iterator[ClientMessage]:
        """Yield all messages and forget them."""
        if self._messages:
            taken, self._messages = self._messages, {}
            self._open.clear()
            yield from taken.values()

    def sent(self, sent: Sent) -> None:
        """Take a message of a client; one for several channels counts for each of them."""
        at, message = (sent.seq, sent.index), sent.message
        kind, names = parts(message)
        if kind is None:
            return
        data, own = (message.get("data") if kind is AnchorKind.PUBLISH else None), message.get("id")
        for name in names:
            self._messages[at, name] = ClientMessage(kind, at, sent.t, None, sent.client_id, name, data, id=own)
        self._open[_asked(sent.exchange, message)] = [(at, name) for name in names]
        if len(self._open) > _OPEN:
            del self._open[next(iter(self._open))]

    def refused(self, refused: Refused, session: int | None) -> None:
        """Drop a message that the server refused; remember a session that the server lost."""
        for place in self._open.pop(_asked(refused.exchange, refused.message), ()):
            self._messages.pop(place, None)
        if refused.lost and session is not None:
            self._lost.add(session)

    def handshaken(self, handshaken: Opened, session: int) -> None:
        """Take a handshake that gave a client of a session its clientId."""
        at, renews = (handshaken.seq, 0), session in self._lost
        self._lost.discard(session)
        kind, client_id = AnchorKind.START, handshaken.client_id
        self._messages[at, ""] = ClientMessage(kind, at, handshaken.t, None, client_id, renews=renews)


@dataclass(slots=True)
class Publishes:
    """The publishes without a reply, by the exchange (a request, or a whole WebSocket) that carried them."""

    _waiting: dict[int, dict[_Publish, deque[Operation]]] = field(default_factory=dict)

    def sent(self, op: Operation, message: Message) -> None:
        """Take a publish that is an operation."""
        waiting = self._waiting.setdefault(op.request.exchange, defaultdict(deque))
        waiting[_named(message)].append(op)

    def replied(self, exchange: int, reply: Message) -> Operation | None:
        """Return the publish that a reply is for, None if that is no operation; of equal ones the oldest."""
        waiting = self._waiting.get(exchange, {})
        found = waiting.get(_named(reply))
        if not found:
            return None
        op = found.popleft()
        if not found:
            del waiting[_named(reply)]
        if not waiting:
            del self._waiting[exchange]
        return op

    def ended(self, exchange: int) -> list[Operation]:
        """Return the publishes of an exchange that has ended without their replies, in the order of the wire."""
        left = self._waiting.pop(exchange, None)
        return sorted((op for ops in left.values() for op in ops), key=lambda op: op.at) if left else []

    def forget(self, op: Operation) -> None:
        """Drop a publish that is too old to get a reply."""
        waiting = self._waiting.get(op.request.exchange)
        if waiting is None:
            return
        for asked in [asked for asked, ops in waiting.items() if op in ops]:
            waiting[asked].remove(op)
            if not waiting[asked]:
                del waiting[asked]
        if not waiting:
            self._waiting.pop(op.request.exchange, None)


def parts(message: Message) -> tuple[AnchorKind | None, list[str]]:
    """Return what a message of a client is, and the channels or patterns it is about; None if events never follow it.

    A handshake is None too: its reply counts, not the request.
    """
    channel = message["channel"]
    if channel in _KINDS:
        wanted = message.get("subscription")
        names = wanted if isinstance(wanted, list) else [wanted]
        return _KINDS[channel], list(dict.fromkeys(name for name in names if _is_name(name)))
    return (None, []) if channels.is_meta(channel) else (AnchorKind.PUBLISH, [channel])


def _is_name(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and name.startswith("/") and not channels.is_meta(name)


def _asked(exchange: int, message: Message) -> tuple[int, str, str]:
    return exchange, message["channel"], str(message.get("id"))


def _named(message: Message) -> _Publish:
    return message["channel"], str(message.get("id"))
