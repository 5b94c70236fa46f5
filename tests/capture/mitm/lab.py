"""Upstreams by hand, and the proxy of `recorder record` before them, in this process."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h2.config
import h2.connection
import h2.events

from recorder.capture.mitm.addon import Recorder
from recorder.capture.mitm.proxy import Running, proxy
from recorder.capture.mitm.upstream import UpstreamSettings
from recorder.cassette.reader import read
from recorder.model import Note
from tests.certificates import Issued, issued

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
_MOST = 10.0  # seconds for an answer; it takes milliseconds

Answer = Callable[[bytes, int], bytes]


@dataclass(slots=True)
class Server:
    """A server by hand: the heads of the requests it got, and the names that TLS clients asked for."""

    port: int
    heads: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def serving(
    answer: Answer = lambda _head, _connection: OK,
    *,
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[Server]:
    """Serve HTTP/1.1: `answer` gets the head of each request, and the number of its connection."""
    made, connections = Server(0), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        number = connections
        with suppress(OSError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                made.heads.append(head)
                answered = answer(head, number)
                writer.write(answered)
                if head.startswith(b"CONNECT ") and answered.startswith(b"HTTP/1.1 200"):
                    await _tunnel(reader, writer, head.split()[1].decode())
                    break
        writer.close()

    async with _listening(made, serve, context, host):
        yield made


@asynccontextmanager
async def serving_h2(context: ssl.SSLContext) -> AsyncIterator[Server]:
    """Serve HTTP/2 over TLS; `heads` has the method, the authority and the path of each request."""
    context.set_alpn_protocols(["h2"])
    made = Server(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        writer.write(state.data_to_send())
        while data := await reader.read(65536):
            for event in state.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    asked = dict(event.headers or ())
                    made.heads.append(" ".join(asked[f":{n}"] for n in ("method", "authority", "path")).encode())
                    state.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
                    state.send_data(event.stream_id, b"{}", end_stream=True)
            writer.write(state.data_to_send())
        writer.close()

    async with _listening(made, serve, context, "127.0.0.1"):
        yield made


@asynccontextmanager
async def _listening(
    made: Server,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object],
    context: ssl.SSLContext | None,
    host: str,
) -> AsyncIterator[None]:
    if context:
        context.sni_callback = lambda _socket, name, _context: made.names.append(name)
    running = await asyncio.start_server(serve, host, 0, ssl=context)
    made.port = running.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        running.close()


async def _tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str) -> None:
    """Do what a proxy does after it answered a CONNECT."""

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    host, _, port = to.rpartition(":")
    there, back = await asyncio.open_connection(host.strip("[]"), int(port))
    await asyncio.gather(copy(reader, back), copy(there, writer), return_exceptions=True)


@contextmanager
def alerting(context: ssl.SSLContext) -> Iterator[int]:
    """Serve TLS in a thread, and give the port: servers of asyncio send no alert when they refuse a handshake."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):  # it was closed
            while True:
                plain, _ = listening.accept()
                tls = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
                with tls, suppress(OSError):
                    try:
                        tls.do_handshake()
                    finally:  # what is not read yet would make a reset of the end, and the alert would be lost
                        tls.shutdown(socket.SHUT_WR)
                        while tls.recv(65536):
                            pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


@dataclass(slots=True)
class Client:
    """A client on one connection to a recorder."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def asks(self, head: bytes) -> bytes:
        """Send a request without a body, and return its answer."""
        self.writer.write(head)
        async with asyncio.timeout(_MOST):
            answer = await self.reader.readuntil(b"\r\n\r\n")
            length = next(
                (line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0"
            )
            return answer + await self.reader.readexactly(int(length.split(b":")[1]))

    async def connects(self, to: str, context: ssl.SSLContext) -> None:
        """Open a tunnel, and shake hands in it."""
        assert (await self.asks(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n".encode())).startswith(b"HTTP/1.1 200")
        await self.writer.start_tls(context, server_hostname=to.rpartition(":")[0].strip("[]"))


@asynccontextmanager
async def client(running: Running, context: ssl.SSLContext | None = None) -> AsyncIterator[Client]:
    host, _, port = running.url.removeprefix("http://").rpartition(":")
    name = "desk.example" if context else None
    made = Client(*await asyncio.open_connection(host.strip("[]"), int(port), ssl=context, server_hostname=name))
    try:
        yield made
    finally:
        made.writer.close()


def get(target: str = "/api/v2/me", *fields: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: desk", *fields, "", ""]).encode()


def any_certificate() -> ssl.SSLContext:
    """A context of a client that does not look at certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass(frozen=True)
class Lab:
    """A folder with a CA, and recordings without redaction into its cassette, in reverse mode unless told otherwise."""

    folder: Path
    confdir: Path
    ca: Issued

    @property
    def path(self) -> Path:
        return self.folder / "s.cassette"

    @property
    def trusting(self) -> UpstreamSettings:
        return UpstreamSettings(ca=(self.ca.saved(self.folder / "ca.pem"),))

    def context(self, certificate: Issued | None = None) -> ssl.SSLContext:
        """A context of a server; without a certificate with one for localhost from the lab's CA."""
        return (certificate or issued(self.ca, "localhost")).server(self.folder / "server.pem")

    @asynccontextmanager
    async def recording(
        self,
        upstream: str = "",
        *,
        mode: str = "",
        host: str = "127.0.0.1",
        settings: UpstreamSettings | None = None,
        also: Mapping[str, str] = MappingProxyType({}),
    ) -> AsyncIterator[Running]:
        async with proxy(
            Recorder(self.path, upstream=upstream, policy=None),
            mode=mode or f"reverse:{upstream}",
            host=host,
            port=0,
            confdir=self.confdir,
            upstream=settings or self.trusting,
            also=also,
        ) as running:
            yield running

    @asynccontextmanager
    async def desk(self, upstream: str = "", **options: Any) -> AsyncIterator[Client]:
        """A recording, and a client of it."""
        async with self.recording(upstream, **options) as running, client(running) as made:
            yield made

    def told(self) -> list[tuple[str, str]]:
        """The notes that tell of connections."""
        return [(n.kind, n.text) for n in read(self.path).records if isinstance(n, Note) and n.kind != "close"]
