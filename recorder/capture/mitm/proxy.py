"""The recording proxy: a mitmproxy Master with only the addons a recorder needs, in this process.

A full mitmdump runs every request through some thirty addons; the few that carry traffic suffice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mitmproxy import http, options
from mitmproxy.addons import (
    core,
    disable_h2c,
    dns_resolver,
    next_layer,
    proxyserver,
    tlsconfig,
    upstream_auth,
)
from mitmproxy.master import Master
from mitmproxy.net.http import url
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers import websocket
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode

from ...errors import UpstreamError, UsageError
from .addon import Recorder
from .dispatch import ask_listeners_only

_REACH = 5.0  # seconds the upstream may take to accept a connection before we say it is down


@dataclass(frozen=True, slots=True)
class Running:
    """A proxy that is up. `wait` returns when it was told to stop, or stopped itself."""

    url: str
    master: Master

    async def wait(self) -> None:
        """Until `stop`, SIGINT or SIGTERM."""
        await self.master.should_exit.wait()

    def stop(self) -> None:
        """End the proxy; may be called from any thread."""
        self.master.shutdown()


@contextlib.asynccontextmanager
async def proxy(
    recorder: Recorder, *, mode: str, host: str, port: int, confdir: Path | None = None
) -> AsyncIterator[Running]:
    """Run a recording proxy on a loopback port.

    Args:
        recorder: Where the traffic goes; opened here, closed at the end.
        mode: A mode of mitmproxy, e.g. `reverse:http://localhost:8090` or `regular`.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        confdir: Where mitmproxy keeps its CA; its own default if None.

    Raises:
        UsageError: If the mode is unknown, the address cannot be had, or the cassette cannot be created.
        UpstreamError: If in reverse mode the upstream does not accept connections.

    """
    await _check(mode)
    websocket.WebsocketLayer = _Socket  # type: ignore[misc]  # mitmproxy has no other place to choose it
    master = Master(_options(mode, host, port, confdir))
    ask_listeners_only(master.addons, scripts=False)
    server = proxyserver.Proxyserver()
    master.addons.add(
        core.Core(), disable_h2c.DisableH2C(), server, dns_resolver.DnsResolver(), next_layer.NextLayer(),
        tlsconfig.TlsConfig(), upstream_auth.UpstreamAuth(), _Ready(),
    )  # fmt: skip
    # a recorder is no guard: what client and server say to each other without it, they may say through it
    master.options.update(validate_inbound_headers=False, keep_host_header=True)
    task = await _start(master, server, f"{host}:{port}")
    try:
        recorder.open()
        master.addons.add(recorder, _UpstreamHost())
        bound = next(address for address in server.listen_addrs() if address)
        yield Running(f"http://{host}:{bound[1]}", master)
    finally:
        master.should_exit.set()
        await task
        recorder.close()
        asyncio.get_running_loop().set_exception_handler(_quiet_about_open_connections)


class _UpstreamHost:
    """Names the upstream in Host, as mitmproxy does by itself, but after the recorder has seen the client's.

    The one header that is not sent on as it came: a server with several virtual hosts, or behind a balancer, does not
    know the recorder's name.
    """

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        address = flow.server_conn.address
        if isinstance(flow.client_conn.proxy_mode, ReverseMode) and address:
            flow.request.host_header = url.hostport("https" if flow.server_conn.tls else "http", *address[:2])


class _Socket(websocket.WebsocketLayer):
    """A WebSocket whose two halves end alike: mitmproxy would tell a peer of a cut one that it was closed well."""

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        relayed, answer = super().relay_messages(event), None
        with contextlib.suppress(StopIteration):
            while True:
                command = relayed.send(answer)
                made_up = isinstance(event, events.ConnectionClosed) and isinstance(command, commands.SendData)
                answer = None if made_up else (yield command)


class _Ready:
    """Tells when the proxy has bound its sockets."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def running(self) -> None:
        self.event.set()


async def _start(master: Master, server: proxyserver.Proxyserver, wanted: str) -> asyncio.Task[None]:
    ready = next(addon.event for addon in master.addons.chain if isinstance(addon, _Ready))
    failed = _FirstError()
    logging.getLogger("mitmproxy").addHandler(failed)
    task = asyncio.create_task(master.run())
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not any(server.listen_addrs()):
            master.should_exit.set()
            await task
            reason = failed.text.partition("\n")[0].rpartition(": ")[2] or "no reason given"
            raise UsageError(f"cannot listen on {wanted}: {reason}; choose another port")
        return task
    finally:
        logging.getLogger("mitmproxy").removeHandler(failed)


def _quiet_about_open_connections(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Connections that are open at the end are cancelled with the loop; streams would print a traceback for each."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


class _FirstError(logging.Handler):
    """Keeps the first error mitmproxy logs: it does not raise when a port is taken."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or record.getMessage()


def _options(mode: str, host: str, port: int, confdir: Path | None) -> options.Options:
    chosen = options.Options(mode=[mode], listen_host=host, listen_port=port)
    if confdir is not None:
        chosen.update(confdir=str(confdir))
    return chosen


async def _check(mode: str) -> None:
    """Refuse a mode that cannot work, before anything is created."""
    try:
        chosen = ProxyMode.parse(mode)
    except ValueError as exc:
        raise UsageError(f"mode {mode!r}: {exc}") from exc
    if isinstance(chosen, ReverseMode):
        await _reach(mode.removeprefix("reverse:"), *chosen.address[:2])


async def _reach(upstream: str, host: str, port: int) -> None:
    try:
        async with asyncio.timeout(_REACH):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as exc:
        reason = str(exc) or "no answer"
        raise UpstreamError(f"the upstream {upstream} cannot be reached: {reason}; is it running?") from exc
    writer.close()


def stop_on_signals(running: Running) -> None:
    """End the proxy well on Ctrl-C and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.master.should_exit.set)
