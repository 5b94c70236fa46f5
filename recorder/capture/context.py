"""Collect the records a new part of a capture must begin with, so that it can be replayed without the earlier parts.

A part begins with the handshake and the subscriptions of each live Bayeux session, with the heads of streamed
responses that go on, and with the requests that still wait for a response. These records are repeated with new numbers,
at time 0.

Most clients leave without a word. A session without an open request is dropped when its client was silent for five
minutes, as it is dropped when it disconnects: else each would stay in memory, and in each later part.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ..bayeux import channels
from ..bayeux.json_bodies import with_json
from ..bayeux.messages import Message, carried, encode, is_event
from ..model import Chunk, Failure, Record, Request, Response, SocketMessage

SILENT = 300_000_000_000  # nanoseconds; servers give up a client after seconds (CometD's maxInterval: 10 s)

Answer = TypeVar("Answer", Response, SocketMessage)


@dataclass(slots=True)
class Context:
    """The live sessions, sockets, streams and requests of a capture; those that ended are dropped."""

    _open: dict[int, Request] = field(default_factory=dict)
    _seen: dict[int, Request] = field(default_factory=dict)  # of those with a large body: what is looked at
    _clients: dict[str, list[tuple[Request, Response]]] = field(default_factory=dict)
    _heard: dict[str, int] = field(default_factory=dict)  # by clientId: t of its last message; the oldest first
    _held: Counter[str] = field(default_factory=Counter)  # by clientId: its open requests
    # by exchange: the upgrade, and the messages that set up a session; or the head of a streamed response
    _going: dict[int, list[Record]] = field(default_factory=dict)
    _named: dict[int, Record] = field(default_factory=dict)  # by exchange of a socket: the last message with a clientId
    _calls: set[int] = field(default_factory=set)  # open exchanges that are not Bayeux
    _latest: int = 0  # t of the last record
    _active: int = 0  # t of the last operation or event

    def feed(self, record: Record, seen: Record | None = None) -> None:
        """Take the next record of the capture, as it is written.

        Args:
            record: The record.
            seen: What is to be looked at of a record with a large body; None to look at the record.

        """
        self._latest = record.t
        seen = seen or record
        match record:
            case Request():
                self._asked(record, seen)
            case Response():
                request = self._open.get(record.exchange)
                if record.exchange in self._calls or any(map(is_event, carried(seen) or [])):
                    self._active = record.t
                self._calls.discard(record.exchange)
                asked = self._close(record.exchange, record.t)
                if request is not None and (record.status == 101 or record.streamed):
                    self._going[record.exchange] = [request, record]
                elif asked is not None and isinstance(seen, Response):
                    self._answered(asked, seen)
            case Chunk():
                self._streamed(record)
            case Failure():
                self._close(record.exchange, record.t)
                for table in (self._going, self._named):
                    table.pop(record.exchange, None)
                self._calls.discard(record.exchange)
            case SocketMessage():
                self._told(seen if isinstance(seen, SocketMessage) else record)
            case _:
                pass

    def quiet(self, t: int) -> int:
        """Return the nanoseconds since the last call or event; 0 while a call waits for its response.

        A call is a request that carries no Bayeux messages.

        Args:
            t: The current time, in nanoseconds since the capture began.

        """
        return 0 if self._calls else t - self._active

    def following(self, t: int) -> Context:
        """Return the context of the next part, before it takes the records that this one repeats.

        Args:
            t: When the next part begins, in nanoseconds since this one began.

        """
        return Context(_heard={client: heard - t for client, heard in self._heard.items() if client in self._clients})

    def records(self) -> list[Record]:
        """Return the records a new part begins with, numbered from 0, at time 0; the open requests come last."""
        self._drop_silent(self._latest)
        repeated: list[Record] = []
        kept: list[Record] = [record for pairs in self._clients.values() for pair in pairs for record in pair]
        # A socket's session is known by a clientId in a message, so the last such message is repeated too.
        for exchange, told in self._going.items():
            named = self._named.get(exchange)
            kept += told if named is None or named is told[-1] else [*told, named]
        for record in [*kept, *self._open.values()]:
            repeated.append(replace(record, seq=len(repeated), t=0))
        return repeated

    def _asked(self, request: Request, seen: Record) -> None:
        self._open[request.exchange] = request
        if seen is not request and isinstance(seen, Request):
            self._seen[request.exchange] = seen
        messages = carried(seen)
        if messages is None:
            self._calls.add(request.exchange)
            self._active = request.t
        for client in _clients_of(messages or []):
            self._held[client] += 1
            self._hear(client, request.t)

    def _answered(self, request: Request, response: Response) -> None:
        asked = carried(request) or []
        for reply in carried(response) or []:
            if reply["channel"] == channels.HANDSHAKE and reply.get("successful"):
                client = str(reply.get("clientId"))
                self._clients[client] = [(request, response)]
                self._heard.setdefault(client, response.t)  # one that is repeated was heard of in the part before
                self._drop_silent(response.t)
            self._forget(reply)
        for message in asked:
            if message["channel"] == channels.SUBSCRIBE and str(message.get("clientId")) in self._clients:
                pairs = self._clients[str(message["clientId"])]
                if all(pair[0] is not request for pair in pairs):
                    pairs.append((request, _replies_only(response)))
            elif message["channel"] == channels.DISCONNECT:
                self._drop(str(message.get("clientId")))

    def _hear(self, client: str, t: int) -> None:
        if client in self._heard and t:  # records that are repeated stand at time 0, and their client said nothing
            del self._heard[client]  # so that the one that is silent for longest stays first
            self._heard[client] = t

    def _close(self, exchange: int, t: int) -> Request | None:
        """Take the end of a request; return what is to be looked at of it."""
        request = self._open.pop(exchange, None)
        asked = self._seen.pop(exchange, request)
        for client in _clients_of(carried(asked) or []) if asked is not None else ():
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]
            self._hear(client, t)
        return asked

    def _drop_silent(self, t: int) -> None:
        while self._heard:
            client, heard = next(iter(self._heard.items()))
            if t - heard < SILENT:
                return
            if client in self._held:
                self._hear(client, t)
            else:
                self._drop(client)

    def _drop(self, client: str) -> None:
        self._clients.pop(client, None)
        self._heard.pop(client, None)

    def _streamed(self, record: Chunk) -> None:
        if not _is_comment(record.body):
            self._active = record.t
        if record.is_last:
            self._going.pop(record.exchange, None)

    def _told(self, record: SocketMessage) -> None:
        messages = carried(record) or []
        for message in messages:
            self._forget(message)
            self._active = record.t if is_event(message) else self._active
        if record.from_client and any(message.get("clientId") for message in messages):
            self._named[record.exchange] = record
        if any(message["channel"] in (channels.HANDSHAKE, channels.SUBSCRIBE) for message in messages):
            self._going.get(record.exchange, []).append(_replies_only(record))

    def _forget(self, message: Message) -> None:
        if message["channel"] == channels.DISCONNECT and message.get("clientId"):
            self._drop(str(message["clientId"]))


def _clients_of(messages: list[Message]) -> set[str]:
    return {str(message["clientId"]) for message in messages if message.get("clientId")}


def _is_comment(body: bytes) -> bool:
    """Return whether a chunk holds nothing but comments of an event stream, which are heartbeats."""
    return all(line[:1] in (b"", b":") for line in body.splitlines())


def _replies_only(answer: Answer) -> Answer:
    """Return a response or socket message without its events, which belong to the part before."""
    messages = carried(answer) or []
    replies = [message for message in messages if not is_event(message)]
    if len(replies) == len(messages):
        return answer
    headers = answer.headers if isinstance(answer, Response) else ()
    return replace(answer, body=with_json(answer.body, encode(replies), headers))
