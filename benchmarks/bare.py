"""Servers that do nothing but answer: what is left of the machine's time when the stand-in's own work is taken away.

    python -m benchmarks.bare aiohttp|front|uvicorn|protocol ANSWERS [--loop asyncio|uvloop]

ANSWERS is a file that `sample` wrote: what the stand-in itself answered to an operation and to a poll, byte by byte.
`front` is the stand-in's own; `protocol` is an asyncio.Protocol around httptools that keeps to no limits: it shows what
the machine can do. Prints `listening on URL`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.server.connection import Connections, Routes
from recorder.replay.server.driver import Driver, Waiter
from recorder.replay.server.limits import Limits

SERVERS = ("aiohttp", "front", "uvicorn", "protocol")
_BACKLOG = 4096
_ADDED = {"content-length", "date", "server"}  # by aiohttp and uvicorn themselves
_POLL = b"/notifications"

Headers = list[tuple[str, str]]


class Answers:
    """What is answered: to polls what the stand-in pushed, to all else its ack."""

    def __init__(self, path: Path) -> None:
        kept = json.loads(path.read_text())
        self.pushed, self.ack = (self._read(kept[name]) for name in ("pushed", "ack"))
        self.raw = {name: kept[name].encode() for name in ("pushed", "ack")}

    def _read(self, answer: str) -> tuple[Headers, bytes]:
        head, _, body = answer.partition("\r\n\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])]
        return [pair for pair in headers if pair[0].lower() not in _ADDED], body.encode()


async def _aiohttp(answers: Answers, bound: socket.socket) -> None:
    (pushed_headers, pushed), (ack_headers, ack) = answers.pushed, answers.ack

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        if "/notifications" in request.raw_path:
            return web.Response(body=pushed, headers=pushed_headers)
        return web.Response(body=ack, headers=ack_headers)

    await _listen(handle, bound)


class _Idle:
    """In place of the stand-in's pump."""

    def __init__(self, pushed: HttpResponse, ack: HttpResponse) -> None:
        self._pushed, self._ack = pushed, ack

    def number(self) -> int:
        return 1

    def take(self, incoming: HttpRequest, waiting: Waiter) -> None:
        waiting.set_result(self._pushed if "/notifications" in incoming.target else self._ack)

    def sent(self, number: int) -> None:
        """Nothing was kept of it."""

    give_up = sent


async def _front(answers: Answers, bound: socket.socket) -> None:
    pushed, ack = (HttpResponse(0, 200, tuple(headers), body) for headers, body in (answers.pushed, answers.ack))
    connections = Connections(cast(Driver, _Idle(pushed, ack)), Limits(), Routes())
    listening = await asyncio.get_running_loop().create_server(connections, sock=bound, backlog=_BACKLOG)
    await listening.serve_forever()


async def _listen(handle: Callable[[web.BaseRequest], Any], bound: socket.socket) -> None:
    runner = web.ServerRunner(web.Server(handle, access_log=None, handler_cancellation=True))
    await runner.setup()
    await web.SockSite(runner, bound, backlog=_BACKLOG).start()
    await asyncio.Event().wait()


async def _uvicorn(answers: Answers, bound: socket.socket) -> None:
    import uvicorn

    def encoded(answer: tuple[Headers, bytes]) -> tuple[list[tuple[bytes, bytes]], bytes]:
        length = (b"content-length", str(len(answer[1])).encode())
        return [*((name.lower().encode(), value.encode()) for name, value in answer[0]), length], answer[1]

    pushed, ack = encoded(answers.pushed), encoded(answers.ack)

    async def app(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        while (await receive()).get("more_body"):
            pass
        headers, body = pushed if _POLL in scope["raw_path"] else ack
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(app, http="httptools", lifespan="off", log_config=None, access_log=False, backlog=_BACKLOG)
    await uvicorn.Server(config).serve([bound])


class _Protocol(asyncio.Protocol):
    def __init__(self, pushed: bytes, ack: bytes) -> None:
        import httptools

        self._pushed, self._ack = pushed, ack
        self._parser = httptools.HttpRequestParser(self)
        self._url, self._body = b"", b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url = self._body = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._transport.write(self._pushed if _POLL in self._url else self._ack)


async def _protocol(answers: Answers, bound: socket.socket) -> None:
    raw = answers.raw
    make = partial(_Protocol, raw["pushed"], raw["ack"])
    listening = await asyncio.get_running_loop().create_server(make, sock=bound, backlog=_BACKLOG)
    await listening.serve_forever()


_RUN: dict[str, Callable[[Answers, socket.socket], Coroutine[Any, Any, None]]] = {
    "aiohttp": _aiohttp,
    "front": _front,
    "uvicorn": _uvicorn,
    "protocol": _protocol,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("server", choices=SERVERS)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    options = parser.parse_args()
    bound = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    print(f"listening on http://127.0.0.1:{bound.getsockname()[1]}", flush=True)
    factory = None
    if options.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(_RUN[options.server](Answers(options.answers), bound))
        except (KeyboardInterrupt, asyncio.CancelledError):
            return


if __name__ == "__main__":
    main()
