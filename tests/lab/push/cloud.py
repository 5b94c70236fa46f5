"""A small contact centre in the shapes of Genesys Cloud: REST, and notifications on a WebSocket; by aiohttp.

python -m tests.lab.push.cloud --log FILE [--port 0]

It follows the documentation of Genesys Cloud and was never compared with the real one. A code of the login is
`NAME-…` of an agent `NAME`. What is guessed: the CorrelationId of an event is not that of the answer; who changes the
presence hears that the socket closes, and opens it again.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from aiohttp import WSMsgType, web

from tests.lab.push.serving import options

BEAT = 1.0  # seconds; 30 in truth
_STEP = 0.02  # seconds between two events of a call
_CALL = "/api/v2/conversations/calls/{conversation}/participants/{participant}"

Json: TypeAlias = dict[str, Any]


def _id() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class User:
    """An agent: one channel, and what it subscribed to."""

    name: str
    id: str = field(default_factory=_id)
    channel: str | None = None
    topics: set[str] = field(default_factory=set)
    sockets: set[web.WebSocketResponse] = field(default_factory=set)


@dataclass(slots=True)
class Participant:
    """One side of a call."""

    purpose: str
    user: User | None = None
    state: str = "alerting"
    held: bool = False
    id: str = field(default_factory=_id)
    attributes: Json = field(default_factory=dict)
    wrapup: Json | None = None

    def shown(self) -> Json:
        call = {"id": self.id, "state": self.state, "held": self.held, "muted": False, "direction": "outbound"}
        shown = {"id": self.id, "purpose": self.purpose, "calls": [call], "attributes": dict(self.attributes)}
        who = {"userId": self.user.id} if self.user else {}
        return shown | who | ({"wrapup": self.wrapup} if self.wrapup else {})


@dataclass(slots=True)
class Call:
    """A conversation."""

    address: str
    uui: str
    participants: list[Participant]
    id: str = field(default_factory=_id)

    def shown(self) -> Json:
        shown = [one.shown() for one in self.participants]
        return {"id": self.id, "address": self.address, "uuiData": self.uui, "participants": shown}


class Cloud:
    """The organisation."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("a", buffering=1)
        self._users: dict[str, User] = {}  # by access token
        self._calls: dict[str, Call] = {}
        self._requests = count()
        self._behind: set[asyncio.Task[None]] = set()
        self.app = web.Application(middlewares=[self._asked])
        add = self.app.router.add_route
        add("POST", "/oauth/token", self._login)
        add("GET", "/api/v2/users/me", self._me)
        add("PATCH", "/api/v2/users/{user}/presences/PURECLOUD", self._presence)
        add("POST", "/api/v2/notifications/channels", self._open)
        add("PUT", "/api/v2/notifications/channels/{channel}/subscriptions", self._subscribe)
        add("GET", "/channels/{channel}", self._listen)
        add("GET", "/api/v2/conversations", self._conversations)
        add("POST", "/api/v2/conversations/calls", self._dial)
        add("PATCH", _CALL, self._change)
        add("PATCH", f"{_CALL}/attributes", self._attributes)
        add("POST", f"{_CALL}/replace", self._transfer)
        add("PUT", f"{_CALL}/wrapup", self._wrapup)

    @web.middleware
    async def _asked(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith("/channels/"):
            return await handler(request)
        text = await request.text()
        user = self._users.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        request["user"], request["n"], request["after"] = user, next(self._requests), []
        is_json = request.content_type == "application/json"
        request["body"] = json.loads(text) if text and is_json else (text or None)
        asked = {"method": request.method, "path": request.path, "body": request["body"]}
        self._write(kind="request", n=request["n"], agent=user and user.name, **asked)
        if user is None and request.path != "/oauth/token":
            response: web.StreamResponse = web.json_response({"code": "authentication.required"}, status=401)
        else:
            response = await handler(request)
        response.headers["ININ-Correlation-Id"] = _id()
        self._write(kind="ack", n=request["n"], status=response.status, body=None)
        if request["after"]:
            task = asyncio.create_task(self._after(request["after"]))
            self._behind.add(task)
            task.add_done_callback(self._behind.discard)
        return response

    @staticmethod
    async def _after(steps: list[Callable[[], Awaitable[None]]]) -> None:
        for step in steps:
            await asyncio.sleep(_STEP)
            await step()

    async def _login(self, request: web.Request) -> web.Response:
        form = await request.post()
        token = f"{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self._users[token] = User(str(form["code"]).partition("-")[0])
        return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": 86399})

    async def _me(self, request: web.Request) -> web.Response:
        user = request["user"]
        return web.json_response({"id": user.id, "name": user.name, "selfUri": f"/api/v2/users/{user.id}"})

    async def _presence(self, request: web.Request) -> web.Response:
        user, definition = request["user"], request["body"]["presenceDefinition"]

        async def changed() -> None:
            await self._tell(request["n"], user, "presence", {"source": "PURECLOUD", "presenceDefinition": definition})

        request["after"] += [changed, lambda: self._moves(user)]
        return web.json_response({"id": definition["id"], "presenceDefinition": definition})

    async def _moves(self, user: User) -> None:
        for socket in list(user.sockets):
            await self._say(None, user, socket, "v2.system.socket_closing", {"message": "This socket will be closed"})
            await socket.close(code=1001, message=b"going away")

    async def _open(self, request: web.Request) -> web.Response:
        user = request["user"]
        user.channel = f"streaming-5-{uuid.uuid4().hex[:26]}"
        expires = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        uri = f"ws://{request.host}/channels/{user.channel}"
        return web.json_response({"connectUri": uri, "id": user.channel, "expires": expires})

    async def _subscribe(self, request: web.Request) -> web.Response:
        user = request["user"]
        if request.match_info["channel"] != user.channel:
            return web.json_response({"code": "not.found"}, status=404)
        user.topics = {topic["id"] for topic in request["body"]}
        entities = [{"id": topic, "selfUri": f"/api/v2/notifications/topics/{topic}"} for topic in sorted(user.topics)]
        return web.json_response({"entities": entities})

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        channel = request.match_info["channel"]
        user = next((one for one in self._users.values() if one.channel == channel), None)
        if user is None:
            return web.Response(status=404)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._write(kind="session", agent=user.name)
        user.sockets.add(socket)
        beating = asyncio.create_task(self._beat(user, socket))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and message.json() == {"message": "ping"}:
                    await self._say(None, user, socket, "channel.metadata", {"message": "pong"})
        finally:
            beating.cancel()
            user.sockets.discard(socket)
        return socket

    async def _beat(self, user: User, socket: web.WebSocketResponse) -> None:
        while True:
            await asyncio.sleep(BEAT)
            await self._say(None, user, socket, "channel.metadata", {"message": "WebSocket Heartbeat"})

    async def _conversations(self, request: web.Request) -> web.Response:
        user = request["user"]
        own = [call.shown() for call in self._calls.values() if any(one.user is user for one in call.participants)]
        return web.json_response({"entities": own, "total": len(own)})

    async def _dial(self, request: web.Request) -> web.Response:
        body, agent = request["body"], Participant("agent", request["user"], "contacting")
        other = Participant("customer", state="dialing")
        call = Call(body["phoneNumber"], body.get("uuiData", ""), [agent, other])
        self._calls[call.id] = call
        for state in ("dialing", "contacting", "connected"):
            request["after"].append(lambda state=state: self._turns(request["n"], call, other, state, agent))
        return web.json_response({"id": call.id, "selfUri": f"/api/v2/conversations/calls/{call.id}"}, status=202)

    async def _turns(self, n: int, call: Call, one: Participant, state: str, agent: Participant) -> None:
        one.state = state
        agent.state = "connected" if state == "connected" else agent.state
        await self._changed(n, call)

    async def _change(self, request: web.Request) -> web.Response:
        call, one = self._found(request)
        one.state = request["body"].get("state", one.state)
        one.held = request["body"].get("held", one.held)
        request["after"].append(lambda: self._changed(request["n"], call))
        return web.Response(status=202)

    async def _attributes(self, request: web.Request) -> web.Response:
        call, one = self._found(request)
        one.attributes |= request["body"]["attributes"]
        request["after"].append(lambda: self._changed(request["n"], call))
        return web.json_response({"attributes": one.attributes}, status=202)

    async def _wrapup(self, request: web.Request) -> web.Response:
        call, one = self._found(request)
        one.wrapup = request["body"]
        request["after"].append(lambda: self._changed(request["n"], call))
        return web.Response(status=204)

    async def _transfer(self, request: web.Request) -> web.Response:
        call, one = self._found(request)
        to = next(user for user in self._users.values() if user.id == request["body"]["userId"])

        async def transferred() -> None:
            one.state = "disconnected"
            call.participants.append(Participant("agent", to))
            await self._changed(request["n"], call)

        request["after"].append(transferred)
        return web.Response(status=202)

    def _found(self, request: web.Request) -> tuple[Call, Participant]:
        call = self._calls[request.match_info["conversation"]]
        return call, next(one for one in call.participants if one.id == request.match_info["participant"])

    async def _changed(self, n: int, call: Call) -> None:
        shown = call.shown()
        for user in {one.user.id: one.user for one in call.participants if one.user}.values():
            await self._tell(n, user, "conversations", shown)

    async def _tell(self, n: int | None, user: User, topic: str, body: Json) -> None:
        name = f"v2.users.{user.id}.{topic}"
        if name in user.topics:
            for socket in list(user.sockets):
                await self._say(n, user, socket, name, body)

    async def _say(self, n: int | None, user: User, socket: web.WebSocketResponse, topic: str, body: Json) -> None:
        message = {"topicName": topic, "eventBody": body}
        if topic.startswith("v2.users."):
            message |= {"version": "2", "metadata": {"CorrelationId": _id()}}
        self._write(kind="event", cause=n, agent=user.name, channel=topic, data=message)
        await socket.send_json(message)

    def _write(self, **line: Any) -> None:
        self._log.write(json.dumps(line | {"at": round(time.monotonic(), 4)}) + "\n")


@asynccontextmanager
async def _served(app: web.Application, port: int) -> AsyncIterator[int]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def main() -> None:
    given = options(__doc__)
    async with _served(Cloud(given.log).app, given.port) as port:
        print(f"listening on http://127.0.0.1:{port}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # it is how a test ends it
        asyncio.run(main())
