"""Write the lines of a process that runs for weeks into a log file, which SIGHUP opens anew after it was renamed.

`logging.handlers.WatchedFileHandler` looks for another file of the name at each line, follows links, makes files that
all can read, and keeps lines that could not be written for the next write. A log must not stop the traffic: once it
cannot be written, its lines are counted and dropped until the next SIGHUP.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import OutputError
from ..output import appending
from ..printable import counted, printable
from ..system.signals import HANGUP


class LogFile(logging.Handler):
    """A log file; each line begins with the time in UTC, and is in the file when the call ends.

    Attributes:
        is_alone: Lines go into the file only; else the terminal gets them too, as at the start and at the end.

    """

    def __init__(self, path: Path, warn: Callable[[str], None], clock: Callable[[], float] = time.time) -> None:
        """Open the file, or make it and its folder, for the owner alone.

        Args:
            path: The file.
            warn: Takes a line about the log itself, once for each time that it breaks.
            clock: Returns UTC seconds.

        Raises:
            OutputError: If the file cannot be opened, is no regular file, or is a link.

        """
        super().__init__()
        self._path, self._warn, self._clock, self.is_alone = path, warn, clock, False
        self._lost = 0  # lines since the last one that was written
        self._is_broken = self._is_cut = self._is_writing = self._is_renamed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = appending(path)
        except OSError as exc:
            raise OutputError(f"{path}: cannot be written: {_reason(exc)}") from exc

    def line(self, text: str) -> None:
        """Write lines of text."""
        with self._held():
            self._write(text)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record of `logging`, as its method `handle` does."""
        self.line(self.format(record))

    def reopen(self) -> None:
        """Go on in the file that has the path now; may be called by a signal's handler in the middle of `line`.

        If that fails, the lines go on into the file that was open.
        """
        with self._held() as is_inner:
            self._is_renamed = True
            if not is_inner:
                self._reopen()

    def close(self) -> None:
        """Close the file."""
        super().close()
        with suppress(OSError):
            os.close(self._descriptor)

    @contextmanager
    def _held(self) -> Iterator[bool]:
        """Keep other threads out; yield whether this thread is in such a block already, when a signal came in it."""
        self.acquire()
        is_inner, self._is_writing = self._is_writing, True
        try:
            yield is_inner
            if self._is_renamed and not is_inner:
                self._reopen()
        finally:
            self._is_writing = is_inner
            self.release()

    def _reopen(self) -> None:
        self._is_renamed = False
        try:
            opened = appending(self._path)
        except OSError as exc:
            self._warn(f"{self._path}: cannot be reopened: {_reason(exc)}; lines go into the file that was open")
            return
        before, self._descriptor = self._descriptor, opened
        with suppress(OSError):  # some file systems tell only here that a write failed
            os.close(before)
        lost, self._lost, self._is_broken = self._lost, 0, False
        if self._is_cut and os.fstat(opened).st_size:
            self._put(b"\n")
        self._is_cut = False
        if lost:
            self._write(f"{counted(lost, 'line was', 'lines were')} lost: the log could not be written")

    def _write(self, text: str) -> None:
        now = self._clock()
        stamp = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now))}.{int(now % 1 * 1000):03}Z"
        for line in text.splitlines():
            if line:
                self._put(f"{stamp} {printable(line)}\n".encode("utf-8", "backslashreplace"))

    def _put(self, content: bytes) -> None:
        """Write one line whole; count it if the log is broken."""
        if self._is_broken:
            self._lost += 1
            return
        left = content
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as exc:
            self._is_broken, self._lost, self._is_cut = True, self._lost + 1, left != content
            until = "until SIGHUP reopens the file" if HANGUP is not None else "until the end"
            self._warn(f"{self._path}: cannot be written: {_reason(exc)}; its lines are lost {until}")


@contextmanager
def opened(path: Path, warn: Callable[[str], None], *, takes_all: bool = False) -> Iterator[LogFile]:
    """Yield an open log that SIGHUP opens anew.

    Args:
        path: The file.
        warn: Takes a line about the log itself.
        takes_all: Take what all loggers of the process say.

    Raises:
        OutputError: If the file cannot be opened.

    """
    log = LogFile(path, warn)
    hangup = HANGUP if threading.current_thread() is threading.main_thread() else None
    before = signal.signal(hangup, lambda *_: log.reopen()) if hangup is not None else None
    if takes_all:
        logging.getLogger().addHandler(log)
    try:
        yield log
    finally:
        logging.getLogger().removeHandler(log)
        if hangup is not None:
            signal.signal(hangup, before)
        log.close()


def _reason(exc: OSError) -> str:
    return "is a link; name the file itself" if exc.errno == errno.ELOOP else exc.strerror or str(exc)
