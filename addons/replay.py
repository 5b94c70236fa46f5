"""Replay a cassette through your own mitmproxy: the client goes on using the recorded host name, with TLS or without.

mitmdump -s addons/replay.py --set cassette=session.cassette [--set rate=instant] [--set hosts=gws.example,other:8443]

The stand-in runs in mitmproxy's event loop and listens on a loopback port. mitmproxy sends it the requests for the
recorded hosts and for `hosts`, and refuses the requests for all other hosts. The stand-in refuses the pages of other
origins than these hosts', the recorded ones and this machine's: --set allow_origins=https://desk.example lets one in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click
from mitmproxy import addonmanager, ctx, exceptions, http
from mitmproxy.proxy import server_hooks

from recorder.api.standin import StandIn
from recorder.capture.mitm.listening import exposed, keep_to_loopback
from recorder.cli import loading  # the module: mitmproxy would call an imported function `load` as a hook
from recorder.cli.options import Rate
from recorder.errors import RecorderError
from recorder.links.rewriting import asked_hosts, asked_servers
from recorder.replay.engine import miss
from recorder.replay.engine.miss import Miss
from recorder.replay.server.app import Address

log = logging.getLogger(__name__)
_OPTIONS = {"cassette", "hosts", "allow_origins", "rate", "dialect", "policy"}
_SCHEMES = ("http", "https")


class Replay:
    """A mitmproxy addon that serves a stand-in and sends the client's requests to it."""

    def __init__(self) -> None:
        self._standin: StandIn | None = None
        self._hosts: set[tuple[str, int | None]] = set()  # None: any port of that host
        self._address: Address | None = None
        self._serving: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    def load(self, loader: addonmanager.Loader) -> None:
        loader.add_option("cassette", Sequence[str], [], "The cassette to replay; may be given several times.")
        loader.add_option("hosts", str, "", "More hosts to replay: HOST or HOST:PORT, separated by commas.")
        loader.add_option(
            "allow_origins",
            Sequence[str],
            [],
            "Pages to serve as well, e.g. https://desk.example; may be given several times.",
        )
        loader.add_option("dialect", str, "", "Dialect: a name or a file; without one, the cassette's.")
        loader.add_option("policy", str, "", "The cassette's redaction policy: a file; not needed for a shipped one.")
        loader.add_option("rate", str, "1", "Pace: 1 as recorded, 10 ten times as fast, or instant.")
        # The strategy `eager` would connect to a server before `request` can choose the stand-in. The stand-in matches
        # the client's own Host header, and whole bodies only.
        keep_to_loopback(ctx.options)
        ctx.options.update(connection_strategy="lazy", keep_host_header=True, stream_large_bodies=None)

    def configure(self, updated: set[str]) -> None:
        if self._serving or not ctx.options.cassette or not updated & _OPTIONS:
            return  # a stand-in that serves keeps its settings
        try:
            dialect = ctx.options.dialect or None
            recording = loading.load([Path(path).expanduser() for path in ctx.options.cassette], dialect)
            # in reverse mode the client named the recorder, in the others the servers
            asked = asked_hosts(recording)
            is_named = not recording.header.upstream or len(asked_servers(recording, asked)) > 1
            names = [*(asked if is_named else ()), *ctx.options.hosts.split(",")]
            named = [recording.header.upstream, *(f"//{name.strip()}" for name in names)]
            self._hosts = {(host.hostname, host.port) for host in map(urlsplit, named) if host.hostname}
            rate = Rate().convert(ctx.options.rate, None, None)
            policy = ctx.options.policy or None
            self._standin = StandIn(
                recording,
                rate=rate,
                dialect=dialect,
                policy=policy,
                proxied=True,
                allow_hosts=sorted({host for host, _ in self._hosts}),
                allow_origins=[*ctx.options.allow_origins, *(f"{way}://{name}" for name in asked for way in _SCHEMES)],
                on_miss=_warn,
            )
        except (RecorderError, click.UsageError, OSError, ValueError) as exc:
            raise exceptions.OptionsError(f"cannot replay: {exc}") from exc
        if not self._hosts:
            raise exceptions.OptionsError("the cassette names no host; give one to replay: --set hosts=gws.example")

    def running(self) -> None:
        for host in exposed(ctx.options):
            log.warning("listening on %s, others can connect", host)
        if self._standin is None:  # an error logged during the start ends mitmproxy
            log.error("nothing to replay: set the option cassette, e.g. --set cassette=session.cassette")
        else:
            self._serving = asyncio.create_task(self._serve(self._standin))

    async def _serve(self, standin: StandIn) -> None:
        try:
            async with standin:
                self._address = standin.address
                self._up.set()
                await asyncio.Event().wait()  # until `done` cancels it
        finally:
            # mitmproxy also unloads a script whose file has changed; without this addon, it would be an open proxy.
            ctx.master.shutdown()

    def done(self) -> None:
        if self._serving is not None:
            self._serving.cancel()

    def http_connect(self, flow: http.HTTPFlow) -> None:
        self._refuses(flow)

    async def request(self, flow: http.HTTPFlow) -> None:
        await self._up.wait()  # mitmproxy accepts clients before the stand-in listens
        if flow.response is not None or self._address is None or self._refuses(flow):
            return  # another addon has answered, for example with the page that offers mitmproxy's CA
        host = flow.request.host_header or ""
        flow.server_conn.via = None  # in upstream mode, mitmproxy would connect through the next proxy
        flow.request.host, flow.request.port, flow.request.scheme = self._address.host, self._address.port, "http"
        flow.request.authority = ""
        flow.request.headers["Host"] = host
        flow.request.headers["X-Forwarded-Proto"] = "https" if flow.client_conn.tls else "http"

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Refuse every connection to a server but the one to the stand-in.

        mitmproxy calls this hook before each connection, in every mode, also when another hook has failed.
        """
        if self._address is None or data.server.address != (self._address.host, self._address.port):
            data.server.error = "a replay connects to nothing but its stand-in"

    def _refuses(self, flow: http.HTTPFlow) -> bool:
        names = {name.lower().rstrip(".") for name in (flow.request.host, flow.request.pretty_host)}
        if any((name, port) in self._hosts for name in names for port in (None, flow.request.port)):
            return False
        named = ", ".join(sorted(host if port is None else f"{host}:{port}" for host, port in self._hosts))
        text = f"{flow.request.host}:{flow.request.port} is not replayed, only {named}; nothing was sent there"
        log.warning("refused: %s", text)
        line = text.encode("ascii", "backslashreplace").decode()
        flow.response = http.Response.make(miss.STATUS, f"{text}\n", {"Content-Type": "text/plain", miss.HEADER: line})
        flow.response.reason = f"{miss.REASON}: {line}"  # clients show only this line of a refused CONNECT
        return True


def _warn(miss: Miss) -> None:
    log.warning(miss.text.rstrip())


addons = [Replay()]
