"""What everybody waits for when nothing happens any more; and whether there is anything left to wait for."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.model import Recording
from recorder.replay.engine.status import numbers
from tests.replay.stage import Desk, Stage
from tests.wire import Ask, Wire, chained, complete, done, preview, record_event

STEPS = (preview("r1"), chained(7, "r2"), complete(7, "r3"))
ENDS = ("PreviewRecord", "ChainedRecordsDataEnd", "RecordProcessedAcknowledge")


def session() -> Recording:
    wire = Wire()
    desk = wire.desk()
    for ask, end in zip(STEPS, ENDS, strict=True):
        desk.asks(ask, record_event(end, 7, ask.content["referenceId"]))
    return wire.recording()


def played(*asks: Ask, **options: Any) -> tuple[Stage, Desk]:
    stage = Stage(session(), **options)
    desk = stage.desk()
    desk.listens()
    for ask in asks:
        desk.posts(ask)
    return stage, desk


@pytest.mark.parametrize(
    ("missing", "needed"),
    [
        (0, "triple 1, POST /api/v2/me/outbound-campaigns/Campaign1 (GetPreviewRecord)"),
        (1, "triple 2, POST /api/v2/me/outbound-records/7 (GetChainedRecord) for handle 7"),
        (2, "triple 3, POST /api/v2/me/outbound-records/7 (CompleteRecord) for handle 7"),
    ],
)
def test_a_client_that_leaves_a_step_out_is_told_which_one(missing: int, needed: str) -> None:
    stage, _ = played(*(ask for place, ask in enumerate(STEPS) if place != missing))

    assert stage.standin.stall(5) == f"client p1 idle 5 s in /meta/connect; next needed: {needed}"


def test_a_client_that_did_all_is_told_nothing() -> None:
    stage, desk = played(*STEPS)

    assert stage.standin.stall(5) is None
    assert not stage.standin.is_over
    desk.disconnects()
    assert stage.standin.is_over


def test_of_very_many_triples_the_first_numbers_are_told() -> None:
    assert numbers([]) == ""
    assert numbers([2, 3]) == "2, 3"
    assert numbers(range(1, 101)).endswith(", 99, 100")
    assert numbers(range(1, 160_001)).endswith(", 99, 100 and 159,900 more")


def test_a_client_that_left_early_is_missed() -> None:
    stage, desk = played(*STEPS[:1])
    desk.disconnects()

    assert stage.standin.stall(5) == "no client was there for 5 s; not asked for: triple 2, 3"
    assert not stage.standin.is_over


def test_each_client_is_told_its_own_step() -> None:
    stage = Stage(session())
    one, two = stage.desk(), stage.desk()
    one.listens()
    two.listens()
    one.posts(STEPS[0])

    told = stage.standin.stall(2)

    assert told is not None
    first, second = told.splitlines()
    assert first.startswith("client p1 idle 2 s in /meta/connect; next needed: triple 2,")
    assert second.startswith("client p2 idle 2 s in /meta/connect; next needed: triple 1,")


def test_a_client_that_is_asked_about_at_once_was_not_idle_for_any_time() -> None:
    stage = Stage(session())
    nobody = stage.standin.stall(0)
    stage.desk().polls()

    assert str(nobody).startswith("no client was there; not asked for: triple ")
    assert str(stage.standin.stall(0)).startswith("client p1 in /meta/connect; next needed: ")


def test_where_a_client_idles_is_told() -> None:
    stage = Stage(session())
    desk = stage.desk(headers=(("Authorization", "Basic eQ=="),))
    assert "idle 1 s without a poll" in (stage.standin.stall(1) or "")
    stage.stranger(headers=(("Authorization", "Basic eA=="),)).posts(STEPS[0])

    assert "client p2 idle 1 s without a Bayeux session" in (stage.standin.stall(1) or "")
    assert desk.events == []


# Parked: whether a virtual clock may move


def test_clients_are_parked_when_all_of_them_wait() -> None:
    stage = Stage(session(), rate=1)
    assert not stage.standin.is_parked  # there is none
    one, two = stage.desk(), stage.desk()
    one.listens()
    assert not stage.standin.is_parked
    two.posts(STEPS[0])

    assert stage.standin.is_parked  # one in a poll, one for its ack
    stage.wait(0.15)
    assert not stage.standin.is_parked


def test_a_client_that_left_is_not_waited_for() -> None:
    stage = Stage(session(), rate=1)
    one, two = stage.desk(), stage.desk()
    one.listens()
    two.disconnects()

    assert stage.standin.is_parked


def test_what_is_due_next_is_known() -> None:
    stage, _ = played(STEPS[0], rate=1)

    assert stage.standin.next_due == pytest.approx(stage.now + 0.1)
    stage.wait(0.15)
    assert stage.standin.next_due == pytest.approx(stage.now + 0.05)
    stage.wait(0.1)
    assert stage.standin.next_due is None


# Policies


def twice() -> Recording:
    wire = Wire()
    desk = wire.desk()
    for number in (1, 2):
        desk.asks(chained(7, f"r{number}"), done(7, f"r{number}", marker=number))
    return wire.recording()


@pytest.mark.parametrize(
    ("repeat", "markers"), [("error", [1, 2]), ("last", [1, 2, 2, 2, 2]), ("cycle", [1, 2, 1, 2, 1])]
)
def test_a_request_that_comes_more_often_than_it_was_recorded(repeat: str, markers: list[int]) -> None:
    from recorder.replay.engine.policy import Policy, Repeat

    stage = Stage(twice(), policy=Policy(Repeat(repeat)))
    desk = stage.desk()
    desk.listens()
    for number in range(5):
        desk.posts(chained(7, f"live{number}"))

    assert [event["data"]["record"]["marker"] for event in desk.events] == markers
    assert desk.references == [f"live{number}" for number in range(len(markers))]
    assert len(stage.misses) == 5 - len(markers)


def test_a_strict_stand_in_wants_the_recorded_order() -> None:
    from recorder.replay.engine.policy import Policy

    stage, desk = played(STEPS[1], policy=Policy(strict=True))

    assert desk.said == ["ack 470"]
    assert (
        "out of order: triple 2, POST /api/v2/me/outbound-records/7 (GetChainedRecord) was recorded after "
        "triple 1, POST /api/v2/me/outbound-campaigns/Campaign1 (GetPreviewRecord), which has not been requested yet"
    ) in stage.misses[0]
    desk.posts(STEPS[0])
    desk.posts(STEPS[1])
    assert len(stage.misses) == 1


def test_a_strict_stand_in_keeps_to_the_session_that_is_followed() -> None:
    from recorder.replay.engine.policy import Policy

    wire = Wire()
    one, two = (wire.desk(headers=(("Cookie", f"JSESSIONID={name}"),)) for name in "ab")
    one.asks(chained(7), done(7))
    two.asks(chained(8), done(8))
    stage = Stage(wire.recording(), policy=Policy(strict=True))
    desk = stage.desk()
    desk.posts(chained(7))
    desk.posts(chained(8))

    assert (
        "other session's: triple 2, POST /api/v2/me/outbound-records/8 (GetChainedRecord) was recorded in session s2, "
        "this client follows s1"
    ) in stage.misses[0]


def test_time_does_not_wait_for_a_client_that_hung_up_without_a_word() -> None:
    stage = Stage(session())
    desk, other = stage.desk(), stage.desk()
    polls = [desk.polls(), other.polls()]
    waiting = stage.standin.is_parked
    stage.abort(polls[0])

    gone = stage.standin.is_parked
    desk.bayeux({"channel": "/meta/subscribe", "clientId": desk.client_id, "subscription": "/a"})

    assert (waiting, gone, stage.standin.is_parked) == (True, True, False)


def test_time_stands_still_when_all_hung_up() -> None:
    stage = Stage(session())
    stage.abort(stage.desk().polls())

    assert not stage.standin.is_parked
