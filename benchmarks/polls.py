"""Thousands of long-polls held on one core, and all released at once; beside the same on a server that does nothing.

    python -m benchmarks.polls [--polls N] [--rounds N]

Each client shakes hands, subscribes, connects and holds a /meta/connect. Then the events of all sessions come due at
one moment. Latency is from that moment to the last byte at the client; afterwards each client fetches what else there
is for it, so that a doubled event would show. The server has one core, the clients have the others.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from benchmarks.polls_clients import Answer, Clients
from benchmarks.polls_wire import BAYEUX, EVENTS, HANDSHAKE, PUSHED, said
from benchmarks.profiles import begin, paragraph, under_profiler
from benchmarks.rows import Row, Scale
from tests.lab.processes import Server, serving

Kind: TypeAlias = Literal["standin", "bare"]

COMMAND = "python -m benchmarks --only polls"
_SIZES = {Scale.FULL: (10_000, 9), Scale.SMOKE: (200, 1)}  # polls, rounds: one alone says little
_KIB, _TIMES_BARE = 20.0, 2.0
_WARM = 20  # clients that come and go before anything is measured


@dataclass(frozen=True, slots=True)
class Release:
    """One server with all polls held, then released.

    Attributes:
        opening: Microseconds of the server's CPU time for each session until its poll was held: four requests.
        memory: KiB of resident memory for each held poll.
        cpu: Microseconds of the server's CPU time for each delivery.
        latencies: Seconds, sorted.
        lost: Events that did not come with the poll they were for.
        doubled: Events that came after that.

    """

    opening: float
    memory: float
    cpu: float
    latencies: tuple[float, ...]
    lost: int
    doubled: int

    def at(self, share: float) -> float:
        """Milliseconds within which so large a share was delivered."""
        return 1000 * self.latencies[min(int(share * len(self.latencies)), len(self.latencies) - 1)]


def rows(scale: Scale) -> list[Row]:
    """The rows of the table: memory, and delivery."""
    return _rows(*_SIZES[scale], judged=scale is Scale.FULL)


def _rows(polls: int, rounds: int, *, judged: bool) -> list[Row]:
    found: dict[Kind, list[Release]] = {"bare": [], "standin": []}
    with _room() as core:
        for _ in range(rounds):
            for kind, releases in found.items():
                releases.append(release(kind, polls, core))
        profile = _profile(polls, core)
    ours, bare = found["standin"], found["bare"]
    memory = median(one.memory for one in ours)
    times = median(one.at(0.99) for one in ours) / median(one.at(0.99) for one in bare)
    wrong = [sum(one.lost for one in ours), sum(one.doubled for one in ours)]
    size = f"{polls:,} long-polls held at once on one core"
    facts = (
        f"{rounds * polls * len(EVENTS):,} events in {rounds} rounds: {wrong[0]} lost, {wrong[1]} doubled.",
        *(
            f"{name}: {_described(found[kind])}."
            for kind, name in (("standin", "The stand-in"), ("bare", "Bare aiohttp"))
        ),
        f"CPU time of a delivery: {_ratio(ours, bare):.2f}× the bare server's.",
        f"p99 round by round: {', '.join(f'{a.at(0.99) / b.at(0.99):.2f}' for a, b in zip(ours, bare, strict=True))}.",
    )
    lean = f"The bare server holds one in {median(one.memory for one in bare):.1f} KiB; these are in each figure."
    return [
        Row(
            f"{size}: memory for each",
            f"≤ {_KIB:g} KiB",
            f"{memory:.1f} KiB",
            _or_none(judged, memory <= _KIB),
            COMMAND,
            (lean,),
        ),
        Row(
            f"{size}: delivery p99 when all are released, against a bare server",
            f"< {_TIMES_BARE:g}×; 0 lost",
            f"{times:.2f}×; {sum(wrong)} lost or doubled",
            _or_none(judged, times < _TIMES_BARE and not any(wrong)),
            COMMAND,
            facts,
            profile,
        ),
    ]


def _ratio(ours: list[Release], bare: list[Release]) -> float:
    return median(one.cpu for one in ours) / median(one.cpu for one in bare)


def _described(releases: list[Release]) -> str:
    half, most = (median(one.at(share) for one in releases) for share in (0.5, 0.99))
    cpu, opening = median(one.cpu for one in releases), median(one.opening for one in releases)
    return (
        f"p50 {half:.0f} ms, p99 {most:.0f} ms after the release; {cpu:.0f} µs of CPU for each delivery, "
        f"{opening:.0f} µs for the four requests before"
    )


def _or_none(judged: bool, holds: bool) -> bool | None:  # noqa: FBT001  # a pair
    return holds if judged else None


# One round


def release(kind: Kind, polls: int, core: int) -> Release:
    """Hold polls on a server of its own, which has one core, and release them."""
    with serving([sys.executable, *_module(kind)], ready="listening on ") as server:
        return _release(server, polls, core)


def _release(server: Server, polls: int, core: int, before: Callable[[int], None] = lambda _: None) -> Release:
    pid, port = server.process.pid, urlsplit(server.url).port or 0
    os.sched_setaffinity(pid, {core})
    with Clients("127.0.0.1", port, polls) as clients:
        with Clients("127.0.0.1", port, _WARM) as first:
            _hold(first)
        memory, cpu = _resident(pid), _cpu(pid)
        sessions = _hold(clients)
        _wait_until_idle(pid)
        held, opened = _resident(pid), _cpu(pid)
        before(pid)
        begun = time.monotonic()
        server.process.send_signal(signal.SIGUSR2)
        answers = clients.answers(polls)
        done = _cpu(pid)
        rest = [answer for wave in clients.waves for answer in _fetched(clients, wave, sessions).values()]
    came = Counter(answer.body == PUSHED for answer in answers.values())
    return Release(
        1e6 * (opened - cpu) / polls,
        (held - memory) / polls,
        1e6 * (done - opened) / polls,
        tuple(sorted(answer.at - begun for answer in answers.values())),
        len(EVENTS) * came[False],
        sum(not message["channel"].startswith("/meta/") for answer in rest for message in json.loads(answer.body)),
    )


@dataclass(slots=True)
class _Sessions:
    """By the clients' numbers."""

    names: dict[int, str] = field(default_factory=dict)
    cookies: dict[int, str] = field(default_factory=dict)


def _hold(clients: Clients) -> _Sessions:
    """Each client opens its session, and holds a poll."""
    found = _Sessions()
    for wave in clients.waves:
        shaken = clients.exchange(f"{BAYEUX}/handshake", dict.fromkeys(wave, HANDSHAKE), {})
        for number, answer in shaken.items():
            found.names[number] = json.loads(answer.body)[-1]["clientId"]
            cookie = answer.head.partition(b"Set-Cookie: ")[2].partition(b";")[0].decode()
            found.cookies[number] = f"Cookie: {cookie}"
        wish = {number: said(found.names[number], 2, "/meta/subscribe", subscription="/**") for number in wave}
        clients.exchange(f"{BAYEUX}/", wish, found.cookies)
        first = {number: said(found.names[number], 3, "/meta/connect", advice={"timeout": 0}) for number in wave}
        clients.exchange(f"{BAYEUX}/", first, found.cookies)
        for number in wave:
            poll = said(found.names[number], 4, "/meta/connect")
            clients.ask(number, f"{BAYEUX}/connect", poll, found.cookies[number])
    return found


def _fetched(clients: Clients, wave: range, sessions: _Sessions) -> dict[int, Answer]:
    """What else there is for clients: a poll that is not held."""
    polls = {number: said(sessions.names[number], 5, "/meta/connect", advice={"timeout": 0}) for number in wave}
    return clients.exchange(f"{BAYEUX}/again", polls, sessions.cookies)


def _profile(polls: int, core: int) -> str:
    """Where the time of a release goes."""
    with under_profiler(*_module("standin")) as (command, shares):
        with serving(command, ready="listening on ") as server:
            _release(server, polls, core, begin)
        return paragraph(shares(), "the stand-in from the release on, with the poll of each client that follows")


def _module(kind: Kind) -> list[str]:
    return ["-m", "benchmarks.polls_server", kind]


# The machine


@contextmanager
def _room() -> Iterator[int]:
    """As many descriptors as the system gives, here and for the servers; yields the core that is left to these."""
    cores, limits = os.sched_getaffinity(0), resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    os.sched_setaffinity(0, cores - {min(cores)} or cores)
    try:
        yield min(cores)
    finally:
        os.sched_setaffinity(0, cores)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def _wait_until_idle(pid: int) -> None:
    """Until the server has read all there is: its CPU time stands still."""
    spent = [_cpu(pid)]
    while len(spent) < 4 or any(now - before > 0.001 for before, now in pairwise(spent[-4:])):
        time.sleep(0.1)
        spent.append(_cpu(pid))


def _cpu(pid: int) -> float:
    """Seconds of CPU time of a process so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _resident(pid: int) -> float:
    """KiB of memory of a process."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def main() -> None:
    """Print the rows, with their facts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--polls", type=int, default=_SIZES[Scale.FULL][0])
    parser.add_argument("--rounds", type=int, default=_SIZES[Scale.FULL][1])
    options = parser.parse_args()
    for row in _rows(options.polls, options.rounds, judged=True):
        print("\n".join([f"{row.what}: {row.measured}, target {row.target}", *row.facts, row.profile]))


if __name__ == "__main__":
    main()
