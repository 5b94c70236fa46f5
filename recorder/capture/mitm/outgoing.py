"""Change what goes to the upstream after it was recorded: the Host header, the name in the TLS handshake, logins."""

from __future__ import annotations

import base64

from mitmproxy import http
from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.mode_specs import ReverseMode, UpstreamMode
from mitmproxy.tls import ClientHelloData

from ..address import authority
from .upstream import UpstreamSettings


class Outgoing:
    """An addon that addresses requests to the upstream; it must come after the recorder, which keeps the client's own.

    In reverse mode the Host header becomes the upstream's. mitmproxy would do that before the first hook. Host is the
    only header that is not forwarded as it came: a server with several virtual hosts, or behind a load balancer, does
    not know the recorder's name.
    """

    def __init__(self, upstream: UpstreamSettings, mode: str) -> None:
        """Take the settings, and the mode whose server the login of `upstream` is for."""
        self._upstream, self._mode = upstream, mode

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Ask for the upstream's own certificate in reverse mode; mitmproxy would ask for the name the client used."""
        if isinstance(data.client.proxy_mode, ReverseMode) and data.server.address:
            data.server.sni = data.server.address[0]

    def tls_clienthello(self, data: ClientHelloData) -> None:
        """Connect to a TLS server before the handshake with the client is answered: so both speak the same HTTP."""
        if isinstance(data.context.client.proxy_mode, ReverseMode) and data.context.server.tls:
            data.establish_server_tls_first = True

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        address = flow.server_conn.address
        if not isinstance(flow.client_conn.proxy_mode, ReverseMode) or not address:
            return
        flow.request.host_header = authority("https" if flow.server_conn.tls else "http", *address[:2])
        flow.server_conn.sni = address[0]
        if proxy := self._upstream.proxy:
            flow.server_conn.via = (proxy.scheme, (proxy.host, proxy.port))  # type: ignore[assignment]  # mitmproxy's schemes are a Literal

    def request(self, flow: http.HTTPFlow) -> None:
        """Add the login of the server, or of a proxy that sees requests without TLS; the cassette has neither."""
        mode = flow.client_conn.proxy_mode
        if isinstance(mode, UpstreamMode) and self._upstream.proxy_login and flow.request.scheme == "http":
            flow.request.headers["Proxy-Authorization"] = _basic(self._upstream.proxy_login)
        elif self._upstream.server_login and mode.full_spec == self._mode:
            flow.request.headers.setdefault("Authorization", _basic(self._upstream.server_login))

    def http_connect_upstream(self, flow: http.HTTPFlow) -> None:
        """Add the login of a proxy on the way, and the brackets of IPv6, which mitmproxy 11 leaves out."""
        flow.request.authority = authority("", flow.request.host, flow.request.port)
        if "Host" in flow.request.headers:
            flow.request.headers["Host"] = flow.request.authority
        if self._upstream.proxy_login:
            flow.request.headers["Proxy-Authorization"] = _basic(self._upstream.proxy_login)


def _basic(login: str) -> str:
    # one from the command line is the bytes given there, whatever their charset
    return f"Basic {base64.b64encode(login.encode('utf-8', 'surrogateescape')).decode()}"
