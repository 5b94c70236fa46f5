"""Measure the memory of a session that left without a word.

    python -m benchmarks.left [--sessions 10000] [--rounds 10]

Sessions shake hands, subscribe, ask for one operation and vanish: each has a cookie and a connection of its own. The
resident memory of this process is read before and after. Then more of them come in rounds, each of which is let go
before the next: memory must stay where the first rounds left it. Exits with 1 if a session costs more than 4,096 bytes,
or if memory grows by more than a tenth of what one round takes for each further round.
"""

from __future__ import annotations

import argparse
import gc
import json
import tracemalloc
from itertools import count
from pathlib import Path

from recorder.dialect.definition import load
from recorder.model import Headers
from recorder.replay.engine.http import HttpRequest, HttpResponse
from recorder.replay.engine.standin import ReplayEngine
from recorder.replay.engine.timeline import INSTANT
from recorder.replay.server.app import new_id
from tests.wire import Wire, chained, done

MOST = 4096  # bytes a session
TIMEOUT = 100.0
BAYEUX = "/api/v2/notifications"
CHANNEL = "/v2/me/outbound"
HANDSHAKE = json.dumps([{"channel": "/meta/handshake"}]).encode()
WATCHED = 500
SHOWN = 0  # lines of the source that allocate most, for whoever looks for more


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


class Leaving:
    """A stand-in, and clients that leave it without a word."""

    def __init__(self) -> None:
        wire = Wire()
        desk = wire.desk()
        for n in range(20):
            desk.asks(chained(7, f"r{n}"), done(7, f"r{n}"))
        played = wire.recording()
        self.standin = ReplayEngine(played, load(played.header.dialect), new_id=new_id, rate=INSTANT)
        self.now = 0.0
        self._numbers = count(1)
        self._connections = count(1)

    def _asks(self, connection: str, target: str, body: bytes, headers: Headers = ()) -> HttpResponse | None:
        number = next(self._numbers)
        headers = (*headers, ("Content-Type", "application/json"))
        self.standin.receive(HttpRequest(number, connection, "POST", target, headers, body), self.now)
        answers = {reply.number: reply for reply in self.standin.replies(self.now)}
        answer = answers.get(number)
        if answer is None:
            self.standin.abort(number)  # the connection of a client that is gone
            return None
        self.standin.sent(number)
        return answer if isinstance(answer, HttpResponse) else None

    def session(self) -> None:
        """Let one client come and vanish."""
        connection = f"c{next(self._connections)}"
        shaken = self._asks(connection, BAYEUX, HANDSHAKE)
        if shaken is None:
            raise AssertionError("a handshake got no answer")
        client = json.loads(shaken.body)[0]["clientId"]
        cookie = next(value for name, value in shaken.headers if name == "Set-Cookie").partition(";")[0]
        subscribe = {"channel": "/meta/subscribe", "clientId": client, "subscription": CHANNEL}
        self._asks(connection, BAYEUX, json.dumps([subscribe]).encode(), (("Cookie", cookie),))
        asked = chained(7, f"live{connection}")
        self._asks(connection, asked.target, asked.body, (("Cookie", cookie),))


def each(sessions: int) -> tuple[float, float]:
    """Bytes that a session costs: resident, and as Python's allocator counts them."""
    leaving = Leaving()
    for _ in range(sessions // 10):
        leaving.session()  # what is made ready once is ready now
    before = resident()
    for _ in range(sessions):
        leaving.session()
    taken = (resident() - before) / sessions
    tracemalloc.start()
    for _ in range(WATCHED):
        leaving.session()
    traced = tracemalloc.get_traced_memory()[0] / WATCHED
    if SHOWN:
        for one in tracemalloc.take_snapshot().statistics("lineno")[:SHOWN]:
            print(f"{one.size / WATCHED:8.0f}  {one.traceback}")
    tracemalloc.stop()
    return taken, traced


def over(sessions: int, rounds: int) -> list[int]:
    """Bytes of the process after each round of sessions, all of which are let go."""
    leaving, found = Leaving(), []
    for _ in range(rounds):
        for _ in range(sessions):
            leaving.session()
        for _ in range(2):
            leaving.now += 2 * TIMEOUT
            leaving.standin.let_go(leaving.now, TIMEOUT)
        found.append(resident())
    return found


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    taken, traced = each(options.sessions)
    print(f"a session that left: {taken:,.0f} bytes resident, {traced:,.0f} allocated, target ≤ {MOST:,}")
    found = over(options.sessions, options.rounds)
    mib = ", ".join(f"{one / (1 << 20):.1f}" for one in found)
    print(f"{options.rounds} rounds of {options.sessions:,} that are let go: {mib} MiB")
    grown = found[-1] - found[len(found) // 3]
    return int(taken > MOST or grown > 0.1 * taken * options.sessions)


if __name__ == "__main__":
    raise SystemExit(main())
