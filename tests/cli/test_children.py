"""Signals to child processes of asyncio."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

import pytest

from recorder.cli.recording.children import send


class Unreaped:
    """A child of asyncio that has ended, and of which asyncio has not heard yet."""

    returncode = None

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen, self.pid = popen, popen.pid

    def send_signal(self, number: int) -> None:
        self._popen.send_signal(number)  # as asyncio's transport does


@pytest.fixture
def child() -> Iterator[asyncio.subprocess.Process]:
    """A process that has ended with 7 and waits for its parent."""
    with subprocess.Popen([sys.executable, "-S", "-E", "-c", "raise SystemExit(7)"]) as popen:
        os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT)
        yield cast(asyncio.subprocess.Process, Unreaped(popen))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_leaves_the_exit_code_of_a_child_that_has_ended(
    number: signal.Signals, child: asyncio.subprocess.Process
) -> None:
    send(child, number)

    assert os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]) == 7


def test_a_child_that_is_gone_needs_no_signal(child: asyncio.subprocess.Process) -> None:
    os.waitpid(child.pid, 0)

    send(child, signal.SIGTERM)

    assert child.returncode is None


def test_a_child_that_runs_is_ended_by_its_signal() -> None:
    async def ended() -> int:
        child = await asyncio.create_subprocess_exec(sys.executable, "-S", "-E", "-c", "import time; time.sleep(60)")
        send(child, signal.SIGKILL)
        return await child.wait()

    assert asyncio.run(ended()) == -signal.SIGKILL
