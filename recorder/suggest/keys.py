"""Choose the keys of a dialect: as few places as explain the events by the requests that caused them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from math import log10

from .causing.causes import Causes, Share
from .causing.joins import Join, Source, plain
from .names import key_name
from .reading.traffic import BARE, Pushed
from .reading.values import are_made_up, chance, is_random

_ID = re.compile(
    r"(?:id|uuid|guid|ref|reference|handle|token|key|tag|correlation\w{0,99}|transaction\w{0,99}|cookie|nonce|seq)[/*.]*$",
    re.IGNORECASE,
)
_COVERS = 0.6  # share of the events of its requests that repeat an exact id
_WORDS = 0.3  # how well words identify something, beside ids with digits
_LEAST = 0.02  # share of the events that a further place must explain


@dataclass(slots=True)
class Key:
    """A key with its places.

    Attributes:
        sources: Places in requests and answers, each with the number of requests whose value an event repeats.
        events: Places in events, each with the number of events explained by it.
        values: How many different values explain events.
        is_exact: Whether a value belongs to one request.
        is_attribute: Whether it tells no cause, but is repeated, so that a replay must know it.
    """

    name: str
    sources: dict[Source, int]
    events: dict[str, int]
    values: int
    explained: int
    is_exact: bool
    is_attribute: bool = False
    with_place: dict[str, int] = field(default_factory=dict)  # events that have a value in the place

    @property
    def is_bare(self) -> bool:
        """True if only the part after the last slash of a value counts."""
        return any(one.path.endswith(BARE) for one in self.sources) or any(path.endswith(BARE) for path in self.events)


def choose(causes: Causes, left_out: Collection[int]) -> list[Key]:
    """Return the keys: exact ones first, then the rarest.

    Args:
        causes: Which request caused which event.
        left_out: Numbers of events that repeat others, so need no key.
    """
    shares = _useful(causes, left_out)
    exact = _exact(causes, shares, left_out)
    chosen, covered = _cover({path: own for path, own in shares.items() if path in exact}, set())
    whole = len(causes.of)
    others, _ = _cover({path: own for path, own in shares.items() if path not in exact}, covered, _LEAST * whole)
    keys: list[Key] = []
    for is_exact, paths in ((True, chosen), (False, others)):
        for group in _groups(paths, shares, covered if not is_exact else set()):
            more = _also(group, shares)
            keys.append(_key(more, causes, {key.name for key in keys}, is_exact=is_exact))
    return keys


def _also(group: list[tuple[Share, Pushed]], shares: _Shares) -> list[tuple[Share, Pushed]]:
    """Add the other operations whose requests share a key's values with their events."""
    paths = {share.pair.event for share, _ in group}
    known = {share.pair.source.operation for share, _ in group}
    others = [one for path in paths for one in shares[path] if one[0].pair.source.operation not in known]
    kept = _best_sources(others)
    return group + [one for one in others if one[0].pair.source in kept]


_Shares = dict[str, list[tuple[Share, Pushed]]]


def _useful(causes: Causes, left_out: Collection[int]) -> _Shares:
    """Return what events share with their causes, by the places in events."""
    found: _Shares = defaultdict(list)
    for event in causes.traffic.pushed:
        asked = causes.of.get(event.number)
        if asked is not None and event.number not in left_out:
            for share in causes.telling(event, asked):
                found[share.pair.event].append((share, event))
    return found


def _exact(causes: Causes, shares: _Shares, left_out: Collection[int]) -> set[str]:
    """Return the places in events whose values belong to one request each, and stand in most of its events."""
    of_request: dict[int, list[Pushed]] = defaultdict(list)
    for event in causes.traffic.pushed:
        if event.number in causes.of and event.number not in left_out:
            of_request[causes.of[event.number].number].append(event)
    found = set()
    for path in {pair.event for pair in causes.exact}:
        own = [one for one in shares.get(path, ()) if one[0].pair in causes.exact]
        events = {event.number for _, event in own}
        requests = {share.asked.number for share, _ in own}
        values = {share.value for share, _ in own}
        told = _ID.search(path) or any(_ID.search(share.pair.source.path) for share, _ in own)
        looks = all(is_random(value) and not value.lstrip("+-").isdecimal() for value in values)
        is_id = told or looks or (len(values) > 1 and len({_counted(value) for value in values}) == 1)
        kinds = {event.kind for _, event in own}
        alike = sum(event.kind in kinds for number in requests for event in of_request[number])
        if events and is_id and len(events) >= _COVERS * alike:
            found.add(path)
    return found


def _counted(value: str) -> str:
    """Return what is equal in the values of a counter with a prefix, such as `desk-1` and `desk-2`."""
    found = re.fullmatch(r"(?=[^A-Za-z\n]*[A-Za-z])(.*?)(?<!\d)\d+", value)
    return found[1] if found else value


def _quality(path: str, own: Iterable[tuple[Share, Pushed]]) -> float:
    values = {share.value for share, _ in own}
    looks = sum(min(1.0, -log10(chance(value)) / 6) for value in values) / max(1, len(values))
    looks *= 1.0 if any(one.isdigit() for value in values for one in value) else _WORDS
    tidy = 1.0 - 0.01 * path.count(".") - 0.03 * path.count("*") - 0.02 * path.endswith(BARE)
    return looks * tidy * (1.2 if _ID.search(path) else 1.0)


def _cover(shares: _Shares, covered: set[int], least: float = 0.0) -> tuple[list[str], set[int]]:
    """Return places that together explain all events that any explains, the most telling first."""
    chosen: list[str] = []
    done = set(covered)
    events = {path: {event.number for _, event in own} for path, own in shares.items()}
    quality = {path: _quality(path, own) for path, own in shares.items()}
    while True:
        scores = {path: len(own - done) * quality[path] for path, own in events.items() if path not in chosen}
        best = max(scores, key=lambda path: (scores[path], path), default=None)
        if best is None or len(events[best] - done) <= least or scores[best] <= 0:
            return chosen, done
        chosen.append(best)
        done |= events[best]


def _groups(paths: Iterable[str], shares: _Shares, covered: Collection[int]) -> list[list[tuple[Share, Pushed]]]:
    """Join the places that share a place in requests; of several such places of an operation the best ones stay."""
    groups: list[tuple[set[Source], list[tuple[Share, Pushed]]]] = []
    done: set[int] = set(covered)
    for path in paths:
        own = [one for one in shares[path] if one[1].number not in done]
        kept = _best_sources(own)
        mine = [one for one in own if one[0].pair.source in kept]
        done |= {event.number for _, event in own}
        near = [group for group in groups if group[0] & kept]
        rest = [group for group in groups if not group[0] & kept]
        joined = set(kept).union(*(group[0] for group in near))
        groups = [*rest, (joined, [one for group in near for one in group[1]] + mine)]
    return [own for _, own in groups]


def _best_sources(own: Iterable[tuple[Share, Pushed]]) -> set[Source]:
    """Return for each operation the fewest places in its requests that share the values of its events."""
    of: dict[str, dict[Source, set[int]]] = defaultdict(lambda: defaultdict(set))
    for share, event in own:
        of[share.pair.source.operation][share.pair.source].add(event.number)
    found: set[Source] = set()
    for sources in of.values():
        done: set[int] = set()
        while best := max(
            (one for one in sources if sources[one] - done),
            key=lambda one: (
                len(sources[one] - done),
                not one.is_answer,
                one.path.startswith("path."),
                -len(one.path),
                one.path,
            ),
            default=None,
        ):
            found.add(best)
            done |= sources[best]
    return found


def _key(own: list[tuple[Share, Pushed]], causes: Causes, taken: set[str], *, is_exact: bool) -> Key:
    sources: dict[Source, set[int]] = defaultdict(set)
    events: dict[str, set[int]] = defaultdict(set)
    for share, event in own:
        sources[share.pair.source].add(share.asked.number)
        events[share.pair.event].add(event.number)
    ordered = sorted(events, key=lambda path: (-len(events[path]), path))
    name = (
        "reference"
        if is_exact and "reference" not in taken
        else key_name([*ordered, *(one.path for one in sources)], taken)
    )
    counts = {path: sum(path in event.values for event in causes.traffic.pushed) for path in ordered}
    return Key(
        name,
        {one: len(sources[one]) for one in sorted(sources, key=lambda one: (one.is_answer, -len(sources[one]), one))},
        {path: len(events[path]) for path in ordered},
        len({share.value for share, _ in own}),
        len({event.number for _, event in own}),
        is_exact,
        with_place=counts,
    )


def echoed(causes: Causes, keys: Collection[Key]) -> list[Key]:
    """Return further keys: what clients make up and events repeat, whatever their cause."""
    taken = {(source.operation, plain(source.path)) for key in keys for source in key.sources}
    joins: dict[str, list[Join]] = defaultdict(list)
    for join in causes.joins.found.values():
        source = join.pair.source
        root = source.path.partition(".")[0]
        if (
            source.is_answer
            or (source.operation, plain(source.path)) in taken
            or root not in {"body", "query", "header", "data"}
        ):
            continue
        if are_made_up(join.values):
            joins[plain(source.path)].append(join)
    found: list[Key] = []
    for path, own in sorted(joins.items()):
        events = sorted({join.pair.event for join in own}, key=lambda one: (one.endswith(BARE), one.count("."), one))
        name = key_name([path, *events], {key.name for key in (*keys, *found)})
        sources = {join.pair.source: join.hits for join in own}
        counts = {one: sum(one in event.values for event in causes.traffic.pushed) for one in events}
        values = {value for join in own for value in join.values}
        found.append(Key(name, sources, counts, len(values), 0, is_exact=False, is_attribute=True, with_place=counts))
    return found
