"""End a connection when one of its tasks fails.

mitmproxy connects to a server, and runs a hook, in a task that it keeps and never looks at again: after an exception
there the client would wait for ever. The tasks for the client itself and for timers handle theirs.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mitmproxy.connection import Client, ConnectionState
from mitmproxy.proxy import commands, events, server_hooks
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler

from ...large.gathered import Gathered
from .hooks import JoinHook, TurnHook

if TYPE_CHECKING:  # the package imports all addons of mitmproxy, see carriers.py
    from mitmproxy.addons.proxyserver import Proxyserver

_JOINING = threading.Lock()  # a join has pieces and result in memory, so there is one at a time
RESET = "the server reset the connection as soon as it was made"


class Connections(ProxyConnectionHandler):
    """The connection of a client, and those to servers that are made for it.

    Attributes:
        is_held: Nothing that arrives is handed on any more, nor recorded.

    """

    is_held = False
    _pauses = 0
    _goes_on: asyncio.Event | None = None

    async def server_event(self, event: events.Event) -> None:
        # the task that reads a connection waits here, so that its buffers fill up and the peer has to wait
        while self._goes_on is not None and isinstance(event, events.DataReceived):
            await self._goes_on.wait()
        if not self.is_held:
            await super().server_event(event)

    async def open_connection(self, command: commands.OpenConnection) -> None:
        with self._cutting():
            try:
                await super().open_connection(command)
            except Exception as error:  # of any kind: each would leave the client waiting
                if command.connection.peername:  # it was open: the layers know of it
                    raise
                await self._refuse(command, error)

    async def hook_task(self, hook: commands.StartHook) -> None:
        with self._cutting():
            await super().hook_task(hook)

    async def handle_hook(self, hook: commands.StartHook) -> None:
        if isinstance(hook, TurnHook):
            await self._turn(waits=hook.waits)
        elif isinstance(hook, JoinHook):
            await asyncio.to_thread(_join, hook.body)
        else:
            await super().handle_hook(hook)

    async def _turn(self, *, waits: bool) -> None:
        """Let others have a turn; `waits` until the client has taken what was sent to it, or is gone."""
        await asyncio.sleep(0)
        writer = self.transports[self.client].writer if waits and self.client in self.transports else None
        if writer is not None:
            with suppress(OSError):
                await writer.drain()

    def pause(self) -> None:
        """Read nothing more from the client and its servers until `resume` was called as often."""
        self._pauses += 1
        self._goes_on = self._goes_on or asyncio.Event()

    def resume(self) -> None:
        """Read on."""
        self._pauses -= 1
        if not self._pauses and self._goes_on is not None:
            waiting, self._goes_on = self._goes_on, None
            waiting.set()

    async def _refuse(self, command: commands.OpenConnection, error: Exception) -> None:
        """Tell the layers that a connection could not be opened, as mitmproxy itself does after an OSError.

        asyncio knows no name of the peer if the connection was reset before it was looked at; mitmproxy asserts one.
        Other errors are those of names that cannot be looked up (UnicodeError).
        """
        connection, reason = command.connection, str(error) or repr(error)
        opened = self.transports.pop(connection, None)
        if opened is not None and opened.writer is not None:
            opened.writer.close()
            reason = RESET
        connection.state, connection.error = ConnectionState.CLOSED, reason
        self.log(f"error establishing server connection: {reason}")
        data = server_hooks.ServerConnectionHookData(connection, self.client)
        await self.handle_hook(server_hooks.ServerConnectErrorHook(data))
        await self.server_event(events.OpenConnectionCompleted(command, reason))

    @contextmanager
    def _cutting(self) -> Iterator[None]:
        """Log an exception as mitmproxy logs those of its layers, so that `Crashes` cuts the connection."""
        try:
            yield
        except Exception:  # noqa: BLE001  # of any kind: each would leave the client waiting
            self.log("mitmproxy has crashed!", logging.ERROR, exc_info=True)


def _join(body: Gathered) -> None:
    with _JOINING:
        body.join()


@contextmanager
def paused(server: Proxyserver | None, client: Client) -> Iterator[None]:
    """Read nothing more from a client and its servers while the block runs."""
    found = [
        one
        for one in (server.connections.values() if server is not None else ())
        if isinstance(one, Connections) and one.client is client
    ]
    for one in found:
        one.pause()
    try:
        yield
    finally:
        for one in found:
            one.resume()


def hold(server: Proxyserver | None) -> None:
    """Hand on nothing more on any connection; may be called by a signal's handler in the middle of anything."""
    for connection in list(server.connections.values()) if server is not None else ():
        if isinstance(connection, Connections):  # all are, but mitmproxy's annotation does not know
            connection.is_held = True
