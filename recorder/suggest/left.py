"""List what a dialect leaves unexplained, with the requests that come nearest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..dialect.definition import Dialect
from ..model import Recording
from ..printable import counted
from .causing.causes import Causes
from .causing.joins import SECOND, are_one, plain
from .draft import Draft
from .reading.traffic import Asked, Pushed
from .reading.values import chance
from .text import one_line

_SOON = 30 * SECOND
_RARE = 0.05  # chance of a value that is worth a word
_SHOWN = 20  # names of events


def left_over(found: Draft, recordings: Sequence[Recording], dialect: Dialect) -> str:
    """Return comments about the events that nothing explains; "" if there are none."""
    pushed = {(one.cassette, one.at): one for one in found.traffic.pushed}
    by_kind: dict[str, list[Pushed]] = defaultdict(list)
    for place, recording in enumerate(recordings):
        for one in recording.unsolicited:
            if not dialect.is_ignored(one.event):
                event = pushed[place, (one.event.seq, one.event.index)]
                by_kind[event.kind].append(event)
    if not by_kind:
        return ""
    count = sum(map(len, by_kind.values()))
    lines = [
        "",
        f"# Not explained: {counted(count, 'event')}. All are kept, and replayed in their place.",
    ]
    ordered = sorted(by_kind.items(), key=lambda one: (-len(one[1]), one[0]))
    for kind, events in ordered[:_SHOWN]:
        lines.append(f"#   {len(events)} {one_line(kind)}: {one_line(_nearest(found.causes, events[0]))}")
    if len(ordered) > _SHOWN:
        lines.append(f"#   … and {len(ordered) - _SHOWN} other names")
    return "\n".join(lines) + "\n"


def _nearest(causes: Causes, event: Pushed) -> str:
    """Return the request that comes nearest to an event: one that shares a rare value, else the last one before."""
    before = [
        one
        for one in causes.traffic.asked
        if one.cassette == event.cassette
        and one.number < event.number
        and event.t - one.t <= _SOON
        and are_one(one, event)
    ]
    if not before:
        return f"no request before record {event.at[0]}"
    best = max(before, key=lambda one: (_rarest(one, event)[0], one.number))
    rarity, where = _rarest(best, event)
    delay = (event.t - best.t) / SECOND
    told = f"{best.operation} (record {best.at[0]}, {delay:.2f} s before record {event.at[0]})"
    return f"nearest is {told}, {where}" if rarity else f"nearest is {told}, no common value"


def _rarest(asked: Asked, event: Pushed) -> tuple[float, str]:
    """Return how rare the rarest common value is, and where it stands."""
    sent = {value: path for path, values in (*asked.answered.items(), *asked.sent.items()) for value in values}
    shared = [
        (1 - chance(value), f"{plain(sent[value])} = {plain(path)}")
        for path, values in event.values.items()
        for value in values
        if value in sent and chance(value) <= _RARE
    ]
    return max(shared, default=(0.0, ""))
