"""Orders over REST, told by server-sent events: sse-starlette on uvicorn.

python -m tests.lab.push.sse --log FILE [--port 0]
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.lab.push.orders import BEAT, RETRY_MS, Desk, Orders
from tests.lab.push.serving import options, serve


class Front:
    """The paths of the API, and /events."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        rest = [Route(path, self._rest, methods=["GET", "POST", "PATCH", "DELETE"]) for path in PATHS]
        self.app: Starlette = Starlette(routes=[Route("/events", self._events), *rest])

    async def _rest(self, request: Request) -> Response:
        desk = self._orders.desk(request.cookies.get("desk"))
        content = await request.body()
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        n, answer = self._orders.request(desk, request.method, path, json.loads(content or b"null"))
        await self._orders.ahead(n, desk, answer)
        behind = BackgroundTask(self._orders.behind, n, desk, answer)
        response = JSONResponse(answer.body, answer.status, background=behind)
        if answer.desk is not None:
            response.set_cookie("desk", answer.desk, httponly=True, samesite="lax")
        return response

    async def _events(self, request: Request) -> Response:
        desk = self._orders.desk(request.cookies.get("desk"))
        if desk is None:
            return JSONResponse({"error": "nobody has logged in"}, 401)
        last = request.headers.get("Last-Event-ID")
        after = self._orders.opened(desk, int(last) if last else None)
        return EventSourceResponse(_stream(desk, after), ping=BEAT)


PATHS = ("/login", "/orders", "/orders/{id}", "/refresh")


async def _stream(desk: Desk, after: int) -> AsyncIterator[ServerSentEvent]:
    async for told in desk.listen(after):
        more: dict[str, Any] = {"retry": RETRY_MS} if told.type == "hello" else {}
        # on several lines: what is packed is told for people, too
        data = json.dumps(told.data, indent=1 if told.type == "packed" else None)
        yield ServerSentEvent(data, event=told.type, id=str(told.seq), **more)


if __name__ == "__main__":
    given = options(__doc__)
    serve(Front(Orders(given.log)).app, given.port)
