"""A command that is run under schedules never outlives its run."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

import pytest

from recorder.cli.exploring.program import Program


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_a_command_starts_ends_it(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)
            signal.raise_signal(number)  # the child runs, and who starts it does not have it yet

    def ends(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(number, ends)
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            Program([sys.executable, "-S", "-c", "import time; time.sleep(60)"], 60.0).run(
                "http://localhost:1", "recorded"
            )
        assert signal.getsignal(number) is ends
    finally:
        signal.signal(number, before)

    assert [child.returncode for child in started] == [-signal.SIGKILL]
