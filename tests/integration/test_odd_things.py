"""Odd cookies, headers, targets and WebSockets, recorded by Chromium and Python, are replayed to both, whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from tests.integration.captures import by_command
from tests.lab.browser import Browser
from tests.lab.byhand import BAYEUX
from tests.lab.processes import recorder

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.once]

HOUR = 3600
TOKEN = "Negotiate " + "Y" * 48_000
TARGET = "/api/v2/search?q=" + "z" * 12_000
SHAKEN = b'[{"id":"1","channel":"/meta/handshake","successful":true,"clientId":"c1","version":"1.0"}]'
HANDSHAKE = '[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["websocket"],"id":"1"}]'
COOKIES = [
    "JSESSIONID=j1; Path=/; HttpOnly",
    "locked=1; Path=/; Secure; HttpOnly",
    "foreign=1; Path=/; Secure; SameSite=None",
    "__Secure-sid=1; Path=/; Secure; SameSite=Strict",
    "__Host-sid=1; Path=/; Secure",
    "chips=1; Path=/; Secure; SameSite=None; Partitioned",
    "lasting=1; Path=/; Max-Age=7200",
    'quoted="a b"; Path=/',
    "nameless; Path=/",
    "deep=1; Path=/api/v2/other",
    "gone=; Path=/; Expires=Thu, 01 Jan 1970 00:00:10 GMT",
    "lost=1; Secure; Path=/; Domain=gws.example; Max-Age=0",
]
WORDS = ["alpha", "beta"]
IN_PAGE = """async ([token, target, bayeux, handshake, words]) => {
  const get = async (path, headers) => (await fetch(path, {credentials: "include", headers})).status
  const statuses = [await get("/api/v2/token", {Authorization: token}), await get(target), await get("/api/v2/käse")]
  const socket = new WebSocket(`ws://${location.host}${bayeux}`, ["other", "bayeux"]), said = []
  await new Promise((done, failed) => {
    socket.onopen = () => socket.send("[]")
    socket.onerror = () => failed(new Error("the WebSocket failed"))
    socket.onmessage = ({data}) => {
      said.push(data === "[]" ? data : JSON.parse(data)[0].successful)
      said.length < 2 ? socket.send(handshake) : done()
    }
  })
  const post = async (path, body, headers) =>
    (await (await fetch(path, {method: "POST", credentials: "include", headers, body})).json()).saw
  const posted = []
  for (const word of words) {
    const form = new FormData()
    form.append("title", word)
    form.append("file", new Blob([`bytes of ${word}`], {type: "application/octet-stream"}), "f.bin")
    posted.push(await post(`/api/v2/files?_=${Math.random()}`, form))
    posted.push(await post("/api/v2/form", new URLSearchParams({size: "1", title: word})))
    const list = JSON.stringify([1, {title: word}]), type = {"Content-Type": "application/json"}
    posted.push(await post(`/api/v2/list;jsessionid=${Math.random()}`, list, type))
  }
  return [statuses, socket.protocol, said, posted]
}"""
SEEN = [[200, 200, 200], "bayeux", ["[]", True]]
POSTED = [word for word in WORDS for _ in range(3)]


class Upstream(BaseHTTPRequestHandler):
    """A server that sets odd cookies and answers everything; its WebSocket chooses a subprotocol."""

    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer  # any method
        raise AttributeError(name)

    def _answer(self) -> None:
        if "Upgrade" in self.headers:
            self._talk()
            return
        is_page, body = self.path.startswith("/page"), self.rfile.read(int(self.headers.get("Content-Length") or 0))
        saw = next((word for word in WORDS if word.encode() in body), "nothing")
        content = b"<html></html>" if is_page else b'{"statusCode":0,"saw":"%s"}' % saw.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if is_page else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for cookie in [*COOKIES, f"hour=1; Path=/; Expires={formatdate(time.time() + HOUR, usegmt=True)}"] * is_page:
            self.send_header("Set-Cookie", cookie)
        if self.path == "/page?8bit":  # httpx cannot send it
            self.send_header("Set-Cookie", "käse=brötchen; Path=/".encode().decode("latin-1"))
        self.end_headers()
        self.wfile.write(content)

    def _talk(self) -> None:
        protocol = ServerProtocol(subprotocols=[Subprotocol("bayeux")])
        head = [f"{self.command} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items())]
        protocol.receive_data("\r\n".join([*head, "", ""]).encode())
        with suppress(ConnectionError):
            self._pump(protocol)
        self.close_connection = True

    def _pump(self, protocol: ServerProtocol) -> None:
        while True:
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    protocol.send_text(b"[]" if event.data == b"[]" else SHAKEN)
            for piece in protocol.data_to_send():
                self.wfile.write(piece)
            data = self.connection.recv(65536)
            if not data:
                return
            protocol.receive_data(data)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Upstream) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def in_chromium(browser: Browser, url: str, words: list[str]) -> tuple[Any, list[dict[str, Any]]]:
    """What a page sees, and the cookies that Chromium keeps; lifetimes are seconds from now."""

    def act(page: Page) -> tuple[Any, list[dict[str, Any]]]:
        page.goto(f"{url}/page?8bit")
        seen = page.evaluate(IN_PAGE, [TOKEN, TARGET, BAYEUX, HANDSHAKE, words])
        return seen, [dict(cookie) for cookie in page.context.cookies()]

    seen, kept = browser.on_page(act)
    for cookie in kept:
        cookie["expires"] = -1 if cookie["expires"] == -1 else round((cookie["expires"] - time.time()) / 60)
        if cookie["name"] == "JSESSIONID":
            cookie["value"] = "any"
    return seen, sorted((one for one in kept if one["name"] != "BAYEUX_BROWSER"), key=lambda one: str(one["name"]))


async def in_python(url: str, words: list[str]) -> tuple[Any, dict[str, str]]:
    """What aiohttp, httpx and a socket see of the same, and the names and values that httpx sends afterwards."""
    async with httpx.AsyncClient(base_url=url) as client:
        await client.get("/page")
        kept = {cookie.name: str(cookie.value) for cookie in client.cookies.jar if not cookie.secure}
        paths = [("/api/v2/token", {"Authorization": TOKEN}), (TARGET, {}), ("/api/v2/käse", {})]
        statuses = [(await client.get(path, headers=headers)).status_code for path, headers in paths]
        cookie = "; ".join(f"{name}={value}" for name, value in kept.items() if name == "JSESSIONID")
        odd = await by_hand(url, cookie)
        posted = [(await client.post(path, **body)).json()["saw"] for word in words for path, body in bodies(word)]
    async with aiohttp.ClientSession() as session:
        await session.get(f"{url}/page")
        async with session.ws_connect(url + BAYEUX, protocols=("other", "bayeux")) as socket:
            said: list[Any] = []
            for text in ("[]", HANDSHAKE):
                await socket.send_str(text)
                answer = await socket.receive_json(timeout=5)
                said.append("[]" if answer == [] else answer[0]["successful"])
            seen = [statuses, socket.protocol, said]
    kept.pop("JSESSIONID")
    return [*seen, posted, odd], kept


def bodies(word: str) -> list[tuple[str, dict[str, Any]]]:
    """What is posted where, as httpx takes it; each time with other parameters that do not count."""
    file = {"file": ("f.bin", f"bytes of {word}".encode(), "application/octet-stream")}
    return [
        (f"/api/v2/files?_={time.time()}", {"data": {"title": word}, "files": file}),
        ("/api/v2/form", {"data": {"title": word, "size": "1"}}),
        (f"/api/v2/list;jsessionid={time.time()}", {"json": [1, {"title": word}]}),
    ]


async def by_hand(url: str, cookie: str) -> list[int]:
    """The statuses of requests that no library sends."""
    host = url.removeprefix("http://")
    lines = [
        "GET /rohes/käse?q=ü HTTP/1.1",
        f"GET http://{host}/api/v2/absolute HTTP/1.1",
        "get /api/v2/small HTTP/1.1",
        "FROBNICATE /api/v2/odd HTTP/1.1",
        f"GET /api/v2/twice HTTP/1.1\r\nHost: {host}",
    ]
    statuses = []
    for line in lines:
        reader, writer = await asyncio.open_connection(*host.split(":"))
        writer.write(f"{line}\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
        statuses.append(int((await reader.readline()).split()[1]))
        writer.close()
    return statuses


def test_odd_things_are_replayed_to_both_and_chromium_keeps_the_same_cookies(
    upstream: str, browser: Browser, tmp_path: Path
) -> None:
    cassette = tmp_path / "odd.cassette"
    with by_command(upstream, cassette) as proxy:
        recorded = in_chromium(browser, proxy.url, WORDS)
        by_python = asyncio.run(in_python(proxy.url, WORDS))

    with recorder("replay", cassette, "--rate", "instant", "--repeat", "last") as standin:
        replayed = in_chromium(browser, standin.url, WORDS[::-1])
    with recorder("replay", cassette, "--rate", "instant", "--repeat", "last") as other:
        to_python = asyncio.run(in_python(other.url, WORDS[::-1]))

    assert recorded[0] == [*SEEN, POSTED]
    assert replayed[1] == recorded[1]
    assert replayed[0] == [*SEEN, POSTED[::-1]]
    assert {"locked", "foreign", "__Secure-sid", "__Host-sid", "chips", "hour"} <= {one["name"] for one in replayed[1]}
    assert by_python[0] == [*SEEN, POSTED, [200] * 5]
    assert to_python[0] == [*SEEN, POSTED[::-1], [200] * 5]
    assert by_python[1].items() <= to_python[1].items()
    assert {"locked", "foreign"} <= to_python[1].keys()  # which it would send by TLS only
    assert "was refused" not in standin.stderr + other.stderr
    assert (standin.code, other.code) == (0, 0), standin.stderr + other.stderr
