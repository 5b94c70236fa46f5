"""One HTTP/1.1 connection on gevent, with llhttp: a request is written once, and its answer is read within limits.

geventhttpclient, which Locust uses, writes a GET, a PUT or a DELETE again when the connection breaks, and has no limit
of a head or a body. It parses by llhttp, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import starmap
from ssl import SSLWantReadError

import httptools
from gevent.socket import socket

from ...model import Headers

_PIECE = 64 << 10  # bytes of one read
_LINE = 64 << 10  # bytes of a header
_HEAD = 256 << 10  # bytes of all headers of an answer
_INTERIM = range(100, 200)  # RFC 9110, section 15.2
_UPGRADED = 101
_CLOSED = "the server closed the connection before its answer was whole"


class Broken(ConnectionError):
    """An answer that is not whole, or no valid HTTP."""


class Connection:
    """A connection to the server that carries one exchange after the other.

    Attributes:
        since: When it became idle, in seconds of the caller's clock.
    """

    __slots__ = ("_parsed", "_socket", "is_kept", "since")

    def __init__(self, connected: socket) -> None:
        """Take a connected socket."""
        self._socket = connected
        self._parsed: _Parsed | None = None
        self.is_kept = True
        self.since = 0.0

    def is_quiet(self) -> bool:
        """Return whether nothing came while it was idle, not even the end."""
        self._socket.settimeout(0.0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, SSLWantReadError):
            return True
        except OSError:
            return False
        finally:
            self._socket.settimeout(None)
        return False

    def write(self, data: bytes) -> None:
        """Write a request, whose answer must be read before the next one, or what follows on a WebSocket."""
        self._socket.sendall(data)

    def read(self, most: int) -> bytes:
        """Return bytes of a WebSocket; empty at the end."""
        data: bytes = self._socket.recv(most)
        return data

    @property
    def rest(self) -> bytes:
        """The bytes that came after the head by which the connection became a WebSocket."""
        return self._parsed.rest if self._parsed is not None else b""

    def head(self, method: str) -> tuple[int, Headers]:
        """Read the head of the answer; return its status and headers.

        Raises:
            Broken: If it is no valid one.
            OSError: If the connection breaks.

        """
        parsed = self._parsed = _Parsed(is_head=method == "HEAD")
        size = 0
        while not parsed.has_head:
            data = self._socket.recv(_PIECE)
            size += len(data)
            if not data:
                raise Broken("the server closed the connection without an answer" if not size else _CLOSED)
            if size - len(data) > _HEAD:
                raise Broken(f"the server sent no valid HTTP answer: its head has more than {_HEAD >> 10} KiB")
            parsed.feed(data)
        return parsed.status, parsed.headers

    def pieces(self) -> Iterator[bytes]:
        """Yield the pieces of the body as they come; afterwards `is_kept` says whether the connection can go on.

        Raises:
            Broken: If the body is not whole, or no valid one.
            OSError: If the connection breaks.

        """
        parsed = self._parsed
        while parsed is not None:
            if parsed.body:
                pieces, parsed.body = parsed.body, []
                yield from pieces
            if parsed.is_whole:
                break
            data = self._socket.recv(_PIECE)
            if not data:
                parsed.end()
            else:
                parsed.feed(data)
        self.is_kept = parsed is not None and parsed.is_kept

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Parsed:
    """The parts of an answer that llhttp has found so far."""

    __slots__ = ("_is_head", "_llhttp", "_raw", "body", "has_head", "headers", "is_kept", "is_whole", "rest", "status")

    def __init__(self, *, is_head: bool) -> None:
        self._llhttp, self._is_head = httptools.HttpResponseParser(self), is_head
        self._raw: list[tuple[bytes, bytes]] = []
        self.headers: Headers = ()
        self.body: list[bytes] = []
        self.rest = b""
        self.status = 0
        self.has_head = self.is_whole = self.is_kept = False

    def feed(self, data: bytes) -> None:
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            self.is_kept, self.rest = False, data[exc.args[0] :]
        except httptools.HttpParserCallbackError as exc:
            if isinstance(exc.__context__, Broken):
                raise exc.__context__ from None
            raise
        except httptools.HttpParserError as exc:
            if not self.is_whole:
                raise Broken(f"the server sent no valid HTTP answer: {exc}") from exc
            self.is_kept = False

    def end(self) -> None:
        """Take the end of the connection: it ends a body that has no length (RFC 9112, section 6.3)."""
        names = {name.lower() for name, _ in self.headers}
        if "content-length" in names or "transfer-encoding" in names:
            raise Broken(_CLOSED)
        self.is_whole, self.is_kept = True, False

    # -- called by llhttp

    def on_message_begin(self) -> None:
        if self.is_whole:
            self.is_kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) + len(value) > _LINE:
            raise Broken(f"the server sent no valid HTTP answer: a header has more than {_LINE >> 10} KiB")
        if not self.has_head:  # else a trailer, which nobody reads
            self._raw.append((name, value))

    def on_headers_complete(self) -> None:
        if self.is_whole:
            return
        status = self._llhttp.get_status_code()
        if status in _INTERIM and status != _UPGRADED:
            self._raw.clear()
            return
        self.status = status
        self.headers = tuple(starmap(_text, self._raw))
        self.has_head = True
        if self._is_head or status == _UPGRADED:
            self.is_whole, self.is_kept = True, self._is_head and self._llhttp.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.is_whole:
            self.body.append(body)

    def on_message_complete(self) -> None:
        if self.has_head and not self.is_whole:
            self.is_whole, self.is_kept = True, self._llhttp.should_keep_alive()


def _text(name: bytes, value: bytes) -> tuple[str, str]:
    return name.decode("latin-1"), value.decode("latin-1")
