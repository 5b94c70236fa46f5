"""Send HTTP requests and open WebSockets for one client, to the target alone, and let the tap observe each of them.

aiohttp would send some requests again when a connection turns out to be closed, and follows redirects of WebSockets to
other hosts. `Gate` prevents both where each connection is given out, so no caller can forget it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from http.cookies import SimpleCookie
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from ...capture.streams import KEPT, has_body, is_small
from ...formats.streamed import streamed_media
from ...model import Headers, closed_by
from ..engine.allowing import only_reads
from .requests import MOST_HOPS, Fetched, headers_to, in_words, problem_of, redirected
from .tap import UPGRADED, Sending, Tap
from .target import Target

if TYPE_CHECKING:
    from aiohttp.tracing import Trace

_IDLE = 1.0  # seconds that a connection is kept for the next request; servers keep it longer, 2 s and more
_LINE = 64 << 10  # bytes of a line or a header of an answer
_PIECE = 64 << 10  # bytes
_LARGEST_MESSAGE = 64 << 20  # bytes of a message on a WebSocket
_CUT = 1006  # no closing handshake (RFC 6455, section 7.4.1)
_UNREAD = "the client does not read the body of a refused WebSocket"
_SENDING: ContextVar[Sending | None] = ContextVar("sending", default=None)


class NotSent(aiohttp.ClientConnectionError):
    """A request that the front refuses to send."""


class Gate(aiohttp.TCPConnector):
    """Gives out connections to one server only, and for each request one only."""

    def __init__(self, target: Target) -> None:
        super().__init__(ssl=target.tls(), limit=0, keepalive_timeout=_IDLE, ttl_dns_cache=None)
        self._origin = URL(target.address.url, encoded=True).origin()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # as in aiohttp
    ) -> aiohttp.connector.Connection:
        """Return a connection for a request.

        Raises:
            NotSent: If the request is for another server, was sent before, or goes through a proxy.

        """
        if req.url.origin() != self._origin or req.proxy is not None:
            raise NotSent(f"a request to {req.url.host}, which is not {self._origin}, was not sent")
        sending = _SENDING.get()
        if sending is None or sending.exchange is not None:
            raise NotSent("the server closed the connection; the request is not sent again")
        return await super().connect(req, traces, timeout)


class Wire:
    """The HTTP of one client: its cookies, its connections."""

    def __init__(
        self, client: str, target: Target, tap: Tap, *, hosts: frozenset[str], cookies: Mapping[str, str]
    ) -> None:
        """Open a client; must be made while an event loop runs.

        Args:
            client: Name of the client.
            target: The server.
            tap: Observes what is on the wire.
            hosts: Recorded hosts that stand for the server: `Origin` and `Referer` of these lead to the target.
            cookies: Cookies that it has from the beginning.

        """
        self.client, self.target, self.tap, self._hosts = client, target, tap, hosts
        origin = URL(target.address.url, encoded=True).origin()
        traces = aiohttp.TraceConfig()
        traces.on_request_headers_sent.append(self._leaves)
        traces.on_request_end.append(self._answered)
        jar = aiohttp.CookieJar(unsafe=True, quote_cookie=False, treat_as_secure_origin=origin)
        for name, value in cookies.items():
            cookie: SimpleCookie = SimpleCookie()
            cookie[name] = value
            cookie[name].set(name, value, value)
            cookie[name]["path"] = "/"
            jar.update_cookies(cookie, origin)
        self._session = aiohttp.ClientSession(
            connector=Gate(target),
            cookie_jar=jar,
            trust_env=False,  # no proxy and no login of the environment
            trace_configs=[traces],
            timeout=aiohttp.ClientTimeout(total=None, connect=None),
            skip_auto_headers=("User-Agent", "Content-Type"),
            max_line_size=_LINE,
            max_field_size=_LINE,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def headers(self, headers: Headers) -> CIMultiDict[str]:
        """Return recorded headers as they are sent to the target."""
        sent: CIMultiDict[str] = CIMultiDict()
        for name, value in headers_to(self.target, headers, self._hosts):
            sent.add(_text(name), _text(value))
        return sent

    async def fetch(
        self, sending: Sending, headers: CIMultiDict[str], *, within: float | None = None, follows: bool = False
    ) -> Fetched:
        """Send a request once, and return its answer. Redirects to the target itself are followed if `follows`.

        None is followed that may change something, by its headers or its parameters: nobody has allowed it.

        Raises:
            NotSent: If it cannot be sent, or must not.
            aiohttp.ClientError: If no whole answer came.
            TimeoutError: If it did not come within this number of seconds.

        """
        async with asyncio.timeout(within):
            hops = MOST_HOPS if follows else 0
            while True:
                async with self.open(sending, headers) as answer:
                    found = await self.read(sending, answer)
                to = None
                if hops:
                    to = redirected(self.target, sending.target, sending.method, found.status, found.headers)
                if to is None or not only_reads(to, headers.items()):
                    return found
                hops -= 1
                sending = Sending(sending.client, "GET", to, connection=sending.connection)

    @asynccontextmanager
    async def open(self, sending: Sending, headers: CIMultiDict[str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, and yield the head of its answer; what is not recorded of it at the end is a failure."""
        url = URL(self.target.url(sending.target), encoded=True)
        _check(sending, headers)
        await self.tap.room()
        with _observed(sending, self.tap):
            async with self._session.request(
                sending.method, url, headers=headers, data=_data(sending.body), allow_redirects=False
            ) as answer:
                yield answer

    async def read(self, sending: Sending, answer: aiohttp.ClientResponse) -> Fetched:
        """Read an answer to its end, however long it is; keep a beginning of limited size."""
        headers = headers_of(answer)
        media = streamed_media(headers) if has_body(sending.method, answer.status) and not is_small(headers) else None
        chunks = None if media is None else self.tap.stream(sending, answer.status, headers, media)
        body, size = [], 0
        async for piece in answer.content.iter_chunked(_PIECE):
            if chunks is not None:
                chunks.passes(piece)
                await self.tap.room()
            if size + len(piece) <= KEPT:
                body.append(piece)
            size += len(piece)
        whole = size <= KEPT
        if chunks is not None:
            chunks.end()
        else:
            lacks = None if whole else f"it has more than {KEPT >> 20} MiB"
            self.tap.response(sending, answer.status, headers, b"".join(body), lacks)
        return Fetched(answer.status, headers, b"".join(body), whole)

    async def upgrade(
        self, sending: Sending, headers: CIMultiDict[str], protocols: Iterable[str] = (), silence: float | None = None
    ) -> Socket:
        """Open a WebSocket.

        Args:
            sending: The request for it.
            headers: Its headers.
            protocols: Subprotocols to offer.
            silence: Seconds without a message after which `receive` gives up; None for never.

        Raises:
            aiohttp.ClientError: If there is none.

        """
        url, offered = URL(self.target.url(sending.target), encoded=True), tuple(protocols)
        _check(sending, headers, offered)
        with _observed(sending, self.tap):
            try:
                socket = await self._session.ws_connect(
                    url,
                    headers=headers,
                    protocols=offered,
                    timeout=aiohttp.ClientWSTimeout(ws_receive=silence, ws_close=1.0),
                    max_msg_size=_LARGEST_MESSAGE,
                )
            except aiohttp.WSServerHandshakeError as exc:
                self.tap.response(sending, exc.status, sending.head, b"", _UNREAD)
                raise
            self.tap.response(sending, UPGRADED, sending.head, b"")
        return Socket(socket, sending, self.tap)

    async def _leaves(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        """Observe a request right before its head is written: these headers are those on the wire."""
        sending = _SENDING.get()
        if sending is None or sending.exchange is not None:
            raise NotSent("a request that nobody observes was not sent")
        self.tap.request(sending, tuple((_bytes(str(name)), _bytes(value)) for name, value in params.headers.items()))

    async def _answered(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        """Keep the head of an answer: that of a WebSocket is to be had nowhere else."""
        sending = _SENDING.get()
        if sending is not None:
            sending.head = headers_of(params.response)


class Socket:
    """A WebSocket whose messages are observed; it has of aiohttp's what aiocometd uses."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, sending: Sending, tap: Tap) -> None:
        self._socket, self._sending, self._tap = socket, sending, tap
        self._is_ours = False  # whether this side closes it

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._socket.closed

    async def send(self, body: bytes, *, is_text: bool = True) -> None:
        """Send a message.

        Raises:
            aiohttp.ClientError: If the socket is closed.

        """
        if self._socket.closed:
            raise aiohttp.ClientConnectionResetError("the WebSocket is closed")
        self._tap.message(self._sending, body, from_client=True, is_text=is_text)
        try:
            if is_text:
                await self._socket.send_str(body.decode())
            else:
                await self._socket.send_bytes(body)
        except ConnectionError as exc:
            raise aiohttp.ClientConnectionResetError(str(exc)) from exc

    async def receive(self) -> aiohttp.WSMessage:
        """Return the next message; one that tells the end comes last, and is observed as such.

        Raises:
            TimeoutError: If none came for too long.

        """
        await self._tap.room()
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            self._tap.message(self._sending, message.data.encode(), from_client=False, is_text=True)
        elif message.type is aiohttp.WSMsgType.BINARY:
            self._tap.message(self._sending, message.data, from_client=False, is_text=False)
        elif not self._is_ours:  # else `close` knows the code, once it has ended
            self._end(message.extra if isinstance(message.extra, str) else "")
        return message

    async def close(self) -> None:
        """Close it; a second call does nothing, also while the first one waits."""
        if self._is_ours:
            return
        if not self._socket.closed:
            self._is_ours = True
            try:
                await self._socket.close()
            finally:
                self._end("")
        else:
            self._end("")

    def _end(self, reason: str) -> None:
        who = "client" if self._is_ours else "server"
        self._tap.ended(self._sending, closed_by(who, self._socket.close_code or _CUT, reason))

    # -- as a context manager, for aiocometd

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _observed:  # noqa: N801  # used as a statement
    """Name the request that is sent in this block; what it does not record of the exchange is a failure."""

    def __init__(self, sending: Sending, tap: Tap) -> None:
        self._sending, self._tap = sending, tap

    def __enter__(self) -> None:
        self._token = _SENDING.set(self._sending)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _SENDING.reset(self._token)
        if self._sending.is_open or self._sending.is_streamed:
            self._tap.ended(self._sending, reason_of(error))


def reason_of(error: BaseException | None) -> str:
    """Return why no answer came, in one line of words: without the URL, whose query may hold a secret."""
    if error is None:
        return "the answer was not read to its end"
    if isinstance(error, asyncio.CancelledError):
        return "the client closed the connection"
    if isinstance(error, TimeoutError):
        return "the client waited no longer for the answer"
    if isinstance(error.__cause__, aiohttp.ClientError):  # aiocometd's have its text
        return reason_of(error.__cause__)
    match error:
        case aiohttp.WSServerHandshakeError():
            text = f"status {error.status}, and no WebSocket"
        case aiohttp.ClientResponseError():
            text = f"the server sent no valid HTTP answer: {error.message}"
        case aiohttp.InvalidURL():
            text = "its URL is invalid"
        case _:
            text = str(error)
    return in_words(text) or type(error).__name__


def headers_of(answer: aiohttp.ClientResponse) -> Headers:
    """Return the headers of an answer as texts of one character for each byte."""
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw_headers)


def _check(sending: Sending, headers: CIMultiDict[str], protocols: tuple[str, ...] = ()) -> None:
    """Refuse what is no request of HTTP: a part of it could be taken for another request, or another header.

    Raises:
        NotSent: Then; the text has no value.

    """
    problem = problem_of(sending.method, sending.target, headers.items(), protocols)
    if problem is not None:
        raise NotSent(problem)


def _data(body: bytes) -> bytes | BytesIO | None:
    """Return a body as aiohttp takes it: of long bytes it warns."""
    return BytesIO(body) if len(body) > _PIECE else body or None


def _text(text: str) -> str:
    """Return a header of one character for each byte as aiohttp takes it: as text that it writes in UTF-8."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _bytes(text: str) -> str:
    """Return a header as a text of one character for each byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
