"""Define the server that is driven for all clients of a process, and open connections to it on gevent."""

from __future__ import annotations

import ssl
from functools import lru_cache

from gevent import socket
from gevent.ssl import SSLContext

from ...capture.address import authority
from ...drive.front.requests import headers_to, problem_of
from ...drive.front.target import Target, unreachable
from ...frozen import dataclass
from ...model import Headers

_REACH = 10.0  # seconds for a connection


_KEPT = 4_096  # heads of requests; each user has some, with its own token
_USUAL = ("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate")  # as aiohttp and Locust ask


@dataclass(frozen=True, slots=True)
class Head:
    """The part of a request's head that is the same for many requests.

    Attributes:
        headers: The headers.
        data: The headers as they are written.
        problem: Why they cannot be sent; None if they can.
    """

    headers: Headers
    data: bytes
    problem: str | None


class Server:
    """The server that is driven. One is enough for all runs of a process: it keeps what connections share.

    Attributes:
        target: Its address, and how it is trusted.
        host: What the header `Host` says.
        head: Returns the head of requests with recorded headers, see `made`.
    """

    def __init__(self, target: Target) -> None:
        """Prepare; nothing is sent.

        Raises:
            UsageError: If a file of certificates cannot be used.

        """
        address = target.address
        self.target = target
        self.host = authority(address.scheme, address.host, address.port)
        self._tls: SSLContext | None = None
        if address.scheme == "https":
            self._tls = _trusting() if target.insecure else target.tls(SSLContext)
        self.head = lru_cache(_KEPT)(self.made)
        self._places: list[tuple[int, tuple[object, ...]]] = []  # families and addresses, once they are known

    def made(self, headers: Headers, hosts: frozenset[str], own: Headers = ()) -> Head:
        """Make the head of requests with recorded headers; `head` does the same, and remembers it.

        Args:
            headers: The recorded headers.
            hosts: Recorded hosts that stand for the server.
            own: Headers of the client's own, in place of recorded ones of their names.

        """
        names = {name.lower() for name, _ in own}
        sent = [one for one in headers_to(self.target, headers, hosts) if one[0].lower() not in names]
        names.update(name.lower() for name, _ in sent)
        made = ("Host", self.host), *own, *sent, *(one for one in _USUAL if one[0].lower() not in names)
        return Head(made, lines_of(made), problem_of("GET", "/", made))

    def connect(self) -> socket.socket:
        """Open a connection.

        Raises:
            OSError: If there is none within ten seconds, or its certificate is not trusted.

        """
        address, problem = self.target.address, OSError("its name has no address")
        if not self._places:  # a lookup takes a thread: no other way is there to ask the system
            found = socket.getaddrinfo(address.host, address.port, 0, socket.SOCK_STREAM)
            self._places = [(family, place) for family, _, _, _, place in found]
        for family, place in self._places:
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(_REACH)
                connection.connect(place)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_hostname=address.host.partition("%")[0])
                connection.settimeout(None)
            except OSError as exc:
                connection.close()
                problem = exc
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        self._places = []  # the name may have others now
        raise problem

    def reach(self) -> socket.socket:
        """Open the first connection.

        Raises:
            UpstreamError: If that is not possible.

        """
        try:
            return self.connect()
        except OSError as exc:
            raise unreachable(self.target.address, exc) from exc


def lines_of(headers: Headers) -> bytes:
    """Return headers as they are written."""
    return b"".join([_bytes(f"{name}: {value}\r\n") for name, value in headers])


def _bytes(line: str) -> bytes:
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:  # a value of the user's; the recorded ones are texts of bytes
        return line.encode("utf-8", "replace")


def _trusting() -> SSLContext:
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
