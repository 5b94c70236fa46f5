"""Every schedule that a search draws is legal: simulated desktops get nothing that no server may send.

600 schedules here, 10,000 with RECORDER_LONG_RACES=1 (`make races`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from recorder.bayeux.client import LONG_POLLING, WEBSOCKET
from recorder.dialect.definition import load
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.schedule import Schedule
from tests.explore.model.desktop import Manners, play, sessions_of
from tests.explore.model.law import Judge, judged
from tests.explore.model.trials import RECORDINGS, Outcome, explored, recorded, troubled
from tests.replay.recordings import recordings

IS_LONG = bool(os.environ.get("RECORDER_LONG_RACES"))
EACH = 330 if IS_LONG else 22  # schedules of each cell below
LARGE = {"gws": 0.5, "workspace": 0.5}  # recordings that take several times as long: shares of that
pytestmark = pytest.mark.once

_NAMED = {path.stem: path for path in RECORDINGS}


@dataclass(frozen=True)
class Cell:
    """A recording, and who plays it under which troubles."""

    recording: str
    manners: Manners
    disturb: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return _NAMED[self.recording]

    def __str__(self) -> str:
        own = self.manners
        words = [self.recording, own.waits, own.transport, "ack" * own.confirms, "falls" * own.falls_back]
        words += ["leaves" * own.leaves, "late" * own.subscribes_late, *self.disturb]
        return " ".join(filter(None, words))


CELLS = [
    *(Cell(name, Manners("answers")) for name in _NAMED),
    Cell("preview-session", Manners("all")),
    Cell("preview-session", Manners("mixed", WEBSOCKET)),
    Cell("preview-session", Manners("mixed", confirms=True)),
    Cell("preview-session", Manners("nothing", leaves=True)),
    Cell("desk", Manners("mixed", subscribes_late=True)),
    Cell("desk-websocket", Manners("mixed", WEBSOCKET)),
    Cell("gws", Manners("nothing")),
    Cell("transfer", Manners("mixed")),
    Cell("service", Manners("mixed", WEBSOCKET)),
    Cell("orders-sse", Manners("mixed")),
    Cell("orders-socket", Manners("nothing")),
    Cell("listed", Manners("mixed")),
    Cell("searched", Manners("nothing")),
    Cell("salesforce", Manners("mixed", confirms=True)),
    Cell("service", Manners("mixed"), ("handshake",)),
    Cell("preview-session", Manners("mixed"), ("poll",)),
    Cell("preview-session", Manners("mixed"), ("handshake",)),
    Cell("preview-session", Manners("mixed", confirms=True), ("poll", "handshake", "duplicate")),
    Cell("desk-websocket", Manners("mixed", WEBSOCKET), ("fallback",)),
    Cell("desk-websocket", Manners("mixed", WEBSOCKET, falls_back=True), ("fallback", "handshake")),
]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_every_schedule_is_legal(cell: Cell) -> None:
    recording, dialect, facts = recorded(cell.path)
    seen: set[str] = set()
    most = int(EACH * LARGE.get(cell.recording, 1))
    for seed in count():
        left = most - len(seen)
        outcome = explored(
            recording, dialect, cell.manners, schedules=max(left, 11), seed=seed, disturb=cell.disturb, facts=facts
        )
        assert outcome.wrong == []
        new = set(outcome.schedules) - seen
        seen |= new
        if len(seen) >= most or len(new) < 4:  # a small recording has no more
            break
    assert len(seen) >= min(most, 10)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("name", "manners", "kinds", "least"),
    [
        ("preview-session", Manners("mixed"), ["in a lost poll", "after a lost session"], 25),
        ("preview-session", Manners("mixed", confirms=True), ["twice", "in a lost poll", "after a lost session"], 38),
        ("desk-websocket", Manners("answers", WEBSOCKET), ["after a cut websocket"], 18),
        ("desk-websocket", Manners("answers", WEBSOCKET, falls_back=True), ["after a cut websocket"], 18),
        ("service", Manners("answers"), ["in a reply"], 9),
        ("desk", Manners("answers"), ["in a reply"], 1),
        ("desk", Manners("answers", confirms=True), ["in a reply"], 0),
        ("service", Manners("answers"), ["in a reply", "after a lost session"], 24),
    ],
    ids=lambda one: str(one)[:40],
)
def test_each_trouble_and_each_reply_is_legal(name: str, manners: Manners, kinds: list[str], least: int) -> None:
    recording, dialect, facts = recorded(_NAMED[name])

    outcome = troubled(recording, dialect, manners, facts, kinds=kinds, pairs=150 if IS_LONG else 8)

    assert outcome.wrong == []
    assert sum(outcome.met.values()) >= least  # else nothing was tried


@pytest.mark.timeout(1200)
@given(
    recordings(most=1, lists=3),
    st.integers(0, 1000),
    st.sampled_from(["answers", "all", "nothing", "mixed"]),
    st.booleans(),
)
@settings(
    max_examples=400 if IS_LONG else 10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    phases=[Phase.generate],  # a recording is as easy to read as a smaller one
)
def test_every_schedule_of_a_drawn_recording_is_legal(
    recording: Recording, seed: int, waits: str, confirms: bool
) -> None:
    outcome = explored(recording, load(), Manners(waits, LONG_POLLING, confirms), schedules=6, seed=seed)

    assert outcome.wrong == []


def test_two_requests_of_one_turn_do_not_mix_their_answers() -> None:
    """Was wrong: the answer to the first subscription took what stood behind the events of the second one."""
    recording, dialect, facts = recorded(_NAMED["desk"])
    schedule = Schedule.of(map(Deviation.parse, ["event 3.2 with event 3.1", "event 3.3 in a reply"]))
    outcome = Outcome()

    manners = Manners("mixed", subscribes_late=True)
    outcome.add(play(recording, dialect, manners, seed=19, facts=facts, schedule=schedule), schedule, ())

    assert outcome.wrong == []


def both(name: str, item: str, manners: Manners) -> tuple[Outcome, Judge]:
    """A run whose session is lost before an event that is to come in a reply."""
    recording, dialect, facts = recorded(_NAMED[name])
    schedule = Schedule.of(map(Deviation.parse, [f"{item} after a lost session", f"{item} in a reply"]))
    outcome = Outcome()
    world = play(recording, dialect, manners, facts=facts, schedule=schedule)
    outcome.add(world, schedule, ["handshake"])
    return outcome, judged(facts, world.moments, sessions=dict(sessions_of(world)), disturb=["handshake"])


@pytest.mark.parametrize(
    ("manners", "carrier"),
    [(Manners("all"), "/meta/handshake"), (Manners("all", confirms=True), "/meta/connect")],
    ids=["plain", "ack"],
)
def test_after_a_lost_session_a_handshake_brings_an_event_to_who_does_not_confirm(
    manners: Manners, carrier: str
) -> None:
    outcome, judge = both("service", "event 6.1", manners)

    assert outcome.wrong == []
    assert {one.asked for one in judge.seen if one.item == "event 6.1"} == {(carrier,)}
    assert outcome.met["in a reply"] == (carrier != "/meta/connect")


@pytest.mark.parametrize("falls_back", [False, True])
def test_on_a_websocket_no_reply_brings_an_event(falls_back: bool) -> None:
    recording, dialect, facts = recorded(_NAMED["desk-websocket"])
    manners = Manners("answers", WEBSOCKET, falls_back=falls_back)

    outcome = troubled(recording, dialect, manners, facts, kinds=["in a reply"], pairs=2)

    assert outcome.wrong == []
    assert (outcome.met.total(), outcome.unmet.total()) == (0, len(facts.events) + 4)
