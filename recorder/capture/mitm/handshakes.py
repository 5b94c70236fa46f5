"""Explain failed TLS handshakes in plain words, with a way out.

The texts of OpenSSL come in three forms: from mitmproxy ("Certificate verify failed: self-signed certificate"), from
an alert ("tlsv13 alert certificate required"), and from Python ("WRONG_VERSION_NUMBER").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from mitmproxy import addonmanager, connection, ctx, http, tls
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.tls import TlsFailedClientHook, TlsFailedServerHook, TLSLayer

from ..address import authority

CERTIFICATE = "certificate"  # kind of a note, one of `model.TOLD`

_BY_COMMAND = {
    "ca": "trust its CA by --upstream-ca FILE (or SSL_CERT_FILE), or any certificate by --insecure",
    "any": "--insecure accepts this certificate",
    "own": "give one by --client-cert FILE",
    "other": "give another one by --client-cert FILE",
    "old": 'mitmdump -s "$(recorder addon record)" --set tls_version_server_min=TLS1 records such servers',
}
_BY_SCRIPT = {
    "ca": "trust its CA by --set ssl_verify_upstream_trusted_ca=FILE, or any certificate by --ssl-insecure",
    "any": "--ssl-insecure accepts this certificate",
    "own": "give one by --set client_certs=FILE",
    "other": "give another one by --set client_certs=FILE",
    "old": "--set tls_version_server_min=TLS1 allows it",
}
_NO_TLS = "the server does not speak TLS there; record it by http://"
_REASONS = (  # what OpenSSL says, what it means, and the key of the way out
    ("self.signed certificate in certificate chain", "its certificate comes from a CA that is not trusted", "ca"),
    ("self.signed certificate", "its certificate is self-signed", "ca"),
    ("unable to get (local )?issuer certificate|unable to verify the first certificate",
     "its certificate comes from a CA that is not trusted, or the intermediate certificates are missing", "ca"),
    ("certificate signature failure", "its certificate comes from another CA of the same name", "ca"),
    ("certificate has expired", "its certificate has expired", "any"),
    ("certificate is not yet valid", "its certificate is not valid yet", "any"),
    ("(hostname|ip address) mismatch", "its certificate is for another name", "any"),
    ("certificate verify failed:? *(?P<own>.*)", "its certificate is refused ({own})", "any"),
    ("alert certificate required", "it requires a certificate of the client", "own"),
    ("alert handshake failure", "it refuses the handshake; perhaps it requires a certificate of the client", "own"),
    ("alert (bad|unsupported|unknown|revoked|expired)? ?certificate|alert (certificate|unknown ca)",
     "it does not trust the certificate of the client", "other"),
    ("alert protocol version|unsupported protocol|agree on a tls version", "it offers no TLS 1.2 or newer", "old"),
    ("unsafe legacy renegotiation", "it needs the unsafe, legacy form of renegotiation", "any"),
    ("does not speak tls|wrong version number|packet length too long|record layer failure", _NO_TLS, ""),
    ("connection closed|unexpected eof", "it closed the connection", ""),
)  # fmt: skip
_LONGEST = 200  # characters of an error of mitmproxy: it may quote what a client sent
_LEFT = 2  # clients that leave at the handshake with one server before it is told: browsers open spare connections
_ALERT = re.compile(r"alert (bad |unsupported )?certificate|alert unknown ca")  # of a peer that refuses a certificate

Tell: TypeAlias = Callable[[str, str, str], None]  # kind, place, text: see `Capture.tell`


def refused(place: str, error: str, *, is_script: bool) -> str:
    """Return a sentence about a handshake with a server that failed.

    Args:
        place: Host and port of the server.
        error: Text of mitmproxy or OpenSSL.
        is_script: Name the options of mitmproxy, which runs the recorder as a script, in place of the recorder's.

    """
    ways = _BY_SCRIPT if is_script else _BY_COMMAND
    plain = error.lower().replace("_", " ")
    for pattern, reason, way in _REASONS:
        if found := re.search(pattern, plain):
            told = reason.format(**found.groupdict())
            return f"the TLS handshake with {place} failed: {told}" + (f"; {ways[way]}" if way else "")
    return f"the TLS handshake with {place} failed: {error[:_LONGEST]}"


class Handshakes:
    """An addon that tells each kind of failed handshake once, with servers and with clients."""

    name = "outbound_recorder_handshakes"

    def __init__(self, tell: Tell, *, is_script: bool) -> None:
        self._tell, self._is_script = tell, is_script
        self._served: set[str] = set()  # names for which a client trusts the recorder's certificate
        self._silent: set[str] = set()  # clients, by id, that have a handshake behind them and no request yet
        self._left: Counter[str] = Counter()

    def load(self, loader: addonmanager.Loader) -> None:  # noqa: ARG002  # mitmproxy's signature
        _close_after_alerts(TLSLayer)

    def tls_failed_server(self, data: tls.TlsData) -> None:
        place = _place(data.conn)
        self._tell(CERTIFICATE, place, refused(place, data.conn.error or "", is_script=self._is_script))

    def tls_established_client(self, data: tls.TlsData) -> None:
        self._silent.add(data.conn.id)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        if flow.client_conn.id in self._silent:
            self._silent.discard(flow.client_conn.id)
            self._served.add(_asked(flow.client_conn))

    def tls_failed_client(self, data: tls.TlsData) -> None:
        name, error = _asked(data.conn), data.conn.error or ""
        if "does not trust" in error or _ALERT.search(error):
            text = f"a client does not trust the recorder's certificate for {name}; make it trust the CA {_ca()}"
            self._tell(CERTIFICATE, name, text)
        elif "disconnected" in error or "closed" in error:
            self._leaves(name)
        else:
            self._tell(
                CERTIFICATE, name, f"the TLS handshake with a client that asks for {name} failed: {error[:_LONGEST]}"
            )

    def client_disconnected(self, client: connection.Client) -> None:
        if client.id in self._silent:
            self._silent.discard(client.id)
            self._leaves(_asked(client))

    def _leaves(self, name: str) -> None:
        """Tell of clients that leave during the handshake or right after it, as those do that check afterwards."""
        self._left[name] += 1
        if name not in self._served and self._left[name] >= _LEFT:
            self._tell(
                CERTIFICATE,
                name,
                f"clients close the connection when they get the recorder's certificate for {name}; "
                f"make them trust the CA {_ca()}",
            )


def _close_after_alerts(tls_layer: type[TLSLayer]) -> None:
    """Make mitmproxy end a connection on which a fatal alert came after the handshake, and call the hook for it.

    TLS 1.3 lets a server refuse the client's certificate that late (RFC 8446, 4.4.2.4). By itself mitmproxy logs the
    alert and goes on: the client would wait for ever.
    """
    receive = tls_layer.receive_data
    if receive.__module__ == __name__:
        return

    def receive_data(self: TLSLayer, data: bytes) -> layer.CommandGenerator[None]:
        received, answer, alert = receive(self, data), None, ""
        with suppress(StopIteration):
            while True:
                command = received.send(answer)
                if isinstance(command, commands.Log) and command.message.startswith("TLS Error: "):
                    alert = command.message
                answer = yield command
        if not alert:
            return
        if _ALERT.search(alert):
            self.conn.error, data_of = alert, tls.TlsData(self.conn, self.context, self.tls)
            is_client = self.conn == self.context.client
            yield (TlsFailedClientHook if is_client else TlsFailedServerHook)(data_of)
        self.conn.state &= ~connection.ConnectionState.CAN_READ
        yield from self.event_to_child(events.ConnectionClosed(self.conn))

    tls_layer.receive_data = receive_data  # type: ignore[method-assign]  # mitmproxy has no setting for this


def _place(server: connection.Connection) -> str:
    address = server.address if isinstance(server, connection.Server) else None
    return authority("", *address[:2]) if address else "?"


def _asked(client: connection.Connection) -> str:
    """Return the name of the server that a client asked for; without one in its handshake, the recorder's address."""
    return client.sni or (authority("", *client.sockname[:2]) if client.sockname else "?")


def _ca() -> str:
    return str(Path(ctx.options.confdir, "mitmproxy-ca-cert.pem"))
