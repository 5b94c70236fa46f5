"""Whatever a schedule says: nothing is lost, nothing comes twice, and nothing comes before its cause."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.dialect.carried import dialect_of
from recorder.library.recording import load_recording
from recorder.model import Recording
from recorder.replay.engine.orders.answers import Answers
from recorder.replay.engine.orders.deviations import OF_TWO, Deviation, Kind
from recorder.replay.engine.orders.items import Item
from recorder.replay.engine.orders.played import Order
from recorder.replay.engine.orders.schedule import Schedule
from tests.replay.clients import Client, Heard
from tests.replay.stage import Stage

ROOT = Path(__file__).parents[4]
NAMES = (
    "cassettes/preview-session", "cassettes/get-chained-record", "tests/cassettes/labs/desk",
    "tests/cassettes/labs/transfer", "tests/cassettes/labs/chain",
)  # fmt: skip
OF_EVENTS = (Kind.TOGETHER, Kind.APART, Kind.IN_REPLY, Kind.LOST_POLL, Kind.TWICE)


@cache
def recording(name: str) -> Recording:
    return load_recording(ROOT / f"{name}.cassette")


def items(some: Recording) -> list[Item]:
    events = [Item(t.n, number) for t in some.triples for number, _ in enumerate(t.events, 1)]
    unsolicited = [Item(0, number) for number, _ in enumerate(some.unsolicited, 1)]
    answers = Answers(some)
    plain = [Item(0, plain=number) for number, _ in enumerate(some.plain, 1) if answers.has(number)]
    return [*(Item(t.n) for t in some.triples), *plain, *events, *unsolicited]


@st.composite
def deviations(draw: st.DrawFn, among: list[Item]) -> Deviation:
    """Any deviation of some items, also one that no server may show."""
    kind = draw(st.sampled_from(sorted(Kind, key=str)))
    fitting = [item for item in among if not (item.is_answer and kind in OF_EVENTS)]
    item = draw(st.sampled_from(fitting))
    other = draw(st.sampled_from([one for one in fitting if one != item])) if kind in OF_TWO else None
    return Deviation(kind, item, other, draw(st.sampled_from([0.001, 0.3, 2.0])) if kind is Kind.LATE else 0.0)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[str, Schedule]:
    name = draw(st.sampled_from(NAMES))
    drawn = draw(st.lists(deviations(items(recording(name))), max_size=5))
    return name, Schedule.of(drawn)


def wait(stage: Stage, seconds: float) -> None:
    """Let time pass; let go what waits for what no client does, as a front does."""
    ordered = stage.standin.ordered
    stage.wait(seconds)
    while ordered is not None and ordered.is_stuck:
        ordered.give_up()
        stage.driver()
        stage.wait(seconds)


def play(name: str, schedule: Schedule | None, pause: float, **options: Any) -> tuple[list[Heard], Order | None, str]:
    """What the recorded clients hear under a schedule, the order, and all bytes."""
    some = recording(name)
    dialect = dialect_of(some.header)
    stage = Stage(some, dialect=dialect, schedule=schedule, **options)
    clients = [Client(stage, some, dialect, session, n) for n, session in enumerate(some.session_starts, 1)]
    ordered = stage.standin.ordered
    last = max(len(client.requests) for client in clients)
    for step in range(last):
        for client in clients:
            if step < len(client.requests):
                client.acts(step)
                for one in clients:
                    one.takes(step)
                wait(stage, pause)
    wait(stage, 10)
    for client in clients:
        client.takes(last)
    assert not stage.misses
    told = repr([sorted(client._desk.replies.items()) for client in clients])
    return [client.verdict() for client in clients], None if ordered is None else ordered.order, told


@cache
def never_come(name: str) -> list[list[str]]:
    """What the clients do not get without a schedule either, because they do not publish."""
    return [one.lost for one in play(name, None, 3.0, rate=1)[0]]


@settings(max_examples=60, deadline=None)
@given(schedules(), st.sampled_from([0.01, 3.0]))
def test_nothing_is_lost_doubled_or_early(drawn: tuple[str, Schedule], pause: float) -> None:
    name, schedule = drawn
    heard, order, _ = play(name, schedule, pause, rate=1)

    assert order is not None
    assert [(one.early, one.strange) for one in heard] == [([], [])] * len(heard)
    assert [one.lost for one in heard] == never_come(name)
    assert sum(one.count for one in heard) > 0
    assert order.met | order.unmet == {*schedule.deviations}
    assert not order.met & order.unmet
    for number in {act.name.partition(" ")[2] for act in order.acts if act.name.startswith("request")}:
        mine = [act.name for act in order.acts if act.name.split()[-1].partition(".")[0] == number]
        assert mine[0] == f"request {number}"
        if number.startswith("p"):
            assert mine.count(f"answer {number}") == mine.count(f"request {number}")


@settings(max_examples=20, deadline=None)
@given(schedules(), st.sampled_from([0.01, 3.0]))
def test_the_same_schedule_gives_the_same_bytes(drawn: tuple[str, Schedule], pause: float) -> None:
    name, schedule = drawn

    assert play(name, schedule, pause, rate=1) == play(name, schedule, pause, rate=1)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from([1, 100]))
def test_the_recorded_order_has_the_bytes_of_no_schedule(name: str, rate: float) -> None:
    assert play(name, Schedule(), 3.0, rate=rate)[2] == play(name, None, 3.0, rate=rate)[2]
