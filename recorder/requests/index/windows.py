"""Find copies among the events that a server pushed to several windows of one agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

from ...bayeux.messages import encode
from ...model import Event

_DIGEST = 16  # bytes


def copies(events: Iterable[Event], windows: Mapping[str, int]) -> frozenset[tuple[int, int]]:
    """Return the events (by `seq` and `index`) that an earlier window got too.

    A client without the later window lacks none of them. An event that only a later window got is no copy, whoever gets
    it in a replay.

    Args:
        events: The events of one triple, or all events that no operation caused.
        windows: Numbers of the later windows, by clientId.
    """
    return frozenset(_copies(events, windows)) if windows else frozenset()


def _copies(events: Iterable[Event], windows: Mapping[str, int]) -> Iterator[tuple[int, int]]:
    got: dict[bytes, Counter[int]] = {}  # content → how often each window got it
    # digests, because a day of events does not fit into memory
    known = sorted((windows.get(one.client_id, 0), one.seq, one.index, _content(one)) for one in events)
    for window, seq, index, content in known:
        counts = got.setdefault(content, Counter())
        counts[window] += 1
        if any(count >= counts[window] for earlier, count in counts.items() if earlier < window):
            yield seq, index


def _content(event: Event) -> bytes:
    return blake2b(encode([{"channel": event.channel, "data": event.data}]), digest_size=_DIGEST).digest()
