"""A small server like CometD for the soak: operations are acked at once, their events come by a held poll.

    python -m benchmarks.soak_upstream --port N     # prints `listening on http://127.0.0.1:N`

Each event and each ack has a mark that no other has, also after a restart, and is sent once at most: what a client has
seen of them must be in the recording once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
from contextlib import suppress
from typing import Any

from aiohttp import web

from tests.wire import done, record_event, state_event

BAYEUX = "/api/v2/notifications"
LARGE = "/api/v2/settings/large"
COOKIE = "BAYEUX_BROWSER"
_HELD = 4.0  # seconds of a poll without news
_LARGE = 2 << 20  # bytes
_LEFT = 60.0  # seconds without a poll, after which a session is forgotten

Message = dict[str, Any]


class Session:
    """One client: what waits for its next poll."""

    def __init__(self) -> None:
        self.waiting: list[Message] = []
        self.news = asyncio.Event()
        self.seen = asyncio.get_running_loop().time()

    def push(self, message: Message) -> None:
        self.waiting.append(message)
        self.news.set()


class Upstream:
    """Answers operations, polls and a large page."""

    def __init__(self) -> None:
        self._run, self._marks = secrets.token_hex(3), 0
        self._sessions: dict[str, Session] = {}
        self._browsers: dict[str, Session] = {}
        self._random = random.Random(7)
        self._large = json.dumps({"settings": [{"name": f"setting{n}", "on": n % 2 == 0} for n in range(50_000)]})
        self._large = self._large[:-1] + ', "rest": "' + "x" * max(0, _LARGE - len(self._large)) + '"}'

    def mark(self, kind: str) -> str:
        """Return a mark that no other has."""
        self._marks += 1
        return f"{kind}-{self._run}-{self._marks}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if request.path.startswith(BAYEUX):
            return await self._bayeux(json.loads(body))
        if request.path == LARGE:
            return web.Response(text=self._large, content_type="application/json")
        if request.method == "POST":
            return self._operation(request, json.loads(body))
        return web.Response(status=404)

    def _operation(self, request: web.BaseRequest, asked: Message) -> web.Response:
        session = self._browsers.get(request.cookies.get(COOKIE, ""))
        if session is not None:
            own = asked.get("referenceId"), int(request.path.rpartition("/")[2])
            self._later(session, record_event("RecordProcessed", own[1], own[0]), done(own[1], own[0]))
        return web.json_response({"statusCode": 0, "mark": self.mark("a")})

    def _later(self, session: Session, *messages: Message) -> None:
        at, loop = 0.0, asyncio.get_running_loop()
        for message in messages:
            at += self._random.uniform(0.005, 0.15)
            message["data"]["mark"] = self.mark("e")
            loop.call_later(at, session.push, message)

    async def _bayeux(self, asked: list[Message]) -> web.Response:
        replies: list[Message] = []
        cookie = None
        for message in asked:
            reply = {"channel": message["channel"], "id": message.get("id"), "successful": True}
            if message["channel"] == "/meta/handshake":
                client_id, cookie = secrets.token_hex(12), secrets.token_hex(12)
                self._sessions[client_id] = self._browsers[cookie] = Session()
                reply |= {"clientId": client_id, "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
                replies.append(reply | {"advice": {"reconnect": "retry", "interval": 0, "timeout": int(_HELD * 1000)}})
                continue
            session = self._sessions.get(message.get("clientId", ""))
            if session is None:
                replies.append(
                    reply | {"successful": False, "error": "402::unknown", "advice": {"reconnect": "handshake"}}
                )
                continue
            if message["channel"] == "/meta/connect":
                replies += await self._polled(session)
            elif message["channel"] == "/meta/subscribe":
                reply["subscription"] = message["subscription"]
                session.push(state_event("Ready") | {"data": state_event()["data"] | {"mark": self.mark("e")}})
            elif message["channel"] == "/meta/disconnect":
                self._sessions.pop(message["clientId"], None)
            replies.append(reply)
        answer = web.json_response(replies)
        if cookie:
            answer.set_cookie(COOKIE, cookie, httponly=True)
        return answer

    async def _polled(self, session: Session) -> list[Message]:
        session.seen = asyncio.get_running_loop().time()
        if not session.waiting:
            with suppress(TimeoutError):  # an empty answer
                await asyncio.wait_for(session.news.wait(), _HELD)
        session.news.clear()
        found, session.waiting = session.waiting, []
        return found

    async def forget(self) -> None:
        """Forget sessions whose clients have left without a word."""
        while True:
            await asyncio.sleep(10)
            now = asyncio.get_running_loop().time()
            for table in (self._sessions, self._browsers):
                for key in [key for key, session in table.items() if session.seen < now - _LEFT]:
                    del table[key]


async def _serve(port: int) -> None:
    upstream = Upstream()
    runner = web.ServerRunner(web.Server(upstream.handle, access_log=None, handler_cancellation=True))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await upstream.forget()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args().port))
