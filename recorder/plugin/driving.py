"""Play the client's side of a test's cassette: the object that the fixture `driver` yields, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..api.drive import Drive
from ..api.threads import LoopThread
from ..errors import UsageError
from ..model import Record
from ..printable import counted
from ..views.live.driven import counted_steps, finding_line, progress_line
from .settings import Settings

if TYPE_CHECKING:
    from ..drive.engine.report import Report

_RECORDS, _LARGEST = 20_000, 16 << 20  # records that are kept of a run, and bytes of their bodies
_HOW = (
    'give its URL by the marker, @pytest.mark.cassette(…, drive=True, to="http://localhost:8090"), by --cassette-to or '
    "the ini option cassette_to, or override the fixture cassette_to"
)


@dataclass(slots=True)
class Kept:
    """The first records of the run of a drive; a new run begins anew.

    Attributes:
        records: The records.
        left_out: Number of records that came when it was full.

    """

    records: list[Record] = field(default_factory=list)
    left_out: int = 0
    _bytes: int = 0

    def __call__(self, record: Record) -> None:
        """Keep a record as long as there is room."""
        if not record.seq:
            self.records, self.left_out, self._bytes = [], 0, 0
        size = len(getattr(record, "body", b""))
        if self.left_out or len(self.records) >= _RECORDS or self._bytes + size > _LARGEST:
            self.left_out += 1
            return
        self._bytes += size
        self.records.append(record)


class Driving(Drive):
    """The recorded client of one test, played against the server under test.

    Attributes:
        settings: How the test is played.

    """

    def __init__(self, settings: Settings, to: str, thread: LoopThread) -> None:
        """Read the cassette of a test; nothing is sent.

        Args:
            settings: How the test is played.
            to: URL of the server under test.
            thread: Thread in which single steps are played.

        Raises:
            RecorderError: If the cassette cannot be read, the settings do not fit it, or there is no URL.

        """
        self.settings, self._kept = settings, Kept()
        super().__init__(
            cassette_of(settings),
            to,
            rate="instant" if settings.rate is None else settings.rate,
            values=settings.values,
            allow=settings.allow,
            allow_all=settings.allow_all,
            on_missing=settings.on_missing,
            patience=settings.patience,
            settle=settings.settle,
            seed=settings.seed,
            dialect=settings.dialect,
            policy=settings.policy,
            thread=thread,
            on_record=self._kept,
        )
        if not to:
            raise UsageError(f"{settings.names} is driven, but the server under test is not known: {_HOW}")

    def page(self) -> str | None:
        """Return the page that compares the cassette with what the server answered; None if nothing was sent.

        Raises:
            RecorderError: If the cassette cannot be read.

        """
        from .comparing import MOST, Live, Rules, page_of  # noqa: PLC0415  # only for a test that failed

        if not self._kept.records or len(self.recording.triples) > MOST:
            return None
        known = {live: recorded for recorded, live in self.report().bindings}
        live = Live(f"what {self.to} answered", self.to, self._kept.records, self._kept.left_out, known)
        rules = Rules(self.dialect, self.policy, self.settings.policy)
        return page_of(self.settings.places, self.settings.names, self.recording, live, rules)


def cassette_of(settings: Settings) -> Path:
    """Return the one cassette of a test that is driven.

    Raises:
        UsageError: If the test names several, or if there is none.

    """
    if len(settings.cassettes) > 1:
        raise UsageError(
            f"a test drives one cassette, this test names {settings.names}; recorder merge makes one of them"
        )
    (path,) = settings.places
    if not path.exists():
        raise UsageError(f"there is no {path}; record it from a server that is known to be right: recorder record URL")
    return path


def found(driving: Driving) -> str | None:
    """Return what went other than recorded, one line each, and what the clients wait for; None if nothing did."""
    report = driving.report()
    lines = [f"  {finding_line(finding)}" for finding in report.faults]
    if report.has_stalled:
        lines += [f"  {line}" for line in report.waits]
    return "\n".join([f"{driving.to} answered differently from {driving.settings.names}:", *lines]) if lines else None


def left_over(driving: Driving) -> str | None:
    """Return a list of the steps that were not sent though nothing kept them; None if all were."""
    report = driving.report()
    if report.is_over or report.sent >= report.steps:
        return None
    left = counted_steps(driving.plan.steps[report.sent :])
    sent = f"{report.sent} of {counted(report.steps, 'step')} sent"
    return f"{driving.settings.names}: {sent}; not sent: {left}; {_hint(report)}"


def summary(driving: Driving) -> str:
    """Return how far the run came, and what it found; for a failed test."""
    return "\n".join(filter(None, [f"{driving.settings.names}: {progress_line(driving.report())}", found(driving)]))


def _hint(report: Report) -> str:
    return "the test called neither driver.run() nor driver.step()" if not report.sent else "call driver.step() on"
