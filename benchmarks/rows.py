"""What a benchmark reports: rows of a table, each with its target, what was measured, and where the time goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


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
        holds: Whether the target is met; None where there is none, or nothing was measured.
        facts: What was measured beside it, a line each, with units.
        profile: A short paragraph: where the rest of the time (or memory) goes, with the shares a profiler gave.
        command: What measures it again.
        curves: What is plotted: by name, with its unit, the values by the number of triples.

    """

    what: str
    target: str
    measured: str
    holds: bool | None
    command: str
    facts: tuple[str, ...] = ()
    profile: str = ""
    curves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)


def not_measured(what: str, target: str, command: str, reason: str) -> Row:
    """A row of what cannot be measured here, and why."""
    return Row(what, target, "not measured", None, command, (f"Not measured: {reason}.",))


def row_of(fields: Mapping[str, Any]) -> Row:
    """A row as it was before it became JSON."""
    curves = {name: tuple((x, y) for x, y in points) for name, points in fields["curves"].items()}
    return Row(**{**fields, "facts": tuple(fields["facts"]), "curves": curves})
