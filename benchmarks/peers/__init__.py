"""The stand-in beside those of other makers: the same 1,000 recorded exchanges, the same requests.

Each is an operation with a body of its own, answered by its ack. All compare the whole body, and get exactly what was
recorded, since the others take nothing else. The events that follow are left out, for the others know none.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import wrk
from benchmarks.peers.servers import Peer, peers
from benchmarks.profiles import begin, paragraph, under_profiler
from benchmarks.rows import Row, Scale, not_measured
from benchmarks.standins import OPTIONS, Recorded, stand_in
from benchmarks.wrk import Load
from tests.lab.processes import Server, serving

COMMAND = "python -m benchmarks --only peers"
_WARM = 60.0  # seconds at most, until a server gets no faster


def rows(scale: Scale) -> list[Row]:
    """A row for each of the others."""
    full = scale is Scale.FULL
    chosen = [peer for peer in peers() if full or "mitm" in peer.name]  # the others take long to start
    reason = wrk.missing()
    present = [] if reason else [peer for peer in chosen if peer.missing is None]
    found: dict[str, list[Load]] = {}
    profile = ""
    if present:
        with tempfile.TemporaryDirectory() as folder:
            recorded = Recorded(Path(folder), 1000 if full else 100, events=False)
            found = measure(recorded, present, *((7, 3.0, _WARM) if full else (1, 1.0, 0.0)))
            profile = profile_of(recorded, 3.0 if full else 1.0)
    return [_row(peer, found, profile, reason, full=full) for peer in chosen]


def measure(recorded: Recorded, chosen: list[Peer], rounds: int, seconds: float, warm: float) -> dict[str, list[Load]]:
    """Load all in turn; all are warm."""
    with ExitStack() as stack:
        servers = {"": stack.enter_context(stand_in(recorded.cassette))}
        for place, peer in enumerate(chosen):
            folder = recorded.folder / str(place)
            folder.mkdir()
            servers[peer.name] = stack.enter_context(peer.start(folder, recorded.recording.triples))
        for server in servers.values():
            _warm(server, recorded, warm)
        return wrk.in_turn(
            {name: partial(_load, server, recorded, seconds) for name, server in servers.items()}, rounds
        )


def _warm(server: Server, recorded: Recorded, most: float) -> None:
    """Load a server until it gets no faster: a JVM compiles what is used often."""
    end, best = time.monotonic() + most, 0.0
    while time.monotonic() < end:
        rate = _load(server, recorded, 4.0).rate
        if rate < 1.05 * best:
            return
        best = max(best, rate)


def profile_of(recorded: Recorded, seconds: float) -> str:
    """Where the time of the stand-in goes meanwhile."""
    with under_profiler("recorder", "replay", str(recorded.cassette), *OPTIONS) as (command, shares):
        with serving(command, ready="listening on ") as server:
            begin(server.process.pid)
            _load(server, recorded, seconds)
        return paragraph(shares(), "the stand-in under this load")


def _row(peer: Peer, found: dict[str, list[Load]], profile: str, reason: str | None, *, full: bool) -> Row:
    what, target = f"stand-in request throughput, against {peer.name}", f"≥ {peer.least}×"
    if peer.name not in found:
        return not_measured(what, target, COMMAND, reason or peer.missing or "unknown")
    ours, theirs = found[""], found[peer.name]
    times = wrk.ratio((one.rate for one in ours), (one.rate for one in theirs))
    cpu = statistics.median(other.cpu / one.cpu for one, other in zip(ours, theirs, strict=True))
    facts = (
        f"The stand-in: {wrk.described(ours)}.",
        f"{peer.name}: {wrk.described(theirs)}; {cpu:.1f}× the CPU time.",
        f"{peer.start.__doc__} {wrk.CLIENTS} connections.",
    )
    return Row(what, target, f"{times:.1f}×", times >= peer.least if full else None, COMMAND, facts, profile)


def _load(server: Server, recorded: Recorded, seconds: float) -> Load:
    return wrk.load(server, recorded.requests, "calls", seconds)
