"""Join the findings of several runs: what is broken is found in each of them, what is flaky in some."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .judged import Judged, Key, Place, Rule, Tier, split

_ENOUGH = 3  # messages with a new field, from which on each message is taken to have it


def joined(runs: Sequence[Sequence[Judged]]) -> list[Judged]:
    """Return the findings of all runs, those that are one joined, the weightiest first."""
    found: dict[Key, list[Judged]] = {}
    for run in runs:
        for one in run:
            found.setdefault(one.key, []).append(one)
    return with_required([_one(several, len(runs)) for several in found.values()])


def with_required(found: Iterable[Judged]) -> list[Judged]:
    """Return findings with another tier for fields that are new in each message of their kind.

    A client that checks what it gets by a closed schema may refuse such a message.
    """
    return sorted(map(_required, found), key=lambda one: (-one.tier.weight, one.is_flaky))


def accepted(found: Iterable[Judged], known: Iterable[Judged]) -> tuple[list[Judged], list[Judged]]:
    """Return the findings that a baseline has not, and those that it has.

    Findings are one if rule, operation, kind of message and path are; the values may be others.
    """
    keys = {one.key for one in known}
    left: list[Judged] = []
    taken: list[Judged] = []
    for one in found:
        (taken if one.key in keys else left).append(one)
    return left, taken


def _one(several: Sequence[Judged], of: int) -> Judged:
    first = max(several, key=lambda one: one.tier.weight)
    places = tuple(place for one in several for place in one.places)
    return replace(first, places=places, among=sum(one.among for one in several), of=of)


def _required(one: Judged) -> Judged:
    if one.rule is not Rule.ADDED or one.is_flaky:
        return one
    messages = len({_message(place) for place in one.places})
    if messages < one.among or (messages < _ENOUGH and one.of < 2):  # with two runs, it is in both
        return one
    return replace(one, tier=Tier.WARNING, rule=Rule.REQUIRED)


def _message(place: Place) -> tuple[int, int, str, int]:
    head, number, _ = split(place.where)
    return place.run, place.n, head, number
