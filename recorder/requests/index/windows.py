"""Find copies among the events that a server pushed to several windows of one agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import TypeAlias

from ...bayeux.messages import encode
from ...model import Event

Copy: TypeAlias = tuple[str, int, int]  # session, `seq` and `index` of an event

_DIGEST = 16  # bytes


def copies(events: Iterable[Event], windows: Mapping[str, int]) -> frozenset[tuple[int, int]]:
    """Return the events of one triple (by `seq` and `index`) that an earlier window got too.

    A client without the later window lacks none of them. An event that only a later window got is no copy, whoever gets
    it in a replay.

    Args:
        events: The events of one triple.
        windows: Numbers of the later windows, by clientId.
    """
    return frozenset((seq, index) for _, seq, index in copies_by_session((("", one) for one in events), windows))


def copies_by_session(events: Iterable[tuple[str, Event]], windows: Mapping[str, int]) -> frozenset[Copy]:
    """Return the events, with their sessions, that an earlier window of the same session got too.

    Args:
        events: All events that no operation caused, each with the label of its session.
        windows: Numbers of the later windows, by clientId.
    """
    return frozenset(_copies(events, windows)) if windows else frozenset()


def _copies(events: Iterable[tuple[str, Event]], windows: Mapping[str, int]) -> Iterator[Copy]:
    got: dict[tuple[str, bytes], Counter[int]] = {}  # session and content → how often each window got it
    # digests, because a day of events does not fit into memory
    known = sorted((windows.get(one.client_id, 0), one.seq, one.index, label, _content(one)) for label, one in events)
    for window, seq, index, label, content in known:
        counts = got.setdefault((label, content), Counter())
        counts[window] += 1
        if any(count >= counts[window] for earlier, count in counts.items() if earlier < window):
            yield label, seq, index


def _content(event: Event) -> bytes:
    return blake2b(encode([{"channel": event.channel, "data": event.data}]), digest_size=_DIGEST).digest()
