"""Requests that come in to a stand-in and responses that go out of it, as values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ...bayeux.messages import as_script, callback_of, join
from ...bayeux.session import CALLBACK_POLLING, LONG_POLLING, WEBSOCKET, Answer
from ...lazy import shared
from ...links.rewriting import NOWHERE, Origin
from ...model import Headers

_REMEMBERED = 1000  # headers of requests: a client sends the same ones again and again
_SUBPROTOCOL = "Sec-WebSocket-Protocol"
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)  # RFC 9110, section 5.6.2
_JSON: Headers = (("Content-Type", "application/json;charset=UTF-8"),)
_SCRIPT: Headers = (("Content-Type", "text/javascript;charset=UTF-8"),)


class HttpRequest(NamedTuple):  # as each request makes one, and a frozen dataclass takes three times as long to make
    """A live HTTP request; `number` is chosen by the caller and stands in the response.

    Attributes:
        on_socket: The body is a message on a WebSocket; method, target and headers are those of the upgrade.
        socket: Number of the upgrade that opened the plain WebSocket of this message; 0 for other requests, and for
            messages on a WebSocket with Bayeux. A message on a plain WebSocket has the method MESSAGE and gets no
            answer.
        is_text: The message on the plain WebSocket is text; else it is binary.

    """

    number: int
    connection: str
    method: str
    target: str
    headers: Headers
    body: bytes
    on_socket: bool = False
    socket: int = 0
    is_text: bool = True

    @property
    def upgrades(self) -> bool:
        """True if the request asks for a WebSocket."""
        return any(name.lower() == "upgrade" and value.lower() == "websocket" for name, value in self.headers)

    @property
    def transport(self) -> str | None:
        """The Bayeux transport of the request, None where no transport uses such a request."""
        if self.on_socket:
            return WEBSOCKET
        if self.method == "POST":
            return LONG_POLLING
        return CALLBACK_POLLING if self.callback else None

    @property
    def place(self) -> str:
        """Method and target of the request, or the WebSocket that its message came on, for people."""
        return f"a message on the WebSocket {self.target}" if self.on_socket else f"{self.method} {self.target}"

    @property
    def callback(self) -> str | None:
        """The function that a callback-polling client wants its answer wrapped in, None for other transports."""
        return None if self.on_socket else callback_of(self.method, self.target) or None


class HttpResponse(NamedTuple):
    """The response to a live request of the same number.

    Attributes:
        more: The response begins a stream, or with the status 101 a plain WebSocket: a `Piece` of this number follows
            for each part of the body or message, until one without `more`.

    """

    number: int
    status: int
    headers: Headers
    body: bytes
    more: bool = False


class Piece(NamedTuple):
    """A part of the body of a response that was begun with `more`, or a message of the server on a plain WebSocket.

    Attributes:
        number: Number of the request that opened the stream or the WebSocket.
        more: A further piece follows; else the stream or the WebSocket ends after this one, which may be empty then.
        is_text: The message on the WebSocket is text; else it is binary.
        code: Close code with which the WebSocket ends; 0 for none. `CUT_OFF` breaks the connection, also of a stream.
        reason: Reason that stands beside the close code.

    """

    number: int
    body: bytes
    more: bool = True
    is_text: bool = True
    code: int = 0
    reason: str = ""


Reply: TypeAlias = HttpResponse | Piece


@dataclass(slots=True)
class Responses:
    """The responses and pieces that are ready, in the order they must leave.

    Attributes:
        guard: What the recorded server wrote before and after the messages in each answer, against being run as a
            script; some clients take that off without looking.
        statuses: How many responses were added, by status.

    """

    guard: tuple[str, str] = ("", "")
    statuses: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _ready: list[Reply] = field(default_factory=list)

    def answer(self, answer: Answer, headers: Headers = ()) -> None:
        """Add an answer of the Bayeux server: messages, or a bare status."""
        if answer.texts is None:
            self.add(answer.request, answer.status, (), b"")
        elif answer.callback is None:
            body = join(answer.texts)
            if self.guard[0] and answer.transport == LONG_POLLING:
                body = b"".join([self.guard[0].encode(), body, self.guard[1].encode()])
            self.add(answer.request, 200, _JSON + headers, body)
        else:
            self.add(answer.request, 200, _SCRIPT + headers, as_script(answer.callback, join(answer.texts)))

    def add(self, number: int, status: int, headers: Headers, body: bytes) -> None:
        """Add any other response."""
        self.statuses[status] += 1
        self._ready.append(HttpResponse(number, status, headers, body))

    def begin(self, number: int, status: int, headers: Headers) -> None:
        """Add the head of a stream or of a plain WebSocket."""
        self.statuses[status] += 1
        self._ready.append(HttpResponse(number, status, headers, b"", more=True))

    def add_piece(self, piece: Piece) -> None:
        """Add a piece of a stream or of a plain WebSocket that was begun."""
        self._ready.append(piece)

    def take(self) -> list[Reply]:
        """Return all that is ready, once."""
        ready, self._ready = self._ready, []
        return ready


@lru_cache(_REMEMBERED)
def origin_of(headers: Headers) -> Origin:
    """Return the origin of the stand-in, as the client of these headers sees it."""
    shown = {name.lower(): value for name, value in headers}
    if not shown.get("host"):
        return NOWHERE
    # Browsers send Sec-Fetch-Site where they trust the server: to https, and to this machine (Fetch Metadata, section
    # 2). Safari alone trusts this machine with no cookie that needs TLS (WebKit bug 218980).
    agent = shown.get("user-agent", "")
    is_safari = "AppleWebKit" in agent and "Chrom" not in agent
    # a proxy before us may have ended its TLS
    is_secure, is_trusted = shown.get("x-forwarded-proto") == "https", "sec-fetch-site" in shown and not is_safari
    found: Origin = shared(Origin(shown["host"], is_secure, is_trusted))
    return found


def subprotocol(headers: Headers, recorded: Collection[str]) -> Headers:
    """Return the header that chooses a subprotocol for a WebSocket; none where its client offers none.

    A browser ends a connection for which none of its subprotocols is chosen (WHATWG WebSockets, section 4.1).

    Args:
        headers: Headers of the upgrade.
        recorded: Subprotocols that the recorded server chose; one of these goes before the first one offered.

    """
    offered = [
        text for name, value in headers if name.lower() == _SUBPROTOCOL.lower() for text in re.split("[, \t]+", value)
    ]
    tokens = [text for text in offered if _TOKEN.fullmatch(text)]
    chosen = next((text for text in tokens if text in recorded), next(iter(tokens), None))
    return () if chosen is None else ((_SUBPROTOCOL, chosen),)
