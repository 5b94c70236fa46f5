"""The fixture `driver`: the recorded desktop, played against a server that the test brings."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import Suite

VALUES = '[headers]\nAuthorization = "Basic YWdlbnQxOnNlY3JldA=="\n'
SIMULATOR = """
from recorder import StandIn

FAULTS = {faults}

@pytest.fixture
def cassette_to():
    with StandIn("cassettes/preview-session.cassette", rate="instant", faults=FAULTS) as simulator:
        yield simulator.url
"""
RIGHT, BROKEN = SIMULATOR.format(faults=[]), SIMULATOR.format(faults=["drop event ChainedRecord"])
MARK = '@pytest.mark.cassette("preview-session", drive=True, values="values.toml", allow_all=True, settle=0.02{})\n'


@pytest.fixture
def driven(suite: Suite, pytester: pytest.Pytester) -> Suite:
    (pytester.path / "values.toml").write_text(VALUES, encoding="utf-8")
    return suite


def test_a_server_that_does_what_was_recorded_passes(driven: Suite) -> None:
    result = driven(
        RIGHT
        + MARK.format("")
        + """
def test_simulator(driver):
    report = driver.run()
    assert (report.sent, report.findings) == (report.steps, ())
    assert driver.report() == report
"""
    )

    result.assert_outcomes(passed=1)


def test_a_missing_event_fails_the_test_that_does_not_look(driven: Suite) -> None:
    result = driven(BROKEN + MARK.format(", patience=0.3") + "def test_simulator(driver): driver.run()\n")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*answered differently from preview-session*", "*event missing*ChainedRecord*"])
    result.stdout.fnmatch_lines(["*- cassette -*", "preview-session.cassette: 7/11 steps, 5/14 events; *"])


def test_findings_can_be_a_warning_or_nothing(driven: Suite) -> None:
    result = driven(
        BROKEN
        + MARK.format(', patience=0.3, findings="warn"')
        + "def test_warns(driver): driver.run()\n"
        + MARK.format(', patience=0.3, findings="ignore"')
        + "def test_looks(driver): assert driver.run().exit_code == 3\n"
    )

    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*FindingWarning: *answered differently from*"])


def test_a_test_plays_step_by_step(driven: Suite) -> None:
    result = driven(
        RIGHT
        + MARK.format("")
        + """
def test_simulator(driver):
    titles = []
    while (step := driver.step()) is not None:
        titles.append(step.title)
    assert titles == [step.title for step in driver.plan.steps]
    assert "GetPreviewRecord" in titles
"""
    )

    result.assert_outcomes(passed=1)


def test_what_was_not_sent_is_a_warning(driven: Suite) -> None:
    result = driven(
        RIGHT
        + MARK.format("")
        + "def test_nothing(driver): assert driver.report().sent == 0\n"
        + MARK.format("")
        + "def test_one(driver): driver.step()\n"
    )

    result.assert_outcomes(passed=2, warnings=2)
    result.stdout.fnmatch_lines(
        [
            "*: 0 of 11 steps sent; not sent: *; the test called neither driver.run() nor driver.step()*",
            "*: 1 of 11 steps sent; not sent: *; call driver.step() on*",
        ]
    )


def test_a_call_that_would_block_the_server_of_an_async_test_is_refused(driven: Suite) -> None:
    result = driven(
        """
import asyncio
from recorder import StandIn, UsageError

@pytest.fixture
def cassette_to(): return "http://127.0.0.1:1"
"""
        + MARK.format(', findings="ignore", unplayed="ignore"')
        + """
def test_simulator(driver):
    async def both():
        async with StandIn("cassettes/preview-session.cassette", rate="instant") as simulator:
            with pytest.raises(UsageError, match="run would block the running event loop"):
                driver.run()
            with pytest.raises(UsageError, match="step would block the running event loop"):
                driver.step()
    asyncio.run(both())
"""
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("test", "told"),
    [
        (MARK.format("") + "def test_a(driver): driver.run()\n", "*the server under test is not known: give its URL*"),
        (
            MARK.format("") + "def test_a(standin): ...\n",
            "*not the fixture driver*drive=True is for the fixture driver*",
        ),
        (MARK.format("") + "def test_a(): ...\n", "*marker cassette but not the fixture driver*"),
        (
            '@pytest.mark.cassette("preview-session")\ndef test_a(driver): ...\n',
            "*not the fixture standin*driver needs drive=True*",
        ),
        (
            MARK.format(', to="http://127.0.0.1:1"').replace(", allow_all=True", "")
            + "def test_a(driver): driver.run()",
            "*must be allowed: allow=[[]'StartPreviewSession'*, or allow_all=True; nothing was sent*",
        ),
        (
            '@pytest.mark.cassette("nothing", drive=True, to="http://127.0.0.1:1")\ndef test_a(driver): ...\n',
            "*there is no *nothing.cassette; record it*",
        ),
        (
            MARK.format("").replace('session"', 'session", "get-chained-record"') + "def test_a(driver): ...\n",
            "*a test drives one cassette*recorder merge*",
        ),
    ],
)
def test_what_cannot_be_driven_says_why(driven: Suite, test: str, told: str) -> None:
    result = driven(test)

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([told])


def test_the_url_may_come_from_the_command_line(driven: Suite) -> None:
    result = driven(MARK.format("") + "def test_a(driver): driver.run()\n", "--cassette-to", "http://127.0.0.1:1")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*http://127.0.0.1:1 cannot be reached*"])


def test_the_report_of_a_failed_test_is_kept(driven: Suite, pytester: pytest.Pytester) -> None:
    driven(
        BROKEN + MARK.format(", patience=0.3") + "def test_simulator(driver): driver.run()\n",
        "--cassette-report",
        "reports",
    )

    (kept,) = (pytester.path / "reports").glob("*.json")
    report = json.loads(kept.read_text(encoding="utf-8"))
    assert (report["test"], report["verdict"]) == ("test_desktop.py::test_simulator", "stalled")
    assert report["findings"][0]["found"] == "event missing"
