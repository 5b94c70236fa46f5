"""A desktop's web page behind a sign-on on another host, over TLS by a CA that nobody knows; and a host besides.

All hosts are one server on one port of this machine: who connects must be led there, see `names`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Thread
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.certificates import authority, issued

DESK, LOGIN, STATS = "desk.example.com", "login.example.com", "stats.example.com"
COMETD = "/api/v2/notifications"
CAMPAIGN = "/api/v2/me/outbound-campaigns/Campaign1"
_PAGE = Path(__file__).with_name("sso.html")
_FORM = """<!doctype html><title>Sign in</title><form method="post">
<input name="user"><input name="password" type="password"><button>Sign in</button></form>"""


@dataclass
class SignOn:
    """The running servers.

    Attributes:
        port: Where all of them listen.
        ca: Certificate of their CA, in PEM.
        spki: Hash of their key in base64, as Chromium takes it.
        asked: Host and path of each request, in order.

    """

    port: int
    ca: Path
    spki: str
    asked: list[tuple[str, str]] = field(default_factory=list)
    _events: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    @property
    def names(self) -> dict[str, int]:
        """The port of this machine that each host is at."""
        return dict.fromkeys([DESK, LOGIN, STATS], self.port)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the host that is asked."""
        self.asked.append((request.host, request.path))
        match request.host:
            case str(host) if host == LOGIN:
                return self._login(request)
            case str(host) if host == STATS:
                return web.json_response(
                    {"visitors": "visitors-of-stats"}, headers={"Access-Control-Allow-Origin": "*"}
                )
        return await self._desk(request)

    def _login(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/me":
            return web.json_response({"of": "login"})
        if request.method != "POST":
            return web.Response(text=_FORM, content_type="text/html")
        answer = _led(f"{request.query['back']}?code=c0de-4-the-desk&state={request.query['state']}")
        answer.set_cookie("login", "s1gned-0n", secure=True)
        return answer

    async def _desk(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/signed-on":
            answer = _led("/")
            answer.set_cookie("JSESSIONID", "d3sk-5ession", secure=True, httponly=True)
            return answer
        if request.cookies.get("JSESSIONID") is None:
            back = f"https://{DESK}/signed-on"
            return _led(f"https://{LOGIN}/authorize?back={back}&state=st4te-of-the-desk")
        if request.path == COMETD:
            return web.json_response([await self._reply(message) for message in await request.json()])
        if request.path == CAMPAIGN:
            reference = (await request.json())["referenceId"]
            self._events.put_nowait({"notificationType": "PreviewSessionStarted", "referenceId": reference})
            return web.json_response({"statusCode": 0})
        if request.path == "/me":
            return web.json_response({"of": "desk"})
        return web.Response(text=_PAGE.read_text(), content_type="text/html")

    async def _reply(self, message: dict[str, Any]) -> dict[str, Any]:
        reply = {
            "channel": message["channel"],
            "id": message["id"],
            "successful": True,
            "clientId": "cl1ent-desk",
        }
        if message["channel"] == "/meta/subscribe":
            reply["subscription"] = message["subscription"]
        if message["channel"] == "/meta/connect":
            return {"channel": "/v2/me/outbound", "data": await self._events.get()}
        return reply


@contextmanager
def signing_on(folder: Path) -> Iterator[SignOn]:
    """Serve all hosts from a thread of its own."""
    loop, ready = asyncio.new_event_loop(), []

    async def serve() -> None:
        company = authority("The company")
        company.saved(folder / "corp-ca.pem")
        own = issued(company, DESK, LOGIN, STATS)
        context = own.server(folder / "corp.pem")
        key = own.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        made = SignOn(0, folder / "corp-ca.pem", base64.b64encode(sha256(key).digest()).decode())
        runner = web.AppRunner(_application(made), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        made.port = runner.addresses[0][1]
        ready.append((made, runner))

    loop.run_until_complete(serve())
    ((made, runner),) = ready
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _led(to: str) -> web.Response:
    return web.Response(status=302, headers={"Location": to})


def _application(made: SignOn) -> web.Application:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    return app
