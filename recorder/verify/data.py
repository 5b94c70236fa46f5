"""Turn a verdict into JSON (docs/schemas/verify.schema.json)."""

from __future__ import annotations

from collections.abc import Sequence

from ..model import JSON
from ..requests.bindings import ABSENT
from .judged import Judged, Tier
from .verdict import Verdict


def as_json(verdict: Verdict, cassettes: Sequence[str] = ()) -> dict[str, JSON]:
    """Return a verdict as an object.

    Args:
        verdict: The findings.
        cassettes: Paths of the live cassettes, one for each run; "" for one that was not kept.
    """
    return {
        "runs": verdict.runs,
        "stalled": verdict.has_stalled,
        "cassettes": [*cassettes],
        "counts": {tier.value: verdict.count(tier) for tier in Tier},
        "findings": [row(one) for one in verdict.found],
        "accepted": [row(one) for one in verdict.accepted],
    }


def row(one: Judged) -> dict[str, JSON]:
    """Return one finding, without `old` or `new` if nothing stands on that side."""
    found: dict[str, JSON] = {
        "tier": one.tier.value,
        "rule": one.rule.value,
        "operation": one.operation or None,
        "part": one.part or None,
        "n": one.n,
        "where": one.where,
        "pattern": one.pattern,
        "text": one.text,
        "flaky": one.is_flaky,
        "runs": [*one.runs],
        "places": [{"run": place.run, "n": place.n, "where": place.where} for place in one.places],
    }
    return found | {name: value for name, value in (("old", one.old), ("new", one.new)) if value is not ABSENT}
