"""Pair the publishes that a dialect calls operations with their replies, by exchange, channel and message id."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TypeAlias

from ..bayeux.messages import Message
from .operations import Operation

_Asked: TypeAlias = tuple[str, str]  # channel and id


@dataclass(slots=True)
class Publishes:
    """The publishes without a reply, by the exchange (a request, or a whole WebSocket) that carried them."""

    _waiting: dict[int, dict[_Asked, deque[Operation]]] = field(default_factory=dict)

    def sent(self, op: Operation, message: Message) -> None:
        """Take a publish that is an operation."""
        waiting = self._waiting.setdefault(op.request.exchange, defaultdict(deque))
        waiting[_asked(message)].append(op)

    def replied(self, exchange: int, reply: Message) -> Operation | None:
        """Return the publish that a reply is for, None if that is no operation; of equal ones the oldest."""
        waiting = self._waiting.get(exchange, {})
        found = waiting.get(_asked(reply))
        if not found:
            return None
        op = found.popleft()
        if not found:
            del waiting[_asked(reply)]
        if not waiting:
            del self._waiting[exchange]
        return op

    def ended(self, exchange: int) -> list[Operation]:
        """Return the publishes of an exchange that has ended without their replies, in the order of the wire."""
        left = self._waiting.pop(exchange, {})
        return sorted((op for ops in left.values() for op in ops), key=lambda op: op.at)

    def forget(self, op: Operation) -> None:
        """Drop a publish that is too old to get a reply."""
        waiting = self._waiting.get(op.request.exchange, {})
        for asked in [asked for asked, ops in waiting.items() if op in ops]:
            waiting[asked].remove(op)
            if not waiting[asked]:
                del waiting[asked]
        if not waiting:
            self._waiting.pop(op.request.exchange, None)


def _asked(message: Message) -> _Asked:
    return message["channel"], str(message.get("id"))
