"""Let a search draw schedules, play each to simulated desktops, and hold what comes of it to the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random

from recorder.dialect.carried import dialect_of
from recorder.dialect.definition import Dialect, load
from recorder.explore.explorer import Explorer
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation, Disturbance
from recorder.replay.engine.orders.played import Order
from recorder.replay.engine.orders.schedule import Schedule
from tests.explore.model.asked import TROUBLES, against, shows
from tests.explore.model.desktop import Manners, World, play, sessions_of
from tests.explore.model.facts import Facts, facts_of
from tests.explore.model.law import Judge, judged

ROOT = Path(__file__).parents[3]
DIALECTS = {"salesforce": "salesforce", "workspace": "genesys-workspace", "service": "cometd-service"}
RECORDINGS = (
    *(ROOT / "cassettes" / f"{name}.cassette" for name in ("get-chained-record", "preview-session")),
    *(
        ROOT / "tests" / "cassettes" / "labs" / f"{name}.cassette"
        for name in (
            "chain",
            "desk",
            "desk-websocket",
            "gws",
            "salesforce",
            "service",
            "transfer",
            "workspace",
            "orders-sse",
            "orders-socket",
        )
    ),
    *(ROOT / "tests" / "cassettes" / "races" / f"{name}.cassette" for name in ("listed", "searched")),
)


@cache
def recorded(path: Path) -> tuple[Recording, Dialect, Facts]:
    """A recording of a lab, with the dialect of its API, and its facts."""
    dialect = load(DIALECTS[path.stem]) if path.stem in DIALECTS else None
    recording = load_recording(path, dialect)
    dialect = dialect or dialect_of(recording.header)
    return recording, dialect, facts_of(recording, dialect)


@dataclass(slots=True)
class Outcome:
    """What came of a search: how many schedules were played, and what was wrong, each with its schedule."""

    schedules: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    unmet: Counter[str] = field(default_factory=Counter)
    coverage: str = ""

    def add(self, world: World, schedule: Schedule, disturb: Collection[str]) -> Order:
        """Judge a run; return the order that the stand-in tells."""
        order = order_of(world)
        judge = judged(world.facts, world.moments, sessions=dict(sessions_of(world)), disturb=disturb)
        texts = list(map(str, schedule.deviations))
        wrong = [*against(world.facts, texts, disturb=disturb), *world.misses, *judge.found, *_told(judge, order)]
        self.schedules.append(str(schedule))
        self.wrong += [f"{schedule} | {one}" for one in wrong]
        self.met.update(one.kind.value for one in order.met)
        self.unmet.update(one.kind.value for one in order.unmet)
        return order


def explored(
    recording: Recording,
    dialect: Dialect,
    manners: Manners,
    *,
    schedules: int,
    seed: int = 0,
    disturb: Collection[str] = (),
    facts: Facts | None = None,
) -> Outcome:
    """Play the schedules of a search to desktops that bear them all."""
    facts = facts or facts_of(recording, dialect)
    explorer = Explorer(
        recording, dialect, schedules=schedules, seed=seed, disturb=frozenset(map(Disturbance, disturb))
    )
    outcome = Outcome()
    while (trial := explorer.next()) is not None:
        number = len(outcome.schedules)
        world = play(recording, dialect, manners, seed=seed + number, facts=facts, schedule=trial.schedule)
        explorer.ran(passed=True, says="", order=outcome.add(world, trial.schedule, disturb))
    outcome.coverage = str(explorer.result.coverage)
    return outcome


def troubled(
    recording: Recording, dialect: Dialect, manners: Manners, facts: Facts, *, kinds: Collection[str], pairs: int
) -> Outcome:
    """Play each event with each of some kinds of deviations alone, and so many pairs of these."""
    disturb = [TROUBLES[kind] for kind in kinds if kind in TROUBLES]
    singles = [f"{fact.name} {kind}" for fact in facts.events for kind in kinds]
    both = list(combinations(singles, 2))
    Random(1).shuffle(both)
    outcome = Outcome()
    for seed, texts in enumerate([*((one,) for one in singles), *both[:pairs]]):
        schedule = Schedule.of(map(Deviation.parse, texts))
        outcome.add(play(recording, dialect, manners, seed=seed, facts=facts, schedule=schedule), schedule, disturb)
    return outcome


def order_of(world: World) -> Order:
    """What the stand-in says of the order that it played."""
    assert world.engine.ordered is not None
    order: Order = world.engine.ordered.order
    return order


def _told(judge: Judge, order: Order) -> Iterator[str]:
    """Say where the stand-in tells another order than the clients saw."""
    schedule = list(map(str, order.met | order.unmet))
    for deviation in order.met:
        if not shows(judge, str(deviation), schedule):
            yield f"told as met, and no client saw it: {deviation}"
    for deviation in order.unmet:
        if deviation.kind.value in ("before", "with", "apart from") and shows(judge, str(deviation), schedule):
            yield f"told as not met, and a client saw it: {deviation}"
    told = [act.name for act in order.acts if not act.name.startswith("request ")]
    saw = [one.item for one in judge.seen]
    asked = [act.name for act in order.acts if act.name.startswith("request ")]
    if asked != [name for name, _ in judge.went] and len({one.client for one in judge.seen}) == 1:
        yield f"the stand-in told {asked} where the client sent {[name for name, _ in judge.went]}"
    if told != saw and len({one.client for one in judge.seen}) == 1:
        place = next((n for n, (a, b) in enumerate(zip(told, saw, strict=False)) if a != b), min(len(told), len(saw)))
        yield f"the stand-in told {told[place : place + 4]} where the client saw {saw[place : place + 4]}"
