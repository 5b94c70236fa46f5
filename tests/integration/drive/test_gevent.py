"""The front on gevent drives what the other one drives, finds the same, and does so for many users at once."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import pytest

from recorder import StandIn
from recorder.drive.engine.driver import OnMissing
from recorder.drive.engine.plan import Found
from tests.fleet.load.world import driven_on_gevent, found_by
from tests.integration.drive.stage import (
    DESK,
    LABS,
    LONG,
    PATIENCE,
    SOCKET,
    assert_played_once,
    driven,
    recorded,
)
from tests.integration.drive.test_recovery import after, assert_nothing_twice, meanwhile
from tests.integration.drive.test_standins import FAULTS
from tests.lab.lab import Lab
from tests.lab.push.lab import serving_push
from tests.lab.relay import Relay
from tests.lab.sessions import DRIVEN

pytestmark = pytest.mark.once

_EVERY: list[tuple[Path, Literal["cometd", "faye"]]] = [(DESK, "cometd"), (SOCKET, "faye"), (DESK, "faye")]


@pytest.mark.node
@pytest.mark.parametrize(("cassette", "bayeux"), _EVERY if LONG else _EVERY[:2])
def test_a_recording_is_driven_as_it_was_played(
    cassette: Path, bayeux: Literal["cometd", "faye"], tmp_path: Path
) -> None:
    with Lab(bayeux, tmp_path / "log") as lab:
        lab.options(**DRIVEN, firstHandle=4711, strictHandles=True)
        before = len(lab.lines())

        ((driver, watch),) = driven_on_gevent(cassette, lab.url)

        lab.reset()
        assert found_by(driver) == []
        assert_played_once(lab, before, recorded(cassette))
        state = driver.state(0.0)
        assert (state.sent, state.answered, state.heard) == (state.steps, state.answers, state.events)
        kinds = [line[0] for line in watch.lines]
        assert [kinds.count(kind) for kind in ("left", "answered", "heard")] == [
            state.steps,
            state.answers,
            state.events,
        ]


@pytest.mark.node
@pytest.mark.parametrize("transport", ["sse", "socket"])
def test_a_stream_and_a_websocket_are_driven(transport: Literal["sse", "socket"], tmp_path: Path) -> None:
    with serving_push(transport, tmp_path / "truth.jsonl") as served:
        ((driver, _),) = driven_on_gevent(LABS / f"orders-{transport}.cassette", served.url)
        truth = served.truth()

    assert found_by(driver) == []
    assert [line["method"] for line in truth if line["kind"] == "request" and "/orders" in line["path"]] == [
        "POST",
        "PATCH",
        "DELETE",
    ]


@pytest.mark.node
def test_a_server_that_forgets_its_sessions_is_asked_for_new_ones(tmp_path: Path) -> None:
    with Lab("cometd", tmp_path / "log") as lab:
        lab.options(**DRIVEN)

        def forget() -> None:
            after(lab, "UpdateRecord")
            lab.forget()

        with meanwhile(forget):
            ((driver, _),) = driven_on_gevent(DESK, lab.url, rate=1.0)
        lab.reset()

        # who subscribes again is told again what the lab tells after subscriptions
        found = [one for one in driver.findings if "/v2/me/devices came" not in one.text]
        assert {one.found for one in found} == {Found.LOST}, found_by(driver)
        assert_nothing_twice(lab)


@pytest.mark.node
@pytest.mark.parametrize("lost", [b"ChainedRecordsDataEnd", b'{"statusCode":0}'][: 2 if LONG else 1])
def test_an_answer_that_is_lost_is_no_reason_to_send_twice(lost: bytes, tmp_path: Path) -> None:
    with Lab("cometd", tmp_path / "log") as lab, Relay(lab.url, loses=lost) as relay:
        lab.options(**DRIVEN)

        ((driver, _),) = driven_on_gevent(DESK, relay.url, on_missing=OnMissing.SEND, patience=1.0)

        lab.reset()
        assert relay.lost.is_set()
        assert driver.findings != []
        assert_nothing_twice(lab)


_BRIEF = ["drop event RecordProcessedAcknowledge#1", "unknown-client after UpdateRecord", "http 500 UpdateRecord"]


@pytest.mark.parametrize("fault", list(FAULTS) if LONG else _BRIEF)
def test_both_fronts_find_the_same_faults(fault: str) -> None:
    # without a session there is nothing to go on with
    missing = OnMissing.STOP if fault == "refuse handshake" else OnMissing.SEND
    options: dict[str, Any] = {"on_missing": missing.value, "patience": PATIENCE, "seed": 1}
    with StandIn(DESK, rate="instant", faults=[fault], seed=1) as standin:
        report = driven(DESK, standin.url, **options)
    with StandIn(DESK, rate="instant", faults=[fault], seed=1) as standin:
        ((driver, _),) = driven_on_gevent(DESK, standin.url, on_missing=missing, patience=PATIENCE)

    assert sorted((one.found.value, one.where) for one in driver.findings) == sorted(
        (one.found.value, one.where) for one in report.findings
    ), found_by(driver)


@pytest.mark.parametrize("cassette", [DESK, SOCKET] if LONG else [DESK], ids=lambda path: path.stem)
def test_many_users_are_played_at_once(cassette: Path) -> None:
    with StandIn(cassette, rate="instant", repeat="cycle") as standin:
        runs = driven_on_gevent(cassette, standin.url, users=40 if LONG else 8, rate=math.inf)

    assert [line for driver, _ in runs for line in found_by(driver)] == []
    assert standin.misses == []
    assert all(driver.state(0.0).sent == driver.state(0.0).steps for driver, _ in runs)
