"""Find the kinds of events that common values link for sure, although something else explains some of them as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ..reading.traffic import Asked, Pushed
from .causes import Causes


def doubtful(
    causes: Causes, sure: Iterable[tuple[Pushed, Asked]], linked: Mapping[int, Asked]
) -> dict[str, int]:
    """Return the kinds of events that may have another cause than the one they are linked to, and how many do.

    Args:
        causes: The likely causes.
        sure: The events that are linked for sure by common values, with their requests.
        linked: The requests of all events that are linked, by the number of the event.
    """
    served = {one.number for one in linked.values()}
    found: Counter[str] = Counter()
    for event, asked in sure:
        cause = causes.of.get(event.number)
        is_other = cause is None or cause.number != asked.number
        found[event.kind] += is_other or causes.nearest.rival(event, asked, linked.keys(), served) is not None
    return {kind: count for kind, count in found.items() if count}
