"""WebSockets as mitmproxy does not carry them by itself: cut ones, and messages without an end."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import websocket
from mitmproxy.websocket import WebSocketData
from wsproto.events import CloseConnection, Event, Message
from wsproto.frame_protocol import CloseReason

from ...streams import KEPT

TOO_BIG = f"a message has more than {KEPT >> 20} MiB"
_CLOSED_HERE = (TOO_BIG, "error in extension")  # the second one is wsproto's, at a message that inflates to too much


def is_closed_here(socket: WebSocketData) -> bool:
    """Return whether a WebSocket was closed by this package, at a message too large to be handed on."""
    return socket.close_code == CloseReason.MESSAGE_TOO_BIG and socket.close_reason in _CLOSED_HERE


class Socket(websocket.WebsocketLayer):
    """A WebSocket layer that cuts one connection when the other one is cut.

    By itself mitmproxy would send a close frame to the remaining peer, as if the other had closed the socket properly.
    """

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        relayed, answer = super().relay_messages(event), None
        with contextlib.suppress(StopIteration):
            while True:
                command = relayed.send(answer)
                made_up = isinstance(event, events.ConnectionClosed) and isinstance(command, commands.SendData)
                answer = None if made_up else (yield command)


class Bounded(websocket.WebsocketConnection):
    """One side of a WebSocket; closes it with code 1009 if a message has more than `limit` bytes.

    mitmproxy hands a message on when it is whole: without a limit, one without an end would fill the memory.
    """

    limit = KEPT
    _size = 0  # bytes of the current message so far

    def events(self) -> Generator[Event, None, None]:
        """Yield what has come; the end of the socket in place of a message that is too large."""
        for event in super().events():
            if isinstance(event, Message):
                self._size += len(event.data)
                if self._size > self.limit:
                    yield CloseConnection(code=CloseReason.MESSAGE_TOO_BIG, reason=TOO_BIG)
                    return
                self._size = 0 if event.message_finished else self._size
            yield event
