"""Record a desk that hears by SSE or on a WebSocket, let desks play that, and count the events that came amiss.

The session is `script` of tests/lab/push/lab.py: bare answers, events by cause, a stream that goes down and comes back.
Each desk prints an event with the step in which it came; that of the recorded desk is the measure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from recorder.api.standin import StandIn
from recorder.model import Recording
from tests.clients.crossing import LIVE, OTHER, PACES, THINKS, Lines, Pace, Tally, tally
from tests.clients.push.matrix import SEATS, Seat
from tests.lab.browser import Browser
from tests.lab.lab import LabError
from tests.lab.processes import recorder
from tests.lab.push.lab import Served, play, script

Crowd: TypeAlias = Literal[1, 8]

THINK = 0.1  # seconds before each step of the recorded desk
CROWDS: tuple[Crowd, ...] = (1, 8)


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording that desks play, at a pace of the stand-in and with a think time of their own in seconds."""

    take: Seat
    player: Seat
    pace: Pace
    think: float
    crowd: Crowd

    def __str__(self) -> str:
        who = f"{self.crowd} of {self.player}" if self.crowd > 1 else str(self.player)
        return f"{self.take} played by {who}, {self.pace}, think {self.think:g}"


def record(served: Served, take: Seat, cassette: Path, browser: Browser | None = None) -> Lines:
    """Record a desk into a file; return what it printed."""
    options = ["--no-redaction", "--dialect", take.dialect]
    with recorder("record", served.url, "-o", cassette, *options) as proxy:
        lines = play(take.library, proxy.url, script(take.transport, LIVE, think=THINK), browser)
    assert proxy.code == 0, proxy.stderr
    return lines


def replay(recording: Recording, live: Lines, how: Replay, browser: Browser | None = None) -> Tally:
    """Let desks play a recording of which another printed `live`; count what came amiss."""
    rate: float | Literal["instant"] = "instant" if how.pace == "instant" else 20 if how.pace == "20" else 1
    clock: Literal["wall", "virtual"] = "virtual" if how.pace == "virtual clock" else "wall"
    prefixes = [f"{OTHER}{n}-" for n in range(how.crowd)]
    with StandIn(recording, rate=rate, clock=clock) as standin:
        try:
            given = script(how.player.transport, *prefixes, think=how.think)
            lines = play(how.player.library, standin.url, given, browser)
        except LabError as exc:
            return Tally(1, failed=1, texts=(f"{how}: {exc} {'; '.join(map(str, standin.misses))}",))
    told: list[object] = [
        *standin.misses,
        *(f"triple {n} is unplayed" for n in standin.unplayed),
        *standin.unplayed_events,
    ]
    failed = int(bool(told))
    counted = Tally(failed=failed)
    for n, prefix in enumerate(prefixes):
        own = _renamed([line for line in lines if line["client"] == n], prefix)
        one = tally(live, own)
        if one == Tally(1) and _names(own) != _names(live):
            one = Tally(1, early=1)  # a stream has an order: something came before what it had followed
        counted += one
        if one != Tally(1):
            told.append(f"client {n}: {one}; {_order(own)}")
    # that of all desks is one replay
    return counted + Tally(1 - how.crowd, texts=tuple(f"{how}: {one}" for one in told))


def full(
    takes: Iterable[Seat] = SEATS,
    players: Iterable[Seat] = SEATS,
    paces: Iterable[Pace] = PACES,
    thinks: Iterable[float] = THINKS,
    crowds: Iterable[Crowd] = CROWDS,
) -> list[Replay]:
    """Each of some recordings, played by each of some clients of its transport at each pace, think time and crowd.

    A page plays alone: the pages of one browser share its cookies.
    """
    return [
        Replay(take, player, pace, think, crowd)
        for take in takes
        for player in players
        if player.transport == take.transport
        for pace in paces
        for think in thinks
        for crowd in crowds
        if crowd == 1 or player.library != "page"
    ]


@cache
def sample() -> tuple[Replay, ...]:
    """One replay by each player, of few takes, in which paces, think times and crowds meet as often as they can."""
    met: Counter[tuple[Any, ...]] = Counter()
    chosen = []
    for player in SEATS:
        best = max(full(_TAKEN, [player]), key=lambda one: sum(1 / (1 + met[pair]) for pair in _pairs(one)))
        met.update(_pairs(best))
        chosen.append(best)
    return tuple(chosen)


_TAKEN = [
    seat for seat in SEATS if seat.library in {"page", "eventsource", "websockets", "graphql-ws", "@microsoft/signalr"}
]


def _pairs(one: Replay) -> list[tuple[Any, ...]]:
    transport = one.take.transport
    return [
        ("take", str(one.take)),
        ("pace", one.pace),
        ("pace of", transport, one.pace),
        ("think of", transport, one.think),
        ("crowd of", transport, one.crowd),
        ("pace, think", one.pace, one.think),
        ("pace, crowd", one.pace, one.crowd),
    ]


def _renamed(lines: Lines, prefix: str) -> Lines:
    """The lines as of the only client: what has the prefix of another one keeps it, and is wrong."""
    renamed: Lines = json.loads(json.dumps(lines).replace(prefix, OTHER))
    return renamed


def _names(lines: Lines) -> list[tuple[Any, str]]:
    return [(line["step"], line["channel"]) for line in lines if line["kind"] == "event"]


def _order(lines: Lines) -> str:
    return ", ".join(
        f"{line['kind']} {line.get('step')}" + (f" {line['channel']}" if line["kind"] == "event" else "")
        for line in lines
    )
