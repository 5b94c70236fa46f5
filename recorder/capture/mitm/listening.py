"""Read the modes of mitmproxy, and keep it on loopback when it runs a script: its own default are all addresses.

Keep it quiet, too, when it is out of file descriptors.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mitmproxy.options import Options
from mitmproxy.proxy.mode_specs import ProxyMode, ReverseMode

from ...loopback import LOOPBACK, is_loopback
from ...monitoring.shortage import SHORT, Shortage

_log = logging.getLogger(__name__)


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


def tell_shortage(loop: asyncio.AbstractEventLoop) -> None:
    """Tell failed accepts of a loop in a line now and then; its handler of other errors stays in place.

    asyncio would tell each with a traceback. It stops to accept for a second after a failure, and goes on by itself.
    """
    before = loop.get_exception_handler()
    shortage = Shortage()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in SHORT and "accept" in context.get("message", ""):
            line = shortage.told(error, loop.time())
            if line is not None:
                _log.warning("%s", line)
        elif before is not None:
            before(loop, context)
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
