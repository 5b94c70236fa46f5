"""Play a small agent desktop: a Bayeux client (aiocometd) beside a REST client, for the demo and for tests.

aiocometd-noloop is the only fork of aiocometd that runs on Python >= 3.10 and survives a dropped connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiocometd_noloop import Client, ConnectionType

CHANNELS = ("/v2/me/outbound", "/me/internal")


@dataclass(frozen=True, slots=True)
class Happened:
    """A request, ack or event as the client saw it; `at` is seconds on a monotonic clock.

    Attributes:
        what: `request`, `ack` or `event`.
        step: Number of the last `post` so far, from 0; -1 before the first.
    """

    at: float
    what: str
    step: int
    content: Any


@dataclass(slots=True)
class Agent:
    """A connected and subscribed client."""

    url: str
    bayeux: Client
    http: aiohttp.ClientSession
    log: list[Happened] = field(default_factory=list)
    step: int = -1
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Send an operation; return the status and the ack."""
        self.step += 1
        self._note("request", body)
        async with self.http.post(self.url + path, json=body) as response:
            text = await response.text()
            ack = await response.json() if response.content_type == "application/json" else text
            self._note("ack", ack)
            return response.status, ack

    async def events(self, until: Callable[[list[Any]], bool], limit: float = 30.0) -> list[Any]:
        """Return the events since the last `post`, as soon as `until` accepts them.

        Args:
            until: Decides by the list of events whether it is complete.
            limit: Seconds to wait.

        Raises:
            TimeoutError: If `until` accepts no list within `limit` seconds.
        """
        async with asyncio.timeout(limit):
            while not until(found := [h.content for h in self.log if h.what == "event" and h.step == self.step]):
                self._arrived.clear()
                await self._arrived.wait()
        return found

    async def listen(self) -> None:
        """Log events as they arrive, until cancelled."""
        async for message in self.bayeux:
            self._note("event", {"channel": message["channel"], "data": message.get("data")})
            self._arrived.set()

    def _note(self, what: str, content: Any) -> None:
        self.log.append(Happened(time.monotonic(), what, self.step, content))


@asynccontextmanager
async def agent(url: str, channels: tuple[str, ...] = CHANNELS, *, websocket: bool = False) -> AsyncIterator[Agent]:
    """Connect to a server, shake hands and subscribe; disconnect at the end.

    Use `localhost`, not an IP address, in `url`: aiohttp keeps no cookies for IP addresses.

    Args:
        url: URL of the server, without a path.
        channels: Channels to subscribe to.
        websocket: Use the WebSocket transport instead of long polling.
    """
    asyncio.get_running_loop().set_exception_handler(_quiet_about_the_last_poll)
    transport = ConnectionType.WEBSOCKET if websocket else ConnectionType.LONG_POLLING
    async with Client(f"{url}/api/v2/notifications", transport) as bayeux:
        # One cookie jar for both, as in a browser: by the cookie the server assigns REST calls to a Bayeux session.
        http = await bayeux._get_http_session()  # noqa: SLF001  # aiocometd has no public access to the session
        for channel in channels:
            await bayeux.subscribe(channel)
        connected = Agent(url, bayeux, http)
        listening = asyncio.create_task(connected.listen())
        try:
            yield connected
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


def _quiet_about_the_last_poll(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Ignore the cancellation of the last poll: aiocometd cancels the poll on closing and never reads the result."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)
