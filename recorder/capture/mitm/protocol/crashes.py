"""Cut a connection on which mitmproxy has failed. By itself mitmproxy logs the error, and the client waits for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mitmproxy import ctx

_LOGGER = logging.getLogger("mitmproxy.proxy.server")


class Crashes(logging.Handler):
    """A log handler for mitmproxy's own errors; from `watch` to `leave` it cuts the client's connection at each."""

    def __init__(self, tell: Callable[[str, str, str], None]) -> None:
        """Prepare the handler.

        Args:
            tell: Tells the user; see `Capture.tell`.

        """
        super().__init__(logging.ERROR)
        self._tell = tell

    def watch(self) -> None:
        """Begin to handle errors, in place of an earlier handler: mitmproxy runs once in a process."""
        for handler in [handler for handler in _LOGGER.handlers if isinstance(handler, Crashes)]:
            _LOGGER.removeHandler(handler)
        _LOGGER.addHandler(self)

    def leave(self) -> None:
        """Handle no more errors."""
        _LOGGER.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return
        self._tell("not-carried", "mitmproxy", f"mitmproxy failed on a connection, which is cut: {error!r}")
        server = ctx.master.addons.get("proxyserver")
        for handler in list(server.connections.values()):
            if handler.client.peername == getattr(record, "client", None):
                handler.close_connection(handler.client)
