"""What a benchmark reports: rows of a table, each with its target, what was measured, and where the time goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Scale(Enum):
    """How much a benchmark does."""

    FULL = "full"  # what docs/benchmarks.md is written from
    SMOKE = "smoke"  # seconds: shows that it runs; its timings are no verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: What is compared with what.
        target: As in the design, e.g. `≥ 0.8`.
        measured: The same figure as measured, e.g. `0.84`.
        holds: Whether the target is met; None where there is none.
        facts: What was measured beside it, a line each, with units.
        profile: A short paragraph: where the rest of the time (or memory) goes, with the shares a profiler gave.
        command: What measures it again.

    """

    what: str
    target: str
    measured: str
    holds: bool | None
    command: str
    facts: tuple[str, ...] = ()
    profile: str = ""
