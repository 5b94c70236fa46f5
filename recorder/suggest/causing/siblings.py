"""Find the keys of transactions: values that only events have, equal in all events of one request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from ..reading.traffic import BARE
from ..reading.values import is_number, is_random, is_time
from .causes import Causes

_LEAST = 2  # transactions with several events
_EXACT = 0.1  # how much a unit of time may seem to differ, as events come a little after what they tell


def siblings(causes: Causes, linked: Mapping[int, int], left_out: Collection[int]) -> dict[str, str]:
    """Return the place of a transaction in events with its evidence, if it explains events that nothing else does.

    Args:
        causes: The events, and their causes.
        linked: Number of the request to which an event is linked, by the number of the event.
        left_out: Numbers of events that need no cause.
    """
    groups: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    joined = {pair.event for pair in causes.joins.found}
    times = {event.number: event.t for event in causes.traffic.pushed}
    for event in causes.traffic.pushed:
        for path, values in event.values.items():
            if len(values) == 1 and event.number not in left_out and _may_tell(path) and path not in joined:
                groups[path][values[0]].append(event.number)
    found = [
        (*_explained(own, linked), -path.count("."), path)
        for path, own in groups.items()
        if not _are_times(own) and not _is_clock(own, times)
    ]
    new, several, _, path = max(found, default=(0, 0, 0, ""))
    if not new or several < _LEAST:
        return {}
    return {
        path: f"{several} values stand in several events, each time of one request; {new} more events are explained"
    }


def _may_tell(path: str) -> bool:
    return "*" not in path and not path.endswith(BARE) and not path.startswith("channel:")


def _are_times(values: Collection[str]) -> bool:
    return any(map(is_time, values)) or not all(is_random(value) or value.isdigit() for value in values)


def _is_clock(by_value: Mapping[str, list[int]], times: Mapping[int, int]) -> bool:
    """Return whether numbers grow with the time, by one each nanosecond, microsecond, millisecond or second."""
    if not all(map(is_number, by_value)) or len(by_value) < _LEAST:
        return False
    first, last = min(by_value, key=int), max(by_value, key=int)
    passed = times[by_value[last][0]] - times[by_value[first][0]]
    units = (passed / (int(last) - int(first)) / 1000**power for power in range(4))
    return any(abs(unit - 1) < _EXACT for unit in units)


def _explained(by_value: Mapping[str, list[int]], linked: Mapping[int, int]) -> tuple[int, int]:
    """Return how many more events a place explains, and how many of its values stand in several events."""
    several = [numbers for numbers in by_value.values() if len(numbers) > 1]
    requests = [{linked[number] for number in numbers if number in linked} for numbers in several]
    if any(len(own) > 1 for own in requests):
        return 0, 0
    pairs = zip(several, requests, strict=True)
    return sum(number not in linked for numbers, own in pairs if own for number in numbers), len(several)
