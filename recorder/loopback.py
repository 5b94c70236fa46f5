"""Decide if an address is reachable from this machine only."""

from __future__ import annotations

from ipaddress import ip_address

LOOPBACK = "127.0.0.1"


def is_loopback(host: str) -> bool:
    """Return whether a server that listens on `host` is reachable from this machine only.

    No name is resolved: of all names, only `localhost` counts as loopback.
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"
