"""What comes in to a stand-in and goes out of it: requests and replies as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from ...bayeux.messages import Message, as_script, callback_of, encode
from ...bayeux.session import CALLBACK_POLLING, LONG_POLLING, WEBSOCKET, Answer
from ...model import Headers

_REMEMBERED = 1000  # headers of requests: a client sends the same ones again and again
_JSON: Headers = (("Content-Type", "application/json;charset=UTF-8"),)
_SCRIPT: Headers = (("Content-Type", "text/javascript;charset=UTF-8"),)


class HttpRequest(NamedTuple):  # as each request makes one, and a frozen dataclass takes three times as long to make
    """A live HTTP request; `number` is the caller's and comes back in the reply.

    Attributes:
        on_socket: It is a message on a WebSocket; method, target and headers are those of its upgrade.

    """

    number: int
    connection: str
    method: str
    target: str
    headers: Headers
    body: bytes
    on_socket: bool = False

    @property
    def transport(self) -> str | None:
        """By which transport Bayeux messages come in it; None where none takes a request of this kind."""
        if self.on_socket:
            return WEBSOCKET
        if self.method == "POST":
            return LONG_POLLING
        if callback_of(self.method, self.target):
            return CALLBACK_POLLING
        return None


class HttpResponse(NamedTuple):
    """What to write on a live request."""

    number: int
    status: int
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Responses:
    """What is to be written, in the order it must leave."""

    _ready: list[HttpResponse] = field(default_factory=list)
    _callbacks: dict[int, str] = field(default_factory=dict)  # open requests of callback-polling

    def expect(self, request: HttpRequest) -> None:
        """Bayeux messages came in a request: its answer has the form that its transport wants."""
        callback = callback_of(request.method, request.target)
        if callback and not request.on_socket:
            self._callbacks[request.number] = callback

    def answer(self, answer: Answer, headers: Headers = ()) -> None:
        """Answer with what the Bayeux server says: messages, or a bare status."""
        if answer.messages is None:
            self.add(answer.request, answer.status, (), b"")
        else:
            self.messages(answer.request, answer.messages, headers)

    def messages(self, number: int, messages: list[Message | str], headers: Headers = ()) -> None:
        """Answer with Bayeux messages."""
        callback = self._callbacks.pop(number, None)
        content = encode(messages)
        if callback is None:
            self.add(number, 200, _JSON + headers, content)
        else:
            self.add(number, 200, _SCRIPT + headers, as_script(callback, content))

    def add(self, number: int, status: int, headers: Headers, body: bytes) -> None:
        """Answer with anything else."""
        self._callbacks.pop(number, None)
        self._ready.append(HttpResponse(number, status, headers, body))

    def drop(self, number: int) -> None:
        """A request was given up: nobody waits for its answer."""
        self._callbacks.pop(number, None)

    def take(self) -> list[HttpResponse]:
        """All that is ready."""
        ready, self._ready = self._ready, []
        return ready


@lru_cache(_REMEMBERED)
def origins(upstream: str, headers: Headers) -> dict[str, str]:
    """The recorded server's address and ours, by a request's headers: who follows a recorded URL must come back."""
    recorded, shown = urlsplit(upstream), {name.lower(): value for name, value in headers}
    if not recorded.netloc or not shown.get("host"):
        return {}
    # a proxy before us may have ended its TLS
    scheme = "https" if shown.get("x-forwarded-proto") == "https" else "http"
    return {f"{recorded.scheme}://{recorded.netloc}": f"{scheme}://{shown['host']}"}
