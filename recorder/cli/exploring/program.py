"""Run the user's command to its end, or for so many seconds; nothing that it started outlives its run."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import IO, Any

from ...errors import UsageError
from ...system.signals import KILL, held, of_its_own

URL = "RECORDER_URL"  # variable with the URL of the stand-in, as of `recorder record`
SCHEDULE = "RECORDER_SCHEDULE"  # variable with the id of the schedule
_PATIENCE = 2.0  # seconds between a signal that can be handled and one that cannot
_KEPT = 64 * 1024  # bytes of the output, from its end


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a run of the command.

    Attributes:
        code: Its exit code, as shells tell it.
        is_late: It was ended after the time that a run may take.
        output: What it wrote to stdout and stderr last.
    """

    code: int
    is_late: bool
    output: str


@dataclass(frozen=True, slots=True)
class Program:
    """The user's command.

    Attributes:
        words: The program and its arguments; `{url}` in them stands for the URL of the stand-in.
        max_time: Seconds that a run may take.
    """

    words: Sequence[str]
    max_time: float

    def run(self, url: str, schedule: str) -> Ended:
        """Run the command once; end what it leaves behind.

        Args:
            url: URL of the stand-in.
            schedule: Id of the schedule.

        Raises:
            UsageError: If the command cannot be run.
        """
        words = [word.replace("{url}", url) for word in self.words]
        # in a session of its own: then its children can be ended with it, and Ctrl-C is for the recorder alone
        alone: dict[str, Any] = of_its_own() or {"start_new_session": True}
        with TemporaryFile() as output:  # a pipe would stay open as long as a child that it left behind
            with ExitStack() as started:
                try:
                    with held():  # else Ctrl-C may come when the child runs and nobody knows it yet
                        child = subprocess.Popen(  # noqa: S603  # running it is what the user asks for
                            words,
                            stdin=subprocess.DEVNULL,
                            stdout=output,
                            stderr=subprocess.STDOUT,
                            env=os.environ | {URL: url, SCHEDULE: schedule},
                            **alone,
                        )
                        started.callback(_end, child)
                except (OSError, ValueError) as exc:
                    raise UsageError(f"{words[0]}: cannot be run: {getattr(exc, 'strerror', None) or exc}") from exc
                code, is_late = _waited(child, self.max_time)
            return Ended(code if code >= 0 else 128 - code, is_late, _end_of(output))


def _waited(child: subprocess.Popen[bytes], seconds: float) -> tuple[int, bool]:
    """Wait for a command; return its exit code, and whether its time was over."""
    ended, late = Event(), Event()

    def end() -> None:
        late.set()
        _send(child, signal.SIGTERM)
        if not ended.wait(_PATIENCE):
            _send(child, KILL)

    timer = Timer(seconds, end)  # `wait` with a limit looks again and again whether the child has ended
    timer.daemon = True
    timer.start()
    try:
        return child.wait(), late.is_set()
    finally:
        timer.cancel()
        ended.set()


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a command, and all that it left behind."""
    _send(child, KILL)
    child.wait()


def _send(child: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a command and to all that it started; they may have ended."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _KEPT))
    return output.read().decode("utf-8", "replace")
