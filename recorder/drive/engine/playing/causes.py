"""Join the steps of a plan by their causes."""

from __future__ import annotations

from collections import defaultdict
from typing import TypeAlias

from ..plan import Cause, Plan, Step, Why

Reason: TypeAlias = tuple[int | None, int | None]  # step and told of a cause


def causes_of(plan: Plan) -> list[dict[Reason, Cause]]:
    """Return the causes of each step, each once, and in any case the step of its client before it.

    Raises:
        ValueError: If a step waits for something that comes after it: it would wait forever.
    """
    found: list[dict[Reason, Cause]] = []
    before: dict[str, Step] = {}
    for step in plan.steps:
        causes: dict[Reason, Cause] = {}
        for cause in step.causes:
            known = causes.get((cause.step, cause.told))
            if known is None or (cause.why is Why.VALUE and known.why is not Why.VALUE):
                causes[cause.step, cause.told] = cause
            first = cause.step if cause.told is None else plan.told[cause.told].step
            if first is not None and first >= step.number:
                raise ValueError(f"step {step.number} waits for step {first}, which comes after it")
        previous = before.get(step.client)
        if previous is not None:
            causes.setdefault((previous.number, None), Cause(previous.number, None, previous.t, Why.TURN))
        before[step.client] = step
        found.append(causes)
    return found


def followers(causes: list[dict[Reason, Cause]]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return the steps that wait for each step, and for each thing that is told."""
    after_step: defaultdict[int, list[int]] = defaultdict(list)
    after_told: defaultdict[int, list[int]] = defaultdict(list)
    for number, own in enumerate(causes):
        for cause in own.values():
            if cause.told is not None:
                after_told[cause.told].append(number)
            elif cause.step is not None:
                after_step[cause.step].append(number)
    return dict(after_step), dict(after_told)
