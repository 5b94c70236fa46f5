"""What is won by two processes that share a port, against one: the same clients, and one load on both in turn.

    python -m benchmarks.sharing [--smoke]

Each client has an Authorization and two connections of its own: one holds the poll that brings the event of the
operation on the other one. Two processes and the load want three cores; on fewer they compete, so beside the throughput
stands what the busiest process spends for each request, for that is what limits a larger machine.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks.determinism import CASSETTE
from benchmarks.polls_clients import Clients
from benchmarks.polls_wire import BAYEUX, HANDSHAKE, said
from benchmarks.rows import Row, Scale
from recorder.library.recording import load_recording
from recorder.replay.server.affinity import process_of
from tests.lab.processes import Server, recorder

COMMAND = "python -m benchmarks --only sharing"
_CLIENTS = 32
_ROUNDS = {Scale.FULL: (5, 100), Scale.SMOKE: (1, 5)}  # rounds, operations of each client


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per second, and microseconds of CPU time for each in the process that had most to do."""

    rate: float
    busiest: float


def rows(scale: Scale) -> list[Row]:
    """The row of the table."""
    rounds, operations = _ROUNDS[scale]
    found: dict[int, list[Load]] = {1: [], 2: []}
    with _serving(1) as one, _serving(2) as two:
        for server in (one, two):
            load(server, 5)  # warm
        for _ in range(rounds):
            found[1].append(load(one, operations))
            found[2].append(load(two, operations))
    rates = {n: median(load.rate for load in loads) for n, loads in found.items()}
    busiest = {n: median(load.busiest for load in loads) for n, loads in found.items()}
    facts = (
        f"{_CLIENTS} clients, each with two connections; half of them in each process; {rounds} rounds in turn.",
        f"The busiest process spends {busiest[2] / busiest[1]:.2f}× the CPU time for each request of the load.",
        *(
            f"{n} {'process' if n == 1 else 'processes'}: {rates[n]:,.0f} requests/s, {busiest[n]:.0f} µs."
            for n in found
        ),
    )
    what = "two processes that share a port, against one: throughput"
    return [Row(what, "-", f"{rates[2] / rates[1]:.2f}×", None, COMMAND, facts)]


def load(server: Server, operations: int) -> Load:
    """All clients at once, until each has made so many operations, each with the poll that brings its event."""
    asked = load_recording(CASSETTE).triples[0].request
    users, port = dict(enumerate(_users())), urlsplit(server.url).port or 0
    with Clients("127.0.0.1", port, _CLIENTS) as rest, Clients("127.0.0.1", port, _CLIENTS) as bayeux:
        shaken = bayeux.exchange(f"{BAYEUX}/", dict.fromkeys(users, HANDSHAKE), users)
        names = {number: json.loads(answer.body)[0]["clientId"] for number, answer in shaken.items()}
        polls = {number: said(name, 4, "/meta/connect") for number, name in names.items()}
        bayeux.exchange(f"{BAYEUX}/", polls, users)
        before, begun = _spent(server), time.perf_counter()
        for _ in range(operations):
            for number, poll in polls.items():
                bayeux.ask(number, f"{BAYEUX}/connect", poll, users[number])
            acks = rest.exchange(asked.target, dict.fromkeys(users, asked.body), users)
            events = bayeux.answers(_CLIENTS)
            if not all(b'"data"' in event.body for event in events.values()):
                raise RuntimeError("a poll brought no event")
            if not all(ack.head.startswith(b"HTTP/1.1 200") for ack in acks.values()):
                raise RuntimeError("an operation was not answered as recorded")
        seconds = time.perf_counter() - begun
        spent = [after - earlier for after, earlier in zip(_spent(server), before, strict=True)]
        leaves = {number: said(name, 5, "/meta/disconnect") for number, name in names.items()}
        bayeux.exchange(f"{BAYEUX}/", leaves, users)  # the next ones show the same
    requests = 2 * operations * _CLIENTS
    return Load(requests / seconds, 1e6 * max(spent) / requests)


def _users() -> list[str]:
    """As many of each of two processes, so that chance plays no role."""
    numbers = [f"Basic {number}" for number in islice(count(), 20 * _CLIENTS)]
    of = [[user for user in numbers if process_of((("authorization", user),), 2) == n] for n in (0, 1)]
    return [f"Authorization: {user}" for both in of for user in both[: _CLIENTS // 2]]


@contextmanager
def _serving(processes: int) -> Iterator[Server]:
    options = ("--rate", "instant", "--repeat", "cycle", "--processes", str(processes))
    with recorder("replay", CASSETTE, *options) as server:
        yield server


def _spent(server: Server) -> list[float]:
    """Seconds of CPU time, of each process with a stand-in."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(Path(f"/proc/{one}/schedstat").read_text().split()[0]) / 1e9 for one in children or [pid]]


if __name__ == "__main__":
    for row in rows(Scale.SMOKE if "--smoke" in sys.argv else Scale.FULL):
        print("\n".join([f"{row.what}: {row.measured}", *row.facts]))
