"""Was a replay causal? Judged by what a client saw, not by what the stand-in believes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..model import JSON, Triple

_ID_NAMES = ("referenceId", "GSW_REFERENCE_ID")


@dataclass(frozen=True, slots=True)
class Sent:
    """The client sent the request of a triple: when (seconds), under which id."""

    at: float
    reference: JSON


@dataclass(frozen=True, slots=True)
class Heard:
    """The client got an event."""

    at: float
    channel: str
    data: JSON


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many events came before their request was sent, with another id than its own, not at all, or unknown."""

    early: int
    wrong: int
    lost: int
    strange: int

    @property
    def good(self) -> bool:
        return not (self.early or self.wrong or self.lost or self.strange)

    def __str__(self) -> str:
        text = f"events before their cause: {self.early} · wrong ids: {self.wrong}"
        return text + (f" · lost: {self.lost} · unknown: {self.strange}" if self.lost or self.strange else "")


def judge(triples: Sequence[Triple], sent: Sequence[Sent], heard: Sequence[Heard]) -> Verdict:
    """Compare what a client heard with what each of its requests should have caused.

    Events are recognised by all but their ids, so that a wrong id cannot hide an early event.

    Args:
        triples: The recorded triples, in the order the client sent them.
        sent: When and under which id the client sent each.
        heard: All events the client got.

    """
    awaited: Counter[tuple[int, str]] = Counter()
    owner: dict[str, int] = {}
    for place, triple in enumerate(triples):
        for link in triple.events:
            name = _identity(link.event.channel, link.event.data)
            owner[name] = place
            awaited[place, name] += 1
    early = wrong = strange = 0
    for event in heard:
        name = _identity(event.channel, event.data)
        place = owner.get(name, -1)
        if place < 0 or awaited[place, name] == 0:
            strange += 1
            continue
        awaited[place, name] -= 1
        early += place >= len(sent) or event.at < sent[place].at
        wrong += place < len(sent) and any(i != sent[place].reference for i in _ids(event.data))
    return Verdict(early, wrong, awaited.total(), strange)


def _identity(channel: str, data: JSON) -> str:
    return json.dumps([channel, _without_ids(data)], sort_keys=True)


def _without_ids(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {name: _without_ids(item) for name, item in value.items() if name not in _ID_NAMES}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value


def _ids(data: JSON) -> list[JSON]:
    inner = data.get("userData") if isinstance(data, dict) else None
    places = [place for place in (data, inner) if isinstance(place, dict)]
    return [place[name] for place in places for name in _ID_NAMES if name in place]
