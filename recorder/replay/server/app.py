"""Serve a stand-in over HTTP."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count

from ...model import Headers
from ...monitoring.answers import PREFIX
from ...monitoring.openmetrics import Family
from ..engine.http import HttpRequest, HttpResponse
from ..engine.sessions.instances import told
from ..engine.standin import ReplayEngine
from . import cors
from .admission import PARAMETER, Admission, Admitted, Refused, Rules
from .connection import Connections, Routes
from .control import Control, families, healthy, is_health
from .driver import Callbacks, ControlledStandIn, Driver, Fresh, Trials
from .limits import Limits, listening
from .sockets import PlainSocket, SocketConnection

_METHODS = (("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),)
# With a token: targets that may show it, and those of the control API, whose requests keep their own token.
_APART = re.compile(rf"[?&]{PARAMETER}=|\A{PREFIX}(?:[/?]|\Z)".encode())


def new_id() -> str:
    """Return a random id, 32 hexadecimal digits, for a clientId or a cookie."""
    return secrets.token_hex(16)


def epoch() -> float:
    """Return the time, in UTC seconds, at which the monotonic clock of event loops showed 0."""
    return time.time() - time.monotonic()


def seeded_ids(seed: int, again: int = 0) -> Callable[[], str]:
    """Return a function that makes ids, with equal ids in each run of one seed.

    Where a run begins anew, `again` counts how often: its ids are others, so that a client of before is known by its.

    These ids can be guessed: let no strangers reach a stand-in that uses them.
    """
    numbers = count(1)
    begin = f"{seed} again {again}" if again else f"{seed}"
    return lambda: hashlib.sha256(f"{begin} {next(numbers)}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Address:
    """The address where a server listens, and the controls of its stand-in for code in the same process."""

    host: str
    port: int
    controls: ControlledStandIn

    @property
    def url(self) -> str:
        """URL of the server; an IPv6 address stands in brackets (RFC 3986, section 3.2.2)."""
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
    rules: Rules = Rules(),  # noqa: B008  # frozen
    instance: str | None = None,
    fresh: Fresh | None = None,
    trials: Trials | None = None,
) -> AsyncIterator[Address]:
    """Serve a stand-in until the block ends, and yield the address where the server listens.

    Args:
        standin: The stand-in to serve.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        watch: Functions to call on misses, idle times and answers.
        virtual: Use a virtual clock: it stops while a client is busy, and jumps to the next due step when all wait.
        token: Enable the control API at /__recorder/ for requests that carry this token; None disables the control API.
        limits: Sizes and times allowed to a client; `limits.fitting` builds them for a recording.
        rules: The hosts, origins and token to serve; `admission.rules_of` builds them for a recording.
        instance: Name that a cookie tells a load balancer; None sets no such cookie.
        fresh: Builds a stand-in that plays another order from the start, for the control API.
        trials: A search that says which orders to play, for the control API.

    Raises:
        UsageError: If the server cannot listen on the address.

    """
    limits = replace(limits, body=max(limits.body, 2 * standin.largest[0]))  # each recorded body fits
    driver = Driver(standin, watch, virtual=virtual)
    site = _Site(driver, Admission(rules, [host]), instance, fresh, trials)
    apart = None if rules.token is None else _APART
    connections = Connections(
        driver, limits, Routes(site.instead, site.opens, site.asks, site.upgrade, site.admits, apart)
    )
    site.connections = connections
    listener, bound = await listening(connections, host, port)
    site.admission = Admission(rules, [host, *(socket.getsockname()[0] for socket in listener.sockets)])
    site.control = Control(token, bound) if token else None
    try:
        yield Address(host, bound, site.controls)
    finally:
        listener.close()
        driver.close()
        await connections.close()


class _Site:
    """The answers that come from no recording: health, counters, the control API, CORS preflights, and `OPTIONS *`."""

    control: Control | None = None
    connections: Connections | None = None
    _apart = 0  # requests that were no part of the replay

    def __init__(
        self, driver: Driver, admission: Admission, instance: str | None, fresh: Fresh | None, trials: Trials | None
    ) -> None:
        self._driver, self.admission, self._instance = driver, admission, instance
        self.controls = ControlledStandIn(driver, fresh=fresh, trials=trials, cut=self.cut)

    @property
    def _standin(self) -> ReplayEngine:
        return self._driver.standin

    def cut(self) -> None:
        """End all WebSockets: their clients are to begin anew."""
        for transport in [] if self.connections is None else list(self.connections.open):
            if not transport.is_closing() and isinstance(protocol := transport.get_protocol(), SocketConnection):
                protocol.cancel()

    def upgrade(self, request: HttpRequest) -> Headers:
        """Return the headers to answer a WebSocket upgrade with."""
        return self._standin.upgrade(request)

    def admits(self, method: str, target: str, headers: Headers, hosts: Sequence[str] = (), /) -> Admitted | Refused:
        """Decide on a request before its body is read; the control API has checks of its own, and its own token."""
        if self._owns(target):
            return Admitted(target, headers, is_lasting=False)
        found = self.admission.admit(method, target, headers, hosts)
        if self._instance is None or isinstance(found, Refused):
            return found
        headers, new = told(found.headers, self._instance)
        return found._replace(headers=headers, added=(*found.added, *new), is_lasting=found.is_lasting and not new)

    def opens(self, target: str) -> bool:
        """Return whether a WebSocket may be opened at a target."""
        is_known = self._standin.owns(target) or self._standin.asks(target)
        return is_known and not self._owns(target)

    def asks(self, target: str) -> bool:
        """Return whether the stand-in decides if a WebSocket is opened at a target: one without Bayeux."""
        return self._standin.asks(target)

    def instead(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a request that is not for the recording; None if the stand-in must answer."""
        if is_health(request.target):  # no client of the replay: it moves no clock, and ends no idle time
            self._apart += 1
            return healthy(request)
        if self.control is not None and self.control.owns(request.target):
            self._apart += 1
            if (measured := self.control.measured(request, self._families)) is not None:
                return measured
            told = self.control.handle(request, self.controls)
            self._driver.schedule()
            return told
        if request.method != "OPTIONS":
            return None
        asked = HttpResponse(request.number, 204, _METHODS, b"") if request.target == "*" else cors.preflight(request)
        if asked is not None:
            self._apart += 1
            self._driver.rest()
        return asked

    def _owns(self, target: str) -> bool:
        """Return whether a request is not for the recording, also if the recording has such a path."""
        return is_health(target) or (self.control is not None and self.control.owns(target))

    def _families(self) -> Iterator[Family]:
        protocols = [transport.get_protocol() for transport in self.connections.open] if self.connections else []
        sockets = sum(isinstance(protocol, SocketConnection | PlainSocket) for protocol in protocols)
        requests = self._driver.numbered - self._apart
        return families(self._standin.figures, requests, self._driver.refusals, len(protocols), sockets)
