"""Signals and alarms with and without what POSIX has for them; each in a process, to which they belong."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOP = """
import asyncio, os, signal
from recorder.system.signals import call_on

def refused(*_):
    raise NotImplementedError

async def work():
    loop, got = asyncio.get_running_loop(), asyncio.Queue()
    if WITHOUT:
        loop.add_signal_handler = refused
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    undo = call_on([signal.SIGTERM, signal.SIGINT], got.put_nowait)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(os.getpid(), number)
        print(int(await asyncio.wait_for(got.get(), 60)))
    undo()
    print(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)

asyncio.run(work())
"""
ALARM = """
import signal, time
from recorder.system.signals import Alarm

if WITHOUT:
    del signal.setitimer

class Rung(Exception):
    pass

def ring():
    raise Rung

alarm = Alarm(ring)
for _ in range(2):  # it rings again
    try:
        alarm.start(0.01, 60.0)
        while True:
            pass
    except Rung:
        alarm.stop()
        print("rung")
    if WITHOUT:
        break
alarm.close()
time.sleep(0.05)  # an alarm on its way would end the process
"""
IGNORED = """
import signal
from recorder.system.signals import HANGUP, ends

signal.signal(signal.SIGHUP, signal.SIG_IGN)
print(HANGUP in ends(), signal.SIGTERM in ends(), HANGUP in ends(hangs_up=False))
signal.signal(signal.SIGHUP, signal.SIG_DFL)
print(HANGUP in ends(), signal.SIGTERM in ends(), HANGUP in ends(hangs_up=False))
"""


def printed(script: str, *, without: bool = False) -> list[str]:
    command = [sys.executable, "-c", f"WITHOUT = {without}\n{script}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize("without", [False, True])
def test_signals_come_into_the_loop_and_get_their_handlers_back(without: bool) -> None:
    assert printed(LOOP, without=without) == ["15", "2", "True"]


def test_an_alarm_of_the_system_rings_in_the_main_thread() -> None:
    assert printed(ALARM) == ["rung", "rung"]


def test_an_alarm_of_a_thread_rings_in_the_main_thread() -> None:
    assert printed(ALARM, without=True) == ["rung"]


def test_nohup_keeps_the_end_of_the_terminal_from_ending_a_command() -> None:
    assert printed(IGNORED) == ["False", "True", "False", "True", "True", "False"]
