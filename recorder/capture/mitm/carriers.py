"""Import mitmproxy with the addons that carry traffic, and none of its others.

The package `mitmproxy.addons` imports all thirty addons, with Flask, ldap3 and passlib, though a recorder uses five and
these need nothing of the package: 0.25 s of each start.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec


@contextmanager
def _unfilled(name: str) -> Iterator[None]:
    """Let modules of a package be imported without running the package's own code, unless it has run already."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None:
        yield
        return
    sys.modules[name] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[name]  # the next import of the package runs its code, and finds the modules of now


with _unfilled("mitmproxy.addons"):
    from mitmproxy.addons import core, disable_h2c, dns_resolver, next_layer, proxyserver, tlsconfig
    from mitmproxy.master import Master  # imports an addon, too: it logs

__all__ = ["Master", "core", "disable_h2c", "dns_resolver", "next_layer", "proxyserver", "tlsconfig"]
