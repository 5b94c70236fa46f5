"""Find the field of requests that names the operation, where one path takes several."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log2

from ...push.rules import MESSAGE, UNNAMED
from ..reading.traffic import BARE, Asked
from ..reading.values import is_name, is_random
from .causes import Causes
from .joins import READS

_HINT = re.compile(
    r"(?:operation|action|command|cmd|method|verb|func(?:tion)?|procedure|op|(?:req(?:uest)?|msg|message|agent_?req)_?type)"
    r"(?:_?name)?$",
    re.IGNORECASE,
)
_MOST = 0.8  # share of the requests of a path that have the field
_COST = 0.7  # bits that each pair of values must save
_ENOUGH = 6.0  # bits that a field must save in all


def field_of(causes: Causes) -> str | None:
    """Return the path of the field that names operations, None if paths alone name them."""
    ids = {pair.source.path for pair in causes.joins.found if not pair.source.is_answer}
    requests: dict[str, list[Asked]] = defaultdict(list)
    for one in causes.traffic.asked:
        if one.method not in READS and (one.method != MESSAGE or one.path == UNNAMED):
            requests[one.operation].append(one)
    scores: dict[str, float] = defaultdict(float)
    bad: set[str] = set()
    for own in requests.values():
        for path in {path for one in own for path in one.sent if path.partition(".")[0] in {"body", "data"}} - ids:
            if path.endswith(BARE) or "*" in path:
                continue
            values = [one.sent.get(path, ()) for one in own]
            if not _are_names(values):
                bad.add(path)
                continue
            scores[path] += _score(path, own, causes)
    fitting = [(score, path) for path, score in scores.items() if path not in bad and score > _ENOUGH]
    return max(fitting)[1] if fitting else None


def rename(asked: Sequence[Asked], path: str | None) -> None:
    """Add the name that the body gives to the operations of requests."""
    for one in asked:
        found = one.sent.get(path, ()) if path is not None else ()
        if found:
            one.operation, one.command = f"{one.operation} {found[0]}", found[0]


def _are_names(values: Sequence[tuple[str, ...]]) -> bool:
    there = [own for own in values if own]
    return len(there) >= _MOST * len(values) and all(
        len(own) == 1 and is_name(own[0]) and not is_random(own[0]) for own in there
    )


def _score(path: str, own: list[Asked], causes: Causes) -> float:
    """Return how much a field tells about the events after requests, in bits; a telling name counts much."""
    of_value: dict[str, Counter[str]] = defaultdict(Counter)
    numbers = {one.number: one.sent[path][0] for one in own if path in one.sent}
    kinds = len(set(numbers.values()))
    if kinds < 2:
        return 7.0 if _HINT.search(path) and len(own) == 1 else 0.0
    events = {event.number: event for event in causes.traffic.pushed}
    for number, asked in causes.of.items():
        if asked.number in numbers:
            of_value[numbers[asked.number]][events[number].kind] += 1
    whole = sum(of_value.values(), Counter())
    total = sum(whole.values())
    saved = total * _entropy(whole) - sum(sum(part.values()) * _entropy(part) for part in of_value.values())
    hint = 20.0 + kinds if _HINT.search(path) else 0.0
    return saved - _COST * (kinds - 1) * max(0, len(whole) - 1) + hint


def _entropy(counts: Counter[str]) -> float:
    total = sum(counts.values())
    return -sum(count / total * log2(count / total) for count in counts.values()) if total else 0.0
