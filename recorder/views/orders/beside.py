"""Make what a page needs to draw two orders side by side: the recorded one, and that of a schedule."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...dialect.definition import Dialect
from ...errors import UsageError
from ...explore.placed import placed
from ...explore.words import Words
from ...model import Recording
from ...printable import counted
from ...replay.engine.orders.answers import Answers
from ...replay.engine.orders.deviations import Deviation, Kind
from ...replay.engine.orders.schedule import Kept
from . import planning
from .acts import Act, Known, known, played, recorded
from .alignment import NONE, aligned

_NAMED, _OTHER, _REST = 1, 2, 4  # weights: what a schedule names is told as moved, rather than what it moves against
_PLAIN = re.compile("(?:answer|request) p([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Orders:
    """Two orders of one recording.

    Attributes:
        rows: The orders as JSON; `docs/report.md` describes their shape.
        deviations: For each deviation its sentence, and the names of its items.
        unsolicited: Number of the unsolicited events of the recording.
        plain: Number of its exchanges that are no operation.
    """

    rows: dict[str, Any]
    deviations: tuple[tuple[str, tuple[str, ...]], ...]
    unsolicited: int
    plain: int = 0


def orders(recording: Recording, dialect: Dialect, kept: Kept, named: str = "") -> Orders:
    """Return the recorded order beside that of a schedule: as it was played, or else as the schedule asks for it.

    Args:
        recording: The recording.
        dialect: The dialect that it is read by.
        kept: The schedule.
        named: What the user calls it; "" for its id.

    Raises:
        UsageError: If the schedule names what the recording lacks, or holds a time that is none.

    """
    acts = known(recording)
    name = named or kept.schedule.id
    _check(recording, kept, acts, name)
    shown = _without_ignored(acts, kept)
    left = recorded(shown)
    right = played(kept, acts, name) if kept.played else planning.planned(left, kept.schedule, acts)
    weights = _weights(kept)
    lines = aligned([act.name for act in left], [act.name for act in right], lambda name: weights.get(name, _REST))
    late = [*_held_back(kept)]
    end = max((line for line, (_, place) in enumerate(lines, 1) if place >= 0), default=0)
    lines[end:end] = [(NONE, len(right) + number) for number in range(len(late))]
    right += [Act(name, right[-1].at if right else 0, came=False) for name in late]
    places = {name: place for place, name in enumerate(acts)}
    deviations = sorted(kept.schedule.deviations, key=lambda one: places[str(one.item)])
    wanted = {item for one in deviations for item in (one.item, one.other) if item is not None}
    words = Words([*placed(recording, dialect), *placed(recording, dialect, wanted)])  # the first are not always all
    told = tuple((words.clause(one), _items(one)) for one in deviations)
    rows = {
        "id": kept.schedule.id,
        "says": kept.says,
        "test": kept.test,
        "isPlayed": bool(kept.played),
        "deviations": [[says, list(items)] for says, items in told],
        "recorded": _columns(left),
        "played": _columns(right) | {"came": [act.came for act in right]},
        "rows": [list(line) for line in lines],
        "exchanges": _exchanges({act.name for act in (*left, *right)}, acts),
    }
    return Orders(rows, told, len(recording.unsolicited), len(recording.plain))


def _columns(order: list[Act]) -> dict[str, list[Any]]:
    return {
        "name": [act.name for act in order],
        "at": [act.at for act in order],
        "answer": [act.answer for act in order],
    }


def _exchanges(names: Collection[str], acts: Mapping[str, Known]) -> dict[str, list[str | None]]:
    """Return label and session of the exchanges that are no operation, by `p1`, `p2` and so on, as far as named."""
    found = ((name.rpartition(" ")[2], act) for name, act in acts.items() if name in names)
    return {number: [act.label, act.session] for number, act in found if number.startswith("p")}


def _items(deviation: Deviation) -> tuple[str, ...]:
    return (str(deviation.item), *(() if deviation.other is None else (str(deviation.other),)))


def _held_back(kept: Kept) -> Iterator[str]:
    """Yield what a run held back, as its schedule says, and had not sent when it ended: a client failed before that."""
    came = {name for name, _ in kept.played}
    found: dict[str, None] = {}
    for one in kept.schedule.deviations if kept.played else ():
        if one.kind is Kind.BEFORE and str(one.item) in came:
            found[str(one.other)] = None
        elif one.kind is Kind.LATE or (one.kind is Kind.APART and str(one.other) in came):
            found[str(one.item)] = None
    yield from (name for name in found if name not in came)


def _named(kept: Kept) -> Iterator[str]:
    for deviation in kept.schedule.deviations:
        yield from _items(deviation)
    for name, _ in kept.played:
        yield name


def _weights(kept: Kept) -> dict[str, int]:
    found = {str(one.other): _OTHER for one in kept.schedule.deviations if one.other is not None}
    return found | {str(one.item): _NAMED for one in kept.schedule.deviations}


def _without_ignored(acts: Mapping[str, Known], kept: Kept) -> dict[str, Known]:
    """Return the acts without heartbeats and the like, but for those that the schedule names."""
    wanted = set(_named(kept))
    return {name: act for name, act in acts.items() if not act.is_ignored or name in wanted}


def _check(recording: Recording, kept: Kept, acts: Mapping[str, Known], named: str) -> None:
    lacking = next((name for name in _named(kept) if name not in acts), None)
    if lacking is None:
        return
    here = _here(recording, lacking)
    own = f"; it was found with {', '.join(kept.cassettes)}" if kept.cassettes else ""
    raise UsageError(f"schedule {named}: {here}{own}")


def _here(recording: Recording, lacking: str) -> str:
    """Return what a recording has in place of an act that it lacks, as a sentence."""
    found = _PLAIN.fullmatch(lacking)
    if found and (problem := Answers(recording).why_not(int(found[1]))):
        return problem
    triples, others = len(recording.triples), len(recording.unsolicited)
    there = f"{counted(triples, 'triple')} and {counted(others, 'unsolicited event')}"
    return f"has {lacking[:40]!r}, which is not among the {there} here"
