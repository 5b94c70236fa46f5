"""Define what a verification finds: each finding with its tier, its rule, and its places."""

from __future__ import annotations

import re
from enum import Enum
from typing import TypeAlias

from ..frozen import dataclass
from ..model import JSON
from ..requests.bindings import ABSENT

Key: TypeAlias = tuple["Rule", str, str, str]

_HEAD = re.compile(r"(events|unsolicited)\[(\d+)\]")
_INDEX = re.compile(r"\[\d+\]")


class Tier(Enum):
    """How much a finding weighs."""

    ERROR = "error"  # a client of the old server may fail at the new one
    WARNING = "warning"  # a person should look at it
    INFO = "info"  # different, as two runs of one server may be

    @property
    def weight(self) -> int:
        """A number that is greater for what weighs more."""
        return _WEIGHTS[self]


_WEIGHTS = {Tier.ERROR: 2, Tier.WARNING: 1, Tier.INFO: 0}


class Rule(Enum):
    """The kinds of findings."""

    REFUSED = "refused"  # and was accepted
    ANSWER = "answer missing"
    MISSING = "event missing"
    DOUBLED = "event doubled"
    KIND = "event of another kind"
    CHANNEL = "other channel"
    ORDER = "events out of order"
    GONE = "field gone"
    RENAMED = "field renamed"
    TYPE = "type changed"
    ID = "id of something else"
    UNSENT = "not sent"
    FAILED = "failed"
    STATUS = "other status"
    SURPLUS = "surplus event"
    REQUIRED = "field new in every message"
    WORD = "word changed"
    EMPTY = "value is empty"
    SLOWER = "slower"
    LATE = "event late"
    ADDED = "field added"
    OPTIONAL = "optional field gone"
    VALUE = "value changed"
    LENGTH = "list of another length"
    ACCEPTED = "accepted"  # and was refused
    LOST = "connection lost"
    SENT = "request changed"
    MORE = "sent in addition"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was found.

    Attributes:
        run: Number of the run, from 1.
        n: Number of the recorded triple; 0 for none.
        where: Path in the triple, as `recorder diff` prints it.
    """

    run: int
    n: int
    where: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One finding: what is different in the same way, wherever that is.

    Attributes:
        tier: How much it weighs.
        rule: The kind of finding.
        operation: Name of the operation, or `GET /path` of another exchange; "" for none.
        part: `ack`, `request`, or the name of the event; "" for none.
        pattern: The path without numbers: `events[ChainedRecord].data.items[*].name`.
        text: What is different, as a sentence.
        places: Where it is, in the order of the runs and triples; one at least.
        old: The recorded value at the first place, `ABSENT` for none; of a latency, milliseconds.
        new: The live value at the first place.
        among: Number of live messages of this kind in the runs where it was found.
        of: Number of runs.
    """

    tier: Tier
    rule: Rule
    operation: str
    part: str
    pattern: str
    text: str
    places: tuple[Place, ...]
    old: JSON = ABSENT
    new: JSON = ABSENT
    among: int = 0
    of: int = 1

    @property
    def n(self) -> int:
        """Number of the first triple it was found in; 0 for none."""
        return self.places[0].n

    @property
    def where(self) -> str:
        """Path at the first place."""
        return self.places[0].where

    @property
    def runs(self) -> tuple[int, ...]:
        """Numbers of the runs it was found in."""
        return tuple(dict.fromkeys(place.run for place in self.places))

    @property
    def is_flaky(self) -> bool:
        """Whether it was found in some runs only."""
        return len(self.runs) < self.of

    @property
    def key(self) -> Key:
        """What is equal for findings that are one."""
        return self.rule, self.operation, self.part, self.pattern


def split(where: str) -> tuple[str, int, str]:
    """Return the first part of a path, its number (-1 without one), and the path behind it."""
    found = _HEAD.match(where)
    if found is not None:
        return found[1], int(found[2]), where[found.end() :].removeprefix(".")
    head, _, rest = where.partition(".")
    return head, -1, rest


def pattern_of(path: str) -> str:
    """Return a path without the numbers of elements: `data.items[2].name` is `data.items[*].name`."""
    return _INDEX.sub("[*]", path)
