"""Run the recording proxy in this process: a mitmproxy Master with only the addons that carry traffic.

A full mitmdump passes each request through some thirty addons, most of which a recorder does not need.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mitmproxy import options
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode

from ...errors import UpstreamError, UsageError
from ..address import authority, bracketed
from .addon import Recorder
from .ca import authority as certificate_authority
from .carriers import Master, core, disable_h2c, dns_resolver, next_layer, proxyserver, tlsconfig
from .dispatch import ask_listeners_only
from .handshakes import CERTIFICATE, refused
from .listening import tell_shortage
from .outgoing import Outgoing
from .upstream import UpstreamSettings

_REACH = 5.0  # seconds for the upstream to accept a connection, before it counts as unreachable
_HANDSHAKE = 2.0  # seconds for the TLS handshake at the start, before it is left to the first request
_LOOPBACKS = ("127.0.0.1", "::1")
_INSECURE = (
    "WARNING: certificates of servers are not checked (--insecure): anyone on the way can read and change traffic"
)


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
        """Wait until the proxy stops: by `stop`, or by an error of the capture."""
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
    upstream: UpstreamSettings = UpstreamSettings(),  # noqa: B008  # frozen
    before: Sequence[object] = (),
) -> AsyncIterator[Running]:
    """Run a recording proxy as a context manager.

    Args:
        recorder: Records the traffic; opened here, and closed when the context ends.
        mode: A mode of mitmproxy, e.g. `reverse:http://localhost:8090` or `regular`.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        confdir: Folder of mitmproxy's CA; None for mitmproxy's default.
        also: URLs of other upstreams by name; the proxy listens on one more port for each.
        upstream: How to connect to upstreams.
        before: Addons that see each event before the recorder.

    Raises:
        UsageError: If the mode is unknown, the port cannot be bound, or the cassette cannot be created.
        UpstreamError: If the mode is reverse and an upstream does not accept a connection within 5 seconds.

    """
    facts = await _check([mode, *(f"reverse:{url}" for url in also.values())], upstream)
    others = {name: _free_port(host) for name in also}
    modes = [mode, *(f"reverse:{also[name]}@{host}:{number}" for name, number in others.items())]
    with upstream.options(modes) as chosen:
        master, server = _master(_options(modes, host, port, confdir), chosen)
        task = await _start(master, server, f"{bracketed(host)}:{port}")
        tell_shortage(asyncio.get_running_loop())  # now that mitmproxy has set its own handler
        try:
            _open(recorder, facts)
            master.addons.add(*before, recorder, Outgoing(upstream, mode))
            yield _running(master, server, host, others)
        finally:
            await server.servers.update([])  # mitmproxy itself leaves its sockets to the end of the process
            master.should_exit.set()
            await task
            recorder.close()
            asyncio.get_running_loop().set_exception_handler(_quiet_about_open_connections)


def _master(given: options.Options, chosen: Mapping[str, object]) -> tuple[Master, proxyserver.Proxyserver]:
    """Return mitmproxy with the addons that carry traffic, and the one of them that listens."""
    master = Master(given)
    ask_listeners_only(master.addons, scripts=False)
    server = proxyserver.Proxyserver()
    master.addons.add(core.Core(), disable_h2c.DisableH2C(), server, dns_resolver.DnsResolver())
    certificate_authority(Path(given.confdir))  # mitmproxy would make it in a way that a crash breaks for good
    master.addons.add(next_layer.NextLayer(), tlsconfig.TlsConfig(), _Ready())
    # The recorder must be transparent: a request that the server accepts without the proxy must pass the proxy too.
    master.options.update(validate_inbound_headers=False, keep_host_header=True, **chosen)
    if given.mode[0].startswith("reverse:"):  # else a client of a server that is down leaves no record
        master.options.update(connection_strategy="lazy")
    return master, server


def _open(recorder: Recorder, facts: Iterable[tuple[str, str]]) -> None:
    recorder.open()
    for place, text in facts:
        recorder.tell(CERTIFICATE, place, text)


def _running(master: Master, server: proxyserver.Proxyserver, host: str, others: Mapping[str, int]) -> Running:
    bound = next(address for address in server.listen_addrs() if address)
    urls = {name: f"http://{bracketed(host)}:{number}" for name, number in others.items()}
    return Running(f"http://{bracketed(host)}:{bound[1]}", master, urls)


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
        if not any(server.listen_addrs()):
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
    """Return a port on which nothing listens now: mitmproxy refuses two listeners on port 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with contextlib.closing(socket.create_server((host, 0), family=family)) as server:
            port: int = server.getsockname()[1]
            return port
    except OSError as exc:
        raise UsageError(f"cannot listen on {host}: {exc.strerror}") from exc


async def _check(modes: list[str], upstream: UpstreamSettings) -> list[tuple[str, str]]:
    """Check the modes, and the upstream of each reverse mode, before any file is created.

    Returns:
        Places and sentences about certificates that are not checked or refused. Those are no errors: a certificate may
        become right while the recorder runs.

    """
    facts = [("", _INSECURE)] if upstream.insecure else []
    for mode in modes:
        try:
            chosen = ProxyMode.parse(mode)
        except ValueError as exc:
            raise UsageError(f"mode {mode!r}: {exc}") from exc
        if isinstance(chosen, ReverseMode):
            # mitmproxy keeps this object, and would listen for HTTP/3, too: on a UDP port nobody asked for
            chosen.transport_protocol = "tcp"
        if upstream.proxy:
            (await _reach(f"the proxy {upstream.proxy.url}", upstream.proxy.host, upstream.proxy.port)).close()
        elif isinstance(chosen, ReverseMode):
            host, port = chosen.address[:2]
            writer = await _reach(f"the upstream {mode.removeprefix('reverse:')}", host, port)
            refusal = await _handshake(writer, host, port, upstream) if chosen.scheme == "https" else None
            facts += [(authority("", host, port), refusal)] if refusal else []
            writer.close()
    return facts


async def _reach(what: str, host: str, port: int) -> asyncio.StreamWriter:
    try:
        async with asyncio.timeout(_REACH):
            return (await asyncio.open_connection(host, port))[1]
    except (OSError, TimeoutError) as exc:
        reason, hint = str(exc) or "no answer", "is it running?"
        for other in _LOOPBACKS if host == "localhost" else ():
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_REACH):
                    (await asyncio.open_connection(other, port))[1].close()
                    hint = f"it listens on {bracketed(other)}, an address that localhost does not include here: use it"
        raise UpstreamError(f"{what} cannot be reached: {reason}; {hint}") from exc


async def _handshake(writer: asyncio.StreamWriter, host: str, port: int, upstream: UpstreamSettings) -> str | None:
    """Try a TLS handshake with the upstream; return a sentence if the upstream or the recorder refuses it."""
    try:
        async with asyncio.timeout(_HANDSHAKE):
            await writer.start_tls(upstream.context(), server_hostname=host)
    except ssl.SSLError as exc:
        error = getattr(exc, "verify_message", "") or exc.reason or str(exc)
        return refused(authority("", host, port), error, is_script=False)
    except (OSError, TimeoutError):  # the first request will show more
        return None
    return None
