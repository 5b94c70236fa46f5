"""What a new part of a capture must begin with, so that it can be read and replayed without the part before it.

A part begins with the handshake and the subscriptions of each Bayeux session that is alive, and with the requests that
still wait for their answer; all are repeated under new numbers, at time 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..bayeux import channels
from ..bayeux.messages import Message, encode, is_event, parse, parse_request
from ..model import Failure, Record, Request, Response, SocketMessage

Answer = TypeVar("Answer", Response, SocketMessage)


@dataclass(slots=True)
class Context:
    """Follows a capture; holds what is alive and nothing of what is over."""

    _open: dict[int, Request] = field(default_factory=dict)
    _clients: dict[str, list[tuple[Request, Response]]] = field(default_factory=dict)
    _sockets: dict[int, list[Record]] = field(default_factory=dict)  # upgrades, and what sets up a session on them
    _named: dict[int, Record] = field(default_factory=dict)  # by socket: the last message that names its client
    _calls: set[int] = field(default_factory=set)  # open exchanges that are not Bayeux
    _active: int = 0  # t of the last operation or event

    def feed(self, record: Record) -> None:
        """Take the next record of the capture."""
        match record:
            case Request():
                self._open[record.exchange] = record
                if parse_request(record.target, record.body) is None:
                    self._calls.add(record.exchange)
                    self._active = record.t
            case Response():
                request = self._open.get(record.exchange)
                if record.exchange in self._calls or any(map(is_event, parse(record.body) or [])):
                    self._active = record.t
                self._calls.discard(record.exchange)
                self._open.pop(record.exchange, None)
                if request is not None and record.status == 101:
                    self._sockets[record.exchange] = [request, record]
                elif request is not None:
                    self._answered(request, record)
            case Failure():
                for table in (self._open, self._sockets, self._named):
                    table.pop(record.exchange, None)
                self._calls.discard(record.exchange)
            case SocketMessage():
                self._told(record)
            case _:
                pass

    def quiet(self, t: int) -> int:
        """Nanoseconds since the last operation or event; 0 while an operation waits for its answer."""
        return 0 if self._calls else t - self._active

    def records(self) -> list[Record]:
        """The records a new part begins with, numbered from 0, exchanges too; the open requests come last."""
        repeated: list[Record] = []
        kept: list[Record] = [record for pairs in self._clients.values() for pair in pairs for record in pair]
        for exchange, told in self._sockets.items():
            named = self._named.get(exchange)
            kept += told if named is None or named is told[-1] else [*told, named]
        for record in [*kept, *self._open.values()]:
            repeated.append(replace(record, seq=len(repeated), t=0))
        return repeated

    def _answered(self, request: Request, response: Response) -> None:
        asked = parse_request(request.target, request.body) or []
        for reply in parse(response.body) or []:
            if reply["channel"] == channels.HANDSHAKE and reply.get("successful"):
                self._clients[str(reply.get("clientId"))] = [(request, response)]
            self._forget(reply)
        for message in asked:
            if message["channel"] == channels.SUBSCRIBE and str(message.get("clientId")) in self._clients:
                pairs = self._clients[str(message["clientId"])]
                if all(pair[0] is not request for pair in pairs):
                    pairs.append((request, _replies_only(response)))
            elif message["channel"] == channels.DISCONNECT:
                self._clients.pop(str(message.get("clientId")), None)

    def _told(self, record: SocketMessage) -> None:
        messages = parse(record.body) or []
        for message in messages:
            self._forget(message)
            self._active = record.t if is_event(message) else self._active
        if record.from_client and any(message.get("clientId") for message in messages):
            self._named[record.exchange] = record
        if any(message["channel"] in (channels.HANDSHAKE, channels.SUBSCRIBE) for message in messages):
            self._sockets.get(record.exchange, []).append(_replies_only(record))

    def _forget(self, message: Message) -> None:
        if message["channel"] == channels.DISCONNECT and message.get("clientId"):
            self._clients.pop(str(message["clientId"]), None)


def _replies_only(answer: Answer) -> Answer:
    """A response or message without the events that rode in it: they belong to the part before."""
    messages = parse(answer.body) or []
    replies = [message for message in messages if not is_event(message)]
    return answer if len(replies) == len(messages) else replace(answer, body=encode(replies))
