"""Define the server that is driven for all clients of a process, and open connections to it on gevent."""

from __future__ import annotations

import ssl

from gevent import socket
from gevent.ssl import SSLContext

from ...capture.address import authority
from ...drive.front.target import Target, unreachable

_REACH = 10.0  # seconds for a connection


class Server:
    """The server that is driven. One is enough for all runs of a process: it keeps what connections share.

    Attributes:
        target: Its address, and how it is trusted.
        host: What the header `Host` says.
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
        self._places: list[tuple[int, tuple[object, ...]]] = []  # families and addresses, once they are known

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
            line = socket.socket(family, socket.SOCK_STREAM)
            try:
                line.settimeout(_REACH)
                line.connect(place)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    line = self._tls.wrap_socket(line, server_hostname=address.host.partition("%")[0])
                line.settimeout(None)
            except OSError as exc:
                line.close()
                problem = exc
            except BaseException:
                line.close()
                raise
            else:
                return line
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


def _trusting() -> SSLContext:
    context = SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
