"""Very many clients in one process, each with a connection of its own, for what thousands do at once.

No event loop: all ask, then the answers are read as they come, each with the moment it came at. So a client costs a
few microseconds, and what is measured is the server.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

_WAVE = 256  # clients that ask before answers are read
_PATIENCE = 120.0  # seconds without any answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told: when the last byte came (monotonic seconds), the head, the body."""

    at: float
    head: bytes
    body: bytes


class Clients:
    """Connections to one server, numbered from 0."""

    def __init__(self, host: str, port: int, count: int) -> None:
        self._host = f"{host}:{port}"
        self._epoll = select.epoll()
        self._sockets: list[socket.socket] = []
        self._numbers: dict[int, int] = {}  # of a descriptor
        self._partial: dict[int, bytes] = {}
        for number in range(count):
            opened = socket.create_connection((host, port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(opened)
            self._numbers[opened.fileno()] = number
            self._epoll.register(opened, select.EPOLLIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._epoll.close()
        for opened in self._sockets:
            opened.close()

    def __len__(self) -> int:
        return len(self._sockets)

    def ask(self, number: int, path: str, body: bytes, shown: str = "") -> None:
        """One client sends a request; `shown` is a header more."""
        shown = f"{shown}\r\n" if shown else ""
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nAccept: */*\r\nUser-Agent: desktop\r\n{shown}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._sockets[number].sendall(head.encode() + body)

    @property
    def waves(self) -> Iterator[range]:
        """All clients, some at a time."""
        return (range(begin, min(begin + _WAVE, len(self))) for begin in range(0, len(self), _WAVE))

    def exchange(self, path: str, bodies: Mapping[int, bytes], shown: Mapping[int, str]) -> dict[int, Answer]:
        """Some send a request each, and are answered."""
        for number, body in bodies.items():
            self.ask(number, path, body, shown.get(number, ""))
        return self.answers(len(bodies))

    def answers(self, count: int) -> dict[int, Answer]:
        """The next answers, of whichever clients.

        Raises:
            TimeoutError: If they do not come.

        """
        found: dict[int, Answer] = {}
        while len(found) < count:
            ready = self._epoll.poll(_PATIENCE)
            if not ready:
                raise TimeoutError(f"{count - len(found)} of {count} answers did not come")
            for descriptor, _ in ready:
                number = self._numbers[descriptor]
                answer = self._read(number)
                if answer is not None:
                    found[number] = answer
        return found

    def _read(self, number: int) -> Answer | None:
        """What lies in a socket, if it is all of an answer."""
        received = self._sockets[number].recv(1 << 16)
        at = time.monotonic()
        if not received:
            raise ConnectionError(f"client {number} was cut off")
        data = self._partial.pop(number, b"") + received
        head, _, body = data.partition(b"\r\n\r\n")
        _, named, length = head.lower().partition(b"content-length: ")
        if not named or len(body) < int(length.partition(b"\r\n")[0]):
            self._partial[number] = data
            return None
        return Answer(at, head, body)
