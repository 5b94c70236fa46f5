"""End a recording within two seconds of a signal, whatever still runs or hangs.

The first signal asks the recording to end by itself. If it has not ended after a while, or at a second signal, it
hurries: what would take long is left out, and told. If it hangs even so (a disk, a name server that does not answer),
the process is ended.

An alarm of the system counts the time: no thread of Python runs while a long regular expression is matched, but a
signal's handler does. Seconds in which other processes held the processor do not count, up to a limit: on a busy
machine a sound end is worth more than a quick one.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from ...errors import CaptureError
from ...system.signals import Alarm, ends
from ..saying import say

PATIENCE = 1.0  # seconds until it hurries
_AGAIN = 0.1  # seconds until it hurries once more
_LAST = 1.5  # seconds until the process is ended
_VERY_LAST = 1.8  # seconds until a thread ends it: the main thread handles no signal in some calls of the system
_AT_MOST = 8.0  # seconds after which all count; less than the ten of `docker stop`
_SCHEDULED = Path("/proc/self/schedstat")  # of the main thread; Documentation/scheduler/sched-stats.rst of Linux


def withheld() -> float:
    """Return the seconds in which the main thread could run, but got no processor; 0 where the system does not say."""
    try:
        return int(_SCHEDULED.read_text(encoding="utf-8").split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class Ending:
    """The end of one recording; a context manager for the main thread, with the signals' handlers while it lasts.

    Attributes:
        is_urgent: A second signal came, so that nothing may follow that takes long.

    """

    def __init__(
        self, hurry: Callable[[], None], lost: str, withheld: Callable[[], float] = withheld, *, hangs_up: bool = True
    ) -> None:
        """Prepare the end.

        Args:
            hurry: Leaves out what takes long; called in the main thread, between any two of its steps. It may raise an
                exception there, to leave a step that takes long.
            lost: A line for the user, if the process has to be ended before the recording is.
            withheld: Returns the seconds of this process that do not count.
            hangs_up: SIGHUP ends it; else SIGHUP is left as it is.

        """
        self._hurry, self._lost, self.is_urgent, self._withheld = hurry, lost, False, withheld
        self._hangs_up = hangs_up
        self._alarm: Alarm | None = None
        self._wanted: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._then: Callable[[], None] | None = None
        self._since: tuple[float, float] | None = None  # the first signal, and the seconds withheld before it
        self._code: int | None = None  # once all is written and told
        self._timer: threading.Timer | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in ends(hangs_up=self._hangs_up):
            self._before[number] = signal.signal(number, self._signalled)
        self._alarm = Alarm(self._passed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._alarm is not None:
            self._alarm.stop()
            self._alarm.close()
        if self._since is None and self._timer is not None:  # else it goes on: the end of the process may hang too
            self._timer.cancel()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def begins(self, then: Callable[[], None] | None = None) -> asyncio.Event:
        """Return an event that the first signal sets; a signal before this call is an exception, as in all commands.

        Args:
            then: Called by the first signal's handler, in the middle of anything: the event is seen some turns of the
                loop later.

        """
        event = asyncio.Event()
        self._wanted, self._then = (asyncio.get_running_loop(), event), then
        return event

    def told(self, code: int) -> None:
        """Take the exit code, when the cassette is closed and all is told; the rest may hang, but not long."""
        self._code = code
        if self._timer is None:
            self._give(PATIENCE)

    def waits(self) -> None:
        """Take the time off what follows the recording, until `told` is called again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        if self._since is not None:
            self.is_urgent = True
            self._hurry()
            return
        self._since = time.monotonic(), self._withheld()
        if self._alarm is not None:
            self._alarm.start(PATIENCE, _AGAIN)
        self._give(_VERY_LAST)
        if self._wanted is None:
            self._code = 128 + number
            self._before[number](number, frame)
            return
        if self._then is not None:
            self._then()
        loop, event = self._wanted
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)

    def _passed(self) -> None:
        if (spent := self._spent()) < _LAST:
            if spent > PATIENCE:
                self._hurry()
            return
        if self._code is None:
            say(self._lost, is_error=True)
        self._end()

    def _spent(self) -> float:
        """Return the seconds since the first signal that count; infinite without a signal."""
        if self._since is None:
            return math.inf
        since, before = self._since
        passed = time.monotonic() - since
        return passed if passed > _AT_MOST else passed - (self._withheld() - before)

    def _give(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end_late)
        self._timer.daemon = True
        self._timer.start()

    def _end_late(self) -> None:
        """End the process from a thread, with a word if the main thread had no time for it.

        What hangs may hold stderr; so one more thread tells it, and is not waited for.
        """
        while (left := _VERY_LAST - self._spent()) > 0:
            time.sleep(left)
        if self._timer is not threading.current_thread():
            return  # the time was taken off meanwhile, or counts from a later moment
        if self._code is None:
            telling = threading.Thread(target=say, args=(self._lost,), kwargs={"is_error": True}, daemon=True)
            telling.start()
            telling.join(_AGAIN)
        self._end()

    def _end(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and self._code is not None:
                stream.flush()
        os._exit(CaptureError.exit_code if self._code is None else self._code)
