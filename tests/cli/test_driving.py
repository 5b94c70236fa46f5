"""What is said while a cassette is driven: findings as they are found, and on a terminal how far it is."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from recorder.cli.driving.playing import Display
from recorder.drive.engine.plan import Finding, Found
from recorder.drive.engine.report import Report

LATE = Finding(Found.MISSING_EVENT, 1, 1, "triple 1", "it did not come", 0.5)
REPORT = Report(steps=2, sent=1, answers=2, events=1, waits=("step 1 waits for event Ringing of triple 12",))
LINE = "0.500 s  triple 1: event missing: it did not come\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stderr a terminal; not in a fixture, after which pytest captures stderr anew."""
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("COLUMNS", "60")
    return stderr


def drive(report: Report = REPORT) -> Any:
    return SimpleNamespace(findings=[], report=lambda: report)


def test_a_terminal_shows_how_far_it_is_in_one_line_that_is_erased_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    display = Display(drive(), tells_findings=True)

    display.turn()
    display.turn()  # at once: nothing new is shown
    display.end()

    assert terminal.getvalue() == "\r\x1b[K1/2 steps, 0/1 events; step 1 waits for event Ringing of t…\r\x1b[K"


def test_a_finding_stands_above_the_line_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal, driven = terminal_of(monkeypatch), drive()
    display = Display(driven, tells_findings=True)
    display.turn()

    driven.findings.append(LATE)
    display.turn()
    display.end()

    assert capsys.readouterr().out == LINE
    assert terminal.getvalue().endswith("\r\x1b[K\r\x1b[K")


def test_without_a_terminal_findings_alone_are_told_each_once(capsys: pytest.CaptureFixture[str]) -> None:
    driven = drive()
    display = Display(driven, tells_findings=True)

    for text in ("one", "two"):
        driven.findings.append(replace(LATE, text=text))
        display.turn()
    display.end()

    told = capsys.readouterr()
    assert told.out.splitlines() == [LINE.strip().replace("it did not come", text) for text in ("one", "two")]
    assert told.err == ""


def test_findings_for_programs_are_not_told_meanwhile(capsys: pytest.CaptureFixture[str]) -> None:
    driven = drive()
    driven.findings.append(LATE)

    Display(driven, tells_findings=False).end()

    assert capsys.readouterr().out == ""
