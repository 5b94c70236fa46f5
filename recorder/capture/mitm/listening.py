"""Read the modes of mitmproxy, and keep it on loopback when it runs a script: its own default are all addresses."""

from __future__ import annotations

from mitmproxy.options import Options
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode

from ...loopback import LOOPBACK, is_loopback


def keep_to_loopback(options: Options) -> None:
    """Listen on loopback, unless the user set `listen_host`."""
    if not options.listen_host:
        options.update(listen_host=LOOPBACK)


def exposed(options: Options) -> list[str]:
    """Return the addresses mitmproxy listens on that other machines can reach."""
    hosts = {ProxyMode.parse(mode).listen_host(options.listen_host) for mode in options.mode}
    return sorted(host or "all addresses" for host in hosts if not is_loopback(host))


def upstream_of(options: Options) -> str:
    """Return the URL of the first server before which mitmproxy stands in reverse mode; empty without one."""
    modes = [ProxyMode.parse(mode) for mode in options.mode]
    return next((mode.data for mode in modes if isinstance(mode, ReverseMode)), "")
