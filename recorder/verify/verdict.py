"""Judge all runs of a drive together, beside a baseline."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..dialect.definition import Dialect
from ..frozen import dataclass
from ..model import Recording, Triple
from ..redaction.policy import Policy
from .judged import Judged, Rule, Tier
from .judging import Run, judge_run
from .latency import Limit, slower
from .repeats import accepted, joined, with_required


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found.

    Attributes:
        found: The findings, the weightiest first.
        accepted: Findings that the baseline has too.
        runs: Number of runs.
        has_stalled: Whether a run stopped before its end.
    """

    found: tuple[Judged, ...] = ()
    accepted: tuple[Judged, ...] = ()
    runs: int = 1
    has_stalled: bool = False

    def count(self, tier: Tier) -> int:
        """Return the number of findings of a tier."""
        return sum(one.tier is tier for one in self.found)

    def fails(self, on: Tier = Tier.ERROR) -> bool:
        """Return whether a finding weighs as much as `on`, or more."""
        return any(one.tier.weight >= on.weight for one in self.found)

    @property
    def telling(self) -> int:
        """Number of the run to look at: the first one that has the weightiest finding, the first if there is none."""
        return self.found[0].runs[0] if self.found and self.found[0].tier is not Tier.INFO else 1


def of_sessions(recording: Recording, labels: Collection[str]) -> Recording:
    """Return what a recording has of some sessions, as a drive of these sessions alone plays it."""

    def of(items: Sequence[Triple]) -> tuple[Triple, ...]:
        return tuple(item for item in items if item.session in labels)

    unasked = tuple(one for one in recording.unsolicited if one.session in labels)
    return replace(recording, triples=of(recording.triples), plain=of(recording.plain), unsolicited=unasked)


def verdict_of(
    old: Recording,
    runs: Sequence[Run],
    dialect: Dialect,
    policy: Policy | None = None,
    *,
    baseline: Recording | None = None,
    limit: Limit | None = None,
) -> Verdict:
    """Return the verdict on a server, by one run or more.

    Args:
        old: What was driven.
        runs: What each drive brought.
        dialect: The dialect by which all are read.
        policy: The policy by which some of them were redacted, None if none was.
        baseline: A live recording of an earlier run: what it has other than `old` is accepted.
        limit: From where on a time counts as slower.
    """
    found = joined([judge_run(old, run, dialect, policy, number) for number, run in enumerate(runs, start=1)])
    found = _with_times(found, slower(old, [run.recording for run in runs], limit))
    known: list[Judged] = []
    if baseline is not None:
        known = _with_times(judge_run(old, Run(baseline), dialect, policy), slower(old, [baseline], limit))
        known = with_required(known)
    left, taken = accepted(found, known)
    left.sort(key=lambda one: (-one.tier.weight, one.is_flaky))
    return Verdict(tuple(left), tuple(taken), len(runs), any(run.has_stalled for run in runs))


def _with_times(found: Iterable[Judged], times: Sequence[Judged]) -> list[Judged]:
    """Return findings with those about time; what came late in a triple that is slower is told once."""
    slow = {(place.run, place.n) for one in times for place in one.places}
    left = (one for one in found if one.rule is not Rule.LATE or {(at.run, at.n) for at in one.places} - slow)
    return [*left, *times]
