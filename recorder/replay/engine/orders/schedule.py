"""Hold a schedule: what is different from the recorded order, with an id that names it everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from ....bayeux.json_bodies import load_json
from ....errors import UsageError
from .deviations import Deviation

FORMAT = "recorder schedule 1"
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Schedule:
    """An order in which a recording is played. Equal deviations make equal schedules, whatever their order.

    Attributes:
        deviations: The differences from the recorded order, sorted by their texts, none twice; empty for that order.
    """

    deviations: tuple[Deviation, ...] = ()

    @classmethod
    def of(cls, deviations: Iterable[Deviation]) -> Schedule:
        """Make a schedule of deviations in any order."""
        return cls(tuple(sorted(set(deviations), key=str)))

    @property
    def id(self) -> str:
        """Its name: eight hexadecimal digits of a hash of its texts; `recorded` for the recorded order."""
        if not self.deviations:
            return "recorded"
        return sha256("\n".join(map(str, self.deviations)).encode()).hexdigest()[:_DIGITS]

    def __str__(self) -> str:
        return "; ".join(map(str, self.deviations)) or "the recorded order"


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule as its file holds it.

    Attributes:
        cassettes: Names of the cassettes that it was found with.
        test: The test or command that it failed; "" if unknown.
        says: Sentences for people: why it fails.
        played: The order of the failing run: names of items and requests, each with its time in seconds.
        answers: For each of `played` the number of the answer that it left in, 0 for none; empty if that is unknown.
        more: Members that this version does not know, kept as they are.
    """

    schedule: Schedule
    cassettes: tuple[str, ...] = ()
    test: str = ""
    says: str = ""
    played: tuple[tuple[str, float], ...] = ()
    answers: tuple[int, ...] = ()
    more: dict[str, Any] = field(default_factory=dict, compare=False)


_KNOWN = ("format", "id", "cassettes", "test", "says", "deviations", "played")


def to_text(kept: Kept) -> str:
    """Return the text of a schedule's file: JSON, of which a reader needs no more than `deviations`."""
    told: dict[str, Any] = {
        "format": FORMAT,
        "id": kept.schedule.id,
        "cassettes": list(kept.cassettes),
        "test": kept.test,
        "says": kept.says,
        "deviations": [str(one) for one in kept.schedule.deviations],
        "played": [[*act, *answer] for act, answer in zip_longest(kept.played, zip(kept.answers), fillvalue=())],
    }
    return json.dumps(told | kept.more, indent=2, ensure_ascii=False) + "\n"


def of_text(text: bytes, where: str) -> Kept:
    """Read the text of a schedule's file; `where` names the file in errors.

    Raises:
        UsageError: If it is no schedule, or holds a deviation that is none.

    """
    told: Any = None
    try:
        told = load_json(text)
        if told["format"] == FORMAT:
            return _kept(told)
    except UsageError as exc:
        raise UsageError(f"{where}: {exc}") from exc
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise UsageError(f"{where}: is no schedule; `recorder explore` writes such files") from exc
    raise UsageError(f"{where}: its format is {str(told['format'])[:40]!r}, this version reads {FORMAT!r}")


def _kept(told: dict[str, Any]) -> Kept:
    deviations = [Deviation.parse(one) for one in _texts(told["deviations"])]
    try:
        acts = [(str(name), float(seconds), [*map(int, answer)]) for name, seconds, *answer in told.get("played", ())]
    except (ValueError, TypeError) as exc:
        raise UsageError("its `played` is no list of names, each with its seconds") from exc
    played = tuple((name, seconds) for name, seconds, _ in acts)
    answers = tuple(answer[0] for *_, answer in acts if answer)
    cassettes = tuple(_texts(told.get("cassettes", [])))
    more = {name: value for name, value in told.items() if name not in _KNOWN}
    if len(answers) != len(played):  # of another version
        answers = ()
    words = str(told.get("test", "")), str(told.get("says", ""))
    return Kept(Schedule.of(deviations), cassettes, *words, played, answers, more)


def _texts(told: Any) -> list[str]:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise TypeError("is no list of texts")
    return told
