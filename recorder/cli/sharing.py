"""`recorder replay --processes N`: a front, and so many processes with a stand-in each."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkProcess
from typing import TYPE_CHECKING, Any

import click

from ..errors import RecorderError, UsageError

if TYPE_CHECKING:
    from ..replay.server.affinity import Shared

_BACKLOG = 4096
_Pair = tuple[socket.socket, socket.socket]  # the front's end of a channel, and the process's


def serve_shared(
    make: Callable[[int], Shared], listen: tuple[str, int], count: int, *, virtual: bool
) -> dict[str, Any]:
    """Serve by `count` processes until told to stop, `make` gives the stand-in of each; returns the report of all."""
    from ..replay.server.affinity import merged

    host, port = listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as exc:
        raise UsageError(f"cannot listen on {host}:{port}: {exc.strerror or exc}; choose another port") from exc
    pairs = [socket.socketpair() for _ in range(count)]
    fork = multiprocessing.get_context("fork")  # they share the recording's memory
    # daemons: whatever ends the front ends them
    workers = [fork.Process(target=_work, args=(n, make, pairs, listener, virtual), daemon=True) for n in range(count)]
    for worker in workers:
        worker.start()
    for _, end in pairs:
        end.close()
    reports = asyncio.run(_serve(listener, [channel for channel, _ in pairs], workers))
    for worker in workers:
        worker.join()
    if not all(reports):
        raise RecorderError(f"process {reports.index(b'')} of {count} broke, and its sessions with it; start again")
    return merged([json.loads(report) for report in reports])


async def _serve(listener: socket.socket, channels: list[socket.socket], workers: list[ForkProcess]) -> list[bytes]:
    """Serve until told to stop; the reports of the processes. Who says it twice does not lose them."""
    from ..replay.server.processes import front

    loop, serving = asyncio.get_running_loop(), asyncio.ensure_future(front(listener, channels))
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    for worker in workers:
        loop.add_reader(worker.sentinel, serving.cancel)  # one that ends takes its sessions along
    address, bound = listener.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    click.echo(f"listening on http://{shown}:{bound}")  # not before it can be stopped
    await asyncio.wait([serving])
    return [await asyncio.to_thread(_last_words, channel) for channel in channels]


def _last_words(channel: socket.socket) -> bytes:
    """Tell a process to end, by closing its channel; its report, nothing if it broke."""
    with channel, channel.makefile("rb") as said, suppress(OSError):
        channel.shutdown(socket.SHUT_WR)
        return said.read()
    return b""


def _work(number: int, make: Callable[[int], Shared], pairs: list[_Pair], listener: socket.socket, *how: bool) -> None:
    """Be a process: serve what is handed over, and tell at the end how it went."""
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)  # the front gets it too, and closes the channels
    mine = pairs[number][1]
    for end in {listener, *(end for pair in pairs for end in pair)} - {mine}:
        end.close()  # or a channel would stay open when the front is gone
    standin = make(number)
    asyncio.run(_adopt(standin, mine, *how))
    mine.setblocking(True)
    with suppress(BrokenPipeError):  # the front was killed: nobody is left to be told
        mine.sendall(json.dumps(standin.report()).encode())


async def _adopt(standin: Shared, channel: socket.socket, virtual: bool) -> None:  # noqa: FBT001  # as Process hands it on
    from ..replay.server.app import serve
    from ..replay.server.driver import Callbacks
    from ..replay.server.processes import adopt

    watch = Callbacks(lambda miss: click.echo(miss.text, err=True))
    async with serve(standin, None, watch=watch, virtual=virtual) as address:
        await adopt(channel, address.connections)
