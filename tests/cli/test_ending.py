"""A recording that hangs in its main thread is ended by another thread; one on a busy machine gets more time."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from recorder.cli.recording.ending import withheld


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


@pytest.mark.parametrize("blocked", ["", "SIGALRM"])
def test_seconds_that_the_machine_withheld_do_not_count(blocked: str) -> None:
    script = f"""
import asyncio, os, signal, time
from recorder.cli.recording.ending import Ending

began = time.monotonic()

async def work(ending):
    ending.begins()
    os.kill(os.getpid(), signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, [{blocked and "signal." + blocked}])
    while time.monotonic() < began + 2.1:
        pass

with Ending(lambda: print("hurried"), "lost", lambda: (time.monotonic() - began) * 0.7) as ending:
    asyncio.run(work(ending))
print("ended")
"""

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")


@pytest.mark.skipif(not withheld(), reason="the system does not count them")
def test_what_a_busy_machine_withholds_is_counted() -> None:
    script = """
import os, subprocess, sys, time
from recorder.cli.recording.ending import withheld

os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
before, end = withheld(), time.process_time() + 0.2
while time.process_time() < end:
    pass
print(withheld() - before)
other.kill()
other.wait()
"""

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)

    assert 0.05 < float(ended.stdout) < 10
