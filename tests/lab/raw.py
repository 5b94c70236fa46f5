"""HTTP/1.1 and WebSocket by hand, byte for byte: a bare server that keeps what it was sent, and a bare client.

with Upstream(lambda request, line: line.sendall(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")) as upstream:
    answer = exchange(upstream.url, b"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n")
upstream.requests[0].lines
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_LIMIT = 20.0  # seconds to wait for bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """An HTTP message: the lines of its head as they came, and its body with the chunks joined."""

    lines: tuple[bytes, ...]
    body: bytes

    def values(self, name: str) -> list[bytes]:
        """The values of a header."""
        wanted = name.lower().encode()
        pairs = (line.partition(b":") for line in self.lines[1:])
        return [value.strip() for found, _, value in pairs if found.lower() == wanted]

    @property
    def status(self) -> int:
        """Of an answer; 0 for a request."""
        return int(self.lines[0].split()[1]) if self.lines[0].startswith(b"HTTP/") else 0

    @property
    def target(self) -> str:
        return self.lines[0].split()[1].decode()


class Line:
    """A TCP connection that is read by bytes, lines and messages."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._read = b""
        connection.settimeout(_LIMIT)

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def take(self, count: int) -> bytes:
        """The next `count` bytes, fewer where the peer has ended."""
        while len(self._read) < count and self._more():
            pass
        found, self._read = self._read[:count], self._read[count:]
        return found

    def take_line(self) -> bytes:
        """What comes before the next CRLF, all there is where the peer has ended."""
        while b"\r\n" not in self._read and self._more():
            pass
        found, _, self._read = self._read.partition(b"\r\n")
        return found

    def message(self) -> Raw | None:
        """The next HTTP message, None at the end."""
        lines = []
        while line := self.take_line():
            lines.append(line)
        if not lines:
            return None
        head = Raw(tuple(lines), b"")
        return Raw(head.lines, b"".join(self._body(head)))

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """The WebSocket frames that come, as first byte (FIN and opcode) and payload without its mask; to the end."""
        while len(start := self.take(2)) == 2:
            short = start[1] & 0x7F
            length = short if short < 126 else int.from_bytes(self.take(2 if short == 126 else 8))
            mask = self.take(4) if start[1] & 0x80 else bytes(4)
            payload = self.take(length)
            yield start[0], bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))

    def close(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _body(self, head: Raw) -> Iterator[bytes]:
        lengths = head.values("Content-Length")
        if 100 <= head.status < 200 or head.status in {204, 304}:
            return
        if b"chunked" in b"".join(head.values("Transfer-Encoding")):
            while size := int(self.take_line().partition(b";")[0] or b"0", 16):
                yield self.take(size)
                self.take_line()
            while self.take_line():  # trailers
                pass
        elif lengths:
            yield self.take(int(lengths[0]))
        elif head.status:
            while piece := self.take(1 << 16):
                yield piece

    def _more(self) -> bool:
        piece = self.socket.recv(1 << 16)
        self._read += piece
        return bool(piece)


@dataclass
class Upstream:
    """A server that answers as it is told; use it as a context manager.

    Attributes:
        answer: Called in a thread for every request; writes what it likes. The connection stays open after it.
        requests: What has arrived.
    """

    answer: Callable[[Raw, Line], None]
    requests: list[Raw] = field(default_factory=list)
    _open: list[Line] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._open:
            line.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                line = Line(self._listener.accept()[0])
                self._open.append(line)
                Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: Line) -> None:
        with suppress(OSError):  # the peer has gone, or the test is over
            while request := line.message():
                self.requests.append(request)
                self.answer(request, line)


@contextmanager
def connected(url: str) -> Iterator[Line]:
    """A connection to a server, until the block ends."""
    parts = urlsplit(url)
    line = Line(socket.create_connection((parts.hostname or "", parts.port or 80), timeout=_LIMIT))
    try:
        yield line
    finally:
        line.close()


def exchange(url: str, request: bytes) -> Raw:
    """What comes back for a request, after the informational answers, if any."""
    with connected(url) as line:
        line.send(request)
        while (answer := line.message()) and answer.status == 100:
            pass
        assert answer is not None, "the server hung up without an answer"
        return answer


def frame(first: int, payload: bytes, *, masked: bool) -> bytes:
    """A WebSocket frame; `first` is its first byte (FIN and opcode). Clients mask, servers do not (RFC 6455, 5.1)."""
    mask, bit = (os.urandom(4), 0x80) if masked else (bytes(4), 0)
    length = len(payload)
    size = bytes([bit | length]) if length < 126 else bytes([bit | 126]) + length.to_bytes(2)
    content = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return bytes([first]) + size + (mask if masked else b"") + content
