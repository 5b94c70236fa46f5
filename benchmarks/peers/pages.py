"""The desk of tests/lab/push as a page, recorded and replayed by Playwright's own means.

Its HAR holds the requests; the messages on sockets are taken from its events and said again, by hand, to who connects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.lab.browser import Browser
from tests.lab.push.lab import HERE

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route, WebSocket, WebSocketRoute

Lines: TypeAlias = list[dict[str, Any]]


@dataclass(slots=True)
class Taken:
    """A page's session; `sockets` has what the server said on each, and with what it closed it, if it did."""

    har: Path
    url: str
    lines: Lines = field(default_factory=list)
    sockets: list[tuple[list[str | bytes], dict[str, Any] | None]] = field(default_factory=list)


def record(browser: Browser, har: Path, url: str, script: Mapping[str, Any]) -> Taken:
    """Let the page play against a server."""
    taken = Taken(har, url)
    said: list[list[str | bytes]] = []

    def heard(socket: WebSocket) -> None:
        said.append(mine := list[str | bytes]())
        socket.on("framereceived", lambda message: mine.append(message))  # noqa: PLW0108  # it writes to a handler

    def act(page: Page) -> Lines:
        page.on("websocket", heard)
        return _play(page, url, script)

    taken.lines = browser.on_page(act, har)
    closes = [line["data"] for line in taken.lines if line["kind"] == "event" and line["channel"] == "closed"]
    taken.sockets = [(mine, closes[n] if n < len(closes) else None) for n, mine in enumerate(said)]
    return taken


def replay(browser: Browser, taken: Taken, script: Mapping[str, Any]) -> Lines:
    """Let the page play without a server: what is not in the HAR is aborted."""
    left = iter(taken.sockets)

    def connected(socket: WebSocketRoute) -> None:
        said, closed = next(left, ([], None))
        for message in said:
            socket.send(message)
        if closed is not None:
            socket.close(code=closed["code"], reason=closed["reason"])

    def act(page: Page) -> Lines:
        page.route_from_har(taken.har, not_found="abort")
        page.route_web_socket(lambda _: True, connected)
        return _play(page, taken.url, script)

    return browser.on_page(act)


def _play(page: Page, url: str, script: Mapping[str, Any]) -> Lines:
    def hand(route: Route) -> None:
        route.fulfill(path=HERE / route.request.url.rpartition("/")[2])

    for name in ("page.html", "desk.js"):
        page.route(f"{url}/desk/{name}", hand)
    page.goto(f"{url}/desk/page.html")
    lines: Lines = json.loads(page.evaluate("async (script) => JSON.stringify(await play(script))", script))
    return lines
