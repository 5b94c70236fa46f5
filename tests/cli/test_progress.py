"""The progress of a long step stands in the last line of a terminal, and nowhere else."""

from __future__ import annotations

import io
import sys

import pytest

from recorder.cli.saying import Progress, progress
from recorder.model import Note

RECORD = Note(0, 0, "n", "text")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_is_none() -> None:
    with progress("seals") as found:
        assert found is None


def test_a_short_step_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    with progress("seals") as found:
        assert found is not None
        for _ in range(5000):
            found.feed(RECORD)

    assert terminal.getvalue() == ""


def test_a_long_step_counts_records_in_one_line_and_erases_it(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter(range(100))
    shown = Progress("s.cassette: seals", lambda: float(next(seconds)))

    for _ in range(1024 * 2):
        shown.feed(RECORD)
    shown.clear()

    line = "\r\x1b[Krecorder: s.cassette: seals: {} records"
    assert capsys.readouterr().err == f"{line.format('1,024')}{line.format('2,048')}\r\x1b[K"
