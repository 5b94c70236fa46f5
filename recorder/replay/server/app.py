"""Serve a stand-in over HTTP."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count

from ..engine.http import HttpRequest, HttpResponse
from ..engine.standin import ReplayEngine
from . import cors
from .connection import Connections, Routes
from .control import Control
from .driver import Callbacks, ControlledStandIn, Driver
from .limits import Limits, listening

_METHODS = (("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),)


def new_id() -> str:
    """Return a fresh id for clientIds and cookies."""
    return secrets.token_hex(16)


def epoch() -> float:
    """Return the UTC seconds at which the monotonic clock of event loops shows 0."""
    return time.time() - time.monotonic()


def seeded_ids(seed: int) -> Callable[[], str]:
    """Return a source of ids that are equal in each run; only trusted clients should reach such a stand-in."""
    numbers = count(1)
    return lambda: hashlib.sha256(f"{seed} {next(numbers)}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, and how it is steered from inside its process."""

    host: str
    port: int
    controls: ControlledStandIn

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@asynccontextmanager
async def serve(
    standin: ReplayEngine,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    watch: Callbacks = Callbacks(),  # noqa: B008  # frozen
    virtual: bool = False,
    token: str | None = None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> AsyncIterator[Address]:
    """Serve a stand-in; yield where it listens (port 0 takes a free one).

    Args:
        standin: What to serve.
        host: Address to listen on.
        port: Port to listen on.
        watch: Callbacks for what happens.
        virtual: Time stands still while a client has anything to do, and jumps to what is due next when all wait.
        token: Enable the control API at /__recorder/ for requests that carry this token; None leaves it out.
        limits: What a client may ask for; `limits.fitting` builds them for a recording.

    Raises:
        UsageError: If the address cannot be had.

    """
    limits = replace(limits, body=max(limits.body, 2 * standin.longest_body))  # what was recorded can be played
    driver = Driver(standin, watch, virtual=virtual)
    site = _Site(standin, driver)
    connections = Connections(driver, limits, Routes(site.instead, site.opens, standin.upgrade))
    listener, bound = await listening(connections, host, port)
    site.control = Control(token, bound) if token else None
    try:
        yield Address(host, bound, site.controls)
    finally:
        listener.close()
        driver.close()
        await connections.close()


class _Site:
    """Requests answered beside the recording: the control API, preflights of pages, and `OPTIONS *`."""

    control: Control | None = None

    def __init__(self, standin: ReplayEngine, driver: Driver) -> None:
        self._standin, self._driver = standin, driver
        self.controls = ControlledStandIn(standin, driver)

    def opens(self, target: str) -> bool:
        """Return whether WebSockets are opened at a target."""
        return self._standin.owns(target) and not (self.control is not None and self.control.owns(target))

    def instead(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a request for the control API, a preflight, or `OPTIONS *`; return None for all others."""
        if self.control is not None and self.control.owns(request.target):
            told = self.control.handle(request, self.controls)
            self._driver.schedule()
            return told
        if request.method != "OPTIONS":
            return None
        asked = HttpResponse(request.number, 204, _METHODS, b"") if request.target == "*" else cors.preflight(request)
        if asked is not None:
            self._driver.rest()
        return asked
