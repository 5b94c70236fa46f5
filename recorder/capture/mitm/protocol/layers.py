"""Layers in place of mitmproxy's own, which leave some exchanges hanging and keep others whole in memory.

By itself mitmproxy ends without an answer at trailers and at informational answers, reads a head without an end, and
collects the whole body of a message before it hands it on. mitmproxy has no settings for the classes of its layers:
`install` replaces them by name.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypeGuard

import h11
import wsproto.extensions
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer, mode_servers
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers import modes, websocket
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._http1 import make_error_response

from ....monitoring.answers import PREFIX
from ...large.gathered import Gathered
from ...streams import KEPT
from .connecting import Connections
from .hooks import (
    ChunksHook,
    Informational,
    JoinHook,
    NotCarriedHook,
    OutgrownHook,
    TurnHook,
    not_carried,
    not_recorded,
)
from .http2 import Http2Client, Http2Server
from .inflate import Inflate
from .sockets import Bounded, Socket

HEAD = 1 << 20  # most bytes of a head, of the line before a chunk, or of trailers; a browser takes 256 KiB
AHEAD = 1 << 20  # most bytes that a client may send before the answer to its last request
_PIECE = 256 << 10  # bytes of a large body sent in one turn of the event loop: 0.2 ms, with TLS 1 ms
_OWN = (f"GET {PREFIX}/".encode(), f"HEAD {PREFIX}/".encode())
WAITS = "outbound_recorder.waits"  # metadata of a flow: chunks of its answer are not recorded yet
_PREFACE = b"PRI * HTTP/2.0\r\n"  # RFC 9113, section 3.4


def install() -> None:
    """Put the layers of this module in the place of mitmproxy's, for all connections that begin from now on."""
    replaced: Any = layers
    replaced.HttpStream = Stream
    replaced.Http1Server, replaced.Http1Client = Http1Server, Http1Client
    replaced.Http2Server, replaced.Http2Client = Http2Server, Http2Client
    first: Any = modes
    first.Socks5Proxy = Socks
    sockets: Any = websocket
    sockets.WebsocketLayer, sockets.WebsocketConnection = Socket, Bounded
    servers: Any = mode_servers
    servers.ProxyConnectionHandler = Connections
    wsproto.extensions.PerMessageDeflate = Inflate  # type: ignore[misc]  # wsproto has no setting for this class


class Stream(layers.HttpStream):
    """An exchange that hands informational answers on, and streams a body once it is too large to be kept.

    Its methods return mitmproxy's own generators where they can: one around another takes time at each command.
    """

    def __init__(self, context: Context, stream_id: int) -> None:
        """Take the connection of the client, and the number of the exchange on it."""
        super().__init__(context, stream_id)
        gathered: Any = self  # has the methods of the buffers that mitmproxy uses
        gathered.request_body_buf, gathered.response_body_buf = Gathered(), Gathered()

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, Informational):
            return (command for command in [layers.SendHttp(event, self.context.client)])
        if isinstance(event, layers.RequestHeaders) and self.mode is not layers.HTTPMode.transparent:
            _lead_here(event.request, self.context.client.sockname)
        handled: layer.CommandGenerator[None] = super()._handle_event(event)
        return handled

    def state_stream_response_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        passed: layer.CommandGenerator[None] = super().state_stream_response_body(event)
        return self._recorded(passed) if isinstance(event, layers.ResponseData) else passed

    def _recorded(self, passed: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """Let a piece pass once it is recorded; its chunk may be too large for the function it passed through."""
        for command in passed:
            if self.flow.metadata.get(WAITS):
                yield ChunksHook(self.flow)
            yield command
        if self.flow.metadata.get(WAITS):  # a piece that goes on later, as it may end within a link
            yield ChunksHook(self.flow)

    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        consumed: layer.CommandGenerator[None] = super().state_consume_request_body(event)
        return self._ended(event, consumed)

    def state_consume_response_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        consumed: layer.CommandGenerator[None] = super().state_consume_response_body(event)
        return self._ended(event, consumed)

    def _ended(self, event: events.Event, consumed: layer.CommandGenerator[None]) -> layer.CommandGenerator[None]:
        """Return the commands at a piece of a body; at the end of a large one, so that others have turns."""
        if not isinstance(event, layers.RequestEndOfMessage | layers.ResponseEndOfMessage):
            return consumed
        body: Any = self.request_body_buf if isinstance(event, layers.RequestEndOfMessage) else self.response_body_buf
        return _in_turns(consumed, body) if len(body) > _PIECE else consumed

    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:  # noqa: FBT001  # mitmproxy's signature
        body = self.request_body_buf if request else self.response_body_buf
        checked: layer.CommandGenerator[bool] = super().check_body_size(request)
        return checked if len(body) <= KEPT else self._outgrown(checked, request=request)

    def _outgrown(self, checked: layer.CommandGenerator[bool], *, request: bool) -> layer.CommandGenerator[bool]:
        body: Any = self.request_body_buf if request else self.response_body_buf
        if (yield from checked) or not body:  # refused or streamed by an option of mitmproxy
            return True
        yield OutgrownHook(self.flow)
        data = layers.RequestData if request else layers.ResponseData
        sent = 0
        pieces = body.taken()
        yield from self.start_request_stream() if request else self.start_response_stream()
        for piece in pieces:
            yield from self._handle_event(data(self.stream_id, piece))
            sent += len(piece)
            if sent >= _PIECE:
                sent = 0
                yield TurnHook(waits=not request)
        return False


def _in_turns(consumed: layer.CommandGenerator[None], body: Gathered) -> layer.CommandGenerator[None]:
    """Yield the commands at the end of a large body, with turns for others where it is joined and sent.

    A server may answer before it has read a request to its end; so a request does not wait for it.
    """
    yield JoinHook(body)
    answer: Any = None
    while True:
        try:
            command = consumed.send(answer)
        except StopIteration:
            return
        if not isinstance(command, layers.SendHttp) or not _is_large(command.event):
            answer = yield command
            continue
        answer, event = None, command.event
        for at in range(0, len(event.data), _PIECE):
            yield layers.SendHttp(type(event)(event.stream_id, event.data[at : at + _PIECE]), command.connection)
            yield TurnHook(waits=isinstance(event, layers.ResponseData))


def _is_large(event: HttpEvent) -> TypeGuard[layers.RequestData | layers.ResponseData]:
    return isinstance(event, layers.RequestData | layers.ResponseData) and len(event.data) > _PIECE


def _lead_here(request: http.Request, own: tuple[str | int, ...]) -> None:
    """Let a request that names no server, and asks for the recorder's health, be for the recorder's own address.

    A balancer sends any name in the Host header, or no such header; mitmproxy would look for a server of that name.
    """
    if not request.data.host and request.path.startswith(f"{PREFIX}/"):
        request.data.host, request.data.port, request.data.scheme = str(own[0]), int(own[1]), b"http"


class Socks(modes.Socks5Proxy):
    """The first layer of a SOCKS port: who asks for the recorder's health there speaks HTTP at once."""

    def state_greet(self) -> layer.CommandGenerator[None]:
        own = [beginning for beginning in _OWN if beginning.startswith(self.buf[: len(beginning)])]
        if not own:
            yield from super().state_greet()
        elif len(self.buf) >= len(own[0]):
            self.child_layer = layers.HttpLayer(self.context, layers.HTTPMode.regular)
            self._handle_event = self.child_layer.handle_event
            yield from self.child_layer.handle_event(events.Start())
            yield from self.child_layer.handle_event(events.DataReceived(self.context.client, self.buf))

    state = state_greet


class _Chunks:
    """A reader of chunks that keeps the trailers aside: mitmproxy's connections raise an error at them."""

    def __init__(self, reader: ChunkedReader) -> None:
        self._reader, self.trailers = reader, http.Headers()

    def __call__(self, buffer: ReceiveBuffer) -> Any:
        found = self._reader(buffer)
        if not isinstance(found, h11.EndOfMessage) or not found.headers:
            return found
        self.trailers = http.Headers(found.headers.raw_items())
        return h11.EndOfMessage()

    def read_eof(self) -> Any:
        return self._reader.read_eof()


class _Connection(layers.Http1Connection):
    """The common part of client and server connections of HTTP/1: trailers both ways, and limits."""

    ReceiveTrailers: ClassVar[type[layers.RequestTrailers | layers.ResponseTrailers]]
    _trailers: http.Headers | None = None  # to be sent at the end of the message

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(self.body_reader, ChunkedReader):
            self.body_reader = _Chunks(self.body_reader)  # type: ignore[assignment]  # has the methods of a reader
        body = super().read_body(event)
        return self._read_chunks(body, self.body_reader) if isinstance(self.body_reader, _Chunks) else body

    def _read_chunks(self, body: layer.CommandGenerator[None], reader: _Chunks) -> layer.CommandGenerator[None]:
        for command in body:
            is_end = isinstance(command, layers.ReceiveHttp) and isinstance(command.event, self.ReceiveEndOfMessage)
            if is_end and reader.trailers and self.stream_id is not None:
                yield not_recorded("trailers", "trailers after a body are forwarded, but not recorded")
                yield layers.ReceiveHttp(self.ReceiveTrailers(self.stream_id, reader.trailers))
            yield command
        if self.state == self.read_body and len(self.buf) > HEAD:
            yield from self._refuse(f"a line between chunks has more than {HEAD} bytes")

    def _end(self, event: HttpEvent, message: http.Message) -> layer.CommandGenerator[None]:
        """Send the end of a message with its trailers."""
        trailers, self._trailers = self._trailers, None
        if trailers and "chunked" in message.headers.get("transfer-encoding", "").lower():
            yield commands.SendData(self.conn, b"0\r\n" + bytes(trailers) + b"\r\n")
            is_request = isinstance(event, layers.RequestEndOfMessage)
            yield from self.mark_done(request=is_request, response=not is_request)
            return
        yield not_carried("trailers", "trailers are dropped: the message has no chunks in HTTP/1")
        yield from self.send(event)

    def _refuse(self, text: str) -> layer.CommandGenerator[None]:
        """Close the connection and end its exchange with an error."""
        self.buf = ReceiveBuffer()
        yield commands.CloseConnection(self.conn)
        if self.stream_id is not None:
            error = self.ReceiveProtocolError
            yield layers.ReceiveHttp(error(self.stream_id, text, code=error.code))


class Http1Client(_Connection, layers.Http1Client):
    """The connection to a server."""

    ReceiveTrailers = layers.ResponseTrailers

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, layers.RequestTrailers):
            self._trailers = event.trailers
            return _nothing()
        if self._trailers and self.request and isinstance(event, layers.RequestEndOfMessage):
            return self._end(event, self.request)
        return super().send(event)

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """Read the head of an answer, after all informational ones; after 101 the connection is no longer HTTP."""
        while True:
            size, informational = len(self.buf), False
            for command in super().read_headers(event):
                answer = _informational(command) if isinstance(command, layers.ReceiveHttp) else None
                if answer is not None:
                    self.response, informational = None, True
                    yield layers.ReceiveHttp(answer)
                    break
                yield command
            if self.state != self.read_headers or not (informational or 0 < len(self.buf) < size):
                break
        if self.state == self.read_headers and len(self.buf) > HEAD:
            yield from self._refuse(f"the head of the answer has more than {HEAD} bytes")


class Http1Server(_Connection, layers.Http1Server):
    """The connection to a client."""

    ReceiveTrailers = layers.RequestTrailers

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, Informational):
            return self._inform(event.response)
        if isinstance(event, layers.ResponseTrailers):
            self._trailers = event.trailers
            return _nothing()
        if self._trailers and self.response and isinstance(event, layers.ResponseEndOfMessage):
            return self._end(event, self.response)
        return super().send(event)

    def _inform(self, answer: http.Response) -> layer.CommandGenerator[None]:
        if self.request and self.request.http_version != "HTTP/1.0":  # RFC 9110, section 15.2
            yield commands.SendData(self.conn, http1.assemble_response_head(answer))

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """Read the head of a request; empty lines before it are ignored (RFC 9112, section 2.2)."""
        if self.stream_id == 1 and bytes(self.buf).startswith(_PREFACE):
            yield not_carried("h2c", "a client speaks HTTP/2 without TLS, which cannot be read; use HTTP/1.1 or TLS")
            yield from self._close()
            return
        is_read = False
        while not is_read:
            size = len(self.buf)
            for command in super().read_headers(event):
                if isinstance(command, _REFUSALS) and (told := _refused(command)):
                    yield told
                yield command
            is_read = self.state != self.read_headers or not 0 < len(self.buf) < size
        if self.state == self.read_headers and len(self.buf) > HEAD:
            yield commands.SendData(self.conn, make_error_response(431, f"The head has more than {HEAD} bytes."))
            yield from self._close()

    def wait(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super().wait(event)
        if len(self.buf) > AHEAD:
            yield not_carried(
                "pipelining", f"a client sent more than {AHEAD} bytes before its last answer; the connection was closed"
            )
            yield from self._refuse("Client sent too much ahead.")

    def _close(self) -> layer.CommandGenerator[None]:
        self.buf, self.state = ReceiveBuffer(), self.done
        yield commands.CloseConnection(self.conn)


_REFUSALS = (commands.Log, layers.ReceiveHttp)


def _refused(command: commands.Command) -> NotCarriedHook | None:
    """Return the command that tells what mitmproxy says of a request that it does not accept."""
    match command:
        case commands.Log(message=reason) | layers.ReceiveHttp(event=layers.RequestProtocolError(message=reason)):
            return not_carried("a refused request", f"a request was refused, and is not recorded: {reason}")
        case _:
            return None


def _nothing() -> layer.CommandGenerator[None]:
    """Yield no command."""
    yield from ()


def _informational(command: layers.ReceiveHttp) -> Informational | None:
    """Return the informational answer that a command hands on; 101 is a final one."""
    if not isinstance(command.event, layers.ResponseHeaders):
        return None
    answer = command.event.response
    is_informational = 100 <= answer.status_code < 200 and answer.status_code != 101
    return Informational(command.event.stream_id, answer) if is_informational else None
