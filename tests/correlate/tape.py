"""Captures with streams of events and WebSockets, written record by record, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from recorder.correlate.engine import correlate
from recorder.dialect.definition import Dialect, parse
from recorder.model import Chunk, Failure, Header, Headers, Record, Recording, Request, Response, SocketMessage

HEADER = Header(started=0, upstream="http://push.example", dialect="push", redaction="none")
STREAM: Headers = (("Content-Type", "text/event-stream"),)
LINES: Headers = (("Content-Type", "application/x-ndjson"),)

PUSH = """
name = "push"
session_cookies = ["sid"]
bayeux_prefix = "/cometd"
open_for = 60.0
grace = 2.0
exact = ["reference"]

[request]
methods = ["POST", "MESSAGE"]

[request.keys]
reference = ["body.ref"]

[ack]
status = []
success = []

[event.keys]
reference = ["data.ref"]
notification = ["data.name"]

[operations.Order]
request = "POST /orders"
events = ["Ordered", "Shipped"]
terminal = ["Shipped"]
"""


def dialect(more: str = "", *, same: str = "", key: str = "") -> Dialect:
    """The dialect with more tables, with more of [event], and with one more key of requests and events."""
    text = PUSH.replace("[event.keys]", f"[event]\n{same}\n[event.keys]")
    if key:
        text = text.replace("[request.keys]", f'[request.keys]\n{key} = ["body.{key}"]')
        text = text.replace("[event.keys]", f'[event.keys]\n{key} = ["data.{key}"]')
    return parse(text + more, path="push.toml")


@dataclass
class Tape:
    """Records of one capture, by default a millisecond apart; `step` is in nanoseconds."""

    records: list[Record] = field(default_factory=list)
    exchanges: int = 0
    step: int = 1_000_000

    def _at(self) -> tuple[int, int]:
        return len(self.records), len(self.records) * self.step

    def request(self, target: str, body: bytes = b"", *, method: str = "GET", headers: Headers = ()) -> int:
        """A request leaves; returns its exchange."""
        self.exchanges += 1
        self.records.append(Request(*self._at(), self.exchanges - 1, "c", method, target, headers, body))
        return self.exchanges - 1

    def response(self, exchange: int, body: bytes = b"", *, status: int = 200, headers: Headers = ()) -> None:
        self.records.append(Response(*self._at(), exchange, status, headers, body))

    def ask(self, target: str, body: bytes = b"", answer: bytes = b"", *, method: str = "GET", sid: str = "") -> int:
        """A whole exchange."""
        exchange = self.request(target, body, method=method, headers=cookie(sid))
        self.response(exchange, answer)
        return exchange

    def order(self, ref: str, sid: str = "") -> int:
        return self.ask("/orders", b'{"ref":"%s"}' % ref.encode(), method="POST", sid=sid)

    def stream(self, target: str = "/events", *, sid: str = "", method: str = "GET", headers: Headers = ()) -> int:
        """A stream of events begins."""
        exchange = self.request(target, method=method, headers=(*cookie(sid), *headers))
        self.records.append(Response(*self._at(), exchange, 200, STREAM, b"", streamed=True))
        return exchange

    def lines(self, target: str, parts: Sequence[bytes], body: bytes = b"", *, is_whole: bool = True) -> int:
        """A POST is answered by lines of JSON that come in chunks; returns its exchange."""
        exchange = self.request(target, body, method="POST")
        self.records.append(Response(*self._at(), exchange, 200, LINES, b"", streamed=True))
        for part in parts:
            self.chunk(exchange, part)
        if is_whole:
            self.end(exchange)
        return exchange

    def chunk(self, exchange: int, body: bytes, *, is_last: bool = False) -> None:
        self.records.append(Chunk(*self._at(), exchange, body, is_last))

    def tell(self, exchange: int, name: str, ref: str) -> None:
        """An event comes in a stream."""
        self.chunk(exchange, b'data: {"name":"%s","ref":"%s"}\n\n' % (name.encode(), ref.encode()))

    def end(self, exchange: int) -> None:
        self.chunk(exchange, b"", is_last=True)

    def fail(self, exchange: int, reason: str = "Client disconnected.") -> None:
        self.records.append(Failure(*self._at(), exchange, reason))

    def socket(self, target: str = "/ws", *, sid: str = "", protocol: str = "") -> int:
        """A WebSocket is opened."""
        exchange = self.request(target, headers=(("Upgrade", "websocket"), *cookie(sid)))
        self.response(exchange, status=101, headers=(("Sec-WebSocket-Protocol", protocol),) if protocol else ())
        return exchange

    def sends(self, exchange: int, body: bytes) -> None:
        self.records.append(SocketMessage(*self._at(), exchange, True, body))

    def hears(self, exchange: int, body: bytes, *, is_text: bool = True) -> None:
        self.records.append(SocketMessage(*self._at(), exchange, False, body, is_text))

    def recording(self, by: Dialect | None = None) -> Recording:
        return correlate(self.records, by or dialect(), HEADER)


def cookie(sid: str) -> Headers:
    return (("Cookie", f"sid={sid}"),) if sid else ()
