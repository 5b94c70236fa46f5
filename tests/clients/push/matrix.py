"""Which clients hear push without Bayeux, what each is recorded from, and by which dialect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.clients.matrix import version
from tests.lab.push.lab import HERE, Library, Transport

SERVERS: dict[Transport, str] = {  # their packages
    "sse": "sse-starlette",
    "socket": "ws",
    "rpc": "websockets",
    "graphql": "graphql-ws",
    "hub": "ws",
}
_DIALECTS: dict[Transport, str] = {
    "sse": "orders",
    "socket": "orders",
    "rpc": "orders-rpc",
    "graphql": "orders-graphql",
    "hub": "orders-hub",
}
_CLIENTS: dict[Transport, tuple[Library, ...]] = {
    "sse": ("page", "eventsource", "httpx-sse"),
    "socket": ("page", "ws", "websockets", "aiohttp"),
    "rpc": ("page", "ws", "websockets", "aiohttp"),
    "graphql": ("graphql-ws",),
    "hub": ("@microsoft/signalr",),
}


@dataclass(frozen=True, slots=True)
class Seat:
    """A client that hears by a transport: it can be recorded, and it can play what others of it were recorded."""

    library: Library
    transport: Transport

    def __str__(self) -> str:
        return f"{self.library} {self.transport}"

    @property
    def marker(self) -> str:
        """What its tests are marked with: what it needs."""
        return "browser" if self.library == "page" else "node"

    @property
    def dialect(self) -> Path:
        """The file of the dialect that its recording is read by."""
        return HERE / "dialects" / f"{_DIALECTS[self.transport]}.toml"


SEATS = tuple(Seat(library, transport) for transport, libraries in _CLIENTS.items() for library in libraries)


def label(seat: Seat) -> str:
    """The client with its version."""
    if seat.library == "page":
        return "EventSource of Chromium" if seat.transport == "sse" else "WebSocket of Chromium"
    return f"{seat.library} {version(seat.library)}"


def server(transport: Transport) -> str:
    """The server of a transport with its version."""
    name = {"rpc": "JSON-RPC on ", "hub": "a hub of SignalR on "}.get(transport, "")
    return f"{name}{SERVERS[transport]} {version(SERVERS[transport])}"
