"""Find the operations: which events each causes, which of them end it, and which follow it without a common value."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from math import log
from statistics import median

from ..bayeux.channels import is_meta
from ..bayeux.publishes import PUBLISH
from ..dialect.mistakes.templates import TOPIC, in_method, in_template
from ..dialect.mistakes.toml import halved
from ..push.rules import MESSAGE
from .causing.causes import Causes
from .causing.joins import READS, SECOND
from .names import operation_name
from .reading.traffic import Asked, Pushed

_CHANNEL = re.compile("(?:/[^/]+)+")
_LAST, _SHARE = 0.8, 0.15  # how often an event that is there is the last; how many requests it ends
_NEXT, _ALONE = 0.7, 0.5  # how often an event follows a request; how often it follows no other
_GAPS = tuple(int(gap * SECOND) for gap in (0.03, 0.1, 0.3, 1.0, 3.0))
_EVIDENCE = 4.0
_ANSWERED = 4.0  # what it adds that an event comes on the channel of the publish
_ONE_EACH = 1.3  # events a request, up to which one ends it
_MOST = 3  # operations that events of one name may follow


@dataclass(slots=True)
class Found:
    """An operation.

    Attributes:
        templates: Methods and templates of the paths that ask for it, with the number of requests.
        command: The name that the body gives; "" if the path tells the operation.
        events: Names of its events, each with the number of requests that have one.
        ended: How many requests each of the terminal events ended.
        only: Names of those events that share no value with the request, with how often each followed.
    """

    name: str
    templates: Counter[str] = field(default_factory=Counter)
    command: str = ""
    requests: int = 0
    events: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    only: Counter[str] = field(default_factory=Counter)

    @property
    def terminal(self) -> list[str]:
        """Names of the events that end it."""
        return sorted(self.ended, key=lambda name: (-self.ended[name], name))


def operations(causes: Causes, left_out: Collection[int]) -> dict[str, Found]:
    """Return the operations by their method, template and command, in the order of the first requests.

    Args:
        causes: Which request caused which event.
        left_out: Numbers of events that only repeat others.
    """
    found: dict[str, Found] = {}
    by_command: dict[str, Found] = {}
    taken: set[str] = set()
    causing = {asked.number for asked in causes.of.values()}
    for one in causes.traffic.asked:
        if (one.method in READS and one.number not in causing) or not _can_be_named(one):
            continue
        if one.operation not in found:
            if one.command in by_command:
                found[one.operation] = by_command[one.command]
            else:
                name = one.command or operation_name(one.operation, taken)
                taken.add(name)
                found[one.operation] = Found(name, command=one.command)
                if one.command:
                    by_command[one.command] = found[one.operation]
        known = found[one.operation]
        known.templates[one.operation.removesuffix(f" {one.command}") if one.command else one.operation] += 1
        known.requests += 1
    _events(causes, found, left_out)
    return found


def can_be_listed(kind: str) -> bool:
    """Return whether a dialect takes the name of an event: not one with `*`, nor a meta channel of Bayeux."""
    return "*" not in kind and not is_meta(kind) and kind == kind.strip() and halved(kind) is None


def _can_be_named(one: Asked) -> bool:
    """Return whether a dialect can name a request: not one like `OPTIONS *`, or of a method that is not registered."""
    if one.method == PUBLISH:
        return _CHANNEL.fullmatch(one.path) is not None
    if one.method == MESSAGE:
        is_literal = one.path == one.path.strip() and not set("{}") & set(one.path)
        return is_literal and in_template(one.path, TOPIC) is None and halved(one.path) is None
    return in_method(one.method) is None and (bool(one.command) or one.path.startswith("/"))


def follow(
    causes: Causes, found: dict[str, Found], left_out: Collection[int], refused: Collection[tuple[str, str]]
) -> None:
    """Add the events without a cause that follow one operation more often than chance would have it.

    Args:
        causes: Which request caused which event.
        found: The operations.
        left_out: Numbers of events that need no cause.
        refused: Names of operations and events of which the user knows that it is chance.
    """
    caused = {event.kind for event in causes.traffic.pushed if event.number in causes.of}
    lone: dict[str, list[Pushed]] = defaultdict(list)
    for event in causes.traffic.pushed:
        is_lone = event.number not in causes.of and event.number not in left_out and event.kind not in caused
        if is_lone and can_be_listed(event.kind):
            lone[event.kind].append(event)
    requests: dict[str, list[Asked]] = defaultdict(list)
    for one in causes.traffic.asked:
        if one.is_good and one.operation in found:
            requests[one.operation].append(one)
    for kind, every in lone.items():
        left = every
        for _ in range(_MOST):
            tried = [
                (*_followed(own, left, causes), operation)
                for operation, own in requests.items()
                if (found[operation].name, kind) not in refused
            ]
            weight, pairs, operation = max(tried, key=_likeness, default=(0.0, [], ""))
            if weight < _EVIDENCE:
                break
            _follows(causes, found[operation], kind, pairs)
            left = [event for event in left if event.number not in causes.followed]


def _likeness(tried: tuple[float, list[tuple[Asked, Pushed]], str]) -> tuple[float, float]:
    """Return what to compare operations by: of two whose requests always come together, the last is the likelier."""
    weight, pairs, _ = tried
    return weight, -median(event.t - asked.t for asked, event in pairs) if pairs else 0.0


def _follows(causes: Causes, known: Found, kind: str, pairs: list[tuple[Asked, Pushed]]) -> None:
    """Add events to an operation that they share no value with."""
    count = len({asked.number for asked, _ in pairs})
    known.only[kind] += count
    known.events[kind] += count
    if (not known.ended or _is_error(kind)) and len(pairs) <= _ONE_EACH * count:
        known.ended[kind] += count
    causes.followed.update({event.number: asked for asked, event in pairs})


def _followed(own: list[Asked], events: list[Pushed], causes: Causes) -> tuple[float, list[tuple[Asked, Pushed]]]:
    """Return how much better than chance events follow requests (the logarithm of the odds), and which follow which."""
    whole = max(SECOND, causes.traffic.pushed[-1].t - min(one.t for one in causes.traffic.asked[:1]))
    best: tuple[float, list[tuple[Asked, Pushed]]] = (0.0, [])
    numbers = [one.number for one in own]
    for gap in _GAPS:
        pairs: list[tuple[Asked, Pushed]] = []
        for event in events:
            near = _latest(own, numbers, event, gap, alone=causes.traffic.clients.count < 2)
            if near is not None:
                pairs.append((near, event))
        hits = len({asked.number for asked, _ in pairs})
        if not hits:
            continue
        holds, precise = hits / len(own), len(pairs) / len(events)
        by_chance = min(0.95, len(events) * gap / whole / max(1, causes.traffic.clients.count))
        if holds <= by_chance:
            continue
        weight = hits * log(holds / by_chance)
        weight += (len(own) - hits) * log((1 - min(holds, 0.95)) / (1 - by_chance))
        if own[0].method == PUBLISH and all(event.channel == own[0].path for event in events):
            weight += _ANSWERED
        error = any(_is_error(event.kind) for event in events)
        if (holds >= _NEXT or (error and holds >= _SHARE)) and precise >= _ALONE and weight > best[0]:
            best = weight, pairs
    return best


def _latest(own: list[Asked], numbers: list[int], event: Pushed, gap: int, *, alone: bool) -> Asked | None:
    """Return the latest request of an event's session within a time before it; `alone` if there is one session."""
    for one in map(own.__getitem__, range(bisect_left(numbers, event.number) - 1, -1, -1)):
        if one.cassette != event.cassette or event.t - one.t > gap:
            return None
        if alone or one.session == event.session:
            return one
    return None


def _is_error(kind: str) -> bool:
    return re.search(r"error|fail|refus|reject|denied|problem|invalid", kind, re.IGNORECASE) is not None


def _events(causes: Causes, found: dict[str, Found], left_out: Collection[int]) -> None:
    """Count the events of each operation, and those that come last."""
    of_request: dict[int, list[str]] = defaultdict(list)
    for event in causes.traffic.pushed:
        asked = causes.of.get(event.number)
        if asked is not None and event.number not in left_out and can_be_listed(event.kind):
            of_request[asked.number].append(event.kind)
    lists: dict[int, list[list[str]]] = defaultdict(list)
    owners: dict[int, Found] = {}
    for one in causes.traffic.asked:
        if one.number in of_request and one.operation in found:
            known = found[one.operation]
            owners[id(known)] = known
            lists[id(known)].append(of_request[one.number])
    for place, known in owners.items():
        for kinds in lists[place]:
            known.events.update(set(kinds))
        known.ended = _ended(lists[place])


def _ended(lists: Iterable[list[str]]) -> Counter[str]:
    """Return the events that end lists of events, with how many lists each ends."""
    own = list(lists)
    last = Counter(kinds[-1] for kinds in own)
    there = Counter(kind for kinds in own for kind in kinds)
    found = {kind: count for kind, count in last.items() if count >= _LAST * there[kind] and count >= _SHARE * len(own)}
    return Counter(found)
