"""The live page of a stand-in: buttons do what the control API does, where the stand-in is served."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from recorder.dialect.definition import load
from recorder.errors import UsageError
from recorder.replay.engine.miss import Miss
from recorder.viewer.live.played import PlayedStandIn
from tests.replay.stage import Stage
from tests.viewer.live.test_standin import session
from tests.viewer.live.test_watched import test_text as written
from tests.wire import HEADER, chained


class Steered:
    """A stand-in without a loop: notes what is asked of it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.acts: list[tuple[str, str, bytes]] = []
        self.answer: tuple[int, Any] = 200, {"played": None}

    def look(self, most: int) -> dict[str, Any]:
        return self.stage.standin.look(self.stage.now, most) | {"faults": [], "now": self.stage.now}

    def act(self, method: str, action: str, body: bytes) -> tuple[int, Any]:
        self.acts.append((method, action, body))
        return self.answer


def playing(call: Callable[[Callable[[], Any]], Any] = lambda function: function()) -> tuple[PlayedStandIn, Steered]:
    stage, clock = Stage(session(7), rate=1), count(0, 1_000_000_000)
    live = PlayedStandIn(
        HEADER, load(), "some.cassette", clock=lambda: next(clock), facts={"clock": "virtual"}, test=written
    )
    steered = Steered(stage)
    stage.standin.watch(live)
    live.start(steered, call, lambda: stage.now)
    return live, steered


def last_state(live: PlayedStandIn) -> dict[str, Any]:
    (whole,) = live.events(0, 0) or []
    state: dict[str, Any] = whole["state"]
    return state


def test_what_is_played_is_shown_with_how_far_the_clients_are() -> None:
    live, steered = playing()
    steered.stage.desk().posts(chained(7, "x"))
    live.turned()
    steered.stage.wait(1)
    live.end(30)

    (whole,) = live.events(0, 0) or []

    assert [row["operation"] for row in whole["add"] if row["kind"] == "triple"] == ["GetChainedRecord"]
    assert whole["state"]["clock"] == "virtual"
    assert [one["played"] for one in whole["state"]["sessions"]] == [1]
    assert live.rows()["live"] == "replay"
    assert json.loads(live.block(whole["add"][0]["block"])["text"])["kind"]
    assert live.block(99) is None
    assert live.control("test", {})["text"] == "GetChainedRecord\n"


def test_misses_are_shown() -> None:
    live, steered = playing()
    steered.stage.wait(2)
    live.missed(Miss("POST /x", "no such thing", "no such thing\nwhat to do: …\n"))
    live.end(30)

    (whole,) = live.events(0, 0) or []

    assert [(miss["summary"], miss["at"]) for miss in whole["misses"]] == [("no such thing", 2_000_000)]


@pytest.mark.parametrize(
    ("button", "params", "act"),
    [
        ("pause", {}, ("POST", "pause", b"")),
        ("resume", {}, ("POST", "resume", b"")),
        ("step", {}, ("POST", "step", b"")),
        ("advance", {"seconds": 3}, ("POST", "advance", b'{"seconds": 3}')),
        ("fault", {"fault": "stall heartbeat"}, ("POST", "faults", b'{"fault": "stall heartbeat"}')),
        ("no-faults", {}, ("DELETE", "faults", b"")),
        ("inject", {"channel": "/a", "data": None}, ("POST", "inject", b'{"channel": "/a", "data": null}')),
    ],
)
def test_a_button_does_what_the_control_api_does(
    button: str, params: dict[str, Any], act: tuple[str, str, bytes]
) -> None:
    live, steered = playing()

    assert live.control(button, params) == {"played": None}
    assert steered.acts == [act]
    live.end(30)


def test_an_unknown_button_does_nothing() -> None:
    live, steered = playing()

    assert live.control("shutdown", {}) is None
    assert steered.acts == []
    live.end(30)


def test_what_the_control_api_refuses_is_told() -> None:
    live, steered = playing()
    steered.answer = 409, {"error": "the stand-in runs in real time, which cannot be advanced"}

    with pytest.raises(UsageError, match="the stand-in runs in real time"):
        live.control("advance", {"seconds": 1})
    live.end(30)


@pytest.mark.parametrize("error", [RuntimeError("no loop"), TimeoutError()])
def test_a_stand_in_that_does_not_answer_is_no_fault_of_the_page(error: Exception) -> None:
    def call(_: Callable[[], Any]) -> Any:
        raise error

    live, _ = playing(call)

    with pytest.raises(UsageError, match="too busy"):
        live.control("pause", {})
    live.end(30)
    assert last_state(live)["phase"] in ("playing", "ended")


def test_after_the_end_no_button_works() -> None:
    live, _ = playing()
    live.end(30)

    with pytest.raises(UsageError, match="has ended"):
        live.control("pause", {})
