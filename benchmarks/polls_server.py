"""The servers of the bench of held polls: the stand-in, and a bare one on aiohttp. SIGUSR2 releases all.

    python -m benchmarks.polls_server standin|bare       # prints `listening on http://127.0.0.1:PORT`

The stand-in plays two events that nobody asked for to each session. It is paused until the signal comes, so they are
due for all sessions at once, and leave as any event does. The bare server holds each request whose URL ends in
`/connect`; the signal answers all of them with the same bytes. What else comes it answers at once.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web

from benchmarks.polls_wire import EVENTS, PUSHED, REPLY
from recorder.bayeux.messages import encode
from recorder.cli.commands.replay import collect_rarely
from recorder.dialect.definition import load
from recorder.model import Recording
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import new_id, serve
from tests.wire import Wire

_HELD = 600.0  # seconds: none of the polls ends by itself
_BACKLOG = 4096


def recording() -> Recording:
    """A session in which nothing is asked for, and two events come."""
    wire = Wire()
    desk = wire.desk()
    desk.polls()
    desk.hears(*EVENTS)
    return replace(wire.recording(), poll_timeout=_HELD)


@asynccontextmanager
async def standin() -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Serve the stand-in; yields its port, and what releases the polls."""
    async with serve(ReplayEngine(recording(), load(), new_id=new_id, rate=INSTANT)) as address:
        address.controls.pause()
        yield address.port, address.controls.resume


@asynccontextmanager
async def bare() -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Serve what does nothing, on aiohttp."""
    held: list[asyncio.Future[None]] = []
    shaken = encode([REPLY | {"clientId": "c1"}])
    headers = {"Content-Type": "application/json;charset=UTF-8"}

    async def handle(request: web.BaseRequest) -> web.Response:
        await request.read()
        if not request.path.endswith("/connect"):
            return web.Response(
                body=shaken, headers=headers | {"Set-Cookie": f"BAYEUX_BROWSER={new_id()}; Path=/; HttpOnly"}
            )
        held.append(asyncio.get_running_loop().create_future())
        await held[-1]
        return web.Response(body=PUSHED, headers=headers)

    def release() -> None:
        for future in held:
            if not future.done():  # its client went away
                future.set_result(None)
        held.clear()

    runner = web.ServerRunner(web.Server(handle, access_log=None, handler_cancellation=True))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=_BACKLOG).start()
        yield runner.addresses[0][1], release
    finally:
        await runner.cleanup()


async def _main(what: str) -> None:
    collect_rarely()  # as `recorder replay` does
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    async with (standin if what == "standin" else bare)() as (port, release):
        loop.add_signal_handler(signal.SIGUSR2, release)
        print(f"listening on http://127.0.0.1:{port}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["standin", "bare"])
    asyncio.run(_main(parser.parse_args().what))
