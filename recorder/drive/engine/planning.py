"""Make the plan of a drive from a recording."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ...dialect.definition import Dialect
from ...model import Record, Recording
from ...redaction.policy import Policy
from .making.holes import Holes
from .making.unwaited import unwaited
from .making.waiting import causes_of
from .making.walk import Draft, TellingDraft, Walk, walked
from .needs import host_of, other_hosts
from .plan import Cause, Client, Hole, Plan, Step, Told, Why

_SHOWN = 3  # hosts that a note names


def plan_of(recording: Recording, records: Iterable[Record], dialect: Dialect, policy: Policy | None = None) -> Plan:
    """Return the plan by which the clients of a recording can be played.

    Args:
        recording: What was derived of the records.
        records: All records of the recording, in order; they are read once.
        dialect: The dialect of the recording.
        policy: The policy that redacted it; None if none did.
    """
    walk = walked(recording, records, dialect)
    steps = [one for one in walk.happened if isinstance(one, Draft)]
    told = [one for one in walk.happened if isinstance(one, TellingDraft)]
    for number, one in enumerate(steps):
        one.number = number
    for number, telling in enumerate(told):
        telling.number = number
    holes = Holes(walk, dialect, policy)
    causes = causes_of(walk.happened, unwaited(dialect))
    found = {one.number: holes.of(one) for one in steps}
    plan = Plan(
        tuple(_step(one, _merged(causes[one.number], found[one.number], told), found[one.number]) for one in steps),
        tuple(_tellings(walk)),
        _clients(walk, holes),
        walk.connections.all,
        recording.header.upstream,
        _hosts(recording, steps),
        tuple(_notes(walk)),
    )
    others = sorted(other_hosts(plan))
    if not others:
        return plan
    asked = sum(host_of(step, plan) in others for step in plan.steps)
    note = f"{asked}: requests to other hosts ({', '.join(others[:_SHOWN])}) are sent to the server under test, too"
    return replace(plan, notes=(*plan.notes, note))


def _hosts(recording: Recording, steps: Iterable[Draft]) -> frozenset[str]:
    """Return the names by which requests called the server."""
    found = {value for name, value in recording.addressed if name == "host"}
    found |= {value for one in steps for name, value in one.request.headers if name.lower() == "host"}
    found.add(recording.header.upstream.partition("://")[2].partition("/")[0])
    return frozenset(filter(None, map(str.lower, found)))


def _step(one: Draft, causes: tuple[Cause, ...], holes: tuple[Hole, ...]) -> Step:
    return Step(
        one.number,
        one.act,
        one.client,
        one.connection,
        one.at,
        one.t,
        one.n,
        one.operation,
        one.request,
        one.message,
        one.payload,
        one.is_text,
        causes,
        holes,
        one.answer.number if one.answer is not None else None,
    )


def _merged(causes: list[Cause], holes: tuple[Hole, ...], told: list[TellingDraft]) -> tuple[Cause, ...]:
    """Return the causes of a step with those of its values; what is waited for twice is a cause once."""
    names: dict[int, dict[str, None]] = {}
    for hole in holes:
        if hole.sources and not hole.is_fresh:
            names.setdefault(hole.sources[0].told, {})[hole.name] = None
    found: dict[tuple[int | None, int | None], Cause] = {}
    for cause in causes:
        found.setdefault((cause.step, cause.told), cause)
    for number, its in names.items():
        found[None, number] = Cause(None, number, told[number].t, Why.VALUE, tuple(its))
    return tuple(found.values())


def _tellings(walk: Walk) -> Iterable[Told]:
    latest: dict[str, Draft] = {}
    for one in walk.happened:
        if isinstance(one, Draft):
            latest[one.client] = one
            continue
        step = one.step or one.cause
        if step is None and one.after is not None:
            step = walk.by_place.get(one.after)
        if step is None or step.is_left or step.at > one.at:
            step = latest.get(one.client)
        keys = walk.dialect.keys_of_event(one.event) if one.event is not None else {}
        yield Told(
            one.number,
            one.client,
            one.connection,
            one.at,
            one.t,
            step.number if step is not None else None,
            one.n,
            one.response,
            one.reply,
            one.event,
            one.name,
            keys,
            one.is_awaited,
            one.is_accepted,
        )


def _clients(walk: Walk, holes: Holes) -> dict[str, Client]:
    keys: dict[str, list[str]] = {}
    for one in walk.happened:
        keys.setdefault(one.client, [])
    for connection in walk.connections.all.values():
        keys.setdefault(connection.client, []).append(connection.key)
    return {name: Client(name, holes.cookies(name), tuple(its)) for name, its in keys.items()}


def _notes(walk: Walk) -> Iterable[str]:
    for text, number in walk.left.items():
        yield f"{number}: {text}"
