"""HTTP/2 connections in place of mitmproxy's own, which drop informational answers and all streams at a GOAWAY."""

from __future__ import annotations

from typing import Any

import h2.events
from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as layers

from .hooks import Informational, not_carried


class Http2Client(layers.Http2Client):
    """The connection to a server.

    A GOAWAY without an error says that the server ends the connection after the streams it has begun to serve; some
    servers send it at each thousandth request. `h2` takes no frame after a GOAWAY, so it does not get this one.
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._last: int | None = None  # the last stream to be served
        frames: dict[type, Any] = self.h2_conn._frame_dispatch_table  # noqa: SLF001  # h2 has no setting for it
        self._ends, frames[GoAwayFrame] = frames[GoAwayFrame], self._goes_away

    def _goes_away(self, frame: GoAwayFrame) -> Any:
        if frame.error_code != ErrorCodes.NO_ERROR:
            return self._ends(frame)
        self._last = frame.last_stream_id
        return [], []

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super()._handle_event(event)
        if self._last is None:
            return
        self.conn.state &= ~ConnectionState.CAN_WRITE  # so that it gets no further request
        refused = [self.their_stream_id[ours] for ours in list(self.streams) if ours > self._last]
        self.streams = {ours: state for ours, state in self.streams.items() if ours <= self._last}
        for stream_id in [*refused, *self.stream_queue]:
            error = layers.ResponseProtocolError
            yield layers.ReceiveHttp(error(stream_id, "the server ends the HTTP/2 connection", code=error.code))
        self.stream_queue.clear()
        if not self.streams:
            yield commands.CloseConnection(self.conn)

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        if isinstance(event, h2.events.InformationalResponseReceived):
            status = int(dict(event.headers)[b":status"])
            fields = [(name, value) for name, value in event.headers if not name.startswith(b":")]
            answer = http.Response.make(status)
            answer.headers = http.Headers(fields)
            yield layers.ReceiveHttp(Informational(event.stream_id, answer))
            return False
        if isinstance(event, h2.events.StreamReset) and self.streams.pop(event.stream_id, None) is not None:
            # mitmproxy tells a stream that the server resets of the client, and answers 499 where it was cancelled
            error, reason = layers.ResponseProtocolError, getattr(event.error_code, "name", event.error_code)
            text = f"stream reset by server ({reason})"
            yield layers.ReceiveHttp(error(event.stream_id, text, code=error.code))
            return False
        return (yield from super().handle_h2_event(event))


class Http2Server(layers.Http2Server):
    """The connection to a client."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if not isinstance(event, Informational):
            yield from super()._handle_event(event)
        elif self.is_open_for_us(event.stream_id):
            fields = [(name.lower(), value) for name, value in event.response.headers.fields]
            self.h2_conn.send_headers(event.stream_id, [(b":status", b"%d" % event.response.status_code), *fields])
            yield commands.SendData(self.conn, self.h2_conn.data_to_send())

    def protocol_error(self, message: str, error_code: int = ErrorCodes.PROTOCOL_ERROR) -> layer.CommandGenerator[None]:
        """End the connection; mitmproxy ends it also at a CONNECT for a WebSocket (RFC 8441)."""
        yield not_carried("HTTP/2", f"the HTTP/2 connection of a client was ended: {message}")
        yield from super().protocol_error(message, error_code)
