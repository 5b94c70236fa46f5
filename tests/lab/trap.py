"""A server that counts: every connection that is opened to it, and every request that comes over one.

It shows that something was not sent. It answers what it is told to, nothing that any API would.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Caught:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Told:
    """What the trap answers to all requests."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class Trap:
    """Use it as a context manager.

    Attributes:
        connections: How many were opened.
        requests: What came over them, in order.
        told: What is answered, and may be set anew.
    """

    def __init__(self, told: Told | None = None) -> None:
        """Take what is answered: an empty 200 by default."""
        self.told = told or Told()
        self.connections = 0
        self.requests: list[Caught] = []
        self._server = _Server(self)

    @property
    def url(self) -> str:
        return f"http://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, trap: Trap) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.trap = trap

    def process_request(self, request: Any, client_address: Any) -> None:
        self.trap.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients may hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5  # of a connection that is idle
    server: _Server

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        trap = self.server.trap
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trap.requests.append(Caught(self.command, self.path, dict(self.headers.items()), body))
        content = b"" if trap.told.body is None else json.dumps(trap.told.body).encode()
        self.send_response(trap.told.status)
        for name, value in {"Content-Type": "application/json", **trap.told.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""
