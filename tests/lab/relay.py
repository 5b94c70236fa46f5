"""A line between a client and a server on which an answer can get lost: the server's side of it has gone well."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Hands on bytes in both directions; use it as a context manager.

    Attributes:
        lost: Set when an answer was lost.
        asked: What clients sent, in the pieces that came.
    """

    def __init__(self, upstream: str, *, loses: bytes = b"", keeps_host: bool = True) -> None:
        """Take the settings.

        Args:
            upstream: URL of the server.
            loses: The first piece of an answer with this in it is lost, and its connection ends; empty for none.
            keeps_host: Whether requests go on with the host that the client named, and not with the server's.
        """
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._loses = loses
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._keeps_host = keeps_host
        self._is_away = False
        self.lost = Event()
        self.asked: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """End all connections, as a server that restarts does; new ones are taken."""
        opened, self._open = self._open, []
        _end(opened)

    @contextmanager
    def away(self) -> Iterator[None]:
        """End all connections, and new ones at once, as where nothing listens, until the block ends."""
        self._is_away = True
        self.cut()
        try:
            yield
        finally:
            self._is_away = False

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _end([self._listener, *self._open])

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                if self._is_away:
                    client.close()
                    continue
                server = socket.create_connection(self._upstream)
                self._open += [client, server]
                Thread(target=self._pump, args=(client, server, False), daemon=True).start()
                Thread(target=self._pump, args=(server, client, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # a thread's
        with suppress(OSError):
            while data := source.recv(65536):
                if answers and self._loses and self._loses in data and not self.lost.is_set():
                    self.lost.set()
                    break
                if not answers:
                    self.asked.append(data)
                    data = self._onwards(data)
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _onwards(self, data: bytes) -> bytes:
        named, own = (f"Host: {host}:{port}\r\n" for host, port in (("localhost", self.port), self._upstream))
        return data if self._keeps_host else data.replace(named.encode(), own.encode())


def _end(opened: Iterable[socket.socket]) -> None:
    for one in opened:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
