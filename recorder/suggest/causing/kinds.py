"""Find what names the kinds of events: fields with few values, words, that tell which operation caused an event."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import log, log2

from ..reading.personal import personal
from ..reading.traffic import BARE, Pushed
from ..reading.values import is_name, is_random

_HINT = re.compile(
    r"(?:type|event|kind|action|state|status|notification\w{0,99}|topic|operation|op|reason|code)(?:_?name)?$",
    re.IGNORECASE,
)
_STRONG = re.compile(r"(?:message|event|notification|change|update)?_?-?(?:type|event|kind|action)$", re.IGNORECASE)
_DEEPEST = 3
_FEW = {False: 6, True: 16}  # different values that a field may have, however few events there are
_COST, _HINTED = 3.0, 0.3  # bits that a further value of a field must save
_LEAST = 0.15  # bits an event, below which a field tells nothing
_RARE = 1.64  # standard deviations above what a field without a meaning would tell: one in twenty


@dataclass(frozen=True, slots=True)
class Naming:
    """The paths that name events: an event has the name at the first list of them of which it has all."""

    chains: tuple[tuple[str, ...], ...]

    def of(self, event: Pushed) -> str:
        """Return the name of an event: the values of the first chain that it has, else its channel's template."""
        for chain in self.chains:
            found = [event.values.get(path, ()) for path in chain]
            if all(len(values) == 1 for values in found):
                return ".".join(values[0] for values in found)
        return event.topic

    def templates(self) -> list[str]:
        """Return the paths and templates as a dialect has them."""
        return [chain[0] if len(chain) == 1 else ".".join(f"{{{path}}}" for path in chain) for chain in self.chains]


def naming(
    pushed: Sequence[Pushed], cause: Callable[[Pushed], str], ids: Iterable[str], known: Sequence[str] = ()
) -> Naming:
    """Return what names the kinds of some events.

    Args:
        pushed: The events.
        cause: Says which operation caused an event; "" for none.
        ids: Places in events that hold ids.
        known: Places that name events and are known already.
    """
    rest = [event for event in pushed if not any(len(event.values.get(path, ())) == 1 for path in known)]
    fields = _fields(rest, frozenset(ids))
    chains: dict[tuple[str, ...], None] = {(path,): None for path in known}
    if rest:
        _split(rest, fields, cause, (), chains)
    ordered = sorted((chain for chain in chains if chain), key=len, reverse=True)
    return Naming(_without_prefixes(ordered, pushed))


def _fields(pushed: Sequence[Pushed], ids: frozenset[str]) -> list[str]:
    """Return the places in events that hold one name each, with few different names."""
    values: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for event in pushed:
        for path, own in event.values.items():
            if not path.endswith(BARE) and not path.startswith("channel:"):
                values[path] |= set(own) if len(own) == 1 else {"", "1"}
                counts[path] += 1
    own_of_session = personal(pushed)
    return [
        path
        for path, own in values.items()
        if path not in ids
        and (path not in own_of_session or _HINT.search(path))
        and "*" not in path
        and len(own) <= max(_FEW[bool(_HINT.search(path))], counts[path] / 3)
        and all(_names(value, path) and not is_random(value) for value in own)
    ]


def _names(value: str, path: str) -> bool:
    """Return whether a value may name a kind of event; a field that tells so may hold several words."""
    return is_name(value) or (_HINT.search(path) is not None and is_name(value.replace(" ", "_")))


def _split(
    events: list[Pushed],
    fields: list[str],
    cause: Callable[[Pushed], str],
    chain: tuple[str, ...],
    found: dict[tuple[str, ...], None],
) -> None:
    """Add the chain of fields that names these events, or the longer chains of their parts."""
    best = _best(events, [path for path in fields if path not in chain], cause, is_first=not chain)
    if best is None or len(chain) == _DEEPEST:
        found[chain] = None
        return
    parts: dict[str, list[Pushed]] = defaultdict(list)
    for event in events:
        parts[event.values.get(best, ("",))[0]].append(event)
    rest = parts.pop("", [])
    for part in parts.values():
        _split(part, fields, cause, (*chain, best), found)
    if rest:
        _split(rest, [path for path in fields if path != best], cause, chain, found)


def _best(events: list[Pushed], fields: list[str], cause: Callable[[Pushed], str], *, is_first: bool) -> str | None:
    """Return the field that tells most about the causes of events, None if none tells enough."""
    labels = [cause(event) for event in events]
    whole = _entropy(labels)
    best, most = None, 0.0
    for path in fields:
        values = [event.values.get(path, ("",))[0] for event in events]
        there = sum(bool(value) for value in values)
        kinds = len(set(values))
        if not there or (kinds < 2 and not is_first):
            continue
        parts: dict[str, list[str]] = defaultdict(list)
        for value, label in zip(values, labels, strict=True):
            parts[value].append(label)
        gain = whole - sum(_entropy(part) * len(part) for part in parts.values()) / len(events)
        name = path.rpartition(".")[2]
        hinted = bool(_HINT.search(name))
        if not hinted and (there < 2 * kinds or there < len(events) / 2):
            continue
        saved = gain * len(events) - (
            _HINTED if hinted else max(_COST * (kinds - 1), _by_chance(kinds, len(set(labels))))
        )
        strong = bool(_STRONG.search(name)) and is_first
        if (gain < _LEAST or saved <= 0) and not strong:
            continue
        bonus = (0.4 if strong else 0.0) + (0.2 if hinted else 0.0) + 0.3 * there / len(events)
        score = gain + bonus - 0.02 * path.count(".") - 0.01 * kinds - 0.05 * name.startswith("_")
        if score > most:
            best, most = path, score
    return best


def _by_chance(kinds: int, labels: int) -> float:
    """Return the bits that a field of so many values hardly ever tells of so many causes without a meaning.

    Twice the natural logarithm of the likelihood ratio is distributed as chi-squared (Wilks); its quantile is that of
    Wilson and Hilferty.
    """
    free = max(1, (kinds - 1) * (labels - 1))
    spread = 2 / (9 * free)
    return float(free * (1 - spread + _RARE * spread**0.5) ** 3 / (2 * log(2)))


def _entropy(labels: Iterable[str]) -> float:
    counts = Counter(labels)
    total = sum(counts.values())
    return -sum(count / total * log2(count / total) for count in counts.values())


def _without_prefixes(chains: Sequence[tuple[str, ...]], pushed: Sequence[Pushed]) -> tuple[tuple[str, ...], ...]:
    """Return the chains without first fields that the last one tells already, where no other chain has its values."""
    ends = [chain[-1:] for chain in chains]
    short = []
    for chain in chains:
        last = chain[-1]
        told: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        others: set[str] = set()
        for event in pushed:
            value = event.values.get(last)
            if value is not None and len(value) == 1:
                told[value[0]].add(tuple(event.values.get(path, ("",))[0] for path in chain[:-1]))
            elif value is None:
                for end in ends:
                    others.update(event.values.get(end[0], ()))
        alone = (
            _HINT.search(last) is not None
            and all(len(before) == 1 for before in told.values())
            and others.isdisjoint(told)
        )
        short.append((last,) if alone else chain)
    return tuple(dict.fromkeys(short))
