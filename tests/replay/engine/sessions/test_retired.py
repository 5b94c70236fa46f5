"""Sessions that left without a word are let go after a time; nothing of the verdicts at the end is lost."""

from __future__ import annotations

from typing import Any

import pytest

from recorder.replay.engine.standin import ReplayEngine
from tests.replay.engine.test_standin import chain, one, two_sessions
from tests.replay.stage import Desk, Stage
from tests.wire import chained, done, preview

TIMEOUT = 60.0


def names(standin: ReplayEngine) -> list[str]:
    return [session["name"] for session in standin.state(0.0)["sessions"]]


def let_go(stage: Stage, *times: float, connections: tuple[str, ...] = ()) -> list[str]:
    return [name for at in times for name in stage.standin.let_go(at, TIMEOUT, connections)]


def vanished() -> tuple[Stage, Desk]:
    """A client that asked for its triple, and then sent nothing more."""
    stage = Stage(chain())
    desk = stage.desk()
    desk.posts(chained(7, "live"))
    desk.polls(advice={"timeout": 0})
    return stage, desk


def test_a_session_is_let_go_once_its_client_was_silent_for_the_time() -> None:
    stage, _ = vanished()

    assert let_go(stage, 1000.0, 1000.0 + TIMEOUT - 1) == []
    assert let_go(stage, 1000.0 + TIMEOUT) == ["p1"]
    assert names(stage.standin) == []


def test_a_client_that_comes_back_in_time_stays() -> None:
    stage, desk = vanished()

    assert let_go(stage, 1000.0, 1059.0) == []
    desk.polls(advice={"timeout": 0})

    assert let_go(stage, 1060.0, 1119.0) == []
    assert let_go(stage, 1120.0) == ["p1"]


def test_a_client_that_comes_back_too_late_is_told_to_shake_hands_and_plays_from_the_start() -> None:
    stage, desk = vanished()
    let_go(stage, 1000.0, 1060.0)

    told = desk.replies[desk.polls()].body
    desk.handshakes()
    answer = desk.answer(chained(7, "again"))

    assert b"402" in told
    assert b'"handshake"' in told
    assert answer.status == 200
    assert names(stage.standin) == ["p2"]


def test_a_request_of_a_session_that_was_let_go_begins_a_new_one() -> None:
    stage, desk = vanished()
    let_go(stage, 1000.0, 1060.0)

    assert desk.answer(chained(7, "again")).status == 200
    assert names(stage.standin) == ["p2"]


def test_a_client_that_holds_a_poll_stays_for_ever() -> None:
    stage = Stage(chain())
    stage.desk().polls()

    assert let_go(stage, 1000.0, 1e6, 2e6) == []


def test_a_client_with_an_open_websocket_stays_though_it_sends_nothing() -> None:
    stage = Stage(chain())
    stage.desk(connection="c1")

    assert let_go(stage, 1000.0, 1e6, connections=("c1",)) == []
    assert let_go(stage, 1e6 + 1, 2e6) == ["p1"]


def test_a_session_stays_while_a_step_is_due_to_it() -> None:
    stage = Stage(chain(), rate=1)
    desk = stage.desk()
    desk.posts(chained(7, "live"))

    assert let_go(stage, 1000.0, 2000.0) == []


def test_a_pause_does_not_count_as_silence() -> None:
    stage, _ = vanished()
    stage.standin.pause(stage.now)

    assert let_go(stage, 1000.0, 5000.0) == []
    stage.standin.resume(stage.now)
    assert let_go(stage, 5059.0) == []
    assert let_go(stage, 5060.0) == ["p1"]


def test_a_session_that_disconnected_is_let_go_too() -> None:
    stage, desk = vanished()
    desk.disconnects()

    assert let_go(stage, 1000.0, 1060.0) == ["p1"]


def verdicts(standin: ReplayEngine) -> dict[str, Any]:
    report = standin.report()
    kept = ("unplayed", "unplayed_events", "unsubscribed_events", "misses", "faults")
    return {key: report[key] for key in kept} | {"missed": standin.missed, "asked": standin.played}


@pytest.mark.parametrize("polls", [False, True])
def test_the_verdicts_are_the_same_with_and_without_the_sessions(polls: bool) -> None:  # a row
    stage = Stage(two_sessions())
    alice, bob = stage.desk((("Cookie", "JSESSIONID=x"),)), stage.stranger((("Cookie", "JSESSIONID=y"),))
    alice.posts(chained(7, "live"))
    alice.sends("GET", "/nothing", b"")
    bob.posts(preview("r"))
    if polls:
        alice.polls(advice={"timeout": 0})
    before = verdicts(stage.standin)

    assert sorted(let_go(stage, 1000.0, 1060.0)) == ["p1", "p2"]
    assert verdicts(stage.standin) == before
    assert stage.standin.report()["let_go"] == {"sessions": 2, "played": list(stage.standin.played)}


def test_events_that_a_session_did_not_get_are_told_once_however_many_sessions_are_let_go() -> None:
    stage = Stage(one(chained(7, "r"), done(7, "r")))
    for n in range(5):
        stage.stranger((("Cookie", f"JSESSIONID={n}"),)).posts(chained(7, f"live{n}"))
    before = stage.standin.unplayed_events

    assert len(let_go(stage, 1000.0, 1060.0)) == 5
    assert stage.standin.unplayed_events == before


def test_a_client_without_a_push_session_is_still_told_at_the_end() -> None:
    stage = Stage(one(chained(7, "r"), done(7, "r")))
    stage.desk((("Cookie", "JSESSIONID=a"),)).polls()
    stage.stranger((("Cookie", "JSESSIONID=b"),)).posts(chained(7, "live"))
    before = stage.standin.unheard

    assert let_go(stage, 1000.0, 1060.0) == ["p2"]
    assert before
    assert stage.standin.unheard == before


def test_all_is_over_when_who_left_without_a_word_is_let_go() -> None:
    stage, _ = vanished()

    assert not stage.standin.is_over
    let_go(stage, 1000.0, 1060.0)
    assert stage.standin.is_over


def test_memory_does_not_grow_with_the_sessions_that_are_let_go() -> None:
    stage = Stage(chain())
    sizes = []
    for round_ in range(4):
        for n in range(20):
            desk = stage.desk((("Cookie", f"JSESSIONID={round_}-{n}"),), connection=f"c{round_}-{n}")
            desk.posts(chained(7, f"r{round_}-{n}"))
            desk.polls(advice={"timeout": 0})
        assert len(let_go(stage, round_ * 1000.0, round_ * 1000.0 + TIMEOUT)) == 20
        sizes.append(len(stage.standin.report()["let_go"]["played"]))

    assert sizes == [1, 1, 1, 1]
    assert names(stage.standin) == []
