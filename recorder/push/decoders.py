"""Combine the decoders of all protocols to one."""

from __future__ import annotations

from ..model import Record, Request
from .bayeux import BayeuxDecoder
from .port import Observation


class Decoders:
    """Decodes push of any protocol."""

    def __init__(self, *, replies: bool = False) -> None:
        """Begin without sessions; `replies` observes each reply of Bayeux too."""
        self._bayeux = BayeuxDecoder(replies=replies)

    def feed(self, record: Record) -> list[Observation]:
        """Take the next record; return what it shows."""
        return self._bayeux.feed(record)

    def carries(self, request: Request) -> bool:
        """Return whether a request is only a carrier of push messages, such as a poll: no exchange of its own."""
        return self._bayeux.carries(request)

    def client_of(self, request: Request) -> str:
        """Return the client that a carrier without a response belongs to, "" if it names none, as in a handshake."""
        return self._bayeux.client_of(request)

    def client_on(self, socket: int) -> str:
        """Return the client on a WebSocket, given by its exchange; "" if the client is not known yet."""
        return self._bayeux.client_on(socket)
