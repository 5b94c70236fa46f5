"""Run a drive from the command line: what is checked and said before, while it runs, and at its end."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from ...errors import UsageError
from ...printable import counted
from ...system.signals import INTERRUPTS, call_on, ends
from ..saying import say
from ..verdict import announce

if TYPE_CHECKING:
    from ...api.drive import Drive
    from ...drive.engine.report import Report

_CLEAR = "\r\x1b[K"  # to the beginning of the line, and erase it
_ALL = "--allow-all"
_AGAIN = 0.2  # seconds between two lines of progress
_TRY = "to go on without it: --on-missing skip, or send; to wait longer: --patience SECONDS"


def check(drive: Drive) -> None:
    """Refuse to send anything while something is not allowed or a value is missing; say each on a line of its own.

    What is allowed or given for nothing is said as a warning: its name may be misspelt.

    Raises:
        UsageError: Then.
    """
    problems = drive.problems()
    for line in drive.unused():
        say(f"warning: {line}")
    if len(problems) == 1:
        raise UsageError(f"{problems[0]}; nothing was sent, see --dry-run")
    for line in (*problems, *all_allowed(drive)):
        say(line)
    if problems:
        raise UsageError("nothing was sent; --dry-run lists what would be, and what each request waits for")


def all_allowed(drive: Drive) -> list[str]:
    """Return a line with the options that allow all that is not allowed yet, to be copied; none if it is one option."""
    from ...drive.engine.allowing import option

    given = dict.fromkeys(option(step) for step in drive.refused)
    return [] if len(given) < 2 or _ALL in given else [f"all that is not allowed yet: {' '.join(given)}"]


def summed_up(drive: Drive) -> str:
    """Return how many steps a dry run lists, and what a person has to decide before they are sent."""
    steps, writes, refused, missing = (len(of) for of in (drive.plan.steps, drive.writes, drive.refused, drive.missing))
    those = f"{refused} of them " if refused != writes else f"{refused} "
    not_allowed = f"{those}{'is' if refused == 1 else 'are'} not allowed" if refused else "all of them are allowed"
    changing = f"{writes} may change data, {not_allowed}" if writes else "none may change data"
    lacking = (
        f"{counted(missing, 'value')} {'is' if missing == 1 else 'are'} missing" if missing else "no value is missing"
    )
    return f"{counted(steps, 'step')}; {changing}; {lacking}"


def warn_of_writes(drive: Drive, repeat: int) -> None:
    """Say on stderr, before anything is sent, how much may change something on the server."""
    from ...views.live.driven import counted_steps

    writes = drive.writes
    if not writes:
        return
    times = f", {repeat} times: {repeat * len(writes)} in all" if repeat > 1 else ""
    noun = "request" if len(writes) == 1 else "requests"
    say(f"sends {len(writes)} {noun} that may change data to {drive.to} ({counted_steps(writes)}){times}")


def play(drive: Drive, outputs: Sequence[Path], repeat: int, *, tells_findings: bool = True) -> Iterator[Report]:
    """Run a drive one or more times; yield the report of each run when it has ended.

    Ctrl-C ends a run in order: clients disconnect, the cassette is closed, and its report is the last one.

    Args:
        drive: What is played.
        outputs: Cassettes of the runs; none if nothing is to be kept.
        repeat: Number of runs.
        tells_findings: Print each finding on stdout when it is found.

    Raises:
        UpstreamError: If the server cannot be reached.
        KeyboardInterrupt: After a run that Ctrl-C ended.
    """
    for number in range(repeat):
        if repeat > 1:
            say(f"run {number + 1} of {repeat}")
        display = Display(drive, tells_findings=tells_findings)
        output = outputs[number] if outputs else None
        report, caught = asyncio.run(_run(drive, output, display.turn))
        display.end()
        yield report
        if caught in INTERRUPTS:
            raise KeyboardInterrupt
        if caught is not None:
            raise SystemExit(128 + caught)


async def _run(drive: Drive, output: Path | None, on_turn: Callable[[], None]) -> tuple[Report, int | None]:
    """Play one run; return also the number of the signal that ended it, None if none did."""
    task = asyncio.current_task()
    caught: list[int] = []

    def end(number: int) -> None:
        if not caught and task is not None:
            task.cancel()  # once: what follows is the orderly end, which takes a few seconds at most
        caught.append(number)

    with _handled(end):
        try:
            return await drive.run_async(output, on_turn=on_turn), None
        except asyncio.CancelledError:
            if not caught:
                raise
            return drive.report(), caught[0]


@contextmanager
def _handled(end: Callable[[int], None]) -> Iterator[None]:
    """Give signals to a function while the block runs; afterwards they do what they did before."""
    undo = call_on(ends(), end)
    try:
        yield
    finally:
        undo()


class Display:
    """Prints findings as they are found, and on a terminal how far the run is."""

    def __init__(self, drive: Drive, *, tells_findings: bool) -> None:
        self._drive, self._tells_findings = drive, tells_findings
        self._is_live = sys.stderr.isatty()
        self._told, self._next = 0, 0.0

    def turn(self) -> None:
        """Show what is new."""
        from ...views.live.driven import progress_line

        self._findings()
        now = time.monotonic()
        if self._is_live and now >= self._next:
            self._next = now + _AGAIN
            line, most = progress_line(self._drive.report()), get_terminal_size().columns - 1
            self._print(f"{_CLEAR}{line if len(line) <= most else f'{line[: most - 1]}…'}")

    def end(self) -> None:
        """Print the findings that are left, and erase the line of progress."""
        self._findings()
        self._clear()

    def _findings(self) -> None:
        from ...views.live.driven import finding_line

        new = self._drive.findings[self._told :]
        self._told += len(new)
        if self._tells_findings and new:
            self._clear()
            for finding in new:
                announce(finding_line(finding))

    def _clear(self) -> None:
        if self._is_live:
            self._print(_CLEAR)

    def _print(self, text: str) -> None:
        with suppress(OSError):  # a closed terminal must not end the run
            click.echo(text, nl=False, err=True, color=True)


def conclude(report: Report, to: str) -> None:
    """Say on stderr how a run ended, what to try if it stalled, and where it was written.

    Args:
        report: Its result.
        to: URL of the server.
    """
    from ...views.live.driven import summary_lines

    for line in summary_lines(report):
        say(line)
    if report.has_stalled and not report.answered:
        say(f"no answer came at all; is {to} the right server, and does it speak {to.partition(':')[0]} there?")
    elif report.has_stalled:
        say(_TRY)
    if report.cassette is not None:
        say(f"{report.cassette}: holds what was on the wire, redacted")
