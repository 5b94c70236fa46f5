"""A drive in lines and as data: how far it is, what it found, how it ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from recorder.drive.engine.plan import Act, Finding, Found, Step
from recorder.drive.engine.report import Report
from recorder.model import Request
from recorder.views.live import driven

LATE = Finding(
    Found.MISSING_EVENT, 6, 3, "triple 3 GetChainedRecord, event ChainedRecord", "did not come within 5 s", 5.25
)
LOST = Finding(Found.LOST, None, 0, "s1", "connection reset; made again", 1.0)
SURPLUS = Finding(Found.UNEXPECTED, 6, 3, "triple 3 GetChainedRecord", "a second ChainedRecord", 0.5)
DONE = Report(sent=7, answered=7, heard=9, steps=7, answers=7, events=9, is_over=True, seconds=1.26)


def step(name: str) -> Step:
    request = Request(0, 0, 0, "c1", "POST", "/api/v2/me?x=1", (), b"")
    return Step(0, Act.CALL, "s1", "", (0, 0), 0, 1, name or None, request)


def test_a_finding_is_a_line_with_its_time_place_and_reason() -> None:
    line = driven.finding_line(LATE)

    assert line == ("5.250 s  triple 3 GetChainedRecord, event ChainedRecord: event missing: did not come within 5 s")


def test_a_finding_without_a_place_begins_with_its_kind() -> None:
    assert driven.finding_line(replace(LOST, where="")) == "1.000 s  connection lost: connection reset; made again"


def test_control_characters_of_a_server_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in driven.finding_line(replace(LATE, text="said \x1b[2J"))
    assert "\x1b" not in driven.progress_line(replace(DONE, waits=("\x1b[2J",)))


@pytest.mark.parametrize(
    ("report", "code", "word"),
    [
        (DONE, 0, "as recorded"),
        (replace(DONE, findings=(LOST,)), 0, "as recorded"),
        (replace(DONE, findings=(LOST, SURPLUS)), 1, "findings"),
        (replace(DONE, findings=(LATE,), has_stalled=True), 3, "stalled"),
        (replace(DONE, is_over=False), 0, "interrupted"),
    ],
)
def test_how_a_run_ended_is_a_word_and_an_exit_code(report: Report, code: int, word: str) -> None:
    assert (report.exit_code, driven.verdict(report)) == (code, word)
    assert (driven.report_row(report)["exit"], driven.report_row(report)["verdict"]) == (code, word)


def test_the_summary_counts_and_names_the_verdict() -> None:
    assert driven.summary_lines(DONE) == ["7 of 7 steps sent, 7 of 7 answered, 9 of 9 events in 1.3 s: as recorded"]


def test_the_summary_counts_findings_by_their_kind_and_lost_connections_apart() -> None:
    found = replace(DONE, findings=(LOST, SURPLUS, SURPLUS, LATE))

    assert driven.summary_lines(found) == [
        "7 of 7 steps sent, 7 of 7 answered, 9 of 9 events in 1.3 s: unexpected event (2), event missing (1)",
        "1 connection lost and made again",
    ]


def test_the_summary_of_a_stalled_run_tells_what_was_waited_for() -> None:
    stalled = replace(DONE, sent=6, findings=(LATE,), has_stalled=True, waits=("step 7 waits for event X",))

    assert driven.summary_lines(stalled) == [
        "6 of 7 steps sent, 7 of 7 answered, 9 of 9 events in 1.3 s: stalled: event missing (1)",
        "step 7 waits for event X",
    ]


def test_the_progress_names_the_first_thing_that_is_waited_for() -> None:
    report = replace(DONE, sent=1, answered=0, heard=0, events=1, waits=("step 2 waits for X", "step 3 waits for Y"))

    assert driven.progress_line(report) == ("1/7 steps, 0/1 events; step 2 waits for X (and 1 more)")


def test_a_run_as_data_holds_no_bound_value() -> None:
    report = replace(DONE, bindings=(("pseudonym", "s3cret"),), cassette=Path("live.cassette"), findings=(SURPLUS,))

    row = driven.report_row(report)

    assert "s3cret" not in str(row)
    assert (row["cassette"], row["findings"][0]["found"]) == ("live.cassette", "unexpected event")


def test_steps_are_counted_by_name_with_the_most_frequent_first() -> None:
    steps = [step("Update"), step("Get"), step("Update"), step("")]

    assert driven.counted_steps(steps) == "Update (2), Get, POST /api/v2/me"
    assert driven.counted_steps([step(f"Op{n}") for n in range(10)]).endswith("Op7 and 2 more")
