"""Three Bayeux servers behind one shape, and the bench on which a row tries one of them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from tests.lab.byhand import CHANNELS, Desk, Sent
from tests.lab.lab import Lab
from tests.lab.processes import Server, recorder, until

CASSETTE = Path(__file__).parents[3] / "cassettes" / "get-chained-record.cassette"
_TOKEN = "conformance"
_HOLD_MS = 30_000  # as in the cassette: all three advise the same timeout
_LOOKS = 4  # a server that still holds a request when it has answered so many others holds it


class Peer(Protocol):
    """A running Bayeux server."""

    url: str

    def push(self, desk: Desk, agent: str, channel: str, data: Any) -> None:
        """Hand an event to the session of a desk; the lab knows its agent only."""

    def held(self) -> int:
        """How many polls it holds."""


class ReplayEngine:
    """`recorder replay`; events are pushed by its control API."""

    def __init__(self, server: Server) -> None:
        self.url = server.url

    def push(self, desk: Desk, agent: str, channel: str, data: Any) -> None:
        event = {"session": desk.client_id, "channel": channel, "data": data}
        assert self._call("POST", "inject", event)["sessions"]

    def held(self) -> int:
        return sum(session["parked"] for session in self._call("GET", "state")["sessions"])

    def _call(self, method: str, what: str, body: Any = None) -> Any:
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=20)
        content = None if body is None else json.dumps(body)
        connection.request(method, f"/__recorder/{what}", content, {"X-Recorder-Token": _TOKEN})
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        assert response.status == 200, answer
        return answer


class RealServer:
    """One of the two in the lab."""

    def __init__(self, lab: Lab) -> None:
        self.url, self._lab = lab.url, lab

    def push(self, desk: Desk, agent: str, channel: str, data: Any) -> None:
        self._lab.unsolicited(channel, data, agent)

    def held(self) -> int:
        return len(self._lab.waiting())


@contextmanager
def serving(name: str) -> Iterator[Peer]:
    """Run a server by its name, one of `SERVERS`."""
    if name == "standin":
        with recorder("replay", CASSETTE, env=os.environ | {"RECORDER_CONTROL_TOKEN": _TOKEN}) as server:
            yield ReplayEngine(server)
        return
    with (
        TemporaryDirectory() as folder,
        # one session per browser is the real default of this server, and of CometD's Java server
        Lab("cometd" if name == "cometd" else "faye", Path(folder) / "truth", _HOLD_MS, sessions_per_browser=1) as lab,
    ):
        yield RealServer(lab)


class Bench:
    """A server, and a desk before it that nobody else shares."""

    _agents = 0

    def __init__(self, peer: Peer) -> None:
        Bench._agents += 1
        self._agent = f"agent{Bench._agents}"
        self._peer = peer
        self.desk = Desk(peer.url, f"{self._agent}:secret")
        self._desks = [self.desk]

    def pushes(self, *names: int | str, desk: Desk | None = None, channel: str = CHANNELS[0]) -> None:
        """The server gets events for the session, told apart by what they are named."""
        for n in names:
            self._peer.push(desk or self.desk, self._agent, channel, {"n": n})

    def holds(self, poll: Sent, *others: Sent) -> str:
        """`held` or `at once`: what becomes of a poll that left just now; `others` are held already."""
        looks = 0
        while not poll.is_answered:
            looks = looks + 1 if self._peer.held() > sum(not other.is_answered for other in others) else 0
            if looks == _LOOKS:
                return "held"
            time.sleep(0.003)
        return "at once"

    def beside(self) -> Desk:
        """Another desk with the same cookies."""
        self._desks.append(self.desk.beside())
        return self._desks[-1]

    def gives_up(self, poll: Sent) -> None:
        """Hang up on a poll that is held, and see that the server noticed."""
        poll.abort()
        until(lambda: not self._peer.held(), "the server sees that the client is gone")

    def leaves(self) -> None:
        """End the sessions, so that nothing of theirs is held any more."""
        for desk in self._desks:
            if desk.client_id:
                desk.tells(desk.message("/meta/disconnect")).answer()
            desk.leaves()
        until(lambda: not self._peer.held(), "no poll is left")


def asked(peer: Peer, script: Callable[[Bench], str]) -> str:
    """What a server answers in the words of a row's script."""
    bench = Bench(peer)
    try:
        return script(bench)
    finally:
        bench.leaves()
