"""A recording that hangs in its main thread is ended by another thread, not without a word."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="blocks signals")
def test_an_end_by_force_is_told() -> None:
    script = """
import asyncio, os, signal, time
from recorder.cli.recording.ending import Ending

async def hang(ending):
    ending.begins()
    os.kill(os.getpid(), signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # as in a call of the system that no signal ends
    time.sleep(20)

with Ending(lambda: None, "what was not yet written is lost") as ending:
    asyncio.run(hang(ending))
"""
    began = time.monotonic()

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)

    assert time.monotonic() - began < 5
    assert (ended.returncode, ended.stdout) == (4, "")
    assert ended.stderr == "recorder: what was not yet written is lost\n"
