"""Carry requests and answers of the viewer over HTTP/1.1, a thread for each connection, on this machine alone."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import Any, Protocol

from ..errors import UsageError
from ..loopback import LOOPBACK
from .answers import Answer, Request, Stream, nothing

MOST_BODY = 1 << 20  # bytes of a request
_PATIENCE = 30.0  # seconds for which a client may send or take nothing
_CONNECTIONS = 256  # at once


class Answering(Protocol):
    """An app that answers requests."""

    def answer(self, request: Request) -> Answer | Stream:
        """Return the answer to a request."""


class Server:
    """A server on a port of this machine; it listens from the beginning, and answers in `run`.

    Attributes:
        port: The port.
    """

    def __init__(self, port: int = 0) -> None:
        """Listen.

        Args:
            port: The port; 0 takes a free one.

        Raises:
            UsageError: If the port cannot be had.
        """
        try:
            self._http = _Http((LOOPBACK, port), _Handler)
        except (OSError, OverflowError) as exc:
            reason = getattr(exc, "strerror", None) or exc
            raise UsageError(f"cannot listen on {LOOPBACK}:{port}: {reason}; choose another port") from exc
        self.port: int = self._http.server_address[1]

    def run(self, app: Answering) -> None:
        """Answer requests until `stop` is called, or an exception comes (Ctrl-C)."""
        self._http.app = app
        self._http.serve_forever(0.2)

    def stop(self) -> None:
        """End `run`, which runs in another thread."""
        self._http.shutdown()

    def close(self) -> None:
        """Listen no more; connections that are open end with the process."""
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True  # a page that is open keeps its connection
    block_on_close = False
    request_queue_size = 128
    app: Answering

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._room = BoundedSemaphore(_CONNECTIONS)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind; the stdlib asks a resolver for the name of the machine, which nobody needs and may take long."""
        if os.name == "posix":  # on Windows this option lets another program take the port over
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of connections: a client that hung up or sent broken HTTP is no fault of the viewer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    server: _Http

    def handle_one_request(self) -> None:
        """Read a request, whatever its method, and answer it."""
        try:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline:
                self.close_connection = True
                return
            if len(self.raw_requestline) > 65536:
                self.requestline = self.request_version = self.command = ""
                self.send_error(414)
                return
            if self.parse_request():
                self._answer()
        except (OSError, ValueError):  # the client is slow or gone
            self.close_connection = True

    def _answer(self) -> None:
        if self.request_version == "HTTP/0.9":  # has no headers, so no Host
            self.close_connection = True
            return
        body = self._body()
        if body is None:
            return
        headers = tuple((name, str(value)) for name, value in self.headers.items())
        answer = self.server.app.answer(Request(self.command, self.path, headers, body))
        if isinstance(answer, Answer):
            self._send(answer)
        else:
            self._pour(answer)

    def _body(self) -> bytes | None:
        """Return the body of the request; None if it was refused."""
        lengths = self.headers.get_all("content-length", [])
        if self.headers.get_all("transfer-encoding") or len(set(lengths)) > 1:
            self._refuse(400)
            return None
        length = lengths[0].strip() if lengths else "0"
        if not (length.isascii() and length.isdigit()):
            self._refuse(400)
            return None
        if len(length) > 9 or int(length) > MOST_BODY:
            self._refuse(413)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):  # the client hung up
            self.close_connection = True
            return None
        return body

    def _refuse(self, status: int) -> None:
        """Answer without a body, and read no more: where the next request begins is not known."""
        self.close_connection = True
        self._send(nothing(status))

    def _send(self, answer: Answer) -> None:
        head = self._head(answer.status, answer.headers, ("Content-Length", str(len(answer.body))))
        body = b"" if self.command == "HEAD" else answer.body
        self.wfile.write(head + body)

    def _pour(self, answer: Stream) -> None:
        """Send each part as a chunk as soon as it is known; a missing last chunk shows that the work failed."""
        chunked = self.request_version != "HTTP/1.0"
        self.close_connection |= not chunked
        more = [("Transfer-Encoding", "chunked")] if chunked else []
        self.wfile.write(self._head(answer.status, answer.headers, *more))
        if self.command == "HEAD":
            _close(answer.parts)
            return
        whole = False
        try:
            for part in answer.parts:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            whole = True
        finally:
            self.close_connection |= not whole
            _close(answer.parts)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: Any, *more: tuple[str, str]) -> bytes:
        own = [("Connection", "close")] if self.close_connection else []
        lines = [f"HTTP/1.1 {status} {self.responses.get(status, ('',))[0]}"]
        lines += [f"{name}: {value}" for name, value in (*headers, *more, *own)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002  # the stdlib's
        """Answer broken HTTP without a body: the page of the stdlib repeats what the client sent."""
        self.close_connection = True
        self.command = self.command or ""
        self._send(nothing(code))

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def _close(parts: Iterator[bytes]) -> None:
    closing = getattr(parts, "close", None)
    if closing is not None:
        closing()
