"""The stand-in's front with an echo behind it, for tests of WebSockets alone, and for Autobahn's.

    python -m tests.replay.server.echo      # prints `listening on URL`
    wstest -m fuzzingclient -s spec.json    # autobahntestsuite 0.8.2, Python 2.7; URL is among the spec's servers

Two kinds of cases fail: those that want binary messages back, which end a Bayeux session (1003), and 7.1.5, a close
within a fragmented message, which websockets takes for a breach (1002).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import cast

from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.engine.miss import Miss
from recorder.replay.server.connection import Connections, Routes
from recorder.replay.server.driver import Driver, Waiter
from recorder.replay.server.limits import Limits


class Echo:
    """In place of a driver: answers each message with itself, and keeps what it was told."""

    def __init__(self) -> None:
        self.refusals: list[Miss] = []
        self.lost: list[int] = []
        self.gone: list[int] = []
        self._numbers = 0

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def take(self, incoming: HttpRequest, waiting: Waiter) -> None:
        waiting.set_result(HttpResponse(incoming.number, 200, (), incoming.body))

    def sent(self, number: int) -> None:
        self.gone.append(number)

    def give_up(self, numbers: Iterable[int]) -> None:
        self.lost += numbers

    def refused(self, found: Miss) -> None:
        self.refusals.append(found)


@asynccontextmanager
async def echoing(echo: Echo, limits: Limits = Limits(), port: int = 0) -> AsyncIterator[int]:  # noqa: B008  # frozen
    """Serve it; yields its port."""
    connections = Connections(cast(Driver, echo), limits, Routes(opens=lambda _: True))
    listener = await asyncio.get_running_loop().create_server(connections, "127.0.0.1", port)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await connections.close()


async def _main() -> None:
    async with echoing(Echo(), Limits(body=1 << 25)) as port:
        print(f"listening on ws://127.0.0.1:{port}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
