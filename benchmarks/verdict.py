"""Judges what one client went through by its own log alone: what came too early, with a wrong id, never, or twice."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from benchmarks.script import INTERNAL, STEPS, Ids, Key, ids_in, key_of, step_of

_IDS = {"referenceId", "devicePath", "deviceId"}


@dataclass(frozen=True, slots=True)
class Sent:
    """The request of a step was written to the socket."""

    step: int


@dataclass(frozen=True, slots=True)
class Acked:
    """The request of a step was answered."""

    step: int
    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Received:
    """An event came, in whatever Bayeux answer."""

    channel: str
    data: dict[str, Any]


Entry: TypeAlias = Sent | Acked | Received


@dataclass(slots=True)
class Log:
    """What one client knows.

    Attributes:
        entries: In the order the client saw them.
        done: Steps with their ack and all their events within the limit.
        polls: How many were sent; `idle_polls` of them after the last step.
        refused: Requests that were not answered as a server in its senses does: an error, or not Bayeux.
        seconds: From the handshake to the end of the last step.

    """

    entries: list[Entry] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    polls: int = 0
    idle_polls: int = 0
    refused: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts of one client's session. A `wrong` one is an event or ack, however many of its ids are wrong."""

    early: int
    wrong: int
    lost: int
    doubled: int


def judge(log: Log, own: Ids) -> Verdict:
    """Judge a log; `own` are the ids the client sent."""
    sent: set[int] = set()
    early = wrong = 0
    for entry in log.entries:
        match entry:
            case Sent(step):
                sent.add(step)
            case Acked(step, _, body):
                wrong += not _ack_fits(body, own.references[step])
            case Received(channel, data):
                number = step_of(key_of(channel, data))
                early += number is not None and number not in sent
                wrong += number is not None and not _event_fits(channel, data, number, own)
    lost, doubled = _balance(entry for entry in log.entries if isinstance(entry, Received))
    return Verdict(early, wrong, lost, doubled)


def has_all(log: Log, number: int) -> bool:
    """Whether all events of a step have come."""
    got: dict[Key, set[str]] = defaultdict(set)
    for entry in log.entries:
        if isinstance(entry, Received):
            got[key_of(entry.channel, entry.data)].add(_content(entry.data))
    return all(len(got[key]) >= count for key, count in STEPS[number].expected.items())


def _balance(events: Iterable[Received]) -> tuple[int, int]:
    """How many events are missing, and how many came that nobody is missing: again, or of no step.

    No two events of the session are equal but for their ids, so equal ones are one event that came twice.
    """
    contents: dict[Key, list[str]] = defaultdict(list)
    for event in events:
        contents[key_of(event.channel, event.data)].append(_content(event.data))
    expected = {key: count for step in STEPS for key, count in step.expected.items()}
    lost = sum(max(0, count - len(set(contents[key]))) for key, count in expected.items())
    doubled = sum(len(came) - min(len(set(came)), expected.get(key, 0)) for key, came in contents.items())
    return lost, doubled


def _event_fits(channel: str, data: dict[str, Any], number: int, own: Ids) -> bool:
    reference = None if channel == INTERNAL else own.references[number]
    return all(_same(mine, its) for mine, its in zip((reference, own.device), ids_in(channel, data), strict=True))


def _ack_fits(body: Any, reference: str | int) -> bool:
    return not isinstance(body, dict) or "referenceId" not in body or _same(reference, body["referenceId"])


def _same(mine: Any, its: Any) -> bool:
    """1 and "1" are different ids: a client that sent a number looks for a number."""
    return type(mine) is type(its) and bool(mine == its)


def _content(data: dict[str, Any]) -> str:
    return json.dumps(_without_ids(data), sort_keys=True)


def _without_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_ids(item) for name, item in value.items() if name not in _IDS}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value
