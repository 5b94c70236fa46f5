"""Keep out of the cassette what is not to be recorded: the traffic of other hosts, and what is asked of the recorder.

A balancer asks the recorder itself for its health, and a scraper for its counters: in reverse mode at each port, in
other modes at the recorder's own address, not at that of a server.

Other hosts' TLS passes as it is, without being decrypted. In regular mode a browser asks for the recorder's page by the
address that the recorder listens at, or, through the recorder, by `http://recorder.test/`, a name that no server has
(RFC 6761, section 6.2).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from html import escape

from mitmproxy import http, tcp
from mitmproxy.net.http.url import hostport
from mitmproxy.proxy import server_hooks
from mitmproxy.proxy.mode_specs import RegularMode, ReverseMode, Socks5Mode
from mitmproxy.tls import ClientHelloData

from ...model import Headers
from ...monitoring.answers import HEALTH, METRICS, Answer, health, metrics, path_of
from ...monitoring.openmetrics import Family
from ..hosts import Others, Pattern, proxy_script
from ..streams import KEPT, length_of
from .ca import Authority

UNRECORDED = "outbound_recorder.unrecorded"  # metadata of a flow that is not recorded
NAME = "recorder.test"
PAC = "/proxy.pac"
_ADDRESS = re.compile(r"[0-9.]+|\[?[0-9a-fA-F.]*:[0-9a-fA-F:.]*\]?")
_TO_US = ("Proxy-Authorization", "Proxy-Connection")  # a client's words to its proxy; mitmproxy hands them on

_PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>recorder</title>
<style>body{{font:16px/1.5 sans-serif;max-width:44em;margin:2em auto;padding:0 1em}}code{{background:#eee}}</style>
<h1>This is the recorder</h1>
<p>{hosts} Set it as your browser's proxy: <code>{proxy}</code>, or by the PAC file
<a href="{pac}">http://{proxy}{pac}</a>.</p>
<p>To record TLS, your browser must trust this recorder's CA:
<a href="/recorder-ca.pem">PEM</a> (Linux, macOS, Firefox), <a href="/recorder-ca.cer">CER</a> (Windows, Android),
<a href="/recorder-ca.p12">P12</a> (without its key). SHA-256 <code>{sha256}</code>.
<code>recorder ca</code> says how; remove it again when you are done.</p>
"""

log = logging.getLogger(__name__)


class PassOthers:
    """An addon that tunnels and marks what is not to be recorded, and takes out what only a proxy is told.

    It stands before the recorder.
    """

    def __init__(self, others: Others) -> None:
        self._others = others

    def tls_clienthello(self, data: ClientHelloData) -> None:
        address = data.context.server.address
        if address is None:
            return  # TLS to the proxy itself
        name = data.client_hello.sni or address[0]
        if not self._others.wants((name, address[0]), address[1]):
            data.ignore_connection = True
            self._passes(name, address[1])

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        request = flow.request
        if isinstance(flow.client_conn.proxy_mode, RegularMode):
            for name in _TO_US:
                request.headers.pop(name, None)
        if UNRECORDED in flow.metadata:
            return
        if not self._others.wants(_names(flow), request.port):
            flow.metadata[UNRECORDED] = request.stream = True
            self._passes(request.pretty_host, request.port)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        if UNRECORDED in flow.metadata and flow.response is not None and flow.response.status_code != 101:
            flow.response.stream = True

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        if UNRECORDED in flow.metadata and flow.websocket is not None:
            del flow.websocket.messages[:-1]  # else mitmproxy keeps all messages of the socket in memory

    def tcp_start(self, flow: tcp.TCPFlow) -> None:
        address = flow.server_conn.address
        if address is not None and not self._others.wants((flow.client_conn.sni, address[0]), address[1]):
            flow.metadata[UNRECORDED] = True
            self._passes(address[0], address[1])

    def _passes(self, name: str, port: int) -> None:
        host = hostport("http" if port == 80 else "https", name, port)
        if self._others.count(host):
            log.warning("%s passes unrecorded: no --host names it", host)


def _names(flow: http.HTTPFlow) -> tuple[str | None, ...]:
    """Return the names of the host that a request is for.

    The Host header comes first: clients of HTTP/2 ask several hosts on one connection. A client of SOCKS may have
    resolved the name; then its address is meant, too.
    """
    host, named = flow.request.host, flow.request.pretty_host
    if not _ADDRESS.fullmatch(named) and not _ADDRESS.fullmatch(host):
        return (named,)
    return (host, named, flow.client_conn.sni)


class Onboarding:
    """An addon that shows the recorder's page, its CA and a PAC file; it stands before the recorder."""

    def __init__(self, authority: Authority, wanted: Iterable[Pattern]) -> None:
        self._authority, self._wanted = authority, tuple(wanted)
        self._own: set[tuple[str, int]] = set()  # our ends of the connections to servers

    def server_connected(self, data: server_hooks.ServerConnectionHookData) -> None:
        if data.server.sockname:
            self._own.add(data.server.sockname[:2])

    def server_disconnected(self, data: server_hooks.ServerConnectionHookData) -> None:
        if data.server.sockname:
            self._own.discard(data.server.sockname[:2])

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        if flow.response is not None:
            return  # `Watched` has answered
        request, own = flow.request, flow.client_conn.sockname[:2]
        # A client that was sent here without a proxy in mind names the address it connected to, as it knows it.
        is_direct = _is_direct(flow)
        # By another name of this machine we come to ourselves, and would do so again and again.
        # A client that has reset the connection already has no name any more.
        is_direct |= bool(peer := flow.client_conn.peername) and peer[:2] in self._own
        if request.method == "CONNECT" or not (is_direct or request.host == NAME):
            return
        flow.metadata[UNRECORDED] = True
        host = f"[{own[0]}]" if ":" in own[0] else own[0]
        flow.response = self._answer(request.path.partition("?")[0], f"{host}:{own[1]}")

    def _answer(self, path: str, proxy: str) -> http.Response:
        found = self._authority
        match path:
            case "/":
                named = ", ".join(escape(pattern.text) for pattern in self._wanted)
                hosts = f"Only {named} is recorded." if named else "It records the requests of your browser."
                page = _PAGE.format(hosts=hosts, proxy=proxy, pac=PAC, sha256=found.sha256)
                return _made(page.encode(), "text/html; charset=utf-8")
            case "/proxy.pac":
                return _made(proxy_script(self._wanted, proxy).encode(), "application/x-ns-proxy-autoconfig")
            case "/recorder-ca.pem" | "/recorder-ca.cer":
                return _made(found.pem.read_bytes(), "application/x-x509-ca-cert")
            case "/recorder-ca.p12":
                return _made(found.p12.read_bytes(), "application/x-pkcs12")
        return _made(b"the recorder has no such page\n", "text/plain", 404)


class Watched:
    """An addon that answers for the health and the counters of the recorder; it stands before all others."""

    def __init__(
        self, status: Callable[[], str], families: Callable[[], Iterable[Family]], token: str | None = None
    ) -> None:
        """Set what is told.

        Args:
            status: Returns the status of the recorder, one of those of `health`.
            families: Returns the counters.
            token: The secret that a request for the counters must show; None for no counters.

        """
        self._status, self._families, self._token = status, families, token

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        request = flow.request
        is_reverse = isinstance(flow.client_conn.proxy_mode, ReverseMode)
        answer = self._answer(request) if is_reverse or _is_direct(flow) else None
        if answer is None:
            return
        flow.metadata[UNRECORDED] = True
        if "transfer-encoding" in request.headers or (length_of(_headers_of(request)) or 0) > KEPT:
            flow.kill()  # of a body that it streams, mitmproxy cannot answer the request by itself
            return
        flow.response = http.Response.make(answer.status, answer.body, headers=dict(answer.headers))
        if isinstance(flow.client_conn.proxy_mode, Socks5Mode):
            flow.response.headers["Connection"] = "close"  # a SOCKS port takes no other request in HTTP
        if request.method == "HEAD":
            flow.response.raw_content = b""

    def _answer(self, request: http.Request) -> Answer | None:
        path = path_of(request.path)
        if path == HEALTH:
            return health(request.method, self._status())
        if path == METRICS and self._token is not None:
            return metrics(request.method, _headers_of(request), self._token, self._families)
        return None


def _headers_of(request: http.Request) -> Headers:
    return tuple(request.headers.items(multi=True))


def _is_direct(flow: http.HTTPFlow) -> bool:
    """Return whether a request is for the address at which its client reached the recorder."""
    own = flow.client_conn.sockname[:2]
    return flow.request.port == own[1] and flow.request.host.lower() in (own[0], "localhost", "127.0.0.1", "::1")


def _made(body: bytes, kind: str, status: int = 200) -> http.Response:
    return http.Response.make(status, body, {"Content-Type": kind, "Cache-Control": "no-store"})
