"""Sum up one run of a drive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...dialect.definition import Dialect
from ...errors import UsageError
from ...frozen import dataclass
from ...library.recording import load_recording
from ...model import Recording
from .plan import Finding, Found

_TOLD_ONLY = frozenset({Found.LOST})  # a connection that was recovered is no fault of the server's answers
_STALLED = 3


@dataclass(frozen=True, slots=True)
class Report:
    """The result of one run.

    Attributes:
        findings: What went other than recorded, in the order it was found; lost and recovered connections too.
        bindings: Each recorded value, learned from the server or minted by a client, with its live one.
        sent: Number of steps that were sent.
        answered: Number of answers that came.
        heard: Number of recorded events that came.
        steps: Number of all steps.
        answers: Number of all answers that were waited for.
        events: Number of all events that were waited for.
        notes: What is not driven, in sentences.
        waits: What the clients still waited for when the run ended.
        is_over: Whether the run came to its end.
        has_stalled: Whether something did not come, and the run was stopped for that.
        cassette: The file of what was on the wire; None if none was wanted.
        seconds: How long the run took.
    """

    findings: tuple[Finding, ...] = ()
    bindings: tuple[tuple[str, str], ...] = ()
    sent: int = 0
    answered: int = 0
    heard: int = 0
    steps: int = 0
    answers: int = 0
    events: int = 0
    notes: tuple[str, ...] = ()
    waits: tuple[str, ...] = ()
    is_over: bool = False
    has_stalled: bool = False
    cassette: Path | None = None
    seconds: float = 0.0

    @property
    def faults(self) -> tuple[Finding, ...]:
        """Findings that count: all but connections that were lost and recovered."""
        return tuple(finding for finding in self.findings if finding.found not in _TOLD_ONLY)

    @property
    def exit_code(self) -> int:
        """Exit code of a command: 0 as recorded, 1 findings, 3 stalled."""
        if self.has_stalled:
            return _STALLED
        return 1 if self.faults else 0

    def recording(self, dialect: Dialect | None = None) -> Recording:
        """Return the recording of what was on the wire.

        Raises:
            UsageError: If no cassette was wanted.
            CassetteError: If the cassette cannot be read.
        """
        if self.cassette is None:
            raise UsageError("the run wrote no cassette; name one: Drive(…, output='live.cassette')")
        return load_recording(self.cassette, dialect)


def worst(reports: Sequence[Report]) -> int:
    """Return the exit code of several runs: a stall counts more than findings."""
    return max((report.exit_code for report in reports), default=0)
