"""A server that misbehaves in the way that the path of a request names, and a client that tells what it got.

A kind is a list of steps: bytes are sent, a number of seconds is waited, an iterator sends until the peer has gone,
RESET cuts the connection so that the peer gets an error, STAY keeps it for the next request. At the end it is closed.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import repeat
from threading import Thread
from typing import Self, TypeAlias
from urllib.parse import quote, unquote, urlsplit

import h11

from tests.lab.raw import Line, Raw

RESET, STAY = object(), object()
Step: TypeAlias = bytes | float | Iterator[bytes] | object
Steps: TypeAlias = Sequence[Step]


def reset(connection: socket.socket) -> None:
    """Close a connection with RST in place of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def play(steps: Steps, line: Line) -> bool:
    """Do the steps; return whether the connection stays open."""
    for step in steps:
        if isinstance(step, bytes):
            line.send(step)
        elif isinstance(step, float):
            time.sleep(step)
        elif step is RESET:
            reset(line.socket)
            return False
        elif step is STAY:
            return True
        else:
            for piece in step() if callable(step) else step:
                line.send(piece)
    line.close()
    return False


@dataclass
class Bad:
    """The server; a context manager.

    Attributes:
        kinds: What it does, by the path of a request.
        greeting: What it does with the next connection before any request; empty for nothing.
        wrap: Makes a TLS connection of a plain one.
    """

    kinds: dict[str, Steps]
    greeting: Steps = ()
    wrap: Callable[[socket.socket], socket.socket] | None = None
    _threads: list[Thread] = field(default_factory=list)
    _connections: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for connection in self._connections:
            with suppress(OSError):  # it is closed
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                connection, _ = self._listener.accept()
                thread = Thread(target=self._serve, args=(connection,), daemon=True)
                self._connections.append(connection)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        greeting, self.greeting = self.greeting, ()
        with connection, suppress(OSError, ValueError):  # the peer has gone
            if greeting and not play(greeting, Line(connection)):
                return
            line = Line(self.wrap(connection) if self.wrap else connection)
            self._connections.append(line.socket)
            while (asked := line.message()) and play(self.steps(asked), line):
                pass
            line.close()

    def steps(self, asked: Raw) -> Steps:
        """Return what is to be done for a request; nothing for what is none, such as an alert of TLS."""
        return self.kinds.get(unquote(asked.target).partition("?")[0].removeprefix("/"), ())


@dataclass(frozen=True)
class Got:
    """What a client got for its request.

    Attributes:
        status: Of the final answer; 0 if there was none.
        body: Of the answer, as far as it came.
        end: whole, cut (reset, or ended before the answer), unreadable (no HTTP, or not all of it), or open.
        before: Statuses of the informational answers.
        trailers: After the body.
        seconds: Until the end.
    """

    status: int
    body: bytes
    end: str
    before: tuple[int, ...]
    trailers: tuple[tuple[bytes, bytes], ...]
    seconds: float

    @property
    def same(self) -> tuple[object, ...]:
        """All that must not differ behind a recorder."""
        return self.status, self.body, self.end, self.before, self.trailers

    @property
    def is_clear(self) -> bool:
        """Whether it is a 502 that says why."""
        return (self.status, self.end) == (502, "whole") and len(self.body) > 20


@contextmanager
def dialled(url: str) -> Iterator[socket.socket]:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=20) as connection:
        yield connection


def ask(url: str, kind: str, method: str = "GET", patience: float = 20.0) -> Got:
    """Ask a server once; give up after `patience` seconds without a byte."""
    began, client = time.monotonic(), h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 16)
    trailers: tuple[tuple[bytes, bytes], ...] = ()
    status, body, before, end = 0, [], [], "cut"
    asked = h11.Request(method=method, target=f"/{quote(kind)}", headers=[("Host", "desk")])
    try:
        with dialled(url) as connection:
            connection.settimeout(patience)
            connection.sendall(client.send(asked) + client.send(h11.EndOfMessage()))
            while end != "whole":
                match event := client.next_event():
                    case h11.NEED_DATA:
                        client.receive_data(connection.recv(1 << 16))
                    case h11.InformationalResponse():
                        before.append(event.status_code)
                        if event.status_code == 101:
                            status, end = 101, "whole"
                    case h11.Response():
                        status = event.status_code
                    case h11.Data():
                        body.append(bytes(event.data))
                    case h11.EndOfMessage():
                        trailers, end = tuple(event.headers), "whole"
                    case _:
                        break
    except TimeoutError:
        end = "open"
    except h11.RemoteProtocolError:
        end = "unreadable"
    except OSError:
        end = "cut"
    return Got(status, b"".join(body), end, tuple(before), trailers, time.monotonic() - began)


def endless(piece: bytes, *, pause: float = 0.0) -> Callable[[], Iterator[bytes]]:
    """The same bytes again and again, until the peer has gone."""

    def pieces() -> Iterator[bytes]:
        for one in repeat(piece):
            yield one
            time.sleep(pause)

    return pieces


def times(count: int, piece: bytes) -> Callable[[], Iterator[bytes]]:
    """The same bytes `count` times."""
    return lambda: repeat(piece, count)
