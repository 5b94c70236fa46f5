"""Which clients there are and what each is recorded from and plays: the tests and the table in README.md follow it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

Transport: TypeAlias = Literal["long-polling", "websocket", "callback-polling"]
Server: TypeAlias = Literal["cometd", "faye"]

ROOT = Path(__file__).parents[2]
_LAB = ROOT / "tests" / "lab"


@dataclass(frozen=True, slots=True)
class Client:
    """A client library and the desktop built on it.

    Attributes:
        key: Its short name here and in the ids of the tests.
        label: Its name in the table, with its version in place of `{}`.
        package: What its lock file calls it.
        command: Plays the script on stdin against the URL behind it, and prints what happens (tests/lab/README.md).
        marker: What its tests are marked with: what it needs.

    """

    key: str
    label: str
    package: str
    command: tuple[str, ...]
    transports: tuple[Transport, ...] = ("long-polling", "websocket")
    marker: str = "node"

    def __str__(self) -> str:
        return self.label.format(version(self.package))


@dataclass(frozen=True, slots=True)
class Seat:
    """A client on one of its transports."""

    client: Client
    transport: Transport

    def __str__(self) -> str:
        return f"{self.client.key} {self.transport}"


@dataclass(frozen=True, slots=True)
class Take:
    """A recording to be made: of a client, from a server."""

    seat: Seat
    server: Server

    def __str__(self) -> str:
        return f"{self.seat} {self.server}"


def _node(script: str) -> tuple[str, ...]:
    return ("node", str(_LAB / script))


def _python(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"tests.lab.clients.{module}")


CLIENTS = (
    Client("cometd9", "cometd {}", "cometd", _node("client.js")),
    Client(
        "page",
        "cometd {} in Chromium",
        "cometd",
        _python("page"),
        ("long-polling", "websocket", "callback-polling"),
        "browser",
    ),
    Client("cometd3", "cometd {}", "cometd3", _node("clients/cometd3.js")),
    Client("faye", "faye {}", "faye", _node("clients/faye.js")),
    Client("aiocometd", "aiocometd-noloop {}", "aiocometd-noloop", _python("aiocometd")),
    Client("baiocas", "baiocas {}", "baiocas", _python("baiocas"), ("long-polling",)),
    Client("python-bayeux", "python-bayeux {}", "python-bayeux", _python("python_bayeux"), ("long-polling",)),
)
SERVERS: dict[Server, str] = {"cometd": "cometd-nodejs-server", "faye": "faye"}

# By server, and by transport or client; test_clients.py asks the server whether it is so.
REFUSED: dict[tuple[Server, str], str] = {
    ("cometd", "websocket"): "the server has no WebSocket",
    ("cometd", "callback-polling"): "the server has no JSONP",
    ("cometd", "python-bayeux"): "the server refuses single objects",
}

SEATS = tuple(Seat(client, transport) for client in CLIENTS for transport in client.transports)


def refusal(seat: Seat, server: Server) -> str | None:
    """Why a client cannot be recorded from a server, None if it can."""
    return REFUSED.get((server, seat.transport)) or REFUSED.get((server, seat.client.key))


TAKES = tuple(Take(seat, server) for seat in SEATS for server in SERVERS if refusal(seat, server) is None)


# What is recorded of each, and who else plays it: over the other transport, where there is one left that was not.
_PLAYERS: dict[str, str] = {
    "cometd9 long-polling cometd": "aiocometd websocket",
    "cometd9 long-polling faye": "python-bayeux long-polling",
    "cometd9 websocket faye": "baiocas long-polling",
    "page long-polling cometd": "faye websocket",
    "page long-polling faye": "aiocometd websocket",
    "page websocket faye": "aiocometd long-polling",
    "page callback-polling faye": "cometd3 websocket",
    "cometd3 long-polling cometd": "faye websocket",
    "cometd3 long-polling faye": "page callback-polling",
    "cometd3 websocket faye": "page long-polling",
    "faye long-polling cometd": "cometd9 websocket",
    "faye long-polling faye": "cometd3 websocket",
    "faye websocket faye": "cometd9 long-polling",
    "aiocometd long-polling cometd": "cometd3 websocket",
    "aiocometd long-polling faye": "page websocket",
    "aiocometd websocket faye": "cometd3 long-polling",
    "baiocas long-polling cometd": "cometd9 websocket",
    "baiocas long-polling faye": "faye long-polling",
    "python-bayeux long-polling faye": "faye websocket",
}
_BY_NAME = {str(seat): seat for seat in SEATS}
PLAYERS: dict[Take, Seat] = {take: _BY_NAME[_PLAYERS[str(take)]] for take in TAKES}


def version(package: str) -> str:
    """The version of a package that the lock file of its language names."""
    npm = json.loads((_LAB / "package-lock.json").read_text())["packages"].get(f"node_modules/{package}")
    if npm is not None:
        return str(npm["version"])
    pinned = re.search(rf"^{re.escape(package)}==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pinned is not None, package
    return pinned[1]
