"""Show a recording on stderr while it runs: each operation as it ends, and on a terminal what is open."""

from __future__ import annotations

import os
import sys
from collections import deque
from contextlib import suppress
from dataclasses import replace
from shutil import get_terminal_size

import click

from ...capture.pipeline import Counts
from ...dialect.definition import Dialect
from ...model import Chunk, Record, Request, Response, SocketMessage, State
from ...printable import counted
from ...views.live.progress import Ended, Progress, as_line
from ...views.screen import STATES
from ..saying import tell

_CLEAR = "\r\x1b[K"  # to the beginning of the line, and erase it
_LACKS = {State.ABORTED: "its answer", State.UNACKED: "its ack", State.ACKED: "its last event"}
_HELD = 1_000  # records that wait for the choice of a dialect
_LONGEST = 64 << 10  # bytes of a body that waits; a longer one is of a page or a script
_SHOWN = 20  # operations that are listed at the end


class Display:
    """The lines about one recording.

    Attributes:
        is_live: Whether the counts are shown and kept up to date, which needs a terminal.

    """

    def __init__(self, wanted: str) -> None:
        """Choose the form.

        Args:
            wanted: `auto` shows operations and counts on a terminal and nothing elsewhere, `plain` one line for each
                operation, `none` nothing.

        """
        self.is_live = wanted == "auto" and sys.stderr.isatty()
        self._is_wanted = self.is_live or wanted == "plain"
        self._progress: Progress | None = None
        self._held: deque[Record] = deque(maxlen=_HELD)  # as long as the dialect is not known
        self._has_color = self.is_live and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def feed(self, record: Record) -> None:
        """Take a record as it is kept; print the operations that ended with it, if the dialect is known."""
        if not self._is_wanted:
            return
        if self._progress is None:
            self._held.append(_shortened(record))
            return
        for ended in self._progress.feed(record):
            self.clear()
            if self.is_live:
                self._print(f"{self._colored(ended)}\n")
            else:
                tell(as_line(ended))

    def use(self, dialect: Dialect) -> None:
        """Take the dialect of the recording; print the operations that have ended already."""
        held, self._held = self._held, deque(maxlen=0)
        self._progress = Progress(dialect) if self._is_wanted else None
        for record in held:
            self.feed(record)

    def show(self, counts: Counts, size: int) -> None:
        """Show the counts and the open operations in the last line of the terminal."""
        parts = [
            counted(counts.requests, "request"),
            f"{counts.responses} answered",
            f"{counts.open} open",
            counted(size, "byte"),
        ]
        waiting = [f"{name} ({_LACKS[state]})" for name, state in self._open]
        line = ", ".join(parts) + f"; waiting: {', '.join(waiting)}" * bool(waiting)
        self._print(f"{_CLEAR}{line[: get_terminal_size().columns - 1]}")

    def clear(self) -> None:
        """Erase the line of `show`, so that another line can be printed."""
        if self.is_live:
            self._print(_CLEAR)

    def summary(self) -> list[str]:
        """Return the lines for the end: how the operations ended, and which did not."""
        if self._progress is None:
            return []
        counts = self._progress.counts
        ended = ", ".join(f"{counts[state]} {state.value}" for state in State if counts[state])
        found = [f"{counted(counts.total(), 'operation')} ended{': ' * bool(ended)}{ended}"]
        still = [f"{name} still waits for {_LACKS[state]}" for name, state in self._open]
        return (
            found + still[:_SHOWN] + [f"… and {counted(len(still) - _SHOWN, 'more operation')}"] * (len(still) > _SHOWN)
        )

    @property
    def _open(self) -> list[tuple[str, State]]:
        return self._progress.open if self._progress is not None else []

    def _print(self, text: str) -> None:
        with suppress(OSError):  # a closed terminal or a full disk must not end the recording
            click.echo(text, nl=False, err=True, color=self._has_color)

    def _colored(self, ended: Ended) -> str:
        return click.style(as_line(ended), fg=STATES[ended.state.value]) if self._has_color else as_line(ended)


def _shortened(record: Record) -> Record:
    """Return a record without its body if the body is long: many records may wait."""
    if isinstance(record, Request | Response | Chunk | SocketMessage) and len(record.body) > _LONGEST:
        return replace(record, body=b"")
    return record
