"""Tell of logins that fail because the recorder is on the way: proxies' own, and those bound to a connection.

NTLM and Negotiate (Kerberos) log in a TCP connection, not a request, in two or three legs. Through the recorder they
work where each connection of a client has one to the server, but not where they are bound to the server's name or to
its certificate (RFC 5929), which the recorder stands in for.
"""

from __future__ import annotations

import re

from mitmproxy import connection, http

from ..address import authority
from .handshakes import Tell
from .unrecorded import UNRECORDED

PROXY_AUTH, CONNECTION_AUTH = "proxy-auth", "connection-auth"  # kinds of notes, two of `model.TOLD`

_CONNECT = re.compile(r"Upstream proxy (\S+) refused HTTP CONNECT request: 407")
_BOUND = ("ntlm", "negotiate")


class Logins:
    """An addon that tells once for each host that its login fails."""

    name = "outbound_recorder_logins"

    def __init__(self, tell: Tell, *, is_script: bool) -> None:
        self._tell = tell
        self._way = (
            "--set upstream_auth=USER:PASSWORD" if is_script else "--upstream-auth @FILE (one line USER:PASSWORD)"
        )
        self._open: dict[str, tuple[str, str]] = {}  # challenge without an answer, by client: place and scheme
        self._works: set[str] = set()  # places where a login worked

    def response(self, flow: http.HTTPFlow) -> None:
        status = flow.response.status_code if flow.response and UNRECORDED not in flow.metadata else 0
        if status == 407:
            place = _proxy(flow) or _place(flow)
            self._proxy(place)
            self._challenged(flow, "Proxy-Authenticate", "Proxy-Authorization", place)
        elif status == 401:
            self._challenged(flow, "WWW-Authenticate", "Authorization", _place(flow))
        elif "Authorization" in flow.request.headers:
            self._works.add(_place(flow))
            self._open.pop(flow.client_conn.id, None)

    def _challenged(self, flow: http.HTTPFlow, ask: str, show: str, place: str) -> None:
        """Look at a refusal: with a token it is the next leg of a login, without one it begins the login anew."""
        challenges = flow.response.headers.get_all(ask) if flow.response else []
        asked = {scheme.lower(): token for scheme, _, token in (one.strip().partition(" ") for one in challenges)}
        bound = [scheme for scheme in asked if scheme in _BOUND]
        self._open.pop(flow.client_conn.id, None)
        if not bound or any(asked[scheme] for scheme in bound):
            return
        shown = flow.request.headers.get(show, "").partition(" ")[0].lower()
        if shown in bound:
            self._broken(place, shown)
        else:
            self._open[flow.client_conn.id] = place, bound[0]

    def error(self, flow: http.HTTPFlow) -> None:
        found = _CONNECT.search(flow.error.msg) if flow.error else None
        if found:
            self._proxy(found[1])

    def client_disconnected(self, client: connection.Client) -> None:
        self._unanswered(self._open.pop(client.id, None))

    def end(self) -> None:
        """Tell what is still open at the end of the capture."""
        for challenge in self._open.values():
            self._unanswered(challenge)
        self._open.clear()

    def _unanswered(self, challenge: tuple[str, str] | None) -> None:
        if challenge and challenge[0] not in self._works:
            self._broken(*challenge)

    def _broken(self, place: str, scheme: str) -> None:
        name = "NTLM" if scheme == "ntlm" else "Negotiate"
        self._tell(
            CONNECTION_AUTH,
            place,
            f"no login by {name} at {place} succeeds: it is bound to a connection, and often to the name and the "
            "certificate of the server; record by --mode regular, where clients use the server's own name, switch "
            "Extended Protection off at the server, or let clients log in by another way",
        )

    def _proxy(self, place: str) -> None:
        text = f"the proxy {place} requires a valid login (407); give one by {self._way}"
        self._tell(
            PROXY_AUTH, place, f"{text}; for NTLM or Kerberos, use another proxy in between, one that logs in by itself"
        )


def _place(flow: http.HTTPFlow) -> str:
    host, port = (flow.server_conn.address or (flow.request.host, flow.request.port))[:2]
    return authority("", host, port)


def _proxy(flow: http.HTTPFlow) -> str | None:
    """Return the proxy that a request went through, None without one."""
    return authority("", *flow.server_conn.via[1]) if flow.server_conn.via else None
