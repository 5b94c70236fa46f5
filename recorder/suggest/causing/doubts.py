"""Find the kinds of events that common values link for sure, although something else explains some of them as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from ..reading.traffic import Asked, Pushed
from .causes import Causes

_THIN = 2  # requests with such an event, up to which little speaks for their operation
_SELDOM = 0.4  # share of the requests of an operation with such an event, below which it may be a coincidence
_MORE = 1.5  # events a request, up to which it usually has one


def doubtful(causes: Causes, sure: Collection[tuple[Pushed, Asked]], linked: Mapping[int, Asked]) -> dict[str, int]:
    """Return the kinds of events that may have another cause than the one they are linked to, and how many do.

    Args:
        causes: The likely causes.
        sure: The events that are linked for sure by common values, with their requests.
        linked: The requests of all events that are linked, by the number of the event.
    """
    events = {event.number: event for event in causes.traffic.pushed}
    served = Counter((one.number, events[number].kind) for number, one in linked.items())
    having = {number for number, _ in served}
    requests = Counter(one.operation for one in causes.traffic.asked if one.is_good)
    with_one = Counter(
        (one.operation, kind)
        for one, kind in {
            (one.number, events[number].kind): (one, events[number].kind) for number, one in linked.items()
        }.values()
    )
    in_all = Counter((one.operation, events[number].kind) for number, one in linked.items())

    def is_doubtful(event: Pushed, asked: Asked) -> bool:
        cause = causes.of.get(event.number)
        if cause is None or cause.number != asked.number:
            return True
        if causes.nearest.rival(event, asked, linked.keys(), having) is not None:
            return True
        pair = asked.operation, event.kind
        is_one_more = served[asked.number, event.kind] > 1 and in_all[pair] <= _MORE * with_one[pair]
        is_thin = with_one[pair] <= _THIN
        is_seldom = with_one[pair] < _SELDOM * requests[asked.operation]
        return is_one_more or (is_thin and (is_seldom or causes.nearest.lacks(event, having)))

    found = Counter(event.kind for event, asked in sure if is_doubtful(event, asked))
    return dict(found)
