"""Print messages for people on stderr, one line each, and the progress of a long step on a terminal.

With a log (`--log`) the messages of a running server go into the log.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import click

from ..model import Record
from ..printable import counted, printable

_CLEAR = "\r\x1b[K"  # to the beginning of the line, and erase it
_SILENCE = 1.0  # seconds, after which the user wants to know
_AGAIN = 0.5  # seconds between two lines
_LOOK = 1024  # records, after which it looks at the clock


class Log(Protocol):
    """A log that takes messages; `monitoring.log.LogFile` is one."""

    is_alone: bool

    def line(self, text: str) -> None:
        """Write lines of text."""


_logs: list[Log] = []  # of the running command; as for `logging`, who says something need not know who listens


@contextmanager
def into(log: Log) -> Iterator[None]:
    """Let messages go into a log in the block; if the log is alone, nowhere else."""
    _logs.append(log)
    try:
        yield
    finally:
        _logs.remove(log)


@contextmanager
def alone(log: Log | None) -> Iterator[None]:
    """Let messages go into a log only while the block runs; without a log do nothing."""
    if log is None:
        yield
        return
    log.is_alone = True
    try:
        yield
    finally:
        log.is_alone = False


def say(text: str, *, is_error: bool = False) -> None:
    """Print one line on stderr, with control characters escaped: file names may hold any character.

    Args:
        text: The line.
        is_error: Print it on stderr also if a log is alone.

    """
    if _is_logged(text) and not is_error:
        return
    complain(text)


def complain(text: str) -> None:
    """Print one line on stderr and into no log: it is about the log."""
    with suppress(OSError):  # stderr is a full disk or a closed pipe: the exit code must still tell what happened
        click.echo(f"recorder: {printable(text)}", err=True)


def tell(text: str) -> None:
    """Print lines that stand by themselves on stderr, for example the explanation of a miss."""
    if not _is_logged(text):
        with suppress(OSError):
            click.echo(text, err=True)


def _is_logged(text: str) -> bool:
    """Write a text into the logs; return whether one of them is alone."""
    for log in _logs:
        log.line(text)
    return any(log.is_alone for log in _logs)


class Progress:
    """Counts records, and shows the count in the last line of a terminal from the second second on."""

    def __init__(self, doing: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin.

        Args:
            doing: What is done, e.g. `seals`.
            clock: Returns seconds.

        """
        self._doing, self._clock, self._count, self._is_shown = doing, clock, 0, False
        self._next = clock() + _SILENCE

    def feed(self, record: Record) -> None:  # noqa: ARG002  # so that it can be given as a function that takes records
        """Count one more record."""
        self._count += 1
        if self._count % _LOOK == 0 and self._clock() >= self._next:
            self._next = self._clock() + _AGAIN
            self._is_shown = True
            _print(f"{_CLEAR}recorder: {printable(self._doing)}: {self._count:,} records")

    def clear(self) -> None:
        """Erase the line, so that another one can be printed."""
        if self._is_shown:
            _print(_CLEAR)
            self._is_shown = False


@contextmanager
def progress(doing: str) -> Iterator[Progress | None]:
    """Yield what shows the progress of the block; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    shown = Progress(doing)
    try:
        yield shown
    finally:
        shown.clear()


@contextmanager
def counting(
    doing: str, what: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int, int], None]]:
    """Yield what shows how many of some things are done, in the last line of a terminal; it does nothing elsewhere.

    Args:
        doing: What is done, e.g. `reads`.
        what: One of the things, e.g. `cassette`.
        clock: Returns seconds.

    """
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    due = clock() + _SILENCE

    def shown(done: int, of: int) -> None:
        nonlocal due
        if clock() >= due:
            due = clock() + _AGAIN
            _print(f"{_CLEAR}recorder: {printable(doing)}: {done:,} of {counted(of, what)}")

    try:
        yield shown
    finally:
        _print(_CLEAR)


def _print(text: str) -> None:
    with suppress(OSError):  # a closed terminal must not end the step
        click.echo(text, nl=False, err=True, color=True)
