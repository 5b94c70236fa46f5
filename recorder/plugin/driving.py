"""Play the client's side of a test's cassette: the object that the fixture `driver` yields, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..api.drive import Drive
from ..api.threads import LoopThread
from ..errors import UsageError
from ..printable import counted
from ..views.live.driven import finding_line, progress_line
from .settings import Settings

if TYPE_CHECKING:
    from ..drive.engine.report import Report

_HOW = (
    'give its URL by the marker, @pytest.mark.cassette(…, drive=True, to="http://localhost:8090"), by --cassette-to or '
    "the ini option cassette_to, or override the fixture cassette_to"
)


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
        self.settings = settings
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
        )
        if not to:
            raise UsageError(f"{self.path.name} is driven, but the server under test is not known: {_HOW}")


def cassette_of(settings: Settings) -> Path:
    """Return the one cassette of a test that is driven.

    Raises:
        UsageError: If the test names several, or if there is none.

    """
    if len(settings.cassettes) > 1:
        names = ", ".join(path.name for path in settings.cassettes)
        raise UsageError(f"one cassette is driven in a test, this one names {names}; recorder merge makes one of them")
    (path,) = settings.cassettes
    if not path.exists():
        raise UsageError(f"there is no {path}; record it from a server that is known to be right: recorder record URL")
    return path


def found(driving: Driving) -> str | None:
    """Return what went other than recorded, one line each, and what the clients wait for; None if nothing did."""
    report = driving.report()
    lines = [f"  {finding_line(finding)}" for finding in report.faults]
    if report.has_stalled:
        lines += [f"  {line}" for line in report.waits]
    return "\n".join([f"{driving.to} answered other than {driving.path.name}:", *lines]) if lines else None


def left_over(driving: Driving) -> str | None:
    """Return a list of the steps that were not sent though nothing kept them; None if all were."""
    report = driving.report()
    if report.is_over or report.sent >= report.steps:
        return None
    left = f"{report.steps - report.sent} of {counted(report.steps, 'step')}"
    return f"{left} of {driving.path.name} were not sent: {_hint(report)}"


def summary(driving: Driving) -> str:
    """Return how far the run came, and what it found; for a failed test."""
    return "\n".join(filter(None, [f"{driving.path.name}: {progress_line(driving.report())}", found(driving)]))


def _hint(report: Report) -> str:
    return "the test called neither driver.run() nor driver.step()" if not report.sent else "call driver.step() on"
