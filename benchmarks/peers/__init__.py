"""The stand-in beside those of other makers: the same 1,000 recorded exchanges, in the same order.

Each is an operation with a body of its own, answered by its ack. All compare the whole body, and get exactly what was
recorded, since the others take nothing else. Beside that a session of 500 operations, each with the poll that brings
its events: the others answer polls with what was recorded, too, if they are asked in exactly the recorded words. The
stand-in's clients are new ones, with ids of their own.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import wrk
from benchmarks.peers.servers import Peer, peers
from benchmarks.profiles import begin, paragraph, under_profiler
from benchmarks.rows import Row, Scale, not_measured
from benchmarks.standins import OPTIONS, Recorded, session, stand_in, write_session
from benchmarks.wrk import Load
from tests.lab.processes import serving

COMMAND = "python -m benchmarks --only peers"
_WARM = 60.0  # seconds at most, until a server gets no faster


def rows(scale: Scale) -> list[Row]:
    """A row for each of the others."""
    full = scale is Scale.FULL
    chosen = [peer for peer in peers() if full or "mitm" in peer.name]  # the others take long to start
    reason = wrk.missing()
    present = [] if reason else [peer for peer in chosen if peer.missing is None]
    found: dict[bool, dict[str, list[Load]]] = {False: {}, True: {}}  # without and with polls
    profile = ""
    if present:
        for polls in found:
            with tempfile.TemporaryDirectory() as folder:
                recorded = Recorded(Path(folder), (1000 if full else 100) // (1 + polls), events=polls)
                found[polls] = measure(recorded, present, *((7, 3.0, _WARM) if full else (1, 1.0, 0.0)), polls=polls)
                profile = profile or profile_of(recorded, 3.0 if full else 1.0)
    return [_row(peer, found, profile, reason, full=full) for peer in chosen]


def measure(
    recorded: Recorded, chosen: list[Peer], rounds: int, seconds: float, warm: float, *, polls: bool
) -> dict[str, list[Load]]:
    """Load all in turn; all are warm."""
    exchanges = session(recorded, polls=polls)
    as_it_was = recorded.folder / "session"
    write_session(exchanges, as_it_was)
    with ExitStack() as stack:
        ours = stack.enter_context(stand_in(recorded.cassette))
        loads = {"": partial(wrk.load, ours, recorded.requests, "polls" if polls else "calls")}
        for place, peer in enumerate(chosen):
            folder = recorded.folder / str(place)
            folder.mkdir()
            loads[peer.name] = partial(
                wrk.load, stack.enter_context(peer.start(folder, exchanges)), as_it_was, "session"
            )
        for load in loads.values():
            _warm(load, warm)
        return wrk.in_turn({name: partial(load, seconds) for name, load in loads.items()}, rounds)


def _warm(load: Callable[[float], Load], most: float) -> None:
    """Load a server until it gets no faster: a JVM compiles what is used often."""
    end, best = time.monotonic() + most, 0.0
    while time.monotonic() < end:
        rate = load(4.0).rate
        if rate < 1.05 * best:
            return
        best = max(best, rate)


def profile_of(recorded: Recorded, seconds: float) -> str:
    """Where the time of the stand-in goes meanwhile."""
    with under_profiler("recorder", "replay", str(recorded.cassette), *OPTIONS) as (command, shares):
        with serving(command, ready="listening on ") as server:
            begin(server.process.pid)
            wrk.load(server, recorded.requests, "calls", seconds)
        return paragraph(shares(), "the stand-in under this load")


def _row(peer: Peer, found: dict[bool, dict[str, list[Load]]], profile: str, reason: str | None, *, full: bool) -> Row:
    what, target = f"stand-in request throughput, against {peer.name}", f"≥ {peer.least}×"
    if peer.name not in found[False]:
        return not_measured(what, target, COMMAND, reason or peer.missing or "unknown")
    times = _times(found[False], peer)
    pairs = zip(found[False][""], found[False][peer.name], strict=True)
    cpu = statistics.median(other.cpu / one.cpu for one, other in pairs)
    names = {"": "The stand-in", peer.name: peer.name}
    facts = (
        *(f"{name}: {wrk.described(found[False][key])}." for key, name in names.items()),
        f"Of CPU time it takes {cpu:.1f} times as much as the stand-in.",
        f"A session, its polls and their events included: {_times(found[True], peer):.1f}×.",
        *(f"{name}, a session: {wrk.described(found[True][key])}." for key, name in names.items()),
        f"{peer.start.__doc__} {wrk.CLIENTS} connections.",
    )
    return Row(what, target, f"{times:.1f}×", times >= peer.least if full else None, COMMAND, facts, profile)


def _times(found: dict[str, list[Load]], peer: Peer) -> float:
    return wrk.ratio((one.rate for one in found[""]), (one.rate for one in found[peer.name]))
