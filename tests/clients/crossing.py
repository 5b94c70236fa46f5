"""Record one client, let another play the recording at some pace, and count the events that came amiss.

The session is `anchored_session` of tests/lab/sessions.py: events follow a late subscription, a publish, a plain GET
and two operations. Clients print each event with the step in which it came; that of the recorded client is the measure.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

from recorder.api.standin import StandIn
from recorder.model import Recording
from tests.clients.matrix import SEATS, TAKES, Seat, Take
from tests.integration.captures import by_command
from tests.lab.lab import Lab, LabError, run_client
from tests.lab.sessions import anchored_session

Lines: TypeAlias = list[dict[str, Any]]
Play: TypeAlias = Callable[[Seat, str, dict[str, Any]], Lines]
Pace: TypeAlias = Literal["1", "20", "instant", "virtual clock"]

LIVE, OTHER = "live-", "other-"
POLL_MS = 2000  # two of the clients wait for the end of their first poll, and Faye holds it
PACES: tuple[Pace, ...] = ("1", "20", "instant", "virtual clock")
THINKS = (0.0, 1.5)  # seconds before each step that events follow; the recorded client took 0.15
_ID = re.compile(rf'"(?:{LIVE}|{OTHER})[^"]*"')


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording that a client plays, at a pace of the stand-in and with a think time of its own in seconds."""

    take: Take
    player: Seat
    pace: Pace
    think: float

    def __str__(self) -> str:
        return f"{self.take} played by {self.player}, {self.pace}, think {self.think:g}"


@dataclass(frozen=True, slots=True)
class Tally:
    """What was amiss in some replays.

    Attributes:
        replays: How many there were.
        early: Events that came in an earlier step than in the recorded session.
        late: Events that came in a later step.
        lost: Events that did not come.
        doubled: Events that came once more than they were recorded.
        wrong: Events with other ids than the client's own, or that were not recorded.
        failed: Replays that the client gave up, or that had misses or unplayed triples or events.
        texts: What is to be told of them.

    """

    replays: int = 0
    early: int = 0
    late: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    failed: int = 0
    texts: tuple[str, ...] = field(default=(), compare=False)

    def __add__(self, other: Self) -> Self:
        """Return the sum of both."""
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __str__(self) -> str:
        amiss = [f"{getattr(self, name)} {name}" for name in AMISS if getattr(self, name)]
        return f"{self.replays}: {', '.join(amiss)}" if amiss else str(self.replays)


AMISS = ("early", "late", "lost", "doubled", "wrong", "failed")


def tally(recorded: Lines, played: Lines) -> Tally:
    """Count the events of a replay against those of the live run; the ids of each begin with `LIVE` and `OTHER`."""
    wanted, got = _events(recorded), _events(played)
    early = late = lost = doubled = wrong = 0
    for shape in wanted.keys() | got.keys():
        pairs = list(zip(wanted[shape], got[shape], strict=False))
        early += sum(step < was for (was, _), (step, _) in pairs)
        late += sum(step > was for (was, _), (step, _) in pairs)
        wrong += sum([name.replace(LIVE, OTHER, 1) for name in names] != own for (_, names), (_, own) in pairs)
        lost += len(wanted[shape]) - len(pairs)
        if wanted[shape]:
            doubled += len(got[shape]) - len(pairs)
        else:
            wrong += len(got[shape])
    return Tally(1, early, late, lost, doubled, wrong)


def as_program(seat: Seat, url: str, script: dict[str, Any]) -> Lines:
    """Let a client play a script in a process of its own."""
    return run_client(seat.client.command, url, script)


def record(lab: Lab, take: Take, cassette: Path, play: Play = as_program) -> Lines:
    """Record the anchored session of a client into a file; return what the client printed."""
    lab.options(chain=1, early=1, splitMs=5, cors=True, unasked=True)
    with by_command(lab.url, cassette) as proxy:
        script = anchored_session(LIVE) | {"transport": take.seat.transport}
        return play(take.seat, proxy.url, script)


def replay(recording: Recording, live: Lines, how: Replay, play: Play = as_program) -> Tally:
    """Let a client play a recording of which another printed `live`; count what came amiss."""
    rate: float | Literal["instant"] = "instant" if how.pace == "instant" else 20 if how.pace == "20" else 1
    clock: Literal["wall", "virtual"] = "virtual" if how.pace == "virtual clock" else "wall"
    script = anchored_session(OTHER, how.think) | {"transport": how.player.transport}
    with StandIn(recording, rate=rate, clock=clock) as standin:
        try:
            lines = play(how.player, standin.url, script)
        except LabError as exc:
            return Tally(1, failed=1, texts=(f"{how}: {exc}",))
    counted = tally(live, lines)
    told = [*standin.misses, *(f"triple {n} is unplayed" for n in standin.unplayed), *map(str, standin.unplayed_events)]
    if counted != Tally(1):
        told.append(f"{counted}; {_order(lines)}")
    failed = int(bool(standin.missed or standin.unplayed or standin.unplayed_events))
    return counted + Tally(failed=failed, texts=tuple(f"{how}: {text}" for text in told))


def full(
    takes: Iterable[Take] = TAKES,
    players: Iterable[Seat] = SEATS,
    paces: Iterable[Pace] = PACES,
    thinks: Iterable[float] = THINKS,
) -> list[Replay]:
    """Each of some recordings, played by each of some clients at each pace and think time."""
    return [Replay(take, seat, p, think) for take in takes for seat in players for p in paces for think in thinks]


@cache
def sample() -> tuple[Replay, ...]:
    """Few replays in which each take meets each pace and think time, and each player does.

    As far as that leaves a choice, clients and transports of recordings and players meet as often as they can.
    """
    met: Counter[tuple[Any, ...]] = Counter()
    chosen = []
    for take in TAKES:
        for pace in PACES:
            best = max(full([take], paces=[pace]), key=lambda one: sum(1 / (1 + met[pair]) for pair in _pairs(one)))
            met.update(_pairs(best))
            chosen.append(best)
    return tuple(chosen)


def _pairs(one: Replay) -> list[tuple[Any, ...]]:
    seat, player = one.take.seat, one.player
    return [
        ("player, pace", str(player), one.pace),
        ("take, think", str(one.take), one.think),
        ("player, think", str(player), one.think),
        ("pace, think", one.pace, one.think),
        ("clients", seat.client.key, player.client.key),
        ("server, player", one.take.server, str(player)),
        ("transports", seat.transport, player.transport),
        ("player, take", str(player), str(one.take)),
    ]


def _events(lines: Lines) -> dict[str, list[tuple[int, list[str]]]]:
    """The steps and ids of the events, by their content without ids."""
    found: dict[str, list[tuple[int, list[str]]]] = defaultdict(list)
    for line in lines:
        if line["kind"] == "event":
            step = -1 if line["step"] is None else line["step"]
            found[shape(line)].append((step, _ID.findall(_text(line))))
    return found


def shape(event: Mapping[str, Any]) -> str:
    """The content of an event without ids: what was recorded and its replay have the same."""
    return _ID.sub('"an id"', _text(event))


def _text(event: Mapping[str, Any]) -> str:
    return json.dumps([event["channel"], event["data"]], sort_keys=True)


def _order(lines: Lines) -> str:
    """What a client did and heard, on one line."""
    return ", ".join(
        f"{line['kind']} {line.get('step')}" + (f" {line['channel']}" if line["kind"] == "event" else "")
        for line in lines
    )
