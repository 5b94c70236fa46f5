"""A schedule on the stage: which of two comes first, what comes together, and what nothing waits for for ever."""

from __future__ import annotations

import pytest

from recorder.errors import UsageError
from recorder.model import Recording
from recorder.replay.engine.orders.deviations import Deviation
from recorder.replay.engine.orders.played import Order
from recorder.replay.engine.orders.player import OrderedPlayer
from recorder.replay.engine.orders.schedule import Kept, Schedule
from recorder.replay.engine.timeline import INSTANT
from tests.replay.stage import Desk, Stage
from tests.wire import Ask, Wire, chained, complete, preview, record_event


def schedule(*texts: str) -> Schedule:
    return Schedule.of(map(Deviation.parse, texts))


def recorded() -> Recording:
    """Three operations of one desktop: the event of the first before its ack, those of the second behind it."""
    wire = Wire()
    desk = wire.desk()
    desk.asks(preview("p"), record_event("PreviewRecord", 7, "p"), early=1)
    events = [record_event(name, 7, "c") for name in ("ChainedRecord", "ChainedRecord", "ChainedRecordsDataEnd")]
    desk.asks(chained(7, "c"), *events, early=0)
    desk.asks(complete(7), record_event("RecordProcessedAcknowledge", 7))
    return wire.recording()


RECORDED = recorded()


class Scheduled(Stage):
    """A stage with a schedule, whose front lets go what clients never wait for."""

    def __init__(self, *texts: str, recording: Recording = RECORDED, rate: float = 1) -> None:
        super().__init__(recording, rate, schedule=schedule(*texts))

    @property
    def ordered(self) -> OrderedPlayer:
        assert self.standin.ordered is not None
        return self.standin.ordered

    @property
    def order(self) -> Order:
        return self.ordered.order

    def plays(self, *asks: Ask, wait: float = 3.0) -> Desk:
        """Ask all in turn, and wait until all came."""
        desk = self.desk()
        desk.listens()
        for ask in asks:
            desk.posts(ask)
            self.wait(wait)
        while self.ordered.is_stuck:
            self.gives_up()
        return desk

    def gives_up(self) -> None:
        """Let the earliest step go that is held back, as a front does."""
        self.ordered.give_up()
        self.driver()
        self.wait(3)

    @property
    def names(self) -> list[str]:
        return [act.name for act in self.order.acts if not act.name.startswith("request")]


USUAL = ["event 1.1", "ack 1", "ack 2", "event 2.1", "event 2.2", "event 2.3", "ack 3", "event 3.1"]


def test_without_deviations_all_is_as_recorded_and_noted() -> None:
    stage = Scheduled()
    stage.plays(preview("x"), chained(7, "x"), complete(7))

    assert stage.names == USUAL
    assert [act.name for act in stage.order.acts][:3] == ["request 1", "event 1.1", "ack 1"]


def test_an_event_comes_before_its_ack_and_an_ack_before_its_event() -> None:
    stage = Scheduled("event 2.1 before ack 2", "ack 1 before event 1.1")
    desk = stage.plays(preview("x"), chained(7, "x"), complete(7))

    assert stage.names[:4] == ["ack 1", "event 1.1", "event 2.1", "ack 2"]
    assert not stage.order.unmet
    assert desk.said.index("ChainedRecord") < desk.said.index("ack 200", desk.said.index("PreviewRecord"))


def test_events_of_one_channel_wait_behind_the_first_of_them() -> None:
    stage = Scheduled("ack 2 before event 2.1", "event 2.1 2s late")
    stage.plays(preview("x"), chained(7, "x"), complete(7))

    assert stage.names[2:] == ["ack 2", "event 2.1", "event 2.2", "event 2.3", "ack 3", "event 3.1"]
    times = {act.name: act.at for act in stage.order.acts}
    assert times["event 2.1"] - times["ack 2"] >= 2


def answers(stage: Scheduled) -> dict[str, int]:
    """The answer that each event came in."""
    return {act.name: act.answer for act in stage.order.acts}


def test_events_that_came_apart_come_together() -> None:
    usual, stage = Scheduled(), Scheduled("event 2.3 with event 2.1")
    for one in (usual, stage):
        one.plays(preview("x"), chained(7, "x"), complete(7))

    assert len({answers(usual)[f"event 2.{n}"] for n in (1, 2, 3)}) > 1
    assert len({answers(stage)[f"event 2.{n}"] for n in (1, 2, 3)}) == 1
    assert not stage.order.unmet


def together() -> Recording:
    """An operation whose two events come in one answer, at full speed."""
    wire = Wire()
    desk = wire.desk()
    desk.asks(chained(7, "c"), *[record_event(name, 7, "c") for name in ("ChainedRecord", "ChainedRecordsDataEnd")])
    return wire.recording()


def test_events_that_came_together_come_apart() -> None:
    recording = together()
    usual = Scheduled(recording=recording, rate=INSTANT)
    stage = Scheduled("event 1.2 apart from event 1.1", recording=recording, rate=INSTANT)
    for one in (usual, stage):
        one.plays(chained(7, "x"))

    assert answers(usual)["event 1.1"] == answers(usual)["event 1.2"]
    assert answers(stage)["event 1.1"] < answers(stage)["event 1.2"]
    assert not stage.order.unmet


def test_what_a_client_never_asks_for_is_not_waited_for_for_ever() -> None:
    stage = Scheduled("event 3.1 before ack 1")
    desk = stage.plays(preview("x"))

    assert desk.said == ["PreviewRecord", "ack 200"]
    assert stage.order.unmet == set(schedule("event 3.1 before ack 1").deviations)


def test_a_circle_is_let_go() -> None:
    stage = Scheduled("event 2.1 before ack 2", "ack 2 before event 2.1")
    stage.plays(preview("x"), chained(7, "x"))

    assert sorted(stage.names) == sorted(USUAL[:6])
    assert len(stage.order.met) == len(stage.order.unmet) == 1


def test_an_order_against_the_channels_is_not_met() -> None:
    stage = Scheduled("event 2.2 before event 2.1")
    stage.plays(preview("x"), chained(7, "x"))

    assert stage.names == USUAL[:6]
    assert len(stage.order.unmet) == 1


def test_an_event_of_one_operation_comes_before_the_ack_of_another() -> None:
    stage = Scheduled("event 2.1 before ack 1", "event 2.3 before event 1.1")
    desk = stage.desk()
    desk.listens()
    desk.posts(preview("x"))
    desk.posts(chained(7, "y"))
    stage.wait(3)

    assert not stage.order.unmet
    assert stage.names[-1] in ("ack 1", "event 1.1")


def test_each_client_has_the_order_of_its_own() -> None:
    stage = Scheduled("event 2.1 before ack 2")
    desks = [stage.desk() for _ in range(3)]
    for desk in desks:
        desk.listens()
        desk.posts(preview("x"))
    stage.wait(3)
    for desk in desks:
        desk.posts(chained(7, "x"))
    stage.wait(3)

    for n, desk in enumerate(desks, 1):
        mine = [act.name for act in stage.order.acts if act.client == f"p{n}"]
        assert mine[3:6] == ["request 2", "event 2.1", "ack 2"], desk


def test_an_answer_that_did_not_leave_did_not_happen() -> None:
    stage = Scheduled("event 2.1 before ack 2")
    desk = stage.desk()
    number = desk.polls()
    stage.stuck.add(number)  # nobody knows whether it has left
    desk.posts(chained(7, "x"))
    stage.wait(3)
    assert stage.names == ["event 2.1"]

    stage.abort(number)

    assert stage.names == []
    desk.listens()
    stage.wait(3)
    assert stage.names[:3] == ["event 2.1", "event 2.2", "event 2.3"]
    assert not stage.order.unmet


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("event 9.1 before ack 1", "3 triples"),
        ("ack 1 before event 2.7", "3 events of triple 2"),
        ("event u1 2s late", "0 unsolicited events"),
        ("event 1.2 twice", "1 event of triple 1"),
    ],
)
def test_what_the_recording_lacks_is_told(text: str, there: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}': the recording has no .* it has {there}"):
        Scheduled(text)


def test_a_stand_in_waits_for_what_the_client_did_when_the_schedule_was_found() -> None:
    played = ("request 1", "event 1.1", "request 2", "event 2.1", "ack 2", "ack 1")
    kept = Kept(schedule("event 2.1 before ack 1"), played=tuple((name, 0.0) for name in played))
    stage = Stage(RECORDED, rate=1, schedule=kept)
    ordered = stage.standin.ordered
    assert ordered is not None
    desk = stage.desk()
    desk.listens()
    assert ordered.is_awaited  # the first request

    desk.posts(preview("x"))
    assert not ordered.is_awaited
    stage.wait(0.2)
    assert [act.name for act in ordered.order.acts] == ["request 1", "event 1.1"]
    assert ordered.is_awaited  # the second

    desk.posts(chained(7, "x"))
    assert not ordered.is_awaited
    stage.wait(3)
    assert not ordered.order.unmet

    ordered.go_astray()
    assert not ordered.is_awaited
