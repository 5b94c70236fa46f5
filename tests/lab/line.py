"""A line to a server that counts what comes over it, and that can break."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_REQUEST = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.1\r\n")


class Line:
    """Hands on bytes in both directions; use it as a context manager.

    Attributes:
        url: Where clients find the server.
        received: Bytes of all answers.
        requests: Method and target of each request, in order; of requests in one piece with others, the first.
        loses: The answer to the next request whose method and target this finds gets lost, its connection ends.
        cuts: A connection ends after so many bytes of an answer, as often as there are numbers.
    """

    def __init__(self, upstream: str) -> None:
        """Take the URL of the server."""
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.received = 0
        self.requests: list[str] = []
        self.loses = ""
        self.cuts: list[int] = []

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in [self._listener, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
                self._open += [client, server]
                talk = _Talk()
                Thread(target=self._ask, args=(client, server, talk), daemon=True).start()
                Thread(target=self._answer, args=(server, client, talk), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, talk: _Talk) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if found := _REQUEST.match(data):
                    asked = f"{found[1].decode()} {found[2].decode()}"
                    self.requests.append(asked)
                    talk.came = 0
                    if self.loses and re.search(self.loses, asked):
                        talk.is_lost, self.loses = True, ""
                server.sendall(data)
        _end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, talk: _Talk) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if talk.is_lost and not data.startswith(b"HTTP/1.1 100"):
                    break
                self.received += len(data)
                talk.came += len(data)
                if self.cuts and talk.came >= self.cuts[0]:
                    del self.cuts[0]
                    break
                client.sendall(data)
        _end(client, server)


class _Talk:
    """What goes over one connection."""

    is_lost = False
    came = 0  # bytes of the answer


def _end(*opened: socket.socket) -> None:
    for one in opened:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
