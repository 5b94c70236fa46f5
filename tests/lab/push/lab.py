"""Servers of other makers that push without Bayeux, and scripted desks on real clients, run from Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tests.lab.browser import Browser
from tests.lab.lab import LabError, run_client
from tests.lab.processes import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

# A page whose files are handed to the browser seems to come from afar, and may open no socket to this machine.
FLAG = "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"
HERE = Path(__file__).resolve().parent
Transport: TypeAlias = Literal["sse", "socket", "rpc", "graphql", "hub"]
Library: TypeAlias = Literal[
    "page", "eventsource", "httpx-sse", "ws", "websockets", "aiohttp", "graphql-ws", "@microsoft/signalr"
]
Line: TypeAlias = dict[str, Any]
Script: TypeAlias = dict[str, Any]


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", f"tests.lab.push.{module}"]


SERVERS: dict[str, list[str]] = {
    "sse": _python("sse"),
    "socket": ["node", str(HERE / "socket.js")],
    "rpc": _python("rpc"),
    "graphql": ["node", str(HERE / "graphql.js")],
    "hub": ["node", str(HERE / "hub.js")],
    "mcp": _python("mcp_server"),
    "cloud": _python("cloud"),
}
_OF_NODE = ("eventsource", "ws", "graphql-ws", "@microsoft/signalr")
_COMMANDS: dict[str, list[str]] = {
    **{library: [*_python("desk"), library] for library in ("httpx-sse", "websockets", "aiohttp")},
    **{library: ["node", str(HERE / "node_desk.js"), library] for library in _OF_NODE},
    "mcp": _python("mcp_client"),
    "cloud": _python("cloud_client"),
}


@dataclass(frozen=True, slots=True)
class Served:
    """A server as a child process.

    Attributes:
        url: Where it listens.
        log: Its truth: requests, answers, sessions and events, each event as often as it was told to a desk.
    """

    url: str
    log: Path

    def truth(self) -> list[Line]:
        """Return the lines of the truth so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def serving_push(name: str, log: Path) -> Iterator[Served]:
    """Run one of `SERVERS`."""
    log.touch()
    with serving([*SERVERS[name], f"--log={log}"], ready="listening on ") as server:
        yield Served(server.url, log)


def script(transport: Transport, *prefixes: str, think: float = 0.0) -> Script:
    """What a desk does that works two orders; one for each prefix of refs, all at once."""
    desks = [
        {"agent": "ann", "client": n, "prefix": prefix, "steps": _steps(transport, prefix, think)}
        for n, prefix in enumerate(prefixes)
    ]
    return {"transport": transport, "desks": desks}


def pair(transport: Transport, prefix: str, *, think: float = 0.0) -> Script:
    """What two desks do: one makes an order, the other changes it as soon as it hears of that, the first removes it."""
    login = [] if transport in {"rpc", "hub"} else [{"do": "login"}]
    first = [*login, {"do": "open", "events": 2 if transport == "socket" else 1}, {"do": "meet"}]
    ref, label = f"{prefix}a1", 1 if transport == "socket" else 0
    ann = [
        {
            "do": "create",
            "ref": ref,
            "item": "lamp",
            "think": think,
            "events": 4 + label,
        },  # what the other changed, too
        {"do": "remove", "order": ref, "think": think, "events": 1},
    ]
    ben = [
        {"do": "wait", "events": 1},
        {"do": "change", "order": ref, "ref": f"{prefix}b1", "note": "in blue", "think": think, "events": 1},
        {"do": "wait", "events": 1},
    ]
    return {
        "transport": transport,
        "desks": [
            {
                "agent": name,
                "client": n,
                "prefix": f"{prefix}{name}-",
                "steps": [*first, *steps],
            }
            for n, (name, steps) in enumerate((("ann", ann), ("ben", ben)))
        ],
    }


def _steps(transport: Transport, prefix: str, think: float) -> list[dict[str, Any]]:
    first, label = f"{prefix}1", 1 if transport == "socket" else 0  # a binary message behind what is packed
    again = {"sse": 1, "socket": 3, "rpc": 2, "graphql": 2, "hub": 2}[
        transport
    ]  # what is heard of a stream that is down
    steps: list[dict[str, Any]] = [
        {"do": "open", "events": 2 if transport == "socket" else 1},
        {"do": "create", "ref": first, "item": "lamp", "events": 3 + label},
        {"do": "change", "order": first, "ref": f"{prefix}2", "note": "in red", "events": 1},
        {"do": "view", "order": first, "events": 1},
        {"do": "refresh", "ref": f"{prefix}3", "events": again},
        {"do": "create", "ref": f"{prefix}4", "item": "lamp", "events": 3 + label},
        {"do": "remove", "order": first, "events": 1},
    ]
    login = [] if transport in {"rpc", "hub"} else [{"do": "login"}]
    return [*login, *({**step, "think": think} for step in steps)]


def mcp(*prefixes: str, think: float = 0.0, first: int = 0) -> Script:
    """What sessions of the Model Context Protocol do, all at once; their JSON-RPC ids are `first` and up.

    All subscribe to an order, and the first one changes it at the end. Each has ids of its own: the store of the server
    tells its streams apart by them.
    """
    steps: list[dict[str, Any]] = [
        {"do": "list"},
        {"do": "subscribe"},
        {"do": "pack", "events": 5},  # three of progress, one for the log, the result
        {"do": "colour", "events": 2},
        {"do": "describe", "events": 2},
        {"do": "slow", "events": 3},
        {"do": "read"},
        {"do": "meet"},
    ]
    last: list[dict[str, Any]] = [{"do": "change", "events": 2}, {"do": "wait", "events": 1}]
    desks = [
        {
            "prefix": prefix,
            "first": first + 100 * n,
            "steps": [{**step, "think": think} for step in (*steps, last[n > 0])],
        }
        for n, prefix in enumerate(prefixes)
    ]
    return {"desks": desks}


def cloud(prefix: str, *, think: float = 0.0, stay: bool = False) -> Script:
    """What two agents do: the first makes a call and hands it to the second, whose socket was closed meanwhile."""
    # One after the other: of two who log in at once nothing in a redacted recording tells which is which.
    login, meet = {"do": "login"}, {"do": "meet"}
    steps: dict[str, list[dict[str, Any]]] = {
        "ann": [
            login,
            meet,
            {"do": "open", "events": 1},
            meet,
            {"do": "dial", "events": 3},
            {"do": "hold", "events": 1},
            {"do": "note", "events": 1},
            {"do": "meet"},
            {"do": "transfer", "events": 1},
            {"do": "wait", "events": 3},  # what the other does
        ],
        "ben": [
            meet,
            login,
            {"do": "open", "events": 1},
            meet,
            {"do": "presence", "events": 4},  # the socket is closed, and opened again
            {"do": "list"},
            {"do": "meet"},
            {"do": "wait", "events": 1},
            {"do": "answer", "events": 1},
            {"do": "hangup", "events": 1},
            {"do": "wrapup", "events": 1},
        ],
    }
    desks = [
        {
            "agent": name,
            "prefix": f"{prefix}{name}-",
            "stay": stay,
            "steps": [{**step, "think": think} for step in steps[name]],
        }
        for name in ("ann", "ben")
    ]
    return {"desks": desks}


def play(library: str, url: str, given: Mapping[str, Any], browser: Browser | None = None) -> list[Line]:
    """Let the desks of a script play against a base URL, and return the lines they printed.

    Raises:
        LabError: If a step timed out, or an answer was bad.
    """
    if library == "page":
        assert browser is not None
        return _play_in_page(browser, url, given)
    return run_client(_COMMANDS[library], url, given)


def _play_in_page(browser: Browser, url: str, given: Mapping[str, Any]) -> list[Line]:
    """Play in a page that seems to come from the server: the browser is handed its two files."""
    from playwright.sync_api import Error

    def hand(route: Route) -> None:
        route.fulfill(path=HERE / route.request.url.rpartition("/")[2])

    def act(page: Page) -> list[Line]:
        for name in ("page.html", "desk.js"):
            page.route(f"{url}/desk/{name}", hand)
        page.goto(f"{url}/desk/page.html")
        lines: list[Line] = page.evaluate("(script) => play(script)", given)
        return lines

    try:
        return browser.on_page(act)
    except Error as exc:
        raise LabError(str(exc)) from exc


def heard(lines: Sequence[Line], client: int = 0) -> list[tuple[str, Any]]:
    """Return the events that a desk printed, in their order."""
    return [(line["channel"], line["data"]) for line in lines if line["kind"] == "event" and line["client"] == client]
