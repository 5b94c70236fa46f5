"""Find events that repeat others on a second channel, and heartbeats."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, pstdev

from ..reading.traffic import BARE, Pushed
from ..reading.values import is_name, is_time
from .causes import Causes
from .joins import SECOND

_LEAST, _COVERS = 3, 0.9  # values and events that must be equal; share of the events that repeat one
_SOON = 5 * SECOND
_BEATS, _STEADY = 4, 0.2  # heartbeats that must be there; how much their distances may differ
_SAME = 5  # keys that tell twins at most


@dataclass(frozen=True, slots=True)
class Twins:
    """Two channels of which one repeats the other.

    Attributes:
        channel: The channel of the twins, without an exact id.
        of: The channel of their originals.
        pairs: Numbers of the twin and of its original.
        same: Places in the original and in the twin that have equal values, the most telling first.
        names: Places that name the original and the twin.
    """

    channel: str
    of: str
    pairs: dict[int, int]
    same: tuple[tuple[str, str], ...]
    names: tuple[str, str]


def twins(causes: Causes) -> Twins | None:
    """Return the channel whose events repeat those of another channel, None if there is none for sure."""
    by_channel: dict[str, list[Pushed]] = defaultdict(list)
    for event in causes.traffic.pushed:
        by_channel[event.channel].append(event)
    claimed = {event.number for event in causes.traffic.pushed if causes.claimed(event) is not None}
    best: Twins | None = None
    for channel, events in by_channel.items():
        if len(events) < _LEAST or any(event.number in claimed for event in events):
            continue
        for other, originals in by_channel.items():
            sure = sum(event.number in claimed for event in originals)
            if other == channel or sure < _COVERS * len(originals):
                continue
            found = _paired(channel, other, events, originals)
            if found is not None and (best is None or len(found.pairs) > len(best.pairs)):
                best = found
    return best


def _paired(channel: str, other: str, events: list[Pushed], originals: list[Pushed]) -> Twins | None:
    used: set[int] = set()
    pairs: list[tuple[Pushed, Pushed]] = []
    times = [(one.cassette, one.t) for one in originals]
    for event in events:
        own = _values(event)
        start, end = (bisect_left(times, (event.cassette, event.t + gap)) for gap in (-_SOON, _SOON + 1))
        near = [one for one in originals[start:end] if one.number not in used and one.client_id == event.client_id]
        ranked = [(len(own & _values(one)), -one.number, one) for one in near]
        count, _, found = max(ranked, key=lambda one: one[:2], default=(0, 0, None))
        if found is not None and count >= _LEAST:
            used.add(found.number)
            pairs.append((event, found))
    if len(pairs) < _COVERS * len(events):
        return None
    same = _same(pairs)
    names = [one for one in same if all(map(is_name, _seen(pairs, one))) and len(_seen(pairs, one)) > 1]
    if len(same) < _LEAST or not names:
        return None
    name = max(names, key=lambda one: (len(_seen(pairs, one)), -one[0].count("."), one))
    rest = [one for one in same if one != name]
    kept: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for first, second in rest:
        if first not in kept and second not in taken and len(kept) < _SAME:
            kept[first] = first, second
            taken.add(second)
    return Twins(channel, other, {one.number: two.number for one, two in pairs}, tuple(kept.values()), name)


def _values(event: Pushed) -> set[str]:
    return {value for values in event.values.values() for value in values if not is_time(value) and len(value) > 1}


def _same(pairs: list[tuple[Pushed, Pushed]]) -> list[tuple[str, str]]:
    """Return the places in originals and twins that have equal values in all pairs, if many have them."""
    counts: Counter[tuple[str, str]] = Counter()
    for twin, original in pairs:
        for place, values in twin.values.items():
            for other, own in original.values.items():
                if values == own and len(values) == 1 and not place.startswith("channel:"):
                    counts[other, place] += 1
    return sorted(
        (one for one, count in counts.items() if count == len(pairs)),
        key=lambda one: (-len(_seen(pairs, one)), one[0].endswith(BARE), one[0].count("."), one),
    )


def _seen(pairs: list[tuple[Pushed, Pushed]], place: tuple[str, str]) -> set[str]:
    return {original.values[place[0]][0] for _, original in pairs}


def heartbeats(pushed: Iterable[Pushed], busy: set[int]) -> dict[str, list[Pushed]]:
    """Return the kinds of events that come again and again at steady distances, and say nothing new.

    Args:
        pushed: The events.
        busy: Numbers of events that something caused.
    """
    of_kind: dict[tuple[str, str, int, str], list[Pushed]] = defaultdict(list)
    for event in pushed:
        of_kind[event.channel, event.kind, event.cassette, event.client_id].append(event)
    found: dict[str, list[Pushed]] = defaultdict(list)
    refused: set[str] = set()
    for (_, kind, _, _), events in of_kind.items():
        steady = len(events) >= _BEATS and _is_steady(events) and _is_empty(events)
        if steady and not any(event.number in busy for event in events):
            found[kind] += events
        elif len(events) >= _BEATS or any(event.number in busy for event in events):
            refused.add(kind)
    return {kind: events for kind, events in found.items() if kind not in refused}


def _is_steady(events: list[Pushed]) -> bool:
    gaps = [(two.t - one.t) / SECOND for one, two in pairwise(events)]
    return mean(gaps) > 0.05 and pstdev(gaps) <= _STEADY * mean(gaps)


def _is_empty(events: list[Pushed]) -> bool:
    """Return whether events differ by times and counters alone."""
    places = {place for event in events for place in event.values if not place.endswith(BARE)}
    for place in places:
        values = [event.values.get(place, ("",))[0] for event in events]
        numbers = all(value.lstrip("-").replace(".", "", 1).isdigit() for value in values)
        if len(set(values)) > 1 and not numbers and not all(map(is_time, values)):
            return False
    return True
