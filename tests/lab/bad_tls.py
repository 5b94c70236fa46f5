"""Bad servers behind TLS: certificates that are not to be trusted, and HTTP/2 that breaks off."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lab.bad import Got

_DAY = dt.timedelta(days=1)


def certificate(folder: Path, name: str, *, days: int = 1) -> Path:
    """A self-signed certificate with its key, valid for so many days; it has expired for a negative number."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = dt.datetime.now(dt.UTC) + days * _DAY
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 30 * _DAY)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}{days}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def wrapping(path: Path, *protocols: str) -> Callable[[socket.socket], socket.socket]:
    """A function that makes the server's TLS connection of a plain one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.set_alpn_protocols(list(protocols))
    return lambda connection: context.wrap_socket(connection, server_side=True)


Act: TypeAlias = Callable[[h2.connection.H2Connection, socket.socket, int], None]  # a stream begins


@contextmanager
def http2(wrap: Callable[[socket.socket], socket.socket], acts: dict[str, Act]) -> Iterator[int]:
    """A server of HTTP/2 that does what the path of a request names; the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(plain: socket.socket) -> None:
        with suppress(OSError, ValueError), plain, wrap(plain) as secure:
            server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
            server.initiate_connection()
            secure.sendall(server.data_to_send())
            while data := secure.recv(1 << 16):
                for event in server.receive_data(data):
                    if isinstance(event, h2.events.RequestReceived):
                        path = unquote(dict(event.headers)[":path"])
                        acts[path.removeprefix("/")](server, secure, event.stream_id)
                secure.sendall(server.data_to_send())

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def ask_http2(url: str, path: str, *, times: int = 1) -> Got:
    """Ask a server over HTTP/2, whatever its certificate; the last answer of so many on one connection."""
    context = ssl._create_unverified_context()
    context.set_alpn_protocols(["h2"])
    parts = urlsplit(url)
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    status, body, before, trailers, end = 0, b"", [], (), "cut"
    plain = socket.create_connection(("127.0.0.1", parts.port or 0), timeout=20)
    with plain, suppress(OSError, h2.exceptions.ProtocolError), context.wrap_socket(plain) as secure:
        client.initiate_connection()
        asked = [(":method", "GET"), (":scheme", "https"), (":authority", "desk"), (":path", path)]
        client.send_headers(1, asked, end_stream=True)
        secure.sendall(client.data_to_send())
        while end in ("cut", "next") and (data := secure.recv(1 << 16)):
            for event in client.receive_data(data):
                match event:
                    case h2.events.InformationalResponseReceived():
                        before.append(int(dict(event.headers)[":status"]))
                    case h2.events.ResponseReceived():
                        status = int(dict(event.headers)[":status"])
                    case h2.events.DataReceived():
                        body += event.data
                    case h2.events.TrailersReceived():
                        trailers = tuple(event.headers)
                    case h2.events.StreamEnded(stream_id=stream) if stream < 2 * times - 1:
                        status, body, end = 0, b"", "next"
                        client.send_headers(stream + 2, asked, end_stream=True)
                    case h2.events.StreamEnded():
                        end = "whole"
                    case h2.events.StreamReset():
                        end = "reset"
            secure.sendall(client.data_to_send())
    return Got(status, body, end, tuple(before), trailers, 0.0)
