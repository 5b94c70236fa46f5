"""A function of the user has a say in a match: it narrows or widens one, and the promises hold all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from recorder.model import Recording, Request
from recorder.replay.engine.policy import Match, Policy, Repeat
from tests.replay.stage import Stage
from tests.wire import Ask, Wire, chained, complete, done, get_me, record_event

ASKED = chained(7, "r1")


def session(*asks: Ask) -> Recording:
    wire = Wire()
    desk = wire.desk()
    for ask in asks or (ASKED,):
        desk.asks(
            ask, record_event("ChainedRecord", 7, ask.content["referenceId"]), done(7, ask.content["referenceId"])
        )
    return wire.recording()


def staged(match: Match | None, *asks: Ask, **policy: Any) -> Stage:
    return Stage(session(*asks), policy=Policy(match=match, **policy))


def texts(stage: Stage) -> str:
    return "\n".join(miss.text for miss in stage.standin.misses)


def yes(live: Request, recorded: Request) -> bool:
    return True


def no(live: Request, recorded: Request) -> bool:
    return False


def nothing(live: Request, recorded: Request) -> None:
    return None


def because(live: Request, recorded: Request) -> str:
    return "the tenant differs"


def breaks(live: Request, recorded: Request) -> bool:
    raise KeyError("tenant")


@pytest.mark.parametrize("match", [yes, nothing])
def test_what_matches_goes_on_matching(match: Match) -> None:
    stage = staged(match)
    desk = stage.desk()
    desk.listens()

    desk.posts(chained(7, "live"))

    assert stage.misses == []
    assert stage.standin.played == (1,)


@pytest.mark.parametrize(
    ("match", "why"), [(no, ""), (because, ": the tenant differs"), (breaks, ": it raised KeyError('tenant')")]
)
def test_a_refusal_is_a_miss_that_names_the_function(match: Match, why: str) -> None:
    stage = staged(match)

    stage.desk().posts(chained(7, "live"))

    name = f"tests.replay.engine.sessions.test_hooked.{match.__name__}"
    told = f"the matcher {name} refused triple 1, POST /api/v2/me/outbound-records/7 (GetChainedRecord){why}"
    assert stage.misses == [f"no recorded request matches {ASKED_TEXT}: {told}"]
    assert "what to do: if the client is right, change the matcher, or record again" in texts(stage)
    assert stage.standin.played == ()


ASKED_TEXT = "POST /api/v2/me/outbound-records/7 (GetChainedRecord)"


def test_of_equal_requests_it_may_take_the_second() -> None:
    def second(live: Request, recorded: Request) -> bool:
        return b'"r2"' in recorded.body

    stage = staged(second, ASKED, chained(7, "r2"))

    stage.desk().posts(chained(7, "live"))

    assert stage.misses == []
    assert stage.standin.played == (2,)


def test_it_sees_the_headers_of_both() -> None:
    seen = []

    def looks(live: Request, recorded: Request) -> None:
        seen.append((live.method, live.target, dict(live.headers).get("X-Tenant"), recorded.target))

    stage = staged(looks)
    stage.desk().posts(chained(7, "live"), (("X-Tenant", "a"),))

    assert seen == [("POST", ASKED.target, "a", ASKED.target)]


def test_a_request_that_differs_can_be_taken_and_its_events_have_the_live_id() -> None:
    stage = staged(yes)
    desk = stage.desk()
    desk.listens()

    desk.posts(chained(7, "live", callResult="Busy"))
    stage.wait(5.0)

    assert stage.misses == []
    assert stage.standin.played == (1,)
    names = [what for _, what in desk.heard]
    assert names.index("ack 200") < names.index("ChainedRecord")  # no event before its request is answered
    assert all(event["data"].get("referenceId", "live") == "live" for event in desk.events)


@pytest.mark.parametrize("match", [nothing, no])
def test_only_a_true_widens(match: Match) -> None:
    stage = staged(match)

    stage.desk().posts(chained(7, "live", callResult="Busy"))

    assert len(stage.misses) == 1
    assert "matcher" not in stage.misses[0]


def test_a_request_is_widened_as_often_as_it_was_recorded() -> None:
    stage = staged(yes)
    desk = stage.desk()

    desk.posts(chained(7, "live", callResult="Busy"))
    desk.posts(chained(7, "again", callResult="Busy"))

    assert len(stage.misses) == 1


@pytest.mark.parametrize("repeat", [Repeat.LAST, Repeat.CYCLE])
def test_repeats_are_those_of_the_policy(repeat: Repeat) -> None:
    stage = staged(yes, repeat=repeat)
    desk = stage.desk()

    for reference in ("one", "two", "three"):
        desk.posts(chained(7, reference))

    assert stage.misses == []


def test_where_it_is_strict_the_order_stays() -> None:
    stage = staged(yes, ASKED, complete(7, "r2"), strict=True)
    desk = stage.desk()

    desk.posts(complete(7, "live"))

    assert len(stage.misses) == 1
    assert "out of order" in stage.misses[0]


def test_a_request_without_an_effect_may_be_repeated() -> None:
    wire = Wire()
    desk = wire.desk()
    wire.respond(desk.post(get_me()), {"user": {}})
    stage = Stage(wire.recording(), policy=Policy(match=yes))
    live = stage.desk()

    for _ in range(3):
        live.posts(replace(get_me()))

    assert stage.misses == []


@pytest.mark.parametrize("match", [None, yes, nothing])
def test_of_equal_requests_of_two_sessions_that_of_the_own_one_is_taken(match: Match | None) -> None:
    wire = Wire()
    for handle, reference in ((7, "a"), (8, "b")):
        desk = wire.desk()
        for ask in (chained(handle, f"{reference}1"), complete(7, f"{reference}2")):
            desk.asks(ask, done(7, ask.content["referenceId"]))
    stage = Stage(wire.recording(), policy=Policy(match=match))
    live = stage.desk()
    live.listens()

    live.posts(chained(8, "live-1"))
    live.posts(complete(7, "live-2"))

    assert stage.misses == []
    assert stage.standin.played == (3, 4)
