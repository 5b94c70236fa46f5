"""Clients of the engine in this process: requests as values, made before the clock runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from recorder.model import Headers, Triple
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.engine.standin import ReplayEngine

_BAYEUX = "/api/v2/notifications"
_HEADERS: Headers = (
    ("Host", "127.0.0.1:8090"),
    ("Accept", "*/*"),
    ("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"),
    ("Content-Type", "application/json;charset=UTF-8"),
)
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Client:
    """A client that has shaken hands and subscribed; `name` tells it apart and is in its referenceIds."""

    name: str
    client_id: str
    headers: Headers

    def operation(self, triple: Triple) -> HttpRequest:
        """A recorded operation as it sends it, under a referenceId of its own."""
        body = json.loads(triple.request.body) | {"referenceId": f"{self.name}-{triple.n}"}
        return self._post(triple.request.target, body)

    def poll(self) -> HttpRequest:
        """A poll."""
        return self._post(_BAYEUX, [_connect(self.client_id) | {"id": str(next(_numbers))}])

    def pairs(self, triples: Sequence[Triple]) -> list[tuple[HttpRequest, HttpRequest]]:
        """For each recorded operation the request, and the poll that brings its events."""
        return [(self.operation(triple), self.poll()) for triple in triples]

    def _post(self, target: str, content: Any) -> HttpRequest:
        return _post(self.name, target, content, self.headers)


def client(standin: ReplayEngine, name: str) -> Client:
    """Shake hands, connect, subscribe."""
    shake = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
    shaken = exchange(standin, _post(name, _BAYEUX, [shake], _HEADERS))
    client_id = json.loads(shaken.body)[0]["clientId"]
    cookie = next(value.partition(";")[0] for key, value in shaken.headers if key == "Set-Cookie")
    made = Client(name, client_id, (*_HEADERS, ("Cookie", f"JSESSIONID=node01abcdefgh; {cookie}")))
    exchange(standin, made.poll())
    subscribe = {"channel": "/meta/subscribe", "subscription": "/**", "clientId": client_id}
    exchange(standin, _post(name, _BAYEUX, [subscribe], made.headers))
    return made


def exchange(standin: ReplayEngine, request: HttpRequest) -> HttpResponse:
    """A request that is answered at once."""
    standin.receive(request, 0.0)
    (reply,) = standin.replies(0.0)
    standin.sent(reply.number)
    if reply.status != 200:
        raise RuntimeError(f"the stand-in answered {reply.status}: {reply.body.decode()}")
    return reply


def _connect(client_id: str) -> dict[str, str]:
    return {"channel": "/meta/connect", "connectionType": "long-polling", "clientId": client_id}


def _post(name: str, target: str, content: Any, headers: Headers) -> HttpRequest:
    body = json.dumps(content, separators=(",", ":")).encode()
    return HttpRequest(next(_numbers), name, "POST", target, headers, body)
