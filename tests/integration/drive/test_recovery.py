"""Servers that restart, forget, or lose an answer in mid-run: the drive goes on, says so, and sends nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from recorder.drive.engine.plan import Found
from tests.integration.drive.stage import DESK, LONG, SOCKET, asked, driven, recorded, told
from tests.lab.lab import Lab
from tests.lab.processes import until
from tests.lab.relay import Relay
from tests.lab.sessions import DRIVEN

pytestmark = [pytest.mark.node, pytest.mark.once]


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something in another thread, and fail if it fails."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # it is raised in the thread of the test
            failed.append(error)

    thread = Thread(target=run)
    thread.start()
    yield
    thread.join()
    if failed:
        raise failed[0]


def after(lab: Lab, operation: str) -> None:
    """Wait until all events of an operation have left, so that nobody waits for any."""
    counts = {one.operation: one.events for one in recorded(DESK)}

    def is_done() -> bool:
        return any(one.operation == operation and one.events == counts[operation] for one in asked(lab.lines()))

    until(is_done, f"the lab is done with {operation}")


def assert_nothing_twice(*logs: Lab, cassette: Path = DESK) -> None:
    live = Counter(one.operation or one.path for lab in logs for one in asked(lab.lines()))
    once = Counter(one.operation or one.path for one in recorded(cassette))
    assert live == once


def test_a_server_that_forgets_its_sessions_is_asked_for_new_ones(tmp_path: Path) -> None:
    with Lab("cometd", tmp_path / "log") as lab:
        lab.options(**DRIVEN)

        def forget() -> None:
            after(lab, "UpdateRecord")
            lab.forget()

        with meanwhile(forget):
            report = driven(DESK, lab.url, rate=1.0)
        lab.reset()

        # who subscribes again is told again what the lab tells after subscriptions
        found = [one for one in report.findings if "/v2/me/devices came" not in one.text]
        assert {one.found for one in found} == {Found.LOST}, told(report)
        assert_nothing_twice(lab)


@pytest.mark.parametrize("lost", [b"ChainedRecordsDataEnd", b'/meta/connect"'][: 2 if LONG else 1])
def test_a_poll_that_is_lost_is_made_again_and_no_operation_is(lost: bytes, tmp_path: Path) -> None:
    with Lab("cometd", tmp_path / "log") as lab, Relay(lab.url, loses=lost) as relay:
        lab.options(**DRIVEN)

        report = driven(DESK, relay.url, on_missing="send", patience=1.0)

        lab.reset()
        assert relay.lost.is_set()
        assert [one for one in report.findings if one.found is Found.LOST] != []
        assert_nothing_twice(lab)


@pytest.mark.parametrize(("cassette", "bayeux"), [(SOCKET, "faye"), (DESK, "cometd")][: 2 if LONG else 1])
def test_a_line_that_is_cut_is_taken_up_again(cassette: Path, bayeux: str, tmp_path: Path) -> None:
    with Lab(bayeux, tmp_path / "log") as lab, Relay(lab.url, loses=b"") as relay:  # type: ignore[arg-type]  # of a table
        lab.options(**DRIVEN)

        def cut() -> None:
            after(lab, "GetChainedRecord")
            relay.cut()

        with meanwhile(cut):
            report = driven(cassette, relay.url, rate=1.0, on_missing="send", patience=1.0)
        lab.reset()

        # a cut between two polls is none that a client notices
        assert cassette == DESK or Found.LOST in {one.found for one in report.findings}, told(report)
        assert_nothing_twice(lab, cassette=cassette)


def test_a_server_that_restarts_is_found_again(tmp_path: Path) -> None:
    first, second = Lab("cometd", tmp_path / "first"), tmp_path / "second"
    first.__enter__()
    first.options(**DRIVEN)
    labs: list[Lab] = []

    def restart() -> None:
        after(first, "UpdateRecord")
        first.__exit__(None, None, None)
        again = Lab("cometd", second, port=first.port)
        again.__enter__()
        labs.append(again)
        again.options(**DRIVEN, firstHandle=2001)

    try:
        with meanwhile(restart):
            report = driven(DESK, first.url, rate=1.0, on_missing="send", patience=1.0)
        (again,) = labs
        again.reset()
        assert_nothing_twice(first, again)
        assert [one for one in report.findings if one.found is Found.LOST] != [], told(report)
    finally:
        for lab in labs:
            lab.__exit__(None, None, None)


def test_an_answer_that_is_lost_is_no_reason_to_ask_again(tmp_path: Path) -> None:
    gone = json.dumps({"statusCode": 0}, separators=(",", ":")).encode()
    with Lab("cometd", tmp_path / "log") as lab, Relay(lab.url, loses=gone) as relay:
        lab.options(**DRIVEN)

        report = driven(DESK, relay.url, on_missing="send", patience=1.0)

        lab.reset()
        assert relay.lost.is_set()
        assert Found.MISSING_ANSWER in {one.found for one in report.findings} or report.findings, told(report)
        assert_nothing_twice(lab)
