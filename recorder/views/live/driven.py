"""Show a drive: how far it is, what it found, and how it ended, as text and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...drive.engine.plan import Finding, Found, Step
from ...drive.engine.report import Report
from ...printable import counted, printable

_SHOWN = 8  # names of steps in one line


def finding_line(finding: Finding) -> str:
    """Return a finding as one line: where, what, and the sentence that explains it."""
    where = f"{finding.where}: " if finding.where else ""
    return printable(f"{finding.at:.3f} s  {where}{finding.found.value}: {finding.text}")


def finding_row(finding: Finding) -> dict[str, Any]:
    """Return a finding as `recorder drive --json` prints it."""
    return {
        "found": finding.found.value,
        "step": finding.step,
        "n": finding.n,
        "where": finding.where,
        "text": finding.text,
        "at": round(finding.at, 3),
    }


def report_row(report: Report) -> dict[str, Any]:
    """Return the result of one run as `recorder drive --json` prints it, without bound values: they may be secrets."""
    return {
        "verdict": verdict(report),
        "exit": report.exit_code,
        "steps": {"sent": report.sent, "all": report.steps},
        "answers": {"came": report.answered, "all": report.answers},
        "events": {"came": report.heard, "all": report.events},
        "seconds": round(report.seconds, 3),
        "findings": [finding_row(finding) for finding in report.findings],
        "waits": list(report.waits),
        "notes": list(report.notes),
        "cassette": None if report.cassette is None else str(report.cassette),
    }


def verdict(report: Report) -> str:
    """Return how a run ended in one word."""
    if report.has_stalled:
        return "stalled"
    if not report.is_over:
        return "interrupted"
    return "findings" if report.faults else "as recorded"


def progress_line(report: Report) -> str:
    """Return how far a run is, and what it waits for, in few characters: a terminal has 80 of them."""
    waits = f"; {report.waits[0]}" if report.waits else ""
    more = f" (and {len(report.waits) - 1} more)" if len(report.waits) > 1 else ""
    done = f"{report.sent}/{report.steps} steps, {report.heard}/{report.events} events"
    return printable(f"{done}{waits}{more}")


def summary_lines(report: Report) -> list[str]:
    """Return the lines for the end of a run: how far it came, and what it found or still waits for."""
    kinds = Counter(finding.found for finding in report.findings)
    lost = kinds.pop(Found.LOST, 0)
    found = ", ".join(f"{kind.value} ({count})" for kind, count in kinds.items())
    how = ": ".join(filter(None, [verdict(report) if report.has_stalled or not found else "", found]))
    lines = [f"{_counted(report)} in {report.seconds:.1f} s: {how}"]
    if lost:
        lines.append(f"{counted(lost, 'connection')} lost and made again")
    if report.has_stalled or not report.is_over:
        lines += report.waits
    return [printable(line) for line in lines]


def counted_steps(steps: Sequence[Step]) -> str:
    """Return the names of steps, each with its number, such as `StartPreviewSession, UpdateRecord (2)`."""
    counts = Counter(step.title for step in steps)
    shown = [name if count == 1 else f"{name} ({count})" for name, count in counts.most_common(_SHOWN)]
    rest = f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    return printable(", ".join(shown) + rest)


def _counted(report: Report) -> str:
    sent = f"{report.sent} of {counted(report.steps, 'step')} sent"
    return (
        f"{sent}, {report.answered} of {report.answers} answered, {report.heard} of {counted(report.events, 'event')}"
    )
