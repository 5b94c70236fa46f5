"""Find copies among the events that a server pushed to several windows of one agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ....bayeux.messages import encode
from ....model import Event, Recording


def copies(recording: Recording) -> frozenset[tuple[int, int]]:
    """Return the events (by `seq` and `index`) that an earlier window got too.

    A client without the later window lacks none of them.

    An event that only a later window got is no copy, whoever gets it in a replay.
    """
    if not recording.windows:
        return frozenset()
    groups: Iterable[Iterable[Event]] = (
        *((link.event for link in triple.events) for triple in recording.triples),
        (pushed.event for pushed in recording.unsolicited),
    )
    return frozenset(place for group in groups for place in _copies(group, recording.windows))


def _copies(events: Iterable[Event], windows: dict[str, int]) -> Iterator[tuple[int, int]]:
    got: dict[bytes, Counter[int]] = {}  # content → how often each window got it
    known = [(windows.get(event.client_id, 0), event) for event in events]
    for window, event in sorted(known, key=lambda pair: (pair[0], pair[1].seq, pair[1].index)):
        content = encode([{"channel": event.channel, "data": event.data}])
        counts = got.setdefault(content, Counter())
        counts[window] += 1
        if any(count >= counts[window] for earlier, count in counts.items() if earlier < window):
            yield event.seq, event.index
