"""Leave clients out of a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from ...errors import UsageError
from ...printable import counted
from .plan import Cause, Hole, Plan, Step


def of_clients(plan: Plan, names: Collection[str]) -> Plan:
    """Return the plan of some clients: nobody waits for the others, and no value comes from them.

    Args:
        plan: The plan of all clients.
        names: Names of the clients that stay.

    Raises:
        UsageError: If the plan has no client of a name.
    """
    unknown = [name for name in names if name not in plan.clients]
    if unknown:
        known = ", ".join(name for name in plan.clients if name) or "none that is known"
        raise UsageError(f"no session {unknown[0]!r} in the cassette; it holds {known}")
    steps = {step.number: at for at, step in enumerate(s for s in plan.steps if s.client in names)}
    told = {one.number: at for at, one in enumerate(t for t in plan.told if t.client in names)}
    clients = {name: client for name, client in plan.clients.items() if name in names}
    left = len(plan.steps) - len(steps)
    notes = (
        (*plan.notes, f"{counted(left, 'step of another session is', 'steps of other sessions are')} left out")
        if left
        else plan.notes
    )
    return replace(
        plan,
        steps=tuple(_numbered(step, steps, told) for step in plan.steps if step.number in steps),
        told=tuple(
            replace(one, number=told[one.number], step=None if one.step is None else steps.get(one.step))
            for one in plan.told
            if one.number in told
        ),
        clients=clients,
        connections={key: one for key, one in plan.connections.items() if one.client in clients},
        notes=notes,
    )


def _numbered(step: Step, steps: Mapping[int, int], told: Mapping[int, int]) -> Step:
    return replace(
        step,
        number=steps[step.number],
        causes=tuple(moved for cause in step.causes if (moved := _cause(cause, steps, told)) is not None),
        holes=tuple(_hole(hole, told) for hole in step.holes),
        answer=None if step.answer is None else told[step.answer],
    )


def _cause(cause: Cause, steps: Mapping[int, int], told: Mapping[int, int]) -> Cause | None:
    if cause.step is not None:
        return replace(cause, step=steps[cause.step]) if cause.step in steps else None
    if cause.told is None or cause.told not in told:
        return None
    return replace(cause, told=told[cause.told])


def _hole(hole: Hole, told: Mapping[int, int]) -> Hole:
    kept = tuple(replace(one, told=told[one.told]) for one in hole.sources if one.told in told)
    return replace(hole, sources=kept)
