"""Keep the traffic between clients and a stand-in, and return it as records of a recording.

A stand-in keeps the values that came and went as they are, which costs a tuple for each. Only who asks for records pays
for making them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ...model import Chunk, Failure, Headers, Record, Request, Response, SocketMessage
from ...requests.index.streams import CUT_OFF
from .http import HttpRequest, HttpResponse, Piece, Reply

_MOST, _LARGEST = 20_000, 16 << 20  # requests and replies, and bytes of their bodies
_UPGRADED = 101
_UPGRADE: Headers = (("Connection", "Upgrade"), ("Upgrade", "websocket"))
_GIVEN_UP = "the client closed the connection before it got the answer"

_Seen: TypeAlias = HttpRequest | Reply | int  # a number: its request was given up


class Witness:
    """A bounded memory of one stand-in's traffic: the first part of it.

    Attributes:
        left_out: Number of requests and replies that came when it was full.

    """

    def __init__(self, most: int = _MOST, largest: int = _LARGEST) -> None:
        """Remember nothing yet.

        Args:
            most: Requests and replies to remember.
            largest: Bytes of their bodies to remember, together.

        """
        self.left_out = 0
        self._room, self._bytes = most, largest
        self._seen: list[tuple[float, _Seen]] = []

    def came(self, request: HttpRequest, now: float) -> None:
        """Remember a request, or a message on a WebSocket, that came at `now` seconds of the stand-in's clock."""
        self._keep(request, len(request.body), now)

    def left(self, reply: Reply, now: float) -> None:
        """Remember a reply, or a piece of a stream, that was given out at `now` seconds."""
        self._keep(reply, len(reply.body), now)

    def given_up(self, number: int, now: float) -> None:
        """Remember that the client of a request left without its answer, or without the rest of it."""
        self._keep(number, 0, now)

    def _keep(self, seen: _Seen, size: int, now: float) -> None:
        if self.left_out or len(self._seen) >= self._room or size > self._bytes:
            self.left_out += 1  # from then on all, as an answer without its request would tell nothing
            return
        self._bytes -= size
        self._seen.append((now, seen))

    def records(self) -> list[Record]:
        """Return what was remembered as records; the first of them is at time 0."""
        if not self._seen:
            return []
        making = _Making(self._seen[0][0])
        found = (record for now, seen in self._seen for record in making.of(seen, now))
        return [replace(record, seq=seq) for seq, record in enumerate(found)]


@dataclass(slots=True)
class _Making:
    """The records of a stand-in's traffic, while they are made.

    Attributes:
        began: Time of the first request on the stand-in's clock, in seconds.
        exchanges: Numbers of requests, by the numbers that the stand-in gave them.
        sockets: Exchange of each WebSocket with Bayeux, by the name of its connection.
        open: Requests without a whole answer: what their answer is made of.

    """

    began: float
    exchanges: dict[int, int] = field(default_factory=dict)
    sockets: dict[str, int] = field(default_factory=dict)
    open: dict[int, str] = field(default_factory=dict)
    last: int = 0
    count: int = 0

    def of(self, seen: _Seen, now: float) -> Iterator[Record]:
        """Yield the records of one request or reply; their `seq` is 0."""
        self.last = t = max(self.last, round((now - self.began) * 1e9))
        match seen:
            case HttpRequest():
                yield from self._request(seen, t)
            case HttpResponse():
                yield from self._response(seen, t)
            case Piece():
                yield from self._piece(seen, t)
            case int():
                if self.open.pop(seen, "message") != "message":
                    yield Failure(0, t, self.exchanges[seen], _GIVEN_UP)

    def _request(self, seen: HttpRequest, t: int) -> Iterator[Record]:
        if seen.socket:
            if seen.socket in self.exchanges:
                yield SocketMessage(0, t, self.exchanges[seen.socket], True, seen.body, seen.is_text)
            return
        if seen.on_socket and seen.connection in self.sockets:
            exchange = self.sockets[seen.connection]
        else:
            exchange, self.count = self.count, self.count + 1
            method, body = ("GET", b"") if seen.on_socket else (seen.method, seen.body)
            yield Request(0, t, exchange, seen.connection, method, seen.target, seen.headers, body)
        self.exchanges[seen.number] = exchange
        self.open[seen.number] = "message" if seen.on_socket else "answer"
        if not seen.on_socket:
            return
        if seen.connection not in self.sockets:
            self.sockets[seen.connection] = exchange
            yield Response(0, t, exchange, _UPGRADED, _UPGRADE, b"")
        yield SocketMessage(0, t, exchange, True, seen.body, True)

    def _response(self, seen: HttpResponse, t: int) -> Iterator[Record]:
        how = self.open.pop(seen.number, None)
        if how is None:
            return
        exchange = self.exchanges[seen.number]
        if how == "message":
            yield SocketMessage(0, t, exchange, False, seen.body, True)
            return
        is_streamed = seen.more and seen.status != _UPGRADED
        yield Response(0, t, exchange, seen.status, seen.headers, b"" if seen.more else seen.body, streamed=is_streamed)
        if seen.more:
            self.open[seen.number] = "stream" if is_streamed else "socket"
            if seen.body:
                yield from self._piece(Piece(seen.number, seen.body), t)

    def _piece(self, seen: Piece, t: int) -> Iterator[Record]:
        how = self.open.get(seen.number)
        if how not in ("stream", "socket"):
            return
        exchange, ends = self.exchanges[seen.number], not seen.more
        if how == "stream":
            yield Chunk(0, t, exchange, seen.body, ends and seen.code != CUT_OFF)
        elif seen.body:
            yield SocketMessage(0, t, exchange, False, seen.body, seen.is_text)
        if ends:
            del self.open[seen.number]
            if how == "socket" or seen.code == CUT_OFF:
                yield Failure(0, t, exchange, seen.reason or "the stand-in ended it")
