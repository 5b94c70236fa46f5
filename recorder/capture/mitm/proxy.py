"""Run the recording proxy in this process: a mitmproxy Master with only the addons that carry traffic.

A full mitmdump passes each request through some thirty addons, most of which a recorder does not need.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
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

_REACH = 5.0  # seconds for the upstream to accept a connection, before it counts as unreachable


@dataclass(frozen=True, slots=True)
class Running:
    """A running proxy.

    Attributes:
        url: Where clients reach the proxy.
        master: The mitmproxy instance.
        urls: Where clients reach the other upstreams, by name.

    """

    url: str
    master: Master
    urls: Mapping[str, str]

    async def wait(self) -> None:
        """Wait until the proxy stops: by `stop`, a signal, or an error of the capture."""
        await self.master.should_exit.wait()

    def stop(self) -> None:
        """Stop the proxy; may be called from any thread."""
        self.master.shutdown()


@contextlib.asynccontextmanager
async def proxy(
    recorder: Recorder,
    *,
    mode: str,
    host: str,
    port: int,
    confdir: Path | None = None,
    also: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Running]:
    """Run a recording proxy as a context manager.

    Args:
        recorder: Records the traffic; opened here, and closed when the context ends.
        mode: A mode of mitmproxy, e.g. `reverse:http://localhost:8090` or `regular`.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        confdir: Folder of mitmproxy's CA; None for mitmproxy's default.
        also: URLs of other upstreams by name; the proxy listens on one more port for each.

    Raises:
        UsageError: If the mode is unknown, the port cannot be bound, or the cassette cannot be created.
        UpstreamError: If the mode is reverse and an upstream does not accept a connection within 5 seconds.

    """
    modes, urls = await _checked(mode, also, host)
    websocket.WebsocketLayer = _Socket  # type: ignore[misc]  # mitmproxy has no setting for this class
    master = Master(_options(modes, host, port, confdir))
    ask_listeners_only(master.addons, scripts=False)
    server = proxyserver.Proxyserver()
    master.addons.add(
        core.Core(), disable_h2c.DisableH2C(), server, dns_resolver.DnsResolver(), next_layer.NextLayer(),
        tlsconfig.TlsConfig(), upstream_auth.UpstreamAuth(), _Ready(),
    )  # fmt: skip
    # The recorder must be transparent: a request that the server accepts without the proxy must pass the proxy too.
    master.options.update(validate_inbound_headers=False, keep_host_header=True)
    task = await _start(master, server, f"{host}:{port}")
    try:
        recorder.open()
        master.addons.add(recorder, _UpstreamHost())
        bound = next(address for address in server.listen_addrs() if address)
        yield Running(f"http://{host}:{bound[1]}", master, urls)
    finally:
        master.should_exit.set()
        await task
        recorder.close()
        asyncio.get_running_loop().set_exception_handler(_quiet_about_open_connections)


class _UpstreamHost:
    """An addon that writes the upstream's name into the Host header, after the recorder has seen the client's.

    mitmproxy would do that before the first hook. Host is the only header that is not forwarded as it came: a server
    with several virtual hosts, or behind a load balancer, does not know the recorder's name.
    """

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        address = flow.server_conn.address
        if isinstance(flow.client_conn.proxy_mode, ReverseMode) and address:
            flow.request.host_header = url.hostport("https" if flow.server_conn.tls else "http", *address[:2])


class _Socket(websocket.WebsocketLayer):
    """A WebSocket layer that cuts one connection when the other one is cut.

    By itself mitmproxy would send a close frame to the remaining peer, as if the other had closed the socket properly.
    """

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        relayed, answer = super().relay_messages(event), None
        with contextlib.suppress(StopIteration):
            while True:
                command = relayed.send(answer)
                made_up = isinstance(event, events.ConnectionClosed) and isinstance(command, commands.SendData)
                answer = None if made_up else (yield command)


class _Ready:
    """An addon that sets an event when the proxy has bound its sockets."""

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
        if not all(any(one.listen_addrs) for one in server.servers):
            master.should_exit.set()
            await task
            reason = failed.text.partition("\n")[0].rpartition(": ")[2] or "no reason given"
            raise UsageError(f"cannot listen on {wanted}: {reason}; choose another port")
        return task
    finally:
        logging.getLogger("mitmproxy").removeHandler(failed)


def _quiet_about_open_connections(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore cancelled connections when the loop ends; asyncio's streams would print a traceback for each."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)


class _FirstError(logging.Handler):
    """A log handler that keeps the first error, because mitmproxy only logs that a port is taken."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or record.getMessage()


def _options(modes: list[str], host: str, port: int, confdir: Path | None) -> options.Options:
    chosen = options.Options(mode=modes, listen_host=host, listen_port=port)
    if confdir is not None:
        chosen.update(confdir=str(confdir))
    return chosen


def _free_port(host: str) -> int:
    """Return a port on which nothing listens now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with contextlib.closing(socket.create_server((host, 0), family=family)) as server:
            port: int = server.getsockname()[1]
            return port
    except OSError as exc:
        raise UsageError(f"cannot listen on {host}: {exc.strerror}") from exc


async def _checked(mode: str, also: Mapping[str, str], host: str) -> tuple[list[str], dict[str, str]]:
    """Check all upstreams; return a mode for each of them, and where the proxy listens for those of `also`."""
    for one in (mode, *(f"reverse:{upstream}" for upstream in also.values())):
        await _check(one)
    ports = {name: _free_port(host) for name in also}  # mitmproxy refuses two listeners on port 0
    modes = [mode, *(f"reverse:{also[name]}@{host}:{port}" for name, port in ports.items())]
    return modes, {name: f"http://{host}:{port}" for name, port in ports.items()}


async def _check(mode: str) -> None:
    """Check the mode, and in reverse mode the upstream, before any file is created."""
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
    """Stop the proxy cleanly on Ctrl-C (SIGINT), SIGTERM, and SIGHUP (the terminal was closed)."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, running.master.should_exit.set)
