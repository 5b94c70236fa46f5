"""Orders by JSON-RPC over one WebSocket, and told on it: the library `websockets`.

python -m tests.lab.push.rpc --log FILE [--port 0]

The socket is /rpc?agent=NAME&key=KEY. A method is `orders.create` and its like; what is told is a notification with
the method `order.accepted` and its like, and a number. A socket that is opened again names the last number it heard.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.lab.push.orders import BEAT, Desk, Orders
from tests.lab.push.serving import options

_METHODS = {
    "orders.create": ("POST", "/orders"),
    "orders.change": ("PATCH", "/orders/{id}"),
    "orders.view": ("GET", "/orders/{id}"),
    "orders.remove": ("DELETE", "/orders/{id}"),
    "desk.refresh": ("POST", "/refresh"),
}


class Front:
    """The socket."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._behind: set[asyncio.Task[None]] = set()

    async def handle(self, socket: ServerConnection) -> None:
        """Serve one client."""
        assert socket.request is not None
        query = {name: values[0] for name, values in parse_qs(urlsplit(socket.request.path).query).items()}
        desk = self._orders.desk(query["key"]) or self._orders.desk(self._orders.enter(query["agent"], query["key"]))
        assert desk is not None
        after = self._orders.opened(desk, int(query["after"]) if "after" in query else None)
        sides = [self._told(socket, desk, after), self._asked(socket, desk), _beat(socket)]
        tasks = [asyncio.ensure_future(side) for side in sides]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _told(self, socket: ServerConnection, desk: Desk, after: int) -> None:
        async for told in desk.listen(after):
            params = {"seq": told.seq, **told.data}
            name = told.type if told.type in {"hello", "refreshed"} else f"order.{told.type}"
            await _send(socket, method=name, params=params)
        await socket.close(1012, "service restart")

    async def _asked(self, socket: ServerConnection, desk: Desk) -> None:
        async for text in socket:
            message = json.loads(text)
            method, path = _METHODS[message["method"]]
            params = message["params"]
            target = path.replace("{id}", str(params.get("order")))
            asked = {"method": "MESSAGE", "path": message["method"], "body": message}
            n, answer = self._orders.request(desk, method, target, params, asked)
            await self._orders.ahead(n, desk, answer)
            key = "result" if answer.status < 400 else "error"
            await _send(socket, id=message["id"], **{key: answer.body})
            task = asyncio.create_task(self._orders.behind(n, desk, answer))
            self._behind.add(task)
            task.add_done_callback(self._behind.discard)


async def _beat(socket: ServerConnection) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await _send(socket, method="beat", params={})


async def _send(socket: ServerConnection, **message: Any) -> None:
    await socket.send(json.dumps({"jsonrpc": "2.0", **message}))


async def main() -> None:
    given = options(__doc__)
    front, protocols = Front(Orders(given.log)), [Subprotocol("jsonrpc.v2")]
    async with serve(front.handle, "127.0.0.1", given.port, subprotocols=protocols) as server:
        print(f"listening on http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
