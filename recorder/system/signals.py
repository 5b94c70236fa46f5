"""Take the signals of each system, in event loops too, and send them to child processes.

Windows has neither SIGHUP, SIGKILL nor alarms. A program there ends on Ctrl-C (SIGINT), on Ctrl-Break (SIGBREAK), or at
once; an event loop takes no signals.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

HANGUP: int | None = getattr(signal, "SIGHUP", None)
BREAK: int | None = getattr(signal, "SIGBREAK", None)
KILL: int = getattr(signal, "SIGKILL", signal.SIGTERM)  # on Windows each signal to another process ends it at once
INTERRUPTS = frozenset({int(signal.SIGINT), *([BREAK] if BREAK is not None else [])})  # keys of a terminal
ENDS = tuple(
    number for number in (int(signal.SIGINT), int(signal.SIGTERM), HANGUP, BREAK) if number is not None
)  # Ctrl-C, kill, the end of the terminal, Ctrl-Break
# a child is asked to end by this signal, which it takes as Ctrl-C; on Windows, Ctrl-C itself cannot be sent
ASK: int = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGINT)


def of_its_own() -> dict[str, Any]:
    """Return arguments of `subprocess.Popen` for a child that takes `ASK`; on Windows Ctrl-C does not reach it."""
    import subprocess  # noqa: PLC0415  # commands without children start sooner

    group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", None)
    return {} if group is None else {"creationflags": group}


def ends(*, hangs_up: bool = True) -> tuple[int, ...]:
    """Return the signals that end a command, without those that the process ignores, as nohup lets it ignore SIGHUP.

    Args:
        hangs_up: SIGHUP is one of them.
    """
    given = (number for number in ENDS if hangs_up or number != HANGUP)
    return tuple(number for number in given if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN)


@contextmanager
def held() -> Iterator[None]:
    """Let the signals that end a command come at the end of the block: a child that starts in it is known by then."""
    if threading.current_thread() is not threading.main_thread():  # signals come into that one alone
        yield
        return
    came: list[int] = []
    before = {number: handler for number in ENDS if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda got, _frame: came.append(got))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def call_on(numbers: Iterable[int], take: Callable[[int], None]) -> Callable[[], None]:
    """Call a function in the running event loop on each of some signals.

    Returns:
        A function that gives the signals back their handlers.
    """
    import asyncio  # noqa: PLC0415  # commands without a loop start sooner

    loop, before, added = asyncio.get_running_loop(), dict[int, Any](), list[int]()
    for number in numbers:
        before[number] = signal.getsignal(number)
        try:
            loop.add_signal_handler(number, take, number)
            added.append(number)
        except NotImplementedError:  # Windows; there a handler runs in the main thread, and wakes the loop
            signal.signal(number, lambda got, _frame: loop.call_soon_threadsafe(take, got))

    def undo() -> None:
        for number in added:
            loop.remove_signal_handler(number)
        for number, handler in before.items():
            signal.signal(number, handler)

    return undo


class Alarm:
    """Calls a function in the main thread after some seconds, between any two of its steps; it may raise there.

    Without alarms of the system a thread counts the time, and acts as if a signal had come that nothing else raises.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        """Prepare it, in the main thread."""
        self._has_timer = hasattr(signal, "setitimer")
        self._number = int(signal.SIGALRM if self._has_timer else signal.SIGFPE)
        self._before: Any = signal.signal(self._number, lambda *_: ring())
        self._over = threading.Event()

    def start(self, first: float, again: float) -> None:
        """Ring after `first` seconds, then each `again` seconds."""
        if self._has_timer:
            signal.setitimer(signal.ITIMER_REAL, first, again)
        else:
            threading.Thread(target=self._count, args=(first, again), daemon=True).start()

    def stop(self) -> None:
        """Ring no more."""
        self._over.set()
        if self._has_timer:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def close(self) -> None:
        """Give the signal back its handler."""
        if self._has_timer:
            signal.signal(self._number, signal.SIG_IGN)  # drops an alarm on its way, which would end the process
        signal.signal(self._number, self._before if self._before is not None else signal.SIG_DFL)

    def _count(self, first: float, again: float) -> None:
        seconds = first
        while not self._over.wait(seconds):
            _thread.interrupt_main(signal.Signals(self._number))
            seconds = again
